"""A rule holds when each condition that it names holds, and says nothing about the others."""

from __future__ import annotations

import pytest

from smtpcheck.engine.diagnosis.matcher import HostIs, Rule, at, by, first, mistaken_for, words
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind, Oddity, StageReply
from smtpcheck.engine.stages import Security, Stage
from tests.engine.diagnosis.sightings import SEALED, fault, reply, seen

REFUSED = fault(Stage.AUTH, "535-5.7.8 Wrong\n535 5.7.8 PASSWORD expired")
BY_REPLY = frozenset({FaultKind.REPLY})


def holds(rule: Rule, by: Fault = REFUSED, evidence: Evidence | None = None) -> bool:
    return rule.matches(by, evidence or seen(by))


def test_a_rule_without_conditions_holds_for_any_refusal() -> None:
    assert holds(Rule(id="x"))
    assert not holds(Rule(id="x"), fault(Stage.AUTH, kind=FaultKind.TIMEOUT))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(id="x", stages=frozenset({Stage.AUTH, Stage.MAIL})), True),
        (Rule(id="x", stages=frozenset({Stage.MAIL})), False),
        (Rule(id="x", kinds=frozenset({FaultKind.CLOSED})), False),
        (Rule(id="x", codes=("535",)), True),
        (Rule(id="x", codes=("4", "53")), True),
        (Rule(id="x", codes=("4", "550")), False),
        (Rule(id="x", enhanced=("5.7.8",)), True),
        (Rule(id="x", enhanced=("5.7.",)), True),
        (Rule(id="x", enhanced=("5.7.9",)), False),
        (Rule(id="x", enhanced=("5.7.80",)), False),
        (Rule(id="x", enhanced=("5.7",)), True),
        (Rule(id="x", text=words("password EXPIRED")), True),
        (Rule(id="x", text=words("^wrong password")), True),
        (Rule(id="x", has_login=True), True),
        (Rule(id="x", has_login=False), False),
        (Rule(id="x", has_sender=True), True),
        (Rule(id="x", has_sender=False), False),
        (Rule(id="x", challenged=False), True),
        (Rule(id="x", challenged=True), False),
        (Rule(id="x", mechanisms=frozenset({"PLAIN"})), False),
        (Rule(id="x", offers=words("^SIZE")), False),
        (Rule(id="x", noted=words("^proto")), False),
        (Rule(id="x", host_is=frozenset(HostIs)), False),
        (Rule(id="x", text=words("wrong.*expired")), True),
        (Rule(id="x", text=words("^expired")), False),
        (Rule(id="x", codes=("535",), text=words("nowhere")), False),
        (Rule(id="x", ports=frozenset({587})), True),
        (Rule(id="x", ports=frozenset({25})), False),
        (Rule(id="x", secured_by=frozenset({Security.STARTTLS})), True),
        (Rule(id="x", secured_by=frozenset({Security.TLS})), False),
        (Rule(id="x", encrypted=False), True),
        (Rule(id="x", encrypted=True), False),
        (Rule(id="x", verify_codes=frozenset({10})), False),
        (Rule(id="x", detail=words("anything")), False),
        (Rule(id="x", first_bytes=first(rb"220 ")), True),
        (Rule(id="x", first_bytes=first(rb"mx")), False),
        (Rule(id="x", providers=frozenset({"gmail"})), False),
    ],
)
def test_each_condition_is_held_against_the_evidence(rule: Rule, expected: bool) -> None:
    assert holds(rule) is expected


def test_a_condition_on_the_provider_goes_by_the_host() -> None:
    rule = Rule(id="x", providers=frozenset({"gmail"}))
    assert holds(rule, evidence=seen(REFUSED, host="smtp.gmail.com"))
    assert not holds(rule, evidence=seen(REFUSED, host="smtp.gmail.com.evil.example"))


def test_a_condition_on_encryption_goes_by_trusted_tls() -> None:
    assert holds(Rule(id="x", encrypted=True), evidence=seen(REFUSED, tls=SEALED))


def test_a_condition_on_words_fails_where_nothing_was_said() -> None:
    silent = fault(Stage.AUTH, kind=FaultKind.CLOSED)
    for rule in (
        Rule(id="x", kinds=None, codes=("5",)),
        Rule(id="x", kinds=None, enhanced=("5",)),
        Rule(id="x", kinds=None, text=words("")),
    ):
        assert not holds(rule, silent)


def test_without_kinds_any_way_to_end_will_do() -> None:
    rule = Rule(id="x", kinds=None)
    assert all(holds(rule, fault(Stage.AUTH, kind=kind)) for kind in FaultKind)


def test_what_came_instead_of_tls_stands_for_the_first_bytes() -> None:
    not_tls = fault(Stage.TLS, kind=FaultKind.NOT_TLS, raw=b"HTTP/1.1 400")
    rule = Rule(id="x", kinds=None, first_bytes=first(rb"HTTP/"))
    assert holds(rule, not_tls)
    assert not holds(rule, fault(Stage.TLS, kind=FaultKind.CLOSED, raw=b"HTTP/"))


def test_first_bytes_may_hold_line_breaks() -> None:
    rule = Rule(id="x", first_bytes=first(rb"220.*FTP"))
    assert holds(rule, evidence=seen(REFUSED, first_bytes=b"220-hello\r\n220 FTP"))


def test_a_whole_enhanced_code_is_no_prefix() -> None:
    longer = fault(Stage.RCPT, "550 5.7.606 banned")
    assert not holds(Rule(id="x", enhanced=("5.7.60",)), longer)
    assert holds(Rule(id="x", enhanced=("5.7.6", "5.7.")), longer)


def test_words_are_read_across_lines_without_their_codes() -> None:
    told = fault(Stage.AUTH, "535-5.7.139 disabled for the\n535 5.7.139 tenant")
    assert holds(Rule(id="x", text=words("disabled for the tenant")), told)


def test_what_was_offered_counts_line_by_line() -> None:
    evidence = seen(REFUSED, capabilities_clear=("SIZE 1", "XXXXXXXA"), capabilities=("HELP",))
    assert holds(Rule(id="x", offers=words("^X+A$")), evidence=evidence)
    assert holds(Rule(id="x", offers=words("^help$")), evidence=evidence)
    assert not holds(Rule(id="x", offers=words("^1")), evidence=evidence)


def test_a_note_counts_with_its_id() -> None:
    evidence = seen(REFUSED, oddities=(Oddity("config.x", Stage.CONFIG, "at the end"),))
    assert holds(Rule(id="x", noted=words(r"^config\.x: at")), evidence=evidence)
    assert not holds(Rule(id="x", noted=words("^at the end")), evidence=evidence)


def test_the_mechanism_is_the_one_that_was_used() -> None:
    rule = Rule(id="x", mechanisms=frozenset({"XOAUTH2"}))
    assert holds(rule, evidence=seen(REFUSED, mechanism="XOAUTH2"))


def test_a_question_of_the_servers_counts_as_long_as_it_is_the_last() -> None:
    asked = StageReply(Stage.AUTH, reply("334 "))
    answered = StageReply(Stage.AUTH, reply("535 no"))
    rule = Rule(id="x", challenged=True)
    assert holds(rule, evidence=seen(REFUSED, replies=(asked,)))
    assert not holds(rule, evidence=seen(REFUSED, replies=(asked, answered)))


@pytest.mark.parametrize(
    ("host", "mistakes"),
    [
        ("aspmx.l.google.com", {HostIs.EXCHANGER}),
        ("ASPMX.L.GOOGLE.COM.", {HostIs.EXCHANGER}),
        ("gmail.com", {HostIs.MAIL_DOMAIN}),
        ("example.org", {HostIs.OWN_DOMAIN}),
        ("example.net", set()),
        ("smtp.gmail.com", set()),
        ("posteo.de", set()),
    ],
)
def test_a_host_is_mistaken_by_its_name(host: str, mistakes: set[HostIs]) -> None:
    assert mistaken_for(seen(host=host, sender="ann@Example.org")) == mistakes


def test_stages_and_kinds_are_sets() -> None:
    assert at(Stage.AUTH, Stage.AUTH) == {Stage.AUTH}
    assert by(FaultKind.REPLY) == BY_REPLY
