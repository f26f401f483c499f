"""The calls that run tests: they come in crowds, and take turns."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from smtpcheck.services.turnstile import turnstile


class RunsTests(APIView):
    """A call whose POST runs a test; all others, of pages and of the API, pass a crowd of these."""

    runs_tests = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer in turn, from who calls to what is answered.

        Under a WSGI server not: it has a number of threads of its own, and reads a body from the
        network while the call reads it.
        """
        if request.method != "POST" or not isinstance(request, ASGIRequest):
            return super().dispatch(request, *args, **kwargs)
        with turnstile.inside():
            return super().dispatch(request, *args, **kwargs)
