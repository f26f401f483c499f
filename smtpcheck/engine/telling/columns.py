"""A report as named plain values: what a history keeps of it, and what JSON is made from.

Texts stand in them as ids and parameters, so that they can be worded when they are read.
"""

from __future__ import annotations

from typing import Any

from smtpcheck.engine.evidence import Finding, Report, plain
from smtpcheck.engine.stages import Owner, Stage, Verdict

MAX_TRANSCRIPT_LENGTH = 16 * 1024
MAX_REPLY_LENGTH = 8 * 1024


def columns_of(report: Report) -> dict[str, Any]:
    """What a report says, by the names of a result's columns; ``ehlo_name`` only if it was said."""
    evidence, diagnosis = report.evidence, report.diagnosis
    reply = evidence.fault.reply if evidence.fault else evidence.reply_of(report.stage)
    columns = {
        "verdict": report.verdict.value,
        "owner": report.owner.value if report.owner else "",
        "stage": report.stage.value,
        "took_ms": report.took_ms,
        "warnings": [_warning(finding) for finding in report.warnings],
        "reply_code": reply.code if reply else None,
        "enhanced_code": reply.enhanced[:16] if reply else "",
        "reply_text": reply.text[:MAX_REPLY_LENGTH] if reply else "",
        "ladder": plain(evidence.ladder),
        "capabilities": list(evidence.capabilities or evidence.capabilities_clear),
        "tls": plain(evidence.tls),
        "evidence": _evidence(report),
        "transcript": evidence.transcript[:MAX_TRANSCRIPT_LENGTH],
    }
    if evidence.ehlo_name:
        columns["ehlo_name"] = evidence.ehlo_name
    shown: dict[str, Any] = storable(columns | (_diagnosis(diagnosis) if diagnosis else {}))
    return shown


def columns_without_report(diagnosis_id: str, stage: Stage, took_ms: int) -> dict[str, Any]:
    """The same of a test that did not end by itself; it says nothing of the account."""
    return {
        "verdict": Verdict.INCONCLUSIVE.value,
        "owner": Owner.TESTER.value,
        "stage": stage.value,
        "diagnosis_id": diagnosis_id,
        "confidence": "certain",
        "took_ms": max(0, took_ms),
    }


def _diagnosis(finding: Finding) -> dict[str, Any]:
    return {
        "diagnosis_id": finding.id,
        "diagnosis_parameters": finding.parameters,
        "evidence_line": finding.evidence_line,
        "confidence": finding.confidence,
    }


def _warning(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "stage": finding.stage.value if finding.stage else "",
        "parameters": finding.parameters,
        "evidence_line": finding.evidence_line,
    }


def _evidence(report: Report) -> dict[str, Any]:
    names = (
        "proxy",
        "attempts",
        "address",
        "local_address",
        "capabilities_clear",
        "chain",
        "defects",
        "asked_for_certificate",
        "sent_certificate",
        "mechanism",
        "message_id",
        "first_bytes",
        "replies",
        "probes",
        "look_ups",
        "refuses_groups",
    )
    seen = {name: plain(getattr(report.evidence, name)) for name in names}
    return {**seen, "every_address": plain(report.addresses)}


def storable(value: Any) -> Any:
    """The same value in characters that every database takes: no NUL, no half characters."""
    if isinstance(value, str):
        return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value
