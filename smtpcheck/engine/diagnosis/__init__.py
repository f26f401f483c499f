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


def _recognise(fault: Fault, evidence: Evidence) -> tuple[Entry, Outcome]:
    """The entry of the first rule that matches, else the general one of the stage."""
    # Hundreds of patterns to compile, and a test that works needs none of them.
    from smtpcheck.engine.diagnosis.rules import HOSTS, SPECIFIC

    if fault.diagnosis_id:
        known = entry(fault.diagnosis_id)
        return known, known.outcome
    # The certificate of a web site is no defect of a mail server's.
    is_elsewhere = any(rule.matches(fault, evidence) for rule in HOSTS)
    if fault.kind is FaultKind.CERTIFICATE and evidence.defects and not is_elsewhere:
        worst = entry(evidence.defects[0].id)
        return worst, worst.outcome
    for rule in (*LOOKED_UP, *PROBED, *SPECIFIC):
        if rule.matches(fault, evidence):
            found = entry(rule.id)
            return found, rule.outcome or found.outcome
    general = entry(general_id(fault))
    return general, general.outcome


def _name_of(fault: Fault, evidence: Evidence) -> str:
    return _recognise(fault, evidence)[0].id


def _decisive_line(found: Entry, fault: Fault, evidence: Evidence) -> str:
    """What decided, and what was noted, the probes saw or DNS said where that did."""
    line = evidence_line(fault, evidence)
    noted = [oddity.detail for oddity in evidence.oddities if oddity.kind == found.id]
    if noted:
        return f"{line}; {noted[0]}"
    if found.id in PROBED_IDS and evidence.probes:
        return f"{line}; {probes_line(evidence)}"
    if found.id in LOOKED_UP_IDS and evidence.look_ups:
        return f"{line}; {look_ups_line(evidence)}"
    return line


def _verdict(outcome: Outcome, owner: Owner) -> Verdict:
    """What an outcome says of the account.

    A refused test is one whose settings cannot work, unless it was the tester that refused it.
    """
    match outcome:
        case Outcome.INCONCLUSIVE:
            return Verdict.INCONCLUSIVE
        case Outcome.REFUSED if owner is Owner.TESTER:
            return Verdict.INCONCLUSIVE
        case _:
            return Verdict.FAILS


def _last_proven(evidence: Evidence) -> Stage:
    """The goal's own stage; without a login to prove, the last one that was."""
    wanted = GOAL_STAGES[evidence.goal]
    proven = [rung.stage for rung in evidence.ladder if rung.state is RungState.PROVEN]
    return wanted if wanted in proven or not proven else proven[-1]
