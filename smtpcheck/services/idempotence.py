"""Runs a test once: the same call with the same key gets the result that is there already."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError
from django.utils import timezone

from smtpcheck.models import IdempotentCall, SmtpTestResult
from smtpcheck.services.errors import KeyInUse, KeyReused

# Where a test tells its row, as soon as that is written.
OnRow = Callable[[SmtpTestResult], object]


def run_once(
    caller: User | AnonymousUser,
    key: str,
    asked: Sequence[object],
    run: Callable[[OnRow], SmtpTestResult],
) -> SmtpTestResult:
    """Return the result of a call: that of ``run``, or the one that it had the first time.

    ``asked`` is what makes two calls the same: which call, and what it asks. Raises KeyReused if
    the key named another call, KeyInUse while the first one runs, and whatever ``run`` raises.
    """
    if isinstance(caller, AnonymousUser):
        raise TypeError("a key belongs to a caller who is known")
    body = json.dumps(asked)
    try:
        call, is_first = IdempotentCall.objects.claim(caller, key, body, timezone.now())
    except IntegrityError:  # the other call took the key and gave it back in the same moment
        raise KeyInUse from None
    if is_first:
        return _run(call, run)
    if not call.is_of(body):
        raise KeyReused
    if call.result is None or call.is_running:
        raise KeyInUse
    return call.result


def _run(call: IdempotentCall, run: Callable[[OnRow], SmtpTestResult]) -> SmtpTestResult:
    mine = IdempotentCall.objects.filter(pk=call.pk)
    try:
        return run(lambda row: mine.update(result=row))
    except BaseException:  # also a caller that hangs up: the key must not be held
        mine.delete()
        raise
