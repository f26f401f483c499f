from __future__ import annotations

from typing import Any

from smtpcheck.engine.telling.answer import address, answer_lines, heading_line, verdict_line
from smtpcheck.engine.telling.terminal import Line, columns

ASKED = {
    "host": "mail.example.org",
    "port": 587,
    "security": "starttls",
    "username": "ann@example.org",
    "sender": "ann@example.org",
    "recipient": "test@example.org",
    "goal": "content",
}

REFUSED: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000000",
    "asked": ASKED,
    "took_ms": 420,
    "verdict": "fails",
    "stage": "auth",
    "owner": "settings",
    "diagnosis": {
        "id": "auth.invalid",
        "title": "Login refused",
        "cause": "The server refused the user name or the password.",
        "remedy": ["Type the password again.", "Ask the provider whether a login is allowed."],
        "help_url": "https://help.example.org/login",
        "confidence": "probable",
        "evidence": "535 5.7.8 no",
        "parameters": {},
    },
    "warnings": [{"title": "Slow", "cause": "The greeting took 4 s.", "remedy": []}],
    "reply": {"code": 535, "enhanced": "5.7.8", "text": "5.7.8 no\x1b[2J"},
    "ladder": [
        {"stage": "auth", "state": "failed", "encrypted": True},
        {"stage": "mail", "state": "not-reached", "encrypted": True},
    ],
    "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "days_left": 30},
}

WORKS: dict[str, Any] = {
    **REFUSED,
    "verdict": "works",
    "stage": "content",
    "owner": None,
    "diagnosis": None,
    "warnings": [],
    "reply": {"code": 250, "enhanced": "2.0.0", "text": "2.0.0 queued as 4711"},
    "ladder": [{"stage": "content", "state": "proven", "encrypted": True}],
}


def texts(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line) for line in lines]


def test_a_failure_is_told_whole() -> None:
    told = "\n".join(texts(answer_lines(REFUSED, None)))
    for part in (
        "Login refused",
        "The server refused the user name or the password.",
        "  1. Type the password again.",
        "  2. Ask the provider whether a login is allowed.",
        "535 5.7.8 no",
        "probable",
        "https://help.example.org/login",
        "auth.invalid",
        "Slow: The greeting took 4 s.",
        "TLSv1.3",
        "30 days",
        REFUSED["id"],
    ):
        assert part in told


def test_what_was_not_reached_is_said() -> None:
    assert "not reached" in texts(answer_lines(REFUSED, None))[0]


def test_the_enhanced_code_is_not_told_twice() -> None:
    assert "\n".join(texts(answer_lines(REFUSED, None))).count("535 5.7.8 no") == 2  # and evidence


def test_success_names_recipient_time_and_the_servers_words() -> None:
    told = "\n".join(texts(answer_lines(WORKS, None)))
    assert "test@example.org" in told
    assert "420 ms" in told
    assert "250 2.0.0 queued as 4711" in told


def test_nothing_is_wider_than_the_terminal() -> None:
    long = {**REFUSED["diagnosis"], "cause": "word " * 60, "evidence": "x" * 300}
    lines = texts(answer_lines({**REFUSED, "diagnosis": long}, 60))
    assert max(map(columns, lines[4:])) <= 60


def test_a_file_keeps_a_sentence_on_one_line() -> None:
    long = {**REFUSED["diagnosis"], "cause": "word " * 60}
    assert "word " * 60 in texts(answer_lines({**REFUSED, "diagnosis": long}, None))


def test_an_ended_certificate_is_not_valid_for_minus_days() -> None:
    told = "\n".join(texts(answer_lines({**WORKS, "tls": {**WORKS["tls"], "days_left": -3}}, None)))
    assert "ended 3 days ago" in told


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert address({"host": "2001:db8::1", "port": 25}) == "[2001:db8::1]:25"


def test_a_target_that_could_not_be_read_has_a_name_too() -> None:
    assert address({"host": "", "port": 0}) == "(no host)"


def test_the_heading_says_who_logs_in_where_and_how_far() -> None:
    heading = texts([heading_line(ASKED, account="News")])[0]
    assert heading.startswith("News  mail.example.org:587")
    assert "ann@example.org" in heading


def test_the_verdict_of_one_of_many_begins_with_verdict_and_name() -> None:
    assert texts([verdict_line(REFUSED, name="News")])[0].split("  ")[1] == "News"
