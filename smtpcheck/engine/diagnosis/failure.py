"""What a failure is called, how sure that is, and what it says of the account.

Knows catalogue and rules: hundreds of patterns to compile, so a test that works never loads it.
"""

from __future__ import annotations

from smtpcheck.engine.catalogue import Entry, Outcome, entry
from smtpcheck.engine.diagnosis.general import general_id
from smtpcheck.engine.diagnosis.looked_up import LOOKED_UP, LOOKED_UP_IDS, look_ups_line
from smtpcheck.engine.diagnosis.parameters import evidence_line, parameters_of
from smtpcheck.engine.diagnosis.probed import PROBED, PROBED_IDS, probes_line
from smtpcheck.engine.diagnosis.rules import HOSTS, SPECIFIC
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind, Finding
from smtpcheck.engine.stages import Owner, Verdict


def explain(fault: Fault, evidence: Evidence) -> tuple[Verdict, Owner, Finding]:
    """Return what a failure says of the account, whose turn it is, and the diagnosis."""
    found, outcome = _recognise(fault, evidence)
    finding = Finding(
        id=found.id,
        stage=found.stage or fault.stage,
        parameters=parameters_of(fault, evidence),
        evidence_line=_decisive_line(found, fault, evidence),
        confidence=found.confidence.value,
    )
    return _verdict(outcome, found.owner), found.owner, finding


def _recognise(fault: Fault, evidence: Evidence) -> tuple[Entry, Outcome]:
    """The entry of the first rule that matches, else the general one of the stage."""
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


def name_of(fault: Fault, evidence: Evidence) -> str:
    """Return the id of a failure's diagnosis."""
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
