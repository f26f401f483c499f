"""Keeps tests from locking a mailbox: what is remembered of each login of a saved account.

A refused secret is left alone by the schedule for a day and then tried once; a person may test at
any time, and is told how often it was refused. Of targets that nobody saved nothing is remembered
here: ``limits`` counts their refused logins in the history.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Evidence
from smtpcheck.models import Door, LoginMemory
from smtpcheck.services.asking import Asked, Caller

# Providers lock a mailbox after some refusals within minutes or hours; one a day is below them all.
REST_AFTER_REFUSAL = timedelta(hours=24)


def login_of(asked: Asked) -> str:
    """Return by what the login of a test is remembered; "" where nothing is to be remembered.

    It stands for the very secret that the test uses, at the account's whole destination.
    """
    secret = asked.client_key if asked.mechanism == "EXTERNAL" else asked.password
    if asked.account is None or not asked.is_at_account or not secret:
        return ""
    return asked.account.fingerprint(secret)


def rests_until(login: str) -> datetime | None:
    """Return until when the schedule leaves a login alone; None if it was not refused."""
    refused_at = LoginMemory.objects.recall(login).refused_at if login else None
    return refused_at + REST_AFTER_REFUSAL if refused_at else None


def may_try(login: str, now: datetime) -> bool:
    """Say whether the schedule may try a login: not within a day of its last refusal."""
    until = rests_until(login)
    return until is None or now >= until


def objection(asked: Asked, caller: Caller, now: datetime) -> Refused | None:
    """Return why a test must not log in now, or None if it may."""
    if caller.door is not Door.SCHEDULE or may_try(login_of(asked), now):
        return None
    return Refused("tool.budget", host=asked.host, user=asked.username, limit=1)


def remember(login: str, evidence: Evidence, at: datetime) -> None:
    """Keep what became of a login; one that was not judged leaves no trace."""
    if not login:
        return
    if evidence.has_logged_in:
        LoginMemory.objects.passed(login, at)
    elif evidence.is_login_refused:
        LoginMemory.objects.refused(login, at)
