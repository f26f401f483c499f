"""Refuses a body that is too large before a byte of it is kept, under an ASGI server.

Django's own handler writes a large body to a temporary file before anybody can refuse it. This
stands around the whole application and counts what comes, so nothing is spooled.
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from smtpcheck.api.exceptions import BodyTooLarge
from smtpcheck.api.middleware import error_response
from smtpcheck.api.parsers import MAX_BODY_BYTES

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class LimitedBodies:
    """An ASGI application around another one, for which no body is longer than the limit."""

    def __init__(self, application: Application, limit: int = MAX_BODY_BYTES) -> None:
        self._application = application
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; the answer to a body that is too large is a 413."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        if _declared_length(scope) > self._limit:
            await _refuse(scope, send)
            return
        try:
            await self._application(scope, self._counted(receive), send)
        except _TooMuch:  # Django reads the whole body before it answers, so nothing was sent yet
            await _refuse(scope, send)

    def _counted(self, receive: Receive) -> Receive:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise _TooMuch
            return message

        return counted


class _TooMuch(Exception):
    """A body without a declared length went on past the limit."""


def _declared_length(scope: Scope) -> int:
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value[:20]) for value in values if value.isdigit()), default=0)


async def _refuse(scope: Scope, send: Send) -> None:
    request = ASGIRequest(scope, io.BytesIO())
    message = str(BodyTooLarge.default_detail)
    answer = error_response(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    answer.headers["Connection"] = "close"  # the rest of the body is not read
    await _send_answer(answer, send)


async def _send_answer(answer: HttpResponse, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers.items()
    ]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
