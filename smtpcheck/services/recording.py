"""The row of a test: opened before the network is touched, closed when the answer is there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from smtpcheck import engine
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Report
from smtpcheck.engine.stages import Security, Stage
from smtpcheck.engine.telling.columns import columns_of, columns_without_report, storable
from smtpcheck.models import SmtpAccountState, SmtpTestResult
from smtpcheck.services import auditing, limits, lockout
from smtpcheck.services.asking import Asked, Caller

# How long after its budget a test is given up for dead: closing a row may wait for the database.
GRACE_SECONDS = 30.0


def open_row(asked: Asked, caller: Caller, budget_seconds: float) -> SmtpTestResult:
    """Write the row of a test that begins now, committed; or a closed one if it may not begin.

    ``is_open`` of the row says which.
    """
    row = _new_row(asked, caller, budget_seconds)
    if asked.refused is None:
        with transaction.atomic():
            # First what needs no turn: from the count on, other tests of the host wait for this.
            auditing.test_asked(caller, row)
            asked.refused = limits.objection(asked, row.started_at) or lockout.objection(
                asked, caller, row.started_at
            )
            if asked.refused is None:
                row.save(force_insert=True)
                return row
            transaction.set_rollback(True)
    return _save_refused(row, asked, caller, asked.refused)


def close_row(row: SmtpTestResult, report: Report, login: str = "") -> SmtpTestResult:
    """Write what a test showed into its row and its account's state, in one transaction.

    A row that was closed as interrupted meanwhile stays as it is: history is not rewritten. What
    became of the ``login`` (see ``lockout.login_of``) is remembered in any case: the server counts
    it too.
    """
    if not login:
        return _close(row, _shown(report))
    with transaction.atomic():
        lockout.remember(login, report.evidence, row.started_at)
        return _close(row, _shown(report))


def abandon_row(row: SmtpTestResult, diagnosis_id: str, stage: Stage) -> SmtpTestResult:
    """Close the row of a test that did not end by itself; it says nothing of the account."""
    took = timezone.now() - row.started_at
    took_ms = round(took.total_seconds() * 1000)
    return _close(row, columns_without_report(diagnosis_id, stage, took_ms))


def _new_row(asked: Asked, caller: Caller, budget_seconds: float) -> SmtpTestResult:
    now = timezone.now()
    account, user = asked.account, caller.user
    text = {
        name: _fitting(name, getattr(asked, name))
        for name in ("host", "username", "sender", "recipient", "ehlo_name")
    }
    return SmtpTestResult(
        account=account,
        account_name=account.name if account else "",
        **text,
        port=asked.port if 0 <= asked.port <= 65535 else 0,
        security=asked.security.value if asked.security else "",
        goal=asked.goal.value,
        digest=asked.digest,
        door=caller.door.value,
        asked_by_id=user.pk if user else None,
        asked_by_name=user.get_username() if user else "",
        started_at=now,
        expires_at=now + timedelta(seconds=budget_seconds + GRACE_SECONDS),
    )


def _save_refused(
    row: SmtpTestResult, asked: Asked, caller: Caller, refused: Refused
) -> SmtpTestResult:
    report = engine.refuse(
        refused,
        started_at=row.started_at,
        host=asked.host,
        port=asked.port,
        security=asked.security or Security.OPPORTUNISTIC,
        goal=asked.goal,
        username=asked.username,
        sender=asked.sender,
        recipient=asked.recipient,
    )
    _set(row, _shown(report) | {"finished_at": timezone.now()})
    with transaction.atomic():
        row.save(force_insert=True)
        auditing.test_asked(caller, row)
        SmtpAccountState.objects.record(row)
    return row


def _close(row: SmtpTestResult, columns: Mapping[str, Any]) -> SmtpTestResult:
    columns = {**columns, "finished_at": timezone.now()}
    # Without an account there is one row to write, which needs no transaction around it.
    with transaction.atomic(savepoint=False) if row.account_id else nullcontext():
        if not SmtpTestResult.objects.open().filter(pk=row.pk).update(**columns):
            row.refresh_from_db()
            return row
        _set(row, columns)
        SmtpAccountState.objects.record(row)
    return row


def _set(row: SmtpTestResult, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        setattr(row, name, value)


def _shown(report: Report) -> dict[str, Any]:
    """The columns of a result that a report fills."""
    columns = columns_of(report)
    if "ehlo_name" in columns:
        columns["ehlo_name"] = _fitting("ehlo_name", columns["ehlo_name"])
    columns["policy_lines"] = "\n".join(report.evidence.policy_lines)
    return columns


def _fitting(column: str, text: str) -> str:
    """A text that a column can hold: what was asked may be longer than anything that works."""
    length: int = getattr(SmtpTestResult._meta.get_field(column), "max_length")  # noqa: B009, SLF001 - Django's public name
    cut: str = storable(text)[:length]
    return cut
