"""How Django answers under an ASGI server: each request in one thread, from first to last."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneThreadHandler(ASGIHandler):
    """Runs middleware and view one after the other in the one thread that a request has anyway.

    Django's own handler goes back to the event loop around every middleware that could be a
    coroutine, ten switches of threads for a call, which cost more than all of them compute. None
    of ours is one, and a view that is one is still run on the event loop.
    """

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002 - Django's signature
        """Build the chain as under WSGI."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request in its thread; whoever hangs up cancels what it waits for there."""
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
