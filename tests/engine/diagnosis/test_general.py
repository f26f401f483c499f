"""What no rule knows has the general diagnosis of its stage."""

from __future__ import annotations

import pytest

from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.diagnosis.general import general_id
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Stage
from tests.engine.diagnosis.sightings import fault

STAGES = {
    Stage.GREETING: "greet",
    Stage.EHLO: "ehlo",
    Stage.STARTTLS: "starttls",
    Stage.AUTH: "auth",
    Stage.MAIL: "mail",
    Stage.RCPT: "rcpt",
    Stage.DATA: "data",
    Stage.CONTENT: "content",
}
ENDINGS = {
    FaultKind.TIMEOUT: "timeout",
    FaultKind.CLOSED: "closed",
    FaultKind.RESET: "reset",
    FaultKind.TOO_MUCH: "too-much",
    FaultKind.BAD_REPLY: "bad-reply",
    FaultKind.OUT_OF_STEP: "out-of-step",
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_of_the_dialogue_names_how_it_ended(stage: Stage) -> None:
    for kind, ending in ENDINGS.items():
        assert general_id(fault(stage, kind=kind)) == f"{STAGES[stage]}.{ending}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_refusal_is_for_now_or_for_good_by_its_first_digit(stage: Stage) -> None:
    assert general_id(fault(stage, "400 no")) == f"{STAGES[stage]}.deferred"
    assert general_id(fault(stage, "499 no")) == f"{STAGES[stage]}.deferred"
    assert general_id(fault(stage, "500 no")) == f"{STAGES[stage]}.rejected"
    assert general_id(fault(stage, "599 no")) == f"{STAGES[stage]}.rejected"


@pytest.mark.parametrize("stage", [Stage.TLS, *STAGES])
def test_an_objection_of_tls_is_told_as_such_at_any_stage(stage: Stage) -> None:
    assert general_id(fault(stage, kind=FaultKind.HANDSHAKE)) == "tls.handshake-failed"


def test_what_makes_no_sense_is_our_own_fault() -> None:
    assert general_id(fault(Stage.AUTH, kind=FaultKind.INTERNAL)) == "tool.internal-error"
    assert general_id(fault(Stage.CONFIG, kind=FaultKind.CLOSED)) == "tool.internal-error"


@pytest.mark.parametrize("stage", Stage)
def test_every_general_diagnosis_is_in_the_catalogue(stage: Stage) -> None:
    for kind in FaultKind:
        for said in ("", "421 no", "550 no"):
            assert general_id(fault(stage, said, kind=kind)) in CATALOGUE
