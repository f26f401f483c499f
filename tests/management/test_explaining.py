from __future__ import annotations

import pytest

from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.telling.terminal import Line
from smtpcheck.management.explaining import (
    explanation_as_plain,
    explanation_lines,
    near_ids,
    overview_as_plain,
    overview_lines,
)
from smtpcheck.wording import explain


def text_of(lines: object) -> str:
    return "\n".join("".join(span.text for span in line) for line in as_lines(lines))


def as_lines(lines: object) -> list[Line]:
    return list(lines)  # type: ignore[call-overload,no-any-return]


def told(diagnosis_id: str, width: int | None = None) -> str:
    found = explain(diagnosis_id)
    assert found is not None
    return text_of(explanation_lines(found, width))


@pytest.mark.parametrize("diagnosis_id", CATALOGUE)
def test_every_diagnosis_is_explained_with_all_it_has(diagnosis_id: str) -> None:
    entry, text = CATALOGUE[diagnosis_id], told(diagnosis_id)
    assert text.startswith(f"{diagnosis_id}  ")
    assert f"  {len(entry.remedy)}. " in text
    assert entry.help_url in text
    assert ("Not found yet" in text) is (entry.needs is not None)
    assert "{" not in text


def test_a_value_of_a_test_is_told_by_its_name() -> None:
    assert "on port <port>" in told("tls.starttls-not-offered")
    assert "?" not in told("tls.starttls-not-offered")


def test_a_refused_test_says_that_nothing_is_sent() -> None:
    assert "Fails, and nothing is sent" in told("config.port-range")
    assert "Inconclusive, and nothing is sent" in told("tool.budget")


def test_lines_keep_to_the_width() -> None:
    lines = told("tls.starttls-not-offered", 60).splitlines()
    assert max(map(len, lines[2:])) <= 60


def test_the_overview_lists_every_id_once_below_its_stage() -> None:
    listed = [line for line in text_of(overview_lines()).splitlines() if line.startswith("  ")]
    assert sorted(line.split()[0] for line in listed) == sorted(CATALOGUE)
    text = text_of(overview_lines())
    assert text.index(": config") < text.index(": auth") < text.index("Any stage, or none")


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("auth.invald", "auth.invalid"),
        ("AUTH.INVALID", "auth.invalid"),
        ("greylist", "rcpt.greylist"),
        ("starttls-injection", "tls.starttls-injection"),
    ],
)
def test_near_ids_are_suggested(wanted: str, near: str) -> None:
    assert near in near_ids(wanted)


@pytest.mark.parametrize("wanted", ["", " ", "zzzzzz", "\x1b[2J"])
def test_nothing_is_suggested_for_what_is_like_nothing(wanted: str) -> None:
    assert near_ids(wanted) == []


def test_for_programs_the_words_of_the_vocabulary_stay() -> None:
    found = explain("tls.starttls-not-offered")
    assert found is not None
    plain = explanation_as_plain(found)
    assert (plain["stage"], plain["outcome"], plain["owner"]) == ("starttls", "fails", "settings")
    assert [item["id"] for item in overview_as_plain()] == list(CATALOGUE)


def test_an_unknown_id_has_no_explanation() -> None:
    assert explain("auth.nonsense") is None
