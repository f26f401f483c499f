"""One result with its words, as values that JSON can write: what every door shows a program.

The names of the members are public. Words are in the caller's language; ids, stages and states are
the same in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smtpcheck.engine.stages import Goal, Verdict
from smtpcheck.models import SmtpTestResult
from smtpcheck.wording import describe


def as_plain(result: SmtpTestResult) -> dict[str, object]:
    """Return everything one result shows; an interrupted test as such, a running one as running."""
    return {
        "id": str(result.pk),
        "account": _account(result),
        "asked": _asked(result),
        "door": result.door,
        "asked_by": result.asked_by_name,
        "started_at": result.started_at.isoformat(),
        "took_ms": result.took_ms,
        "verdict": result.shown_verdict,
        "success": is_success(result),
        "stage": result.shown_stage,
        "owner": result.shown_owner or None,
        "diagnosis": diagnosis_of(result),
        "warnings": warnings_of(result),
        "reply": _reply(result),
        "ladder": result.ladder,
        "tls": result.tls,
        "capabilities": result.capabilities,
        "addresses": result.evidence.get("attempts", []),
        "evidence": {name: item for name, item in result.evidence.items() if name != "attempts"},
        "transcript": result.transcript,
    }


def is_success(result: SmtpTestResult) -> bool:
    """Say whether a test mail was accepted: the one thing that REST calls success."""
    return result.shown_verdict == Verdict.WORKS.value and result.goal == Goal.CONTENT.value


def diagnosis_of(result: SmtpTestResult) -> dict[str, object] | None:
    """Return the diagnosis with its words, or None where there is none."""
    if not result.shown_diagnosis_id:
        return None
    return {
        **_worded(result.shown_diagnosis_id, result.diagnosis_parameters),
        "confidence": result.shown_confidence,
        "evidence": result.evidence_line,
        "remedy_settings": _remedy_settings(result.diagnosis_parameters),
    }


def warnings_of(result: SmtpTestResult) -> list[dict[str, object]]:
    """Return the warnings with their words, as they were found."""
    return [
        {
            **_worded(warning["id"], warning["parameters"]),
            "stage": warning["stage"],
            "evidence": warning["evidence_line"],
        }
        for warning in result.warnings
    ]


def _worded(diagnosis_id: str, parameters: Mapping[str, Any]) -> dict[str, object]:
    words = describe(diagnosis_id, parameters)
    return {
        "id": diagnosis_id,
        "title": words.title,
        "cause": words.cause,
        "remedy": list(words.remedy),
        "help_url": words.help_url,
        "parameters": dict(parameters),
    }


def _remedy_settings(parameters: Mapping[str, Any]) -> dict[str, object] | None:
    """The settings that answered where those of the test did not, ready to be applied."""
    port, security = parameters.get("found_port"), parameters.get("found_security")
    return {"port": port, "security": security} if port and security else None


def _account(result: SmtpTestResult) -> dict[str, object] | None:
    """The saved account: its name as it was, and None for the id of one that is gone."""
    if not result.account_name:
        return None
    account_id = str(result.account_id) if result.account_id else None
    return {"id": account_id, "name": result.account_name}


def _asked(result: SmtpTestResult) -> dict[str, object]:
    names = (
        "host",
        "port",
        "security",
        "username",
        "sender",
        "recipient",
        "ehlo_name",
        "goal",
    )
    return {name: getattr(result, name) for name in names}


def _reply(result: SmtpTestResult) -> dict[str, object] | None:
    """The reply that decided, or None where no server spoke."""
    if result.reply_code is None:
        return None
    return {
        "code": result.reply_code,
        "enhanced": result.enhanced_code,
        "text": result.reply_text,
    }


def inert(text: str) -> str:
    r"""Return a text with every character escaped that could deceive the eye or drive a terminal.

    That is control characters, escape sequences, line ends, and the invisible ones that change the
    reading direction; letters of any script stay.

    >>> inert("250 ok\x1b[2J")
    '250 ok\\x1b[2J'
    """
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
