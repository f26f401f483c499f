"""From what a test saw to what it means: verdict, owner, diagnosis and warnings.

Knows evidence, catalogue and rules; does no I/O and reads no clock. The same evidence always gives
the same report.
"""

from __future__ import annotations

from datetime import datetime

from smtpcheck.engine.diagnosis.warnings import warnings_of
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import AddressResult, Evidence, Fault, FaultKind, Report, Rung
from smtpcheck.engine.plan import NO_PAST, Past
from smtpcheck.engine.stages import Goal, RungState, Security, Stage, Verdict

# The last stage that each goal proves.
GOAL_STAGES = {Goal.LOGIN: Stage.AUTH, Goal.RECIPIENT: Stage.RCPT, Goal.CONTENT: Stage.CONTENT}


def judge(
    evidence: Evidence,
    *,
    started_at: datetime,
    took_ms: int,
    past: Past = NO_PAST,
) -> Report:
    """Return the report of a finished test; ``past`` is what earlier ones showed."""
    fault = evidence.fault
    if fault is None:
        return Report(
            verdict=Verdict.WORKS,
            stage=_last_proven(evidence),
            owner=None,
            diagnosis=None,
            warnings=warnings_of(evidence, past),
            evidence=evidence,
            started_at=started_at,
            took_ms=took_ms,
            addresses=_addresses(evidence),
        )
    # Loaded where there is something to explain, because that takes longer than a test.
    from smtpcheck.engine.diagnosis.failure import explain

    verdict, owner, found = explain(fault, evidence)
    return Report(
        verdict=verdict,
        stage=found.stage or fault.stage,
        owner=owner,
        diagnosis=found,
        # What decided is not told twice.
        warnings=tuple(item for item in warnings_of(evidence, past) if item.id != found.id),
        evidence=evidence,
        started_at=started_at,
        took_ms=took_ms,
        addresses=_addresses(evidence),
    )


def refuse(
    refused: Refused,
    *,
    started_at: datetime,
    host: str = "",
    port: int = 0,
    security: Security = Security.OPPORTUNISTIC,
    goal: Goal = Goal.CONTENT,
    username: str = "",
    sender: str = "",
    recipient: str = "",
) -> Report:
    """Return the report of a test that was refused before any packet."""
    fault = Fault(
        stage=Stage.CONFIG,
        kind=FaultKind.REFUSED_HERE,
        diagnosis_id=refused.diagnosis_id,
        parameters=refused.parameters,
    )
    evidence = Evidence(
        host=host,
        port=port,
        security=security,
        goal=goal,
        username=username,
        sender=sender,
        recipient=recipient,
        ladder=(Rung(stage=Stage.CONFIG, state=RungState.FAILED, started_ms=0, took_ms=0),),
        fault=fault,
    )
    return judge(evidence, started_at=started_at, took_ms=0)


def _last_proven(evidence: Evidence) -> Stage:
    """The goal's own stage; without a login to prove, the last one that was."""
    wanted = GOAL_STAGES[evidence.goal]
    proven = [rung.stage for rung in evidence.ladder if rung.state is RungState.PROVEN]
    return wanted if wanted in proven or not proven else proven[-1]


def _addresses(evidence: Evidence) -> tuple[AddressResult, ...]:
    """What came of each address, where every one was tested."""
    if not evidence.each_address:
        return ()
    from smtpcheck.engine.diagnosis.addresses import results_of
    from smtpcheck.engine.diagnosis.failure import name_of

    return results_of(evidence, name_of)
