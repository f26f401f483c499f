"""Static files served by this process, from the folders of the applications themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves static files right after a checkout, with or without `collectstatic`."""

    def add_files(self, root: Any, prefix: Any = None) -> None:
        """Add a folder if it is there; before the first `collectstatic` STATIC_ROOT is not."""
        if Path(root).is_dir():
            super().add_files(root, prefix)

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """Answer with a file as a whole; none of ours is large.

        An ASGI server would have to turn the file into an asynchronous stream, which Django does
        with a warning.
        """
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:  # None for HEAD, and for what the browser has already
            with found.file as file:
                content = file.read()
        answer = HttpResponse(content, status=int(found.status))
        del answer.headers["Content-Type"]  # a 304 has none
        for name, value in found.headers:
            answer.headers[name] = value
        return answer
