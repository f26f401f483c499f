"""Which format an answer has.

The caller's Accept decides by quality. What it asks for in vain is answered in the type of the
request's body, else as JSON: a 406 would only hide the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.http import HttpRequest
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class AcceptOrBody(DefaultContentNegotiation):
    """Chooses by Accept, then by the type of the body, then the first format of the settings."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,  # noqa: ARG002 - the framework's signature
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and its media type."""
        by_type = {renderer.media_type: renderer for renderer in renderers}
        media_type = chosen_type(request, list(by_type))
        return by_type[media_type], media_type


def chosen_type(request: Request | HttpRequest, known: Sequence[str]) -> str:
    """Return the media type of the answer: one of ``known``, the first where nothing decides."""
    wanted = (_preferred_type(request, known), _body_type(request), *known)
    return next(name for name in wanted if name in known)


def _preferred_type(request: Request | HttpRequest, known: Sequence[str]) -> str:
    if not request.headers.get("Accept", "").strip():
        return ""  # and not "anything", as the framework takes it
    try:
        return request.get_preferred_type(known) or ""
    except ValueError:  # an Accept beyond what the framework takes apart
        return ""


def _body_type(request: Request | HttpRequest) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()
