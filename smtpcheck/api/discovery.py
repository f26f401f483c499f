"""What the API tells of itself: its addresses, its OpenAPI document, and a page to try it.

Nobody need log in for it. A setting switches it off; then nothing of it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import Http404
from django.template.loader import render_to_string
from django.urls import get_script_prefix, reverse
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smtpcheck.api.negotiation import chosen_type
from smtpcheck.api.openapi import document
from smtpcheck.api.renderers import RENDERERS, JsonRenderer
from smtpcheck.conf import conf

_METHODS = ("get", "post", "put", "patch", "delete")


class HtmlRenderer(BaseRenderer):
    """Writes the members of an answer as a page."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> str:
        """Return the page."""
        return render_to_string("smtpcheck/api.html", {"members": data or {}})


class Discovery(APIView):
    """A view that is there only while the setting says so."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse where it is switched off."""
        super().initial(request, *args, **kwargs)
        if not conf().DOCUMENTATION:
            raise Http404

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Write an error as everywhere; a page has no place for it."""
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            by_type = {renderer.media_type: renderer for renderer in RENDERERS}
            chosen = chosen_type(request, list(by_type))
            request.accepted_renderer, request.accepted_media_type = by_type[chosen](), chosen
        return super().finalize_response(request, response, *args, **kwargs)


class _Root(serializers.Serializer[object]):
    v1 = serializers.URLField()
    Version = serializers.CharField()
    OpenApi = serializers.URLField()
    Documentation = serializers.URLField()


class ApiRoot(Discovery):
    """Where the API is."""

    renderer_classes = (HtmlRenderer, *RENDERERS)
    xml_roots: ClassVar = {"GET": "Api"}

    @extend_schema(
        operation_id="api_root",
        summary=gettext_lazy("Tell where the API is, and its version"),
        responses=_Root,
    )
    def get(self, request: Request) -> Response:
        """Answer the addresses."""
        places = {"v1": "api:calls", "OpenApi": "api:openapi", "Documentation": "api:swagger"}
        found = {name: request.build_absolute_uri(reverse(to)) for name, to in places.items()}
        return Response({"v1": found.pop("v1"), "Version": "v1", **found})


_CALLS = {
    "type": "object",
    "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}},
}


class Calls(Discovery):
    """Every call of the API."""

    xml_roots: ClassVar = {"GET": "Calls"}

    @extend_schema(
        operation_id="api_v1_calls",
        summary=gettext_lazy("List every address with its methods"),
        responses={200: _CALLS},
    )
    def get(self, request: Request) -> Response:
        """Answer an object of address -> method -> what it does."""
        site = request.build_absolute_uri(get_script_prefix()).rstrip("/")
        return Response(
            {
                site + path: {
                    method.upper(): str(operations[method].get("summary", ""))
                    for method in _METHODS
                    if method in operations
                }
                for path, operations in document()["paths"].items()
            }
        )


class OpenApi(Discovery):
    """The OpenAPI document."""

    renderer_classes = (JsonRenderer,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """Answer it in the caller's language."""
        return Response(document())


class SwaggerPage(Discovery, SpectacularSwaggerSplitView):
    """A page to read the API and try it; all it loads is served from here."""

    template_name = "smtpcheck/swagger.html"
    url_name = "api:openapi"

    title = "smtpcheck: the REST API"
