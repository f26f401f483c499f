"""Every way in which a test can end has a diagnosis, and the catalogue says what it means."""

from __future__ import annotations

import pytest

from smtpcheck.engine.catalogue import Outcome, UnknownDiagnosis, entry
from smtpcheck.engine.diagnosis import judge, refuse
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Defect, Fault, FaultKind, Oddity, Report
from smtpcheck.engine.stages import Goal, Owner, RungState, Security, Stage, Verdict
from tests.engine.diagnosis.sightings import STARTED_AT, fault, judged, rung, seen

SPOKEN = [
    Stage.GREETING,
    Stage.EHLO,
    Stage.STARTTLS,
    Stage.AUTH,
    Stage.MAIL,
    Stage.RCPT,
    Stage.DATA,
    Stage.CONTENT,
]
# A fault of ours, wherever it shows.
OURS = {FaultKind.INTERNAL}
# What has its own id from the place that refused; without one it can only be a mistake of ours.
NAMED_WHERE_THEY_ARISE = {FaultKind.REFUSED_HERE}
# Ways to end that belong to one stage (names, connections, the handshake) and arise nowhere else.
OF_ONE_STAGE = {
    FaultKind.NAME_UNKNOWN: Stage.DNS,
    FaultKind.NO_ADDRESS: Stage.DNS,
    FaultKind.RESOLVER_FAILED: Stage.DNS,
    FaultKind.REFUSED: Stage.CONNECT,
    FaultKind.UNREACHABLE: Stage.CONNECT,
    FaultKind.NOT_TLS: Stage.TLS,
}
# Ways to end that need a server, at stages that speak to none.
WITHOUT_A_SERVER = {Stage.CONFIG, Stage.DNS, Stage.OAUTH, Stage.DELIVERY}
NEEDS_A_SERVER = {
    FaultKind.REPLY,
    FaultKind.NOT_OFFERED,
    FaultKind.TIMEOUT,
    FaultKind.CLOSED,
    FaultKind.RESET,
    FaultKind.TOO_MUCH,
    FaultKind.BAD_REPLY,
    FaultKind.OUT_OF_STEP,
}
# A connection is made before anything is said on it.
NOT_YET_SPOKEN = NEEDS_A_SERVER - {FaultKind.TIMEOUT, FaultKind.RESET}

TEMPORARY_AND_YET_FAILING = {"tls.starttls-454", "auth.dropped", "auth.password-transition"}
FOR_GOOD_AND_YET_INCONCLUSIVE = {
    "greet.554",
    "ehlo.rejected",
    "ehlo.not-fqdn",
    "rcpt.unknown",
    "rcpt.mailbox-full",
    "rcpt.null-mx",
}

VERDICTS = {
    Outcome.FAILS: Verdict.FAILS,
    Outcome.REFUSED: Verdict.FAILS,
    Outcome.INCONCLUSIVE: Verdict.INCONCLUSIVE,
}


def may_be_our_own_fault(stage: Stage, kind: FaultKind) -> bool:
    return (
        kind in OURS | NAMED_WHERE_THEY_ARISE
        or (kind in OF_ONE_STAGE and OF_ONE_STAGE[kind] is not stage)
        or (stage in WITHOUT_A_SERVER and kind in NEEDS_A_SERVER)
        or (stage is Stage.CONNECT and kind in NOT_YET_SPOKEN)
    )


def found(report: Report) -> str:
    assert report.diagnosis is not None
    return report.diagnosis.id


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("first_bytes", [b"", b"220 mx\r\n", b"garbage"])
def test_every_way_to_end_at_every_stage_has_a_diagnosis(
    stage: Stage, kind: FaultKind, first_bytes: bytes
) -> None:
    said = "550 no" if kind is FaultKind.REPLY else ""
    report = judged(seen(fault(stage, said, kind=kind), first_bytes=first_bytes))
    if not may_be_our_own_fault(stage, kind):
        assert found(report) != "tool.internal-error"


@pytest.mark.parametrize("stage", SPOKEN)
@pytest.mark.parametrize("text", ["no", "{}.0.0 no", "{}.7.1 STARTTLS password expired, relay"])
def test_every_refusal_at_every_stage_has_a_diagnosis(stage: Stage, text: str) -> None:
    for code in range(400, 600):
        report = judged(seen(fault(stage, f"{code} {text.format(code // 100)}")))
        temporary = code < 500
        assert found(report) != "tool.internal-error"
        if found(report) in TEMPORARY_AND_YET_FAILING | FOR_GOOD_AND_YET_INCONCLUSIVE:
            continue
        assert (report.verdict is Verdict.INCONCLUSIVE) is temporary, (code, found(report))


@pytest.mark.parametrize("stage", Stage)
def test_verdict_and_owner_are_those_of_the_catalogue(stage: Stage) -> None:
    for kind in FaultKind:
        for said in ("421 bye", "454 later", "535 5.7.8 no", "550 5.1.1 who?"):
            report = judged(seen(fault(stage, said, kind=kind), first_bytes=b""))
            listed = entry(found(report))
            assert report.verdict is VERDICTS[listed.outcome]
            assert report.owner is listed.owner
            assert report.stage is (listed.stage or stage)
            assert report.diagnosis is not None
            assert report.diagnosis.confidence == listed.confidence.value


def test_silence_is_a_failure_and_silence_after_some_words_is_not() -> None:
    silence = fault(Stage.GREETING, kind=FaultKind.TIMEOUT)
    assert judged(seen(silence, first_bytes=b"")).verdict is Verdict.FAILS
    assert judged(seen(silence, first_bytes=b"220")).verdict is Verdict.INCONCLUSIVE


def test_a_test_without_a_fault_works() -> None:
    ladder = (rung(Stage.RCPT, 1), rung(Stage.CONTENT, 1))
    report = judged(seen(ladder=ladder))
    assert (report.verdict, report.stage) == (Verdict.WORKS, Stage.CONTENT)
    assert report.owner is None
    assert report.diagnosis is None
    assert (report.started_at, report.took_ms) == (STARTED_AT, 1200)


@pytest.mark.parametrize(
    ("goal", "ladder", "stage"),
    [
        (Goal.LOGIN, (rung(Stage.EHLO, 1), rung(Stage.AUTH, 1)), Stage.AUTH),
        (Goal.LOGIN, (rung(Stage.GREETING, 1), rung(Stage.EHLO, 1)), Stage.EHLO),
        (
            Goal.LOGIN,
            (rung(Stage.EHLO, 1), rung(Stage.STARTTLS, None, RungState.SKIPPED)),
            Stage.EHLO,
        ),
        (Goal.RECIPIENT, (rung(Stage.MAIL, 1), rung(Stage.RCPT, 1)), Stage.RCPT),
    ],
)
def test_a_goal_ends_at_its_stage_or_the_last_that_there_was_to_prove(
    goal: Goal, ladder: tuple[object, ...], stage: Stage
) -> None:
    assert judged(seen(goal=goal, ladder=ladder)).stage is stage


def test_warnings_stand_beside_any_verdict() -> None:
    oddities = (Oddity("proto.bare-lf", Stage.GREETING),)
    for by in (None, fault(Stage.AUTH, "535 no")):
        report = judged(seen(by, oddities=oddities))
        assert [warning.id for warning in report.warnings] == ["proto.bare-lf"]


def test_what_was_refused_before_any_packet_has_the_id_it_came_with() -> None:
    report = refuse(
        Refused("config.port-range", port=70000),
        started_at=STARTED_AT,
        host="mx.example.org",
        security=Security.TLS,
        username="alice",
    )
    assert (report.verdict, report.stage, report.owner) == (
        Verdict.FAILS,
        Stage.CONFIG,
        Owner.SETTINGS,
    )
    assert report.diagnosis is not None
    assert report.diagnosis.id == "config.port-range"
    assert report.diagnosis.parameters["port"] == 70000
    assert report.diagnosis.parameters["user"] == "alice"
    (only,) = report.evidence.ladder
    assert (only.stage, only.state) == (Stage.CONFIG, RungState.FAILED)


def test_what_the_tester_itself_refuses_proves_nothing() -> None:
    report = refuse(Refused("tool.budget"), started_at=STARTED_AT)
    assert (report.verdict, report.owner) == (Verdict.INCONCLUSIVE, Owner.TESTER)


def test_an_id_that_is_in_no_catalogue_is_a_mistake() -> None:
    by = Fault(stage=Stage.CONFIG, kind=FaultKind.REFUSED_HERE, diagnosis_id="config.nonsense")
    with pytest.raises(UnknownDiagnosis):
        judge(seen(by), started_at=STARTED_AT, took_ms=0)


def defect(diagnosis_id: str, **parameters: str) -> Defect:
    return Defect(id=diagnosis_id, parameters=dict(parameters), line=f"line of {diagnosis_id}")


def test_the_worst_defect_of_a_refused_certificate_decides() -> None:
    by = fault(Stage.TLS, kind=FaultKind.CERTIFICATE, verify_code=20, detail="no issuer")
    worst = defect("tls.cert-expired", not_after="2026-01-01")
    report = judged(seen(by, defects=(worst, defect("tls.cert-unknown-ca"))))
    assert report.diagnosis is not None
    assert (report.verdict, report.diagnosis.id) == (Verdict.FAILS, "tls.cert-expired")
    assert report.diagnosis.parameters["not_after"] == "2026-01-01"
    assert report.diagnosis.evidence_line == "line of tls.cert-expired; OpenSSL 20: no issuer"
    assert [each.id for each in report.warnings] == ["tls.cert-unknown-ca"]


def test_a_device_in_between_proves_nothing_about_the_account() -> None:
    by = fault(Stage.TLS, kind=FaultKind.CERTIFICATE, verify_code=20, detail="no issuer")
    assert judged(seen(by, defects=(defect("tls.interception"),))).verdict is Verdict.INCONCLUSIVE


def test_defects_of_a_certificate_that_was_taken_decide_nothing() -> None:
    report = judged(seen(fault(Stage.AUTH, "535 no"), defects=(defect("tls.cert-expired"),)))
    assert report.diagnosis is not None
    assert report.diagnosis.id == "auth.invalid"
    assert [each.id for each in report.warnings] == ["tls.cert-expired"]
