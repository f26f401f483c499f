"""Everything that is not a result becomes one error body.

``{"Error": true, "ErrorType": ..., "Message": ..., "ErrorSource": ...}``, for our own refusals,
the framework's and Django's. This module is loaded by the framework's settings, so it imports no
views.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import RequestDataTooBig as DjangoRequestDataTooBig
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response

from smtpcheck import services
from smtpcheck.api.schemes import schemes_taken
from smtpcheck.api.throttling import seconds_for_nobody

# Under which name the original tells who refused; a caller may look for it.
AGENT_SOURCE = "SuperOffice.Services.WebApi"
SOURCE = "smtpcheck"

_RETRY_SECONDS = 60
_SOON_SECONDS = 5

_TOO_MANY_CALLS = gettext_lazy(
    "Too many calls in the last minute. The Retry-After header says when to call."
)

_ERROR_TYPES = {
    HTTPStatus.BAD_REQUEST: "ArgumentException",
    HTTPStatus.UNAUTHORIZED: "AuthenticationException",
    HTTPStatus.FORBIDDEN: "UnauthorizedAccessException",
    HTTPStatus.NOT_FOUND: "NotFoundException",
    HTTPStatus.METHOD_NOT_ALLOWED: "NotSupportedException",
    HTTPStatus.CONFLICT: "ConflictException",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "RequestTooLargeException",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "UnsupportedMediaTypeException",
    HTTPStatus.UNPROCESSABLE_ENTITY: "ArgumentException",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequestsException",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailableException",
}


class BodyTooLarge(exceptions.APIException):
    """The body is larger than any request to this API can be."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The body is too large: at most 1 MiB is read.")
    default_code = "body-too-large"


class XsrfRefused(exceptions.AuthenticationFailed):
    """A session cookie came without the proof that this site's own page made the call."""

    error_type = "ArgumentException"
    error_source = AGENT_SOURCE


class TooMany(exceptions.APIException):
    """Too many calls of nobody in particular, or too many logins that failed."""

    status_code = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "too-many"

    def __init__(self, detail: str, *, wait: float) -> None:
        super().__init__(detail)
        self.wait = wait


class Conflict(exceptions.APIException):
    """What was asked for is being done by another call; the caller is asked to come again."""

    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"
    wait = _SOON_SECONDS


class Unprocessable(exceptions.APIException):
    """The request can be read, and contradicts an earlier one."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_code = "unprocessable"


class Unavailable(exceptions.APIException):
    """This process runs as many tests as it may; the caller is asked to come again."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "busy"

    def __init__(self, detail: str, *, wait: float) -> None:
        super().__init__(detail)
        self.wait = wait


def answer_for(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the error answer of an exception that a view raised.

    None for what nobody foresaw: Django logs it, and ``middleware`` gives its 500 the same shape.
    """
    known = _as_api_exception(exc)
    if known is None:
        return None
    if isinstance(known, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        # The framework counts calls behind the login, where nobody's would never be counted.
        wait = seconds_for_nobody(context["request"])
        known = TooMany(str(_TOO_MANY_CALLS), wait=wait) if wait else known
    body = error_body(
        known.status_code,
        _message(known),
        error_type=getattr(known, "error_type", ""),
        error_source=getattr(known, "error_source", SOURCE),
    )
    return Response(body, status=known.status_code, headers=_headers(known))


def error_body(
    status: int, message: str, *, error_type: str = "", error_source: str = SOURCE
) -> dict[str, object]:
    """Return the body of an error; the type follows the status unless it is given."""
    return {
        "Error": True,
        "ErrorType": error_type or _type_of(status),
        "Message": message,
        "ErrorSource": error_source,
    }


def _type_of(status: int) -> str:
    general = "ArgumentException" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "Exception"
    return next((name for known, name in _ERROR_TYPES.items() if known == status), general)


def _as_api_exception(exc: Exception) -> exceptions.APIException | None:
    match exc:
        case exceptions.APIException():
            return exc
        case services.SmtpcheckError():
            return _as_refusal(exc)
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case Http404():
            return exceptions.NotFound(_("There is nothing here that you may see."))
        case DjangoRequestDataTooBig():
            return BodyTooLarge()
        case SuspiciousOperation() | UnreadablePostError():
            return exceptions.ParseError(_("The request could not be read."))
    return None


def _as_refusal(exc: services.SmtpcheckError) -> exceptions.APIException | None:
    match exc:
        case services.Busy():
            return Unavailable(str(exc), wait=exc.retry_after_seconds)
        case services.HeldBack():
            return TooMany(str(exc), wait=exc.retry_after_seconds)
        case services.KeyInUse():
            return Conflict(str(exc))
        case services.KeyReused():
            return Unprocessable(str(exc))
        case services.NotPermitted():
            return exceptions.PermissionDenied(str(exc))
    return None


def _message(exc: exceptions.APIException) -> str:
    match exc:
        case exceptions.NotAuthenticated():
            message = _(
                "Nobody is logged in. Send an Authorization header (%(names)s), or log in first."
            )
            return message % {"names": schemes_taken()}
        case exceptions.Throttled():
            return str(_TOO_MANY_CALLS)
        case exceptions.MethodNotAllowed():
            return _("This address does not take this method. The Allow header names the others.")
    return " ".join(_sentences(exc.detail))


def _sentences(detail: object) -> Iterable[str]:
    """Every sentence of a detail, each preceded by the member that it is about."""
    match detail:
        case Mapping():
            for member, inner in detail.items():
                for sentence in _sentences(inner):
                    yield sentence if member == "non_field_errors" else f"{member}: {sentence}"
        case list():
            for inner in detail:
                yield from _sentences(inner)
        case _:
            yield str(detail)


def _headers(exc: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exc, "auth_header", ""):
        headers["WWW-Authenticate"] = challenge
    if hasattr(exc, "wait"):
        headers["Retry-After"] = str(math.ceil(exc.wait or _RETRY_SECONDS))
    return headers
