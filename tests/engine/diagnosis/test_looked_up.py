"""What look-ups add to a diagnosis, as evidence: also what no port of a test can play."""

from __future__ import annotations

from typing import Any

import pytest

from smtpcheck.engine.diagnosis.looked_up import LOOKED_UP, hinted_settings
from smtpcheck.engine.evidence import Evidence, FaultKind, LookUp, LookUpOutcome, Probe
from smtpcheck.engine.stages import Security, Stage
from tests.engine.diagnosis.sightings import SEALED, diagnosis_of, fault, judged, seen

ANSWERED, NO_RECORD = LookUpOutcome.ANSWERED, LookUpOutcome.NO_RECORD
NO_NAME, SERVFAIL = LookUpOutcome.NO_NAME, LookUpOutcome.SERVFAIL
UNKNOWN = fault(Stage.DNS, kind=FaultKind.NAME_UNKNOWN)
EMPTY = fault(Stage.DNS, kind=FaultKind.NO_ADDRESS)
FAILED = fault(Stage.DNS, kind=FaultKind.RESOLVER_FAILED)
SILENT = fault(Stage.CONNECT, kind=FaultKind.TIMEOUT)
REFUSED = fault(Stage.CONNECT, kind=FaultKind.REFUSED)
NO_AUTH = fault(Stage.AUTH, kind=FaultKind.NOT_OFFERED, detail="AUTH")


def answer(type_: str, *records: str, name: str = "mx.example.org", **changes: Any) -> LookUp:
    outcome = changes.pop("outcome", ANSWERED if records else NO_RECORD)
    return LookUp(name=name, type=type_, outcome=outcome, records=records, **changes)


def both(outcome: LookUpOutcome, **changes: Any) -> tuple[LookUp, ...]:
    return tuple(answer(type_, outcome=outcome, **changes) for type_ in ("A", "AAAA"))


def mail_of(domain: str, *exchangers: str) -> LookUp:
    return answer("MX", *(f"10 {name}" for name in exchangers), name=domain)


def ended(by: Any, *look_ups: LookUp, **changes: Any) -> Evidence:
    settings = {"host": "mx.example.org", "look_ups": look_ups, "address": ""} | changes
    return seen(by, **settings)


def at_port_25(*look_ups: LookUp, port: int = 25) -> Evidence:
    return ended(NO_AUTH, *look_ups, port=port, tls=SEALED, username="ann@example.org")


def turned_away(said: str, record: str) -> Evidence:
    mail = answer("MX", record, name="shop.example")
    return ended(fault(Stage.MAIL, said), mail, sender="ann@shop.example", tls=SEALED)


def dropped(*ports: int) -> tuple[Probe, ...]:
    return tuple(
        Probe(
            port=port,
            security=Security.STARTTLS,
            outcome=FaultKind.TIMEOUT.value,
            stage=Stage.CONNECT,
            took_ms=3000,
        )
        for port in ports
    )


SHOP = mail_of("shop.example", "mail.shop.example")
OWN = mail_of("example.org", "mx.example.org")

RECOGNISED = [
    (ended(FAILED, *both(SERVFAIL), answer("A", "192.0.2.1", unchecked=True)), "dns.dnssec-bogus"),
    (ended(UNKNOWN, *both(SERVFAIL), answer("A", unchecked=True)), "dns.dnssec-bogus"),
    (ended(FAILED, *both(SERVFAIL), *both(SERVFAIL, unchecked=True)), "dns.temporary"),
    (ended(FAILED, *both(ANSWERED), answer("A", "192.0.2.1", unchecked=True)), "dns.temporary"),
    (ended(FAILED, *both(NO_NAME)), "dns.temporary"),
    (ended(EMPTY, *both(NO_NAME)), "dns.nxdomain"),
    (ended(EMPTY, *both(NO_RECORD)), "dns.no-address"),
    (ended(UNKNOWN, *both(NO_RECORD)), "dns.no-address"),
    (ended(UNKNOWN, *both(LookUpOutcome.TIMEOUT)), "dns.nxdomain"),
    (ended(UNKNOWN, answer("A", outcome=NO_NAME), answer("AAAA")), "dns.nxdomain"),
    (ended(EMPTY, *both(NO_RECORD), SHOP, host="shop.example"), "dns.bare-domain"),
    (ended(REFUSED, SHOP, host="shop.example"), "dns.bare-domain"),
    (ended(SILENT, SHOP, host="shop.example", probes=dropped(465, 587)), "dns.bare-domain"),
    (ended(SILENT, OWN, probes=dropped(465, 2525)), "connect.timeout-all"),
    (ended(REFUSED, SHOP, host="mail.shop.example"), "connect.refused"),
    (
        ended(REFUSED, answer("MX", "0 .", name="shop.example"), host="shop.example"),
        "connect.refused",
    ),
    (at_port_25(OWN), "dns.mx-used-for-submission"),
    (at_port_25(OWN, port=587), "auth.not-offered"),
    (at_port_25(mail_of("example.org", "other.example.org")), "auth.not-offered"),
    (turned_away("550 5.1.0 Sender refused", "0 ."), "dns.null-mx-sender"),
    (turned_away("550 5.1.8 Domain not found", "10 mx.example.org"), "mail.domain-not-found"),
    (turned_away("530 5.7.0 Authentication required", "0 ."), "mail.auth-required"),
]


@pytest.mark.parametrize(
    ("evidence", "expected"),
    RECOGNISED,
    ids=[f"{i} {name}" for i, (_, name) in enumerate(RECOGNISED)],
)
def test_what_dns_says_makes_the_cause_more_particular(evidence: Evidence, expected: str) -> None:
    assert diagnosis_of(evidence) == expected


def test_every_rule_decides_something() -> None:
    deciding = {
        next((index for index, rule in enumerate(LOOKED_UP) if rule.matches(by, evidence)), None)
        for evidence, _ in RECOGNISED
        if (by := evidence.fault) is not None
    }
    assert deciding - {None} == set(range(len(LOOKED_UP)))


GOOGLE = mail_of("example.org", "mx.example.org", "aspmx.l.google.com")
SUBMISSIONS = answer("SRV", "0 1 465 out.example.org", name="_submissions._tcp.example.org")
SUBMISSION = answer("SRV", "0 1 587 out.example.org", name="_submission._tcp.example.org")


@pytest.mark.parametrize(
    ("look_ups", "hint"),
    [
        ((SUBMISSION, SUBMISSIONS, GOOGLE), ("out.example.org", 465, "tls")),
        ((SUBMISSION, GOOGLE), ("out.example.org", 587, "starttls")),
        ((GOOGLE,), ("smtp.gmail.com", 587, "starttls")),
        ((mail_of("example.org", "mx00.ionos.de"),), None),  # no one server for all its customers
        ((OWN,), None),
        ((), None),
    ],
)
def test_the_domain_itself_is_believed_before_its_provider(
    look_ups: tuple[LookUp, ...], hint: tuple[str, int, str] | None
) -> None:
    found = hinted_settings(ended(UNKNOWN, *look_ups))

    assert found == (
        dict(zip(("found_host", "found_port", "found_security"), hint, strict=True)) if hint else {}
    )


def test_what_was_tested_is_no_hint() -> None:
    tested = ended(
        REFUSED, SUBMISSION, host="out.example.org", port=587, security=Security.STARTTLS
    )

    assert hinted_settings(tested) == {}


def test_the_provider_is_named_by_its_exchanger() -> None:
    found = judged(ended(REFUSED, GOOGLE, host="example.org")).diagnosis

    assert found is not None
    assert found.parameters["provider"] == "Gmail"
    assert "MX example.org: 10 mx.example.org, 10 aspmx.l.google.com" in found.evidence_line


def test_the_words_of_a_provider_are_known_behind_an_alias_too() -> None:
    said = fault(Stage.AUTH, "535 Authentication credentials invalid")
    alias = answer("A", "192.0.2.1", name="mail.example.org", canonical="mail.gmx.net")

    known = seen(said, host="mail.example.org", tls=SEALED, look_ups=(alias,))
    unknown = seen(said, host="mail.example.org", tls=SEALED)

    assert (diagnosis_of(known), diagnosis_of(unknown)) == ("auth.gmx", "auth.invalid")


def test_a_look_up_reads_like_a_line_of_a_zone() -> None:
    assert str(OWN) == "MX example.org: 10 mx.example.org"
    assert str(answer("A", outcome=NO_NAME)) == "A mx.example.org: no-name"
    assert str(answer("A", "192.0.2.1", unchecked=True)) == "A mx.example.org unchecked: 192.0.2.1"
