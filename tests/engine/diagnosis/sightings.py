"""Evidence for tests of the diagnosis: an honest test, and what is changed about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from smtpcheck.engine.diagnosis import judge
from smtpcheck.engine.evidence import (
    Certificate,
    Evidence,
    Fault,
    FaultKind,
    Reply,
    Report,
    Rung,
    Tls,
)
from smtpcheck.engine.stages import Goal, RungState, Security, Stage

STARTED_AT = datetime(2026, 2, 3, tzinfo=UTC)

LEAF = Certificate(
    subject="CN=mx.example.org",
    issuer="CN=Example authority",
    names=("mx.example.org", "mail.example.org"),
    not_before=datetime(2026, 1, 1, tzinfo=UTC),
    not_after=datetime(2026, 4, 1, tzinfo=UTC),
    serial="1",
    fingerprint="ab" * 32,
    key="EC secp256r1",
    signature="sha256",
    self_signed=False,
)
SEALED = Tls(
    version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    server_name="mx.example.org",
    trusted_by="system",
    certificate=LEAF,
    days_left=60,
)


def reply(text: str) -> Reply:
    """A reply from its text as on the wire, lines parted by line feeds."""
    lines = text.split("\n")
    return Reply(int(lines[0][:3]), tuple(line[4:] for line in lines))


def fault(
    stage: Stage,
    said: str = "",
    *,
    kind: FaultKind = FaultKind.REPLY,
    **changes: Any,
) -> Fault:
    """A fault at a stage: what was said, or in what other way it ended."""
    return Fault(stage=stage, kind=kind, reply=reply(said) if said else None, **changes)


def seen(ended_by: Fault | None = None, **changes: Any) -> Evidence:
    """Evidence of a test by STARTTLS that reached its goal or ended by a fault."""
    honest: dict[str, Any] = {
        "host": "mx.example.org",
        "port": 587,
        "security": Security.STARTTLS,
        "goal": Goal.CONTENT,
        "username": "alice",
        "sender": "alice@example.org",
        "recipient": "bob@example.net",
        "ehlo_name": "probe.example",
        "address": "192.0.2.1",
        "first_bytes": b"220 mx ready\r\n",
    }
    return Evidence(**(honest | {"fault": ended_by} | changes))


def judged(evidence: Evidence) -> Report:
    return judge(evidence, started_at=STARTED_AT, took_ms=1200)


def diagnosis_of(evidence: Evidence) -> str:
    found = judged(evidence).diagnosis
    assert found is not None
    return found.id


def rung(stage: Stage, took_ms: int | None, state: RungState = RungState.PROVEN) -> Rung:
    return Rung(stage=stage, state=state, started_ms=0, took_ms=took_ms)
