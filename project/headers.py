"""The headers that tell a browser what pages of this site may do."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from smtpcheck.api.middleware import StepMiddleware

# Everything comes from this site; nothing inline runs, so an injected script would not either.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

# The last four are Django's too, but an answer that no middleware of Django's has seen needs them
# as well: the refusal of a host, a static file, an error of the API.
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class SecurityHeadersMiddleware(StepMiddleware):
    """Adds the headers to every answer that does not bring its own."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:  # noqa: ARG002
        """Return the answer with the headers added."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
