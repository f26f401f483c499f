"""The way in: Django's own form, and a page for whoever has to wait."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from smtpcheck.services import HeldBack


@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Log in, or answer 429 with Retry-After after too many logins that failed."""
    try:
        return admin.site.login(request)
    except HeldBack as reason:
        return TemplateResponse(
            request,
            "admin/smtpcheck/held_back.html",
            {
                **admin.site.each_context(request),
                "title": gettext("Log in later"),
                "reason": str(reason),
            },
            status=HTTPStatus.TOO_MANY_REQUESTS,
            headers={"Retry-After": str(reason.retry_after_seconds)},
        )
