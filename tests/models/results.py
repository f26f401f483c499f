"""Results as tests put them into the history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from smtpcheck.models import SmtpAccount, SmtpTestResult


def result(
    made: SmtpAccount | None = None, /, verdict: str = "works", **columns: Any
) -> SmtpTestResult:
    """A closed result of an account as it is saved now."""
    values: dict[str, Any] = {
        "goal": "content",
        "door": "rest",
        "verdict": verdict,
        "finished_at": timezone.now(),
    }
    if made is not None:
        values |= {"account": made, "account_name": made.name, "digest": made.test_digest()}
        values |= {name: getattr(made, name) for name in ("host", "port", "username")}
    row = SmtpTestResult(**values | columns)
    row.save(force_insert=True)
    return row


def open_result(*, expires_in_seconds: float = 60, **columns: Any) -> SmtpTestResult:
    """A row whose test still runs, or should have ended if the time is negative."""
    expires_at = timezone.now() + timedelta(seconds=expires_in_seconds)
    values = {"verdict": "", "finished_at": None, "expires_at": expires_at} | columns
    return result(columns.pop("account", None), **values)


def later(seconds: float) -> datetime:
    """A time so many seconds from now."""
    return timezone.now() + timedelta(seconds=seconds)
