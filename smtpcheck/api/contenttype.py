"""Keeps a Content-Type that Django cannot take apart from ending a request before it has begun.

Django reads that header while it makes the request, ahead of every middleware, so that the caller
would get a bare 500 and the log a traceback.
"""

from __future__ import annotations

from django.utils.http import parse_header_parameters

from smtpcheck.api.bodylimit import Application, Receive, Scope, Send

# A type that nobody reads: the call answers 415 to it, as to any other.
UNREADABLE = b"unreadable"


class ReadableTypes:
    """An ASGI application around another one, which gets no Content-Type that would end it."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and not _is_readable(scope):
            others = [pair for pair in scope["headers"] if pair[0] != b"content-type"]
            scope = scope | {"headers": [*others, (b"content-type", UNREADABLE)]}
        await self._application(scope, receive, send)


def _is_readable(scope: Scope) -> bool:
    values = [value for name, value in scope["headers"] if name == b"content-type"]
    try:
        # As Django joins and reads them; the parameters are left to it.
        parse_header_parameters(b",".join(values).decode("latin-1"))
    except (ValueError, LookupError):  # too long; a parameter in a charset that nobody knows
        return False
    return True
