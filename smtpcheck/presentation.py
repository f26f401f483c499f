"""One row of the history as plain values with its words: what every door shows of it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from smtpcheck.engine.telling import document
from smtpcheck.engine.telling.addresses import AddressRow, address_rows
from smtpcheck.engine.telling.inert import inert
from smtpcheck.models import SmtpTestResult

__all__ = [
    "account_of",
    "address_rows_of",
    "as_plain",
    "diagnosis_of",
    "inert",
    "is_success",
    "policy_hint_of",
    "warnings_of",
]

_COLUMNS = (
    *document.ASKED,
    "started_at",
    "took_ms",
    "diagnosis_parameters",
    "evidence_line",
    "warnings",
    "reply_code",
    "enhanced_code",
    "reply_text",
    "ladder",
    "tls",
    "capabilities",
    "evidence",
    "transcript",
)
# Shown differently while a test runs, or where it was interrupted.
_SHOWN_COLUMNS = ("verdict", "stage", "owner", "diagnosis_id", "confidence")


def as_plain(result: SmtpTestResult) -> dict[str, object]:
    """Return everything one result shows; an interrupted test as such, a running one as running."""
    return document.as_document(
        _columns(result),
        result_id=str(result.pk),
        account=account_of(result),
        door=result.door,
        asked_by=result.asked_by_name,
    )


def is_success(result: SmtpTestResult) -> bool:
    """Say whether a test mail was accepted: the one thing that REST calls success."""
    return document.is_success(result.shown_verdict, result.goal)


def diagnosis_of(result: SmtpTestResult) -> dict[str, object] | None:
    """Return the diagnosis with its words, or None where there is none."""
    return document.diagnosis(_columns(result))


def address_rows_of(result: SmtpTestResult) -> list[AddressRow]:
    """Return a row for each address where every one was tested, else nothing."""
    return address_rows(result.evidence.get("every_address") or ())


def policy_hint_of(result: SmtpTestResult) -> str:
    """Return the exact lines that a refusal of the policy lacked, or "" if it did not refuse.

    Only for whoever may set policies: it names the addresses behind a host.
    """
    if not result.policy_lines:
        return ""
    hint = _(
        "To allow it, add to the account, or to SMTPCHECK_POLICY for every test (separated by a "
        "semicolon): %(lines)s"
    )
    return hint % {"lines": "  ".join(result.policy_lines.splitlines())}


def warnings_of(result: SmtpTestResult) -> list[dict[str, object]]:
    """Return the warnings with their words, as they were found."""
    return document.warnings(result.warnings)


def _columns(result: SmtpTestResult) -> dict[str, Any]:
    return {
        **{name: getattr(result, name) for name in _COLUMNS},
        **{name: getattr(result, f"shown_{name}") for name in _SHOWN_COLUMNS},
    }


def account_of(result: SmtpTestResult) -> dict[str, object] | None:
    """Return the saved account: its name as it was, None for the id of one that is gone."""
    if not result.account_name:
        return None
    account_id = str(result.account_id) if result.account_id else None
    return {"id": account_id, "name": result.account_name}
