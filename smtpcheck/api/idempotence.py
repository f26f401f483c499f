"""The header ``Idempotency-Key``: a call that is repeated with it is not run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from smtpcheck import services
from smtpcheck.models import SmtpTestResult

MAX_KEY_LENGTH = 255


def run_once(
    request: Request,
    asked: Sequence[object],
    run: Callable[[services.OnRow | None], SmtpTestResult],
) -> SmtpTestResult:
    """Return the result of ``run``, or the one that the call with this key has already.

    ``asked`` is what makes two calls the same. Raises ParseError for a key that is none.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return run(None)
    if not 0 < len(key.strip()) <= MAX_KEY_LENGTH:
        message = _("The Idempotency-Key header must have 1 to %(limit)d characters.")
        raise ParseError(message % {"limit": MAX_KEY_LENGTH})
    return services.run_once(request.user, key.strip(), asked, run)
