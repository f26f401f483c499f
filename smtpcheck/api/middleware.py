"""What surrounds every call under /api: its path in any spelling, its answer in one shape.

Both classes stand first in the settings, before anything that could refuse a request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from smtpcheck.api.exceptions import error_body
from smtpcheck.api.negotiation import chosen_type
from smtpcheck.api.renderers import RENDERERS
from smtpcheck.api.urls import urlpatterns


class StepMiddleware:
    """One step before the rest of the chain and one after it.

    Not made for coroutines: the whole chain runs in the one thread that a call has anyway. One
    that changes sides pays two switches of threads each time, which is more than it computes.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request, with this step around the rest of the chain."""
        self.before(request)
        return self.after(request, self._get_response(request))

    def before(self, request: HttpRequest) -> None:
        """Change a request before anybody reads it."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:  # noqa: ARG002
        """Return the answer that leaves."""
        return response


class ApiPathMiddleware(StepMiddleware):
    """Takes API paths in any case, with or without a slash at the end.

    The path is folded to its canonical spelling here, because a redirected POST would lose its
    body, and a pattern that ignores case cannot be reversed.
    """

    def before(self, request: HttpRequest) -> None:
        """Fold the path."""
        canonical = canonical_path(request.path_info)
        if canonical != request.path_info:
            prefix = request.path.removesuffix(request.path_info)
            request.path_info = canonical
            request.path = prefix + canonical


class ApiAnswerMiddleware(StepMiddleware):
    """Gives every answer under /api the cache headers, and every error the API's body.

    Views answer errors in that shape themselves; what arrives here as a page is Django's own:
    an unknown path, a refused host, a crash.
    """

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the answer in the API's own shape."""
        if not is_api_path(request.path_info):
            return response
        if response.status_code >= HTTPStatus.BAD_REQUEST and not _is_ours(response):
            response = _error_answer(request, response)
        for name, value in _NO_CACHE.items():
            response.headers.setdefault(name, value)
        return response


_NO_CACHE = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1"}

_API_PATH = re.compile(r"/api(/|\Z)", re.IGNORECASE)


def is_api_path(path: str) -> bool:
    """Say whether a path belongs to the API."""
    return _API_PATH.match(path) is not None


def canonical_path(path: str) -> str:
    """Return the spelling under which a path is known, or the path itself if it is unknown."""
    if not is_api_path(path):
        return path
    return next((known for spelling in _SPELLINGS if (known := spelling.fold(path))), path)


@dataclass(frozen=True, slots=True)
class _Spelling:
    """One route: the pattern that takes it in any spelling, and the parts of the right one."""

    pattern: re.Pattern[str]
    parts: tuple[str, ...]

    def fold(self, path: str) -> str:
        """Return the canonical spelling of a path, or "" if it is none of this route."""
        match = self.pattern.fullmatch(path)
        if match is None:
            return ""
        values = iter(match.groups())
        return "".join(
            _spelled(next(values), part) if _is_converter(part) else part for part in self.parts
        )


_CONVERTER = re.compile(r"(<[^>]+>)")


def _is_converter(part: str) -> bool:
    return part.startswith("<")


def _spelled(value: str, converter: str) -> str:
    """A value from a path; a UUID is the same one in any case."""
    return value.lower() if converter.startswith("<uuid:") else value


def _spelling(route: str) -> _Spelling:
    parts = tuple(_CONVERTER.split("/" + route))
    pattern = "".join("([^/]+)" if _is_converter(part) else re.escape(part) for part in parts)
    return _Spelling(re.compile(pattern.removesuffix("/") + "/?", re.IGNORECASE), parts)


_SPELLINGS = tuple(_spelling(str(entry.pattern)) for entry in urlpatterns)


def _is_ours(response: HttpResponseBase) -> bool:
    return hasattr(response, "accepted_renderer")  # the REST framework rendered it


def _error_answer(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    status = response.status_code
    answer = error_response(request, status, _message(request, status))
    for name, value in response.items():  # Allow, HSTS, who may read it from another origin
        if not name.startswith("Content-"):
            answer.headers.setdefault(name, value)
    return answer


def error_response(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """Return an error in the format that its caller wants, without any view."""
    by_type = {renderer.media_type: renderer for renderer in RENDERERS}
    media_type = chosen_type(request, list(by_type))
    content = by_type[media_type]().render(error_body(status, message))
    content_type = f"{media_type}; charset=utf-8"
    return HttpResponse(content, status=status, content_type=content_type, headers=_NO_CACHE)


def _message(request: HttpRequest, status: int) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return _("There is no call at this address. Check its path.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _("Something went wrong here. The log of the server tells more.")
    if not _is_known_host(request):
        return _("The Host header names a server that is not among the allowed hosts.")
    return _("The request was refused before it reached the call.")


def _is_known_host(request: HttpRequest) -> bool:
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True
