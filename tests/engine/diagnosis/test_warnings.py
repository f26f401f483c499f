"""What should be known beside the verdict is told once, with everything that its text names."""

from __future__ import annotations

import string
from typing import Any

import pytest

from smtpcheck.engine.catalogue import Outcome, entry
from smtpcheck.engine.diagnosis.warnings import (
    CERTIFICATE_WARNING_DAYS,
    SLOW_GREETING_MS,
    warnings_of,
)
from smtpcheck.engine.evidence import Attempt, Defect, Fault, FaultKind, Finding, Oddity, StageReply
from smtpcheck.engine.plan import Past
from smtpcheck.engine.stages import Goal, RungState, Stage
from tests.engine.diagnosis.sightings import LEAF, SEALED, fault, judged, reply, rung, seen


def attempt(address: str, outcome: str) -> Attempt:
    return Attempt(address=address, port=587, outcome=outcome, took_ms=5)


CONNECTED = attempt("192.0.2.1", "connected")
CAUSES: dict[str, dict[str, Any]] = {
    "ehlo.no-esmtp": {"oddities": (Oddity("ehlo.no-esmtp", Stage.EHLO, "502 what?"),)},
    "proto.bare-lf": {"oddities": (Oddity("proto.bare-lf", Stage.GREETING),)},
    "tls.cert-expiring": {"tls": SEALED._replace(days_left=CERTIFICATE_WARNING_DAYS)},
    "proto.slow-banner": {"ladder": (rung(Stage.GREETING, SLOW_GREETING_MS + 1),)},
    "proto.slow-reply": {"ladder": (rung(Stage.RCPT, SLOW_GREETING_MS + 1),)},
    "proto.text-contradicts-code": {
        "replies": (StageReply(Stage.CONTENT, reply("250 5.3.0 Error: queue file")),)
    },
    "connect.one-address-down": {"attempts": (attempt("192.0.2.2", "refused"), CONNECTED)},
    "auth.nonascii": {"username": "jörg"},
    "auth.offered-in-clear": {"capabilities_clear": ("STARTTLS", "AUTH CRAM-MD5 PLAIN")},
    "tool.not-proven": {"goal": Goal.LOGIN},
}


BLANK = Oddity("config.secret-whitespace", Stage.CONFIG, "a blank at the end")


def warnings(**changes: Any) -> list[Finding]:
    return list(warnings_of(seen(**changes), Past()))


def ids(**changes: Any) -> list[str]:
    return [found.id for found in warnings(**changes)]


@pytest.mark.parametrize("name", CAUSES)
def test_each_cause_gives_its_warning_and_no_other(name: str) -> None:
    assert ids(**CAUSES[name]) == [name]


@pytest.mark.parametrize("name", CAUSES)
def test_a_warning_is_one_by_the_catalogue(name: str) -> None:
    assert entry(name).outcome is Outcome.WARNING


@pytest.mark.parametrize("name", CAUSES)
def test_a_warning_has_everything_that_its_text_names(name: str) -> None:
    (found,) = warnings(**CAUSES[name])
    texts = (entry(name).title, entry(name).cause, *entry(name).remedy)
    named = {field for text in texts for _, field, _, _ in string.Formatter().parse(text) if field}
    assert named <= set(found.parameters)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tls": SEALED._replace(days_left=CERTIFICATE_WARNING_DAYS + 1)},
        {"tls": SEALED._replace(certificate=None, days_left=None)},
        {"ladder": (rung(Stage.GREETING, SLOW_GREETING_MS),)},
        {"ladder": (rung(Stage.EHLO, SLOW_GREETING_MS),)},
        {"ladder": (rung(Stage.DNS, SLOW_GREETING_MS + 1),)},
        {"ladder": (rung(Stage.CONNECT, SLOW_GREETING_MS + 1),)},
        {"oddities": (BLANK,)},
        {"replies": (StageReply(Stage.EHLO, reply("250 mx 5.7.1 ready")),)},
        {"replies": (StageReply(Stage.GREETING, reply("220 error.example.org ready")),)},
        {"ladder": (rung(Stage.MAIL, 5)._replace(grouped=True),)},
        {"ladder": (rung(Stage.GREETING, None, RungState.NOT_REACHED),)},
        {"attempts": (CONNECTED, attempt("192.0.2.2", "abandoned"))},
        {"attempts": (attempt("2001:db8::1", "unreachable"), CONNECTED)},
        {"attempts": (attempt("192.0.2.2", "refused"),), "address": ""},
    ],
)
def test_what_is_in_order_gives_no_warning(changes: dict[str, Any]) -> None:
    assert ids(**changes) == []


ENDED = Defect(id="tls.cert-expired", parameters={"not_after": "then"}, line="notAfter then")
ASTRAY = Defect(id="tls.cert-hostname", parameters={"names": "a.example"}, line="a.example")


def test_defects_of_a_certificate_that_is_taken_are_warnings() -> None:
    expired, astray = warnings(defects=(ENDED, ASTRAY))
    assert (expired.id, astray.id) == (ENDED.id, ASTRAY.id)
    assert (expired.parameters["not_after"], expired.evidence_line) == ("then", "notAfter then")


def test_of_a_certificate_that_is_refused_the_lesser_defects_are_warnings() -> None:
    by = fault(Stage.TLS, kind=FaultKind.CERTIFICATE, verify_code=10)
    assert ids(ended_by=by, defects=(ENDED, ASTRAY)) == [ASTRAY.id]


def test_a_certificate_that_has_ended_does_not_soon_end_as_well() -> None:
    assert ids(tls=SEALED._replace(days_left=-1), defects=(ENDED,)) == [ENDED.id]


@pytest.mark.parametrize(("days", "is_told"), [(21, True), (22, False), (-1, False), (None, False)])
def test_an_issuer_that_soon_ends_is_a_warning(days: int | None, *, is_told: bool) -> None:
    issuer = LEAF._replace(subject="CN=Example authority", days_left=days)
    found = warnings(tls=SEALED, chain=(LEAF, issuer))
    assert [each.id for each in found] == ["tls.cert-expiring"] * is_told
    assert all("Example authority" in each.evidence_line for each in found)


def test_an_ipv6_address_that_refuses_is_down_like_any_other() -> None:
    assert ids(attempts=(attempt("2001:db8::1", "refused"), CONNECTED)) == [
        "connect.one-address-down"
    ]


@pytest.mark.parametrize(
    ("outcome", "has_route", "ids_told"),
    [
        ("unreachable", True, ["connect.ipv6-broken"]),
        ("timeout", True, ["connect.ipv6-broken"]),
        ("refused", True, ["connect.one-address-down"]),
        ("abandoned", True, []),
        ("unreachable", False, []),
        ("timeout", False, ["connect.one-address-down"]),
    ],
)
def test_an_ipv6_address_without_an_answer_is_judged_by_the_machines_route(
    outcome: str, ids_told: list[str], *, has_route: bool
) -> None:
    tried = (attempt("2001:db8::1", outcome), CONNECTED)
    assert ids(attempts=tried, has_ipv6_route=has_route) == ids_told


def test_where_ipv6_works_for_one_address_it_is_not_broken() -> None:
    tried = (attempt("2001:db8::1", "timeout"), attempt("2001:db8::2", "connected"))
    assert ids(attempts=tried, has_ipv6_route=True) == ["connect.one-address-down"]


def test_all_addresses_that_are_down_are_named() -> None:
    down = (attempt("192.0.2.2", "refused"), attempt("192.0.2.3", "timeout"))
    (found,) = warnings(attempts=(*down, CONNECTED))
    assert found.parameters["address"] == "192.0.2.2, 192.0.2.3"


def test_a_failed_test_has_warnings_too_but_not_that_its_goal_was_short() -> None:
    by = fault(Stage.AUTH, "535 no", kind=FaultKind.REPLY)
    assert ids(ended_by=by, goal=Goal.LOGIN, **CAUSES["proto.bare-lf"]) == ["proto.bare-lf"]


@pytest.mark.parametrize(
    ("stage", "kind", "is_told"),
    [
        (Stage.CONNECT, FaultKind.REFUSED, True),
        (Stage.GREETING, FaultKind.CLOSED, True),
        (Stage.CONNECT, FaultKind.PROXY_REFUSED, False),
        (Stage.AUTH, FaultKind.CLOSED, False),
    ],
)
def test_what_a_proxy_may_have_caused_is_told(
    stage: Stage, kind: FaultKind, *, is_told: bool
) -> None:
    by = fault(stage, kind=kind)
    assert ids(ended_by=by, proxy="office") == ["connect.through-proxy"] * is_told
    assert ids(ended_by=by) == []


def test_an_address_that_a_proxy_did_not_open_is_not_down() -> None:
    assert ids(attempts=(attempt("192.0.2.2", "proxy-refused"), CONNECTED)) == []


def test_a_warning_is_told_once() -> None:
    twice = (attempt("192.0.2.2", "refused"), attempt("192.0.2.3", "refused"), CONNECTED)
    assert ids(attempts=twice) == ["connect.one-address-down"]


def test_all_warnings_stand_side_by_side() -> None:
    changes = {key: value for cause in CAUSES.values() for key, value in cause.items()}
    changes["ladder"] = (
        *CAUSES["proto.slow-banner"]["ladder"],
        *CAUSES["proto.slow-reply"]["ladder"],
    )
    changes["oddities"] = (*CAUSES["ehlo.no-esmtp"]["oddities"], *changes["oddities"])
    assert set(ids(**changes)) == set(CAUSES)


def test_a_note_on_the_settings_is_told_where_the_test_failed() -> None:
    by = fault(Stage.MAIL, "550 no")
    assert ids(ended_by=by, oddities=(BLANK,)) == ["config.secret-whitespace"]


def test_in_a_group_each_answer_is_timed_from_the_one_before_it() -> None:
    """The clocks of a group start together, but who waits for answers waits for one at a time."""
    each = SLOW_GREETING_MS - 1
    mail, recipient, start = (
        rung(stage, waited * each)._replace(started_ms=100, grouped=True)
        for waited, stage in enumerate((Stage.MAIL, Stage.RCPT, Stage.DATA), start=1)
    )
    assert ids(ladder=(mail, recipient, start)) == []

    late = start._replace(took_ms=2 * each + SLOW_GREETING_MS + 1)
    (warning,) = warnings(ladder=(mail, recipient, late))
    assert (warning.id, warning.stage) == ("proto.slow-reply", Stage.DATA)
    assert warning.parameters["seconds"] == f"{(SLOW_GREETING_MS + 1) / 1000:.1f}"


def test_what_decided_is_no_warning_beside_itself() -> None:
    report = judged(seen(fault(Stage.AUTH, "535 no"), oddities=(BLANK,)))
    assert report.diagnosis is not None
    assert report.diagnosis.id == "config.secret-whitespace"
    assert report.diagnosis.evidence_line == "535 no; a blank at the end"
    assert report.warnings == ()


GROUP = tuple(
    rung(stage, 5, state)._replace(grouped=True)
    for stage, state in ((Stage.MAIL, RungState.PROVEN), (Stage.RCPT, RungState.FAILED))
)


@pytest.mark.parametrize(
    ("by", "is_broken"),
    [
        (fault(Stage.RCPT, kind=FaultKind.TIMEOUT), True),
        (fault(Stage.RCPT, kind=FaultKind.CLOSED), True),
        (fault(Stage.RCPT, "554 SMTP synchronization error"), True),
        (fault(Stage.RCPT, "503 Improper use of SMTP command pipelining"), True),
        (fault(Stage.RCPT, "550 no"), False),
        (fault(Stage.CONTENT, kind=FaultKind.TIMEOUT), False),
    ],
)
def test_a_group_that_is_not_answered_is_told(by: Fault, is_broken: bool) -> None:
    assert ("proto.pipelining-broken" in ids(ended_by=by, ladder=GROUP)) is is_broken


def test_silence_to_the_first_of_a_group_tells_nothing_of_groups() -> None:
    alone = (rung(Stage.MAIL, 5, RungState.FAILED)._replace(grouped=True),)
    assert ids(ended_by=fault(Stage.MAIL, kind=FaultKind.TIMEOUT), ladder=alone) == []
