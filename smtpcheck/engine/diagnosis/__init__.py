"""From what a test saw to what it means: verdict, owner, diagnosis and warnings.

Knows evidence, catalogue and rules; does no I/O and reads no clock. The same evidence always gives
the same report.
"""

from __future__ import annotations

from datetime import datetime

from smtpcheck.engine.catalogue import Entry, Outcome, entry
from smtpcheck.engine.diagnosis.addresses import results_of
from smtpcheck.engine.diagnosis.general import general_id
from smtpcheck.engine.diagnosis.looked_up import LOOKED_UP, LOOKED_UP_IDS, look_ups_line
from smtpcheck.engine.diagnosis.parameters import evidence_line, parameters_of
from smtpcheck.engine.diagnosis.probed import PROBED, PROBED_IDS, probes_line
from smtpcheck.engine.diagnosis.warnings import warnings_of
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind, Finding, Report, Rung
from smtpcheck.engine.plan import Past
from smtpcheck.engine.stages import Goal, Owner, RungState, Security, Stage, Verdict

# The last stage that each goal proves.
GOAL_STAGES = {Goal.LOGIN: Stage.AUTH, Goal.RECIPIENT: Stage.RCPT, Goal.CONTENT: Stage.CONTENT}


def judge(
    evidence: Evidence,
    *,
    started_at: datetime,
    took_ms: int,
    past: Past = Past(),  # noqa: B008 - frozen, so one for all is safe
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
            addresses=results_of(evidence, _name_of),
        )
    found, outcome = _recognise(fault, evidence)
    return Report(
        verdict=_verdict(outcome, found.owner),
        stage=found.stage or fault.stage,
        owner=found.owner,
        diagnosis=Finding(
            id=found.id,
            stage=found.stage or fault.stage,
            parameters=parameters_of(fault, evidence),
            evidence_line=_decisive_line(found, fault, evidence),
            confidence=found.confidence.value,
        ),
        # What decided is not told twice.
        warnings=tuple(item for item in warnings_of(evidence, past) if item.id != found.id),
        evidence=evidence,
        started_at=started_at,
        took_ms=took_ms,
        addresses=results_of(evidence, _name_of),
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
