"""How many tests may run at once, and how many logins may be refused, before we say "not now".

Tests of all processes are counted by their open rows; the tests of this one by a counter.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from smtpcheck.conf import conf
from smtpcheck.engine.errors import Refused
from smtpcheck.models import SmtpTestResult
from smtpcheck.services.asking import Asked
from smtpcheck.services.errors import Busy

# Half a budget of REST: by then some of the tests that run now have ended.
RETRY_AFTER_SECONDS = 10

_running = 0
_running_lock = threading.Lock()


@contextmanager
def process_slots(count: int = 1) -> Iterator[None]:
    """Hold places among the tests of this process, or raise Busy at once."""
    global _running  # noqa: PLW0603 - one number for the whole process is what is meant
    with _running_lock:
        if _running + count > conf().TESTS_PER_PROCESS:
            raise Busy(RETRY_AFTER_SECONDS)
        _running += count
    try:
        yield
    finally:
        with _running_lock:
            _running -= count


def objection(asked: Asked, now: datetime) -> Refused | None:
    """Return why a test may not run now, or None if it may.

    Ask in the transaction that opens its row: until that ends, others who ask about the host wait.
    """
    limits = conf()
    since = now - timedelta(seconds=limits.REFUSED_LOGIN_WINDOW_SECONDS)
    load = SmtpTestResult.objects.load_at(asked.host, asked.username, now, since)
    share = max(1, int(limits.TESTS_PER_HOST * limits.FREE_TARGET_SHARE))
    # What there is, how much of it may be, and whether that matters for this test. A stored
    # password is no guess and never held back.
    rules = (
        (load.running, limits.TESTS_PER_HOST, True),
        (load.of_login, limits.TESTS_PER_LOGIN, bool(asked.username)),
        (load.of_free_targets, share, asked.account is None),
        (
            load.refused_logins,
            limits.REFUSED_LOGINS_PER_WINDOW,
            bool(asked.username) and not asked.uses_stored_secret,
        ),
    )
    for there_is, limit, matters in rules:
        if matters and there_is >= limit:
            return _not_now(asked, limit)
    return None


def _not_now(asked: Asked, limit: int) -> Refused:
    return Refused("tool.budget", host=asked.host, user=asked.username, limit=limit)
