from __future__ import annotations

import re
from typing import Any

import pytest

from smtpcheck.management import nagios
from tests.management.plains import diagnosed, plain, warned

# 'label'=value[unit];[warn];[crit];[min];[max] with nothing that is left open here but the limits.
FIGURE = re.compile(r"[a-z_]+=\d+(\.\d+)?s?;;;0(;\d+)?")

BY_CHOICE = warned("tool.not-proven", "Not everything is proven")
HOSTILE = "a|b\nSMTP OK\r\n\x1b[2J\x00 | 'x'=1\u202e"


@pytest.mark.parametrize(
    ("result", "status", "start"),
    [
        (plain(), 0, "SMTP OK - mail.example.org:587: A test mail to bob@example.org was accepted"),
        (plain(warnings=[BY_CHOICE]), 0, "SMTP OK - mail.example.org:587: A test mail"),
        (plain(warnings=[BY_CHOICE, warned()]), 1, "SMTP WARNING - mail.example.org:587: Slow|"),
        (plain("fails"), 2, "SMTP CRITICAL - mail.example.org:587: Login: Login refused"),
        (plain("inconclusive"), 3, "SMTP UNKNOWN - mail.example.org:587: Login: Login refused"),
        (plain("fails", account="News"), 2, "SMTP CRITICAL - News: Login: Login refused (auth"),
    ],
)
def test_the_line_and_the_status_say_the_same(
    result: dict[str, Any], status: int, start: str
) -> None:
    assert nagios.state_of([result]) == status
    assert nagios.status_line([result]).startswith(start)


def test_behind_the_bar_stands_the_time_of_each_stage_that_was_reached() -> None:
    figures = nagios.status_line([plain()]).partition("|")[2].split()
    assert [figure.split(";")[0] for figure in figures] == [
        "total=1.234s",
        "config=0.000s",
        "connect=0.012s",
        "ehlo=0.003s",
        "ehlo_tls=0.004s",
    ]
    assert all(FIGURE.fullmatch(figure) for figure in figures)


@pytest.mark.parametrize("many", [False, True])
def test_nothing_foreign_adds_a_bar_or_a_line(many: bool) -> None:
    result = plain("fails", account=HOSTILE, diagnosis=diagnosed("auth.invalid", HOSTILE))
    line = nagios.status_line([result, result] if many else [result])
    text, _, figures = line.partition("|")
    assert line.isprintable()
    assert all(FIGURE.fullmatch(figure) for figure in figures.split())
    assert text.startswith("SMTP CRITICAL - ")


def test_many_are_told_by_the_worst_and_counted() -> None:
    results = [
        plain(account="A"),
        plain("inconclusive", account="B"),
        plain(account="C", warnings=[warned()]),
        plain("fails", account="D", took_ms=5000),
    ]
    text, _, figures = nagios.status_line(results).partition("|")
    assert text.startswith("SMTP CRITICAL - 4 accounts tested; D: Login: Login refused")
    assert text.index("D: ") < text.index("C: Slow") < text.index("B: ")
    assert figures.split() == [
        "ok=1;;;0;4",
        "warning=1;;;0;4",
        "critical=1;;;0;4",
        "unknown=1;;;0;4",
        "slowest=5.000s;;;0",
    ]


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        (["works", "works"], 0),
        (["works", "inconclusive"], 3),
        (["inconclusive", "warned"], 1),
        (["inconclusive", "warned", "fails"], 2),
    ],
)
def test_the_worst_of_many_counts(verdicts: list[str], state: int) -> None:
    results = [plain(warnings=[warned()]) if each == "warned" else plain(each) for each in verdicts]
    assert nagios.state_of(results) == state


def test_a_thousand_accounts_are_still_one_short_line() -> None:
    results = [plain("fails", account=f"Account {number}") for number in range(1000)]
    line = nagios.status_line(results)
    assert len(line) < 1024
    assert "1000 accounts tested" in line
    few = nagios.status_line([plain("fails", account=f"{number}") for number in range(7)])
    assert "and 2 more" in few


def test_a_call_that_tested_nothing_is_unknown() -> None:
    assert nagios.unknown_line("No | key\nis set.") == "SMTP UNKNOWN - No / key is set."
