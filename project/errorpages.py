"""Error pages and error reports that tell where it happened and never what values were there."""

from __future__ import annotations

from collections.abc import ItemsView
from typing import Any

from django.http import HttpRequest
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

HIDDEN = "(hidden)"


class HideEverythingFilter(SafeExceptionReporterFilter):
    """Hides every variable, form field, cookie and setting.

    Django's own filter hides what is named like a secret; a password in a variable called
    ``value`` or in a list would be shown.
    """

    def is_active(self, request: HttpRequest | None) -> bool:  # noqa: ARG002 - Django's signature
        """Hide with DEBUG on, too: a developer's machine has real accounts as well."""
        return True

    def get_traceback_frame_variables(
        self,
        request: HttpRequest | None,  # noqa: ARG002
        tb_frame: Any,  # noqa: ARG002
    ) -> ItemsView[str, Any]:
        """Return no variable at all."""
        return {}.items()

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """Return the names that were sent, without their values."""
        return dict.fromkeys(request.POST, HIDDEN) if request is not None else {}

    def get_safe_settings(self) -> dict[str, Any]:
        """Return no setting."""
        return {}

    def get_safe_request_meta(self, request: HttpRequest | None) -> dict[str, Any]:
        """Return what the request line says; headers can carry logins."""
        shown = ("REQUEST_METHOD", "PATH_INFO", "CONTENT_TYPE", "CONTENT_LENGTH")
        meta = request.META if request is not None else {}
        return {name: meta[name] for name in shown if name in meta}

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, Any]:
        """Return the names of the cookies."""
        return dict.fromkeys(request.COOKIES, HIDDEN) if request is not None else {}


class Reporter(ExceptionReporter):
    """Django's report without the piece of text that a decoding error would quote."""

    def get_traceback_data(self) -> dict[str, Any]:
        """Return what the page shows."""
        data: dict[str, Any] = super().get_traceback_data()
        data.pop("unicode_hint", None)
        return data
