"""What came of each address of a name, where every one of them was tested.

Knows evidence only; what a fault is called it is told.
"""

from __future__ import annotations

from collections.abc import Callable

from smtpcheck.engine.diagnosis.parameters import evidence_line
from smtpcheck.engine.evidence import AddressResult, AtAddress, Evidence, Fault
from smtpcheck.engine.stages import RungState, Stage


def results_of(
    evidence: Evidence, name_of: Callable[[Fault, Evidence], str]
) -> tuple[AddressResult, ...]:
    """Return a result for each address, in the order in which a mail program would try them.

    ``name_of`` gives the id of the diagnosis of a fault.
    """
    return tuple(
        _result(item, evidence, name_of(fault, item.evidence) if fault else "")
        for item in evidence.each_address
        for fault in (item.evidence.fault,)
    )


def _result(item: AtAddress, chosen: Evidence, diagnosis_id: str) -> AddressResult:
    seen, fault = item.evidence, item.evidence.fault
    leaf = seen.chain[0].fingerprint if seen.chain else ""
    theirs, ours = _offered(chosen), _offered(seen)
    is_comparable = bool(theirs and ours)
    return AddressResult(
        address=item.address,
        went_on=item.went_on,
        stage=fault.stage if fault else _last_proven(seen),
        took_ms=sum(rung.took_ms or 0 for rung in seen.ladder),
        diagnosis_id=diagnosis_id,
        evidence_line=evidence_line(fault, seen) if fault else "",
        tls_version=seen.tls.version if seen.tls else "",
        certificate=leaf,
        lacks=tuple(line for line in theirs if line not in ours) if is_comparable else (),
        adds=tuple(line for line in ours if line not in theirs) if is_comparable else (),
    )


def _offered(evidence: Evidence) -> tuple[str, ...]:
    """The capabilities of the last EHLO that the test came to, or nothing."""
    last = Stage.EHLO in (rung.stage for rung in evidence.ladder if rung.state is RungState.PROVEN)
    return (evidence.capabilities or evidence.capabilities_clear) if last else ()


def _last_proven(evidence: Evidence) -> Stage:
    proven = [rung.stage for rung in evidence.ladder if rung.state is RungState.PROVEN]
    return proven[-1] if proven else Stage.CONFIG
