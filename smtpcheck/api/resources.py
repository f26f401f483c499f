"""What our own resources have in common: JSON bodies, pages by cursor, members of strict types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smtpcheck.api.jsonreader import JsonNumber
from smtpcheck.api.parsers import JsonParser, body_of
from smtpcheck.api.renderers import JsonRenderer

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


class Resource(APIView):
    """A resource of our own: what it shows is JSON, its errors have the format that was wanted."""

    shows_all_formats = False
    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated,)
    parser_classes: Sequence[type[BaseParser]] = (JsonParser,)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Choose JSON for everything but an error."""
        if response.status_code < HTTPStatus.BAD_REQUEST:
            request.accepted_renderer = JsonRenderer()
            request.accepted_media_type = JsonRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)


def query_of(request: Request) -> dict[str, str]:
    """Return the query as plain texts: in that of a form an empty value would count as none."""
    return request.query_params.dict()


def members_of(request: Request) -> Mapping[str, object]:
    """Return the members of the body, which must be an object; none for a body that is absent."""
    if _has_no_body(request):
        return {}
    body = body_of(request)
    if not isinstance(body, Mapping):
        raise serializers.ValidationError(
            {"non_field_errors": [_("The body must be an object with members.")]}
        )
    return body


def _has_no_body(request: Request) -> bool:
    is_chunked = "Transfer-Encoding" in request.headers
    return not is_chunked and request.headers.get("Content-Length", "0") in {"", "0"}


class Text(serializers.CharField):
    """A text; a number is none."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text."""
        if isinstance(data, JsonNumber):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A whole number; a text of digits is none."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        if not isinstance(data, JsonNumber):
            self.fail("invalid")
        return super().to_internal_value(data)


class TrueOrFalse(serializers.BooleanField):
    """A boolean, and nothing that might be meant as one."""

    def to_internal_value(self, data: object) -> bool:
        """Return the boolean."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Choice(serializers.ChoiceField):
    """One of a set of words."""

    def to_internal_value(self, data: object) -> Any:
        """Return the word."""
        if not isinstance(data, str) or isinstance(data, JsonNumber):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class Moment(serializers.DateTimeField):
    """A moment in ISO 8601; without an offset it is in the caller's time zone."""

    default_error_messages: ClassVar = {
        "out_of_range": gettext_lazy("There is no such moment in UTC.")
    }

    def to_internal_value(self, value: Any) -> datetime:
        """Return the moment in UTC, which every database can hold."""
        try:
            return super().to_internal_value(value).astimezone(UTC)
        except OverflowError:
            self.fail("out_of_range")


STRICT_FIELDS: Mapping[
    type[models.Field[Any, Any]], type[serializers.Field[Any, Any, Any, Any]]
] = {
    models.CharField: Text,
    models.TextField: Text,
    models.IntegerField: WholeNumber,
    models.PositiveIntegerField: WholeNumber,
    models.BooleanField: TrueOrFalse,
}


class PageQuery(serializers.Serializer[object]):
    """Which page of a list."""

    cursor = serializers.RegexField(
        r"^[A-Za-z0-9+/=]+$",
        required=False,
        help_text=gettext_lazy("From the next or previous address of a page."),
    )
    page_size = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_PAGE_SIZE, default=PAGE_SIZE
    )


class Page(CursorPagination):
    """A page of a list that may grow while it is read; a cursor of no page is a 404."""

    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE
    page_size = PAGE_SIZE

    def __init__(self, ordering: str) -> None:
        self.ordering = ordering

    def of(
        self, rows: QuerySet[Any], request: Request, view: APIView, serializer: type[Any]
    ) -> Response:
        """Answer the page that was asked for."""
        try:
            found = self.paginate_queryset(rows, request, view)
        except (ValidationError, ValueError):  # a position that cannot be one
            raise NotFound(str(self.invalid_cursor_message)) from None
        context = {"request": request}
        data: Sequence[Any] = serializer(found, many=True, context=context).data
        return self.get_paginated_response(data)
