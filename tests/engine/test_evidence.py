"""Evidence is frozen, becomes plain JSON, and shows any bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcheck.engine.evidence import (
    Attempt,
    Evidence,
    Fault,
    FaultKind,
    Oddity,
    Reply,
    Rung,
    StageReply,
    enhanced_code,
    escape,
    plain,
    visible,
)
from smtpcheck.engine.stages import Goal, RungState, Security, Stage

EVIDENCE = Evidence(
    host="mx.example.org",
    port=587,
    security=Security.STARTTLS,
    goal=Goal.CONTENT,
    attempts=(Attempt(address="192.0.2.1", port=587, outcome="connected", took_ms=3),),
    first_bytes=b"220 \xff",
    replies=(
        StageReply(Stage.GREETING, Reply(220, ("mx",))),
        StageReply(Stage.EHLO, Reply(250, ("mx",))),
        StageReply(Stage.EHLO, Reply(250, ("mx", "AUTH PLAIN"))),
    ),
    ladder=(Rung(stage=Stage.GREETING, state=RungState.PROVEN, started_ms=1, took_ms=2),),
    oddities=(Oddity("proto.bare-lf", Stage.GREETING),),
    fault=Fault(stage=Stage.AUTH, kind=FaultKind.REPLY, reply=Reply(535, ("5.7.8 no",))),
)


@pytest.mark.parametrize(
    ("line", "code", "enhanced"),
    [
        ("5.7.8 wrong", 535, "5.7.8"),
        ("5.7.139 wrong", 535, "5.7.139"),
        ("2.1.0 fine", 250, "2.1.0"),
        ("5.7.8", 535, "5.7.8"),
        ("4.7.8 of another class", 535, ""),
        ("5.7 too short", 535, ""),
        ("5.7.8.9 too long", 535, ""),
        ("5.7.1234 too long", 535, ""),
        ("5..8 empty", 535, ""),
        ("5.7.\u0668 not a digit of ASCII", 535, ""),
        ("no 5.7.8 at the start", 535, ""),
        ("", 250, ""),
    ],
)
def test_an_enhanced_code_stands_at_the_start_and_in_its_class(
    line: str, code: int, enhanced: str
) -> None:
    assert enhanced_code(line, code) == enhanced


def test_a_reply_finds_its_enhanced_code_on_any_line() -> None:
    assert Reply(535, ("hello", "5.7.8 wrong")).enhanced == "5.7.8"
    assert Reply(535, ("hello", "you")).enhanced == ""


def test_a_reply_reads_as_one_line() -> None:
    assert str(Reply(250, ("mx", "", "SIZE"))) == "250 mx SIZE"
    assert str(Reply(250, ("",))) == "250"
    assert Reply(250, ()).text == ""


def test_the_last_reply_of_a_stage_is_found() -> None:
    assert EVIDENCE.reply_of(Stage.EHLO) == Reply(250, ("mx", "AUTH PLAIN"))
    assert EVIDENCE.reply_of(Stage.MAIL) is None


def test_evidence_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        EVIDENCE.host = "other"  # type: ignore[misc]


def test_evidence_becomes_plain_json() -> None:
    shown = json.loads(json.dumps(plain(EVIDENCE)))
    assert shown["security"] == "starttls"
    assert shown["first_bytes"] == "220 \\xff"
    assert shown["fault"]["reply"] == {"code": 535, "lines": ["5.7.8 no"]}
    assert shown["ladder"][0]["state"] == "proven"
    assert set(shown) == set(Evidence._fields)


def test_a_time_becomes_its_iso_form() -> None:
    assert plain({"at": datetime(2026, 1, 2, tzinfo=UTC)}) == {"at": "2026-01-02T00:00:00+00:00"}


@given(st.binary(max_size=64))
@settings(max_examples=100, deadline=None)
def test_any_bytes_can_be_shown_and_told_apart(raw: bytes) -> None:
    shown = escape(raw)
    assert shown.isascii()
    assert not shown or shown.isprintable()
    assert shown.encode().decode("unicode_escape").encode("latin-1") == raw


def test_what_a_terminal_or_a_database_cannot_take_is_shown_by_its_number() -> None:
    assert visible("a\tb ö") == "a\tb ö"
    assert visible("a\0b\r\x1b[31m\x85\u2028") == "a\\x00b\\x0d\\x1b[31m\\x85\\u2028"
    assert visible("pay\u202egnp\u2069\ufeff") == "pay\\u202egnp\\u2069\\ufeff"
