"""The OpenAPI document: what every operation can answer, said once for all of them.

Views say what is their own with ``extend_schema``. This module is loaded by the framework's
settings, so it imports no views.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Any

from django.urls import get_script_prefix
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from smtpcheck.api.renderers import RENDERERS, JsonRenderer
from smtpcheck.conf import conf

_JSON = [JsonRenderer.media_type]
_ALL_FORMATS = [renderer.media_type for renderer in RENDERERS]

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"},
    OpenApiParameter.HEADER,
    description=_(
        "A text of your own that names this call. The same call with it within 24 hours gets the "
        "first result, and no second mail is sent."
    ),
)

SECURITY_SCHEMES: dict[str, Any] = {
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "soticket": {"type": "apiKey", "in": "header", "name": "Authorization"},
    "session": {"type": "apiKey", "in": "cookie", "name": "smtpcheck_session"},
}


class Error(serializers.Serializer[object]):
    """What every answer is that is no result."""

    Error = serializers.BooleanField()
    ErrorType = serializers.CharField()
    Message = serializers.CharField()
    ErrorSource = serializers.CharField()


_ERRORS: dict[int, Any] = {
    400: _("The request cannot be read, or a member has a value that cannot be taken."),
    401: _("Nobody is logged in, or the login is wrong."),
    403: _("The caller may not do this."),
    404: _("There is nothing here that the caller may see."),
    409: _("The first call with this Idempotency-Key is still running."),
    413: _("The body is larger than 1 MiB."),
    415: _("The body is of a type that is not read here."),
    422: _("This Idempotency-Key named another call."),
    429: _("Too many calls, or too many logins that failed."),
    503: _("This process runs as many tests as it may."),
}


class Schema(AutoSchema):
    """Describes one operation; what all of them share comes from here."""

    def get_auth(self) -> list[dict[str, Any]]:
        """Name the schemes, any one of which will do; none where nobody need log in."""
        if not self.view.authentication_classes:
            return []
        return [{name: []} for name in SECURITY_SCHEMES if name in conf().AUTHENTICATION]

    def get_tags(self) -> list[str]:
        """Group operations by the first word of their path: accounts, results, ..."""
        parts = [part for part in self.path.split("/") if part not in {"", "api", "v1"}]
        return [parts[0] if parts else "discovery"]

    def map_renderers(self, attribute: str) -> list[str]:
        """Return the types of an answer; our own resources show JSON only."""
        types: list[str] = super().map_renderers(attribute)
        return types if attribute != "media_type" or self._shows_all_formats else _JSON

    def _get_request_body(self, direction: Any = "request") -> Any:
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body and getattr(self.view, "needs_body", False):
            body["required"] = True
        return body

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for status in self._errors():
            response = OpenApiResponse(Error, description=str(_ERRORS[status]))
            bodies[str(status)] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                response, str(status), _ALL_FORMATS
            )
        return bodies

    @property
    def _shows_all_formats(self) -> bool:
        return getattr(self.view, "shows_all_formats", True)

    def _errors(self) -> list[int]:
        """The errors that this operation can answer."""
        found = {int(HTTPStatus.TOO_MANY_REQUESTS)}
        if self.view.authentication_classes:
            found |= {401}
        if self.method in {"POST", "PUT", "PATCH"} or self._get_parameters():
            found |= {400}
        if self.method in {"POST", "PUT", "PATCH"} and self._reads_body:
            found |= {413, 415}
        if getattr(self.view, "rights", None) or self._runs_tests or self._may_be_refused:
            found |= {403}
        is_page = getattr(self.view, "has_pages", False) and self.method == "GET"
        if "{" in self.path or is_page:
            found |= {404}
        if self._runs_tests:
            found |= {409, 422, 503}
        return sorted(found)

    @property
    def _runs_tests(self) -> bool:
        return self.method == "POST" and getattr(self.view, "runs_tests", False)

    @property
    def _reads_body(self) -> bool:
        return getattr(self.view, "reads_body", True)

    @property
    def _may_be_refused(self) -> bool:
        return not self._reads_body and self.method == "POST"


def document() -> dict[str, Any]:
    """Return the document in the active language."""
    return _document(get_language() or "", tuple(conf().AUTHENTICATION), get_script_prefix())


@lru_cache(maxsize=16)  # it is the same until the next start, and takes a tenth of a second
def _document(_language: str, schemes: tuple[str, ...], prefix: str) -> dict[str, Any]:
    from smtpcheck.api.urls import urlpatterns  # the views know this module

    generator = SchemaGenerator(patterns=urlpatterns)  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    taken = {name: scheme for name, scheme in SECURITY_SCHEMES.items() if name in schemes}
    found["components"]["securitySchemes"] = taken
    found["servers"] = [{"url": prefix.rstrip("/") or "/"}]
    return found
