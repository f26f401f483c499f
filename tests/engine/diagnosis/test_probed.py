"""What counter-probes add to a diagnosis, as evidence: also what no loopback socket can play.

Port 25 cannot be bound in a test, and packets that a network drops cannot be made on loopback.
"""

from __future__ import annotations

from typing import Any

import pytest

from smtpcheck.engine.catalogue import entry
from smtpcheck.engine.diagnosis.probed import PROBED, found_settings
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind, Probe
from smtpcheck.engine.stages import Security, Stage
from tests.engine.diagnosis.sightings import diagnosis_of, fault, judged, reply, seen

LOGIN = ("AUTH PLAIN", "8BITMIME")
NO_ANSWER = fault(Stage.CONNECT, kind=FaultKind.TIMEOUT)
SILENCE = fault(Stage.GREETING, kind=FaultKind.TIMEOUT)


def answering(port: int, security: Security, capabilities: tuple[str, ...] = LOGIN) -> Probe:
    return Probe(
        port=port,
        security=security,
        outcome="answers",
        stage=Stage.EHLO,
        took_ms=40,
        address="192.0.2.1",
        greeting=reply("220 mx ready"),
        encrypted=True,
        capabilities=capabilities,
    )


def ended(port: int, stage: Stage, outcome: str, **changes: Any) -> Probe:
    security = changes.pop("security", Security.STARTTLS)
    return Probe(
        port=port, security=security, outcome=outcome, stage=stage, took_ms=3000, **changes
    )


def dropped(port: int) -> Probe:
    return ended(port, Stage.CONNECT, "timeout")


def unanswered(port: int, *probes: Probe, by: Fault = NO_ANSWER, **changes: Any) -> Evidence:
    changes = {"address": "", "first_bytes": b""} | changes
    return seen(by, port=port, probes=probes, **changes)


HELLO_587 = answering(587, Security.STARTTLS)
SUBMISSIONS = answering(465, Security.TLS)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (unanswered(25, HELLO_587), "connect.timeout-port25"),
        (unanswered(25, dropped(587), SUBMISSIONS), "connect.timeout-port25"),
        # it does not matter what the other port says, only that the packets come through
        (unanswered(25, ended(587, Stage.GREETING, "closed")), "connect.timeout-port25"),
        (unanswered(25, dropped(587), dropped(465)), "connect.timeout-all"),
        (unanswered(587, dropped(465), dropped(2525), dropped(25)), "connect.timeout-all"),
        (unanswered(587, dropped(465)), "connect.timeout"),
        (unanswered(587, dropped(25), SUBMISSIONS), "connect.timeout"),
        (unanswered(587, dropped(25), ended(465, Stage.CONNECT, "refused")), "connect.timeout"),
        (unanswered(25), "connect.timeout"),
    ],
)
def test_silence_on_one_port_is_told_from_a_blocked_one_and_from_silence_on_all(
    evidence: Evidence, expected: str
) -> None:
    assert diagnosis_of(evidence) == expected


def same_port(outcome: str, stage: Stage, security: Security, **changes: Any) -> Probe:
    return ended(587, stage, outcome, security=security, **changes)


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        (answering(587, Security.TLS), "proto.tls-port-spoken-plain"),
        (same_port("certificate", Stage.TLS, Security.TLS), "proto.tls-port-spoken-plain"),
        (same_port("handshake", Stage.TLS, Security.TLS), "greet.timeout"),
        (same_port("timeout", Stage.TLS, Security.TLS), "greet.timeout"),
        # TLS, but no mail server inside: the account could not use it
        (same_port("bad-reply", Stage.GREETING, Security.TLS, encrypted=True), "greet.timeout"),
        (SUBMISSIONS, "greet.timeout"),
    ],
)
def test_a_silent_port_wants_tls_only_if_that_was_seen_on_it(probe: Probe, expected: str) -> None:
    assert diagnosis_of(unanswered(587, probe, by=SILENCE, address="192.0.2.1")) == expected


def test_a_port_that_has_begun_to_speak_is_no_tls_port() -> None:
    begun = unanswered(587, answering(587, Security.TLS), by=SILENCE, first_bytes=b"22")

    assert diagnosis_of(begun) == "greet.timeout"


@pytest.mark.parametrize(
    ("kind", "otherwise"),
    [
        (FaultKind.CLOSED, "tls.handshake-eof"),
        (FaultKind.RESET, "tls.reset"),
        (FaultKind.TIMEOUT, "tls.handshake-timeout"),
    ],
)
def test_a_port_that_greets_in_the_clear_explains_a_failed_handshake(
    kind: FaultKind, otherwise: str
) -> None:
    failed = unanswered(
        587, HELLO_587, by=fault(Stage.TLS, kind=kind), security=Security.TLS, address="192.0.2.1"
    )

    assert diagnosis_of(failed) == "proto.plain-port-spoken-tls"
    assert diagnosis_of(failed._replace(probes=(SUBMISSIONS,))) == otherwise
    assert diagnosis_of(failed._replace(probes=())) == otherwise


def test_the_line_of_evidence_has_what_the_probes_saw() -> None:
    found = judged(unanswered(25, dropped(587), SUBMISSIONS)).diagnosis

    assert found is not None
    assert found.evidence_line.endswith(
        "port 587 by starttls: timeout; port 465 by tls: 220 mx ready"
    )
    assert (found.parameters["found_port"], found.parameters["found_security"]) == (465, "tls")


# Which settings are recommended


def found(*probes: Probe, **changes: Any) -> dict[str, str | int]:
    return found_settings(unanswered(2525, *probes, **changes))


def settings(port: int, security: str) -> dict[str, str | int]:
    return {"found_port": port, "found_security": security}


def test_the_first_that_the_account_could_use_is_recommended() -> None:
    no_login = answering(587, Security.STARTTLS, ("8BITMIME",))

    assert found(dropped(587), SUBMISSIONS) == settings(465, "tls")
    assert found(HELLO_587, SUBMISSIONS) == settings(587, "starttls")
    assert found(no_login, SUBMISSIONS) == settings(465, "tls")
    assert found(no_login, SUBMISSIONS, username="") == settings(587, "starttls")
    assert found(dropped(587), no_login) == {}
    assert found() == {}


NO_STARTTLS = ended(587, Stage.STARTTLS, "not-offered", greeting=reply("220 mx"))
UNTRUSTED = ended(587, Stage.TLS, "certificate", greeting=reply("220 mx"))
UNTRUSTED_ON_CONNECT = ended(465, Stage.TLS, "certificate", security=Security.TLS)


@pytest.mark.parametrize("probe", [NO_STARTTLS, UNTRUSTED])
def test_what_protects_less_than_the_account_asks_for_is_never_recommended(probe: Probe) -> None:
    for security in Security:
        assert found(probe, security=security, username="ann") == {}
    assert found(probe, security=Security.STARTTLS, username="") == {}
    assert found(probe, security=Security.TLS, username="") == {}
    assert found(probe, security=Security.NONE, username="") == settings(587, "none")
    opportunistic = found(probe, security=Security.OPPORTUNISTIC, username="")
    assert opportunistic == settings(587, "opportunistic")


def test_tls_on_connect_with_a_certificate_that_is_not_trusted_is_never_recommended() -> None:
    for security in Security:
        assert found(UNTRUSTED_ON_CONNECT, security=security, username="") == {}


def test_each_rule_needs_a_probe_and_has_its_entry() -> None:
    for rule in PROBED:
        assert entry(rule.id).id == rule.id
        assert not rule.matches(NO_ANSWER, unanswered(25))
