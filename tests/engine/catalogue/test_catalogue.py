"""Every diagnosis is there with its stage, outcome and owner, and its text is fit to be read."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from smtpcheck.engine.catalogue import (
    CATALOGUE,
    PARAMETERS,
    Confidence,
    Entry,
    Needs,
    Outcome,
    UnknownDiagnosis,
    general,
)
from smtpcheck.engine.catalogue import entry as find
from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.stages import Owner, Stage

Texts = Callable[[Entry], tuple[str, ...]]

WITHOUT_STAGE = {"any", "tool", "deliverability"}

with (Path(__file__).parent / "diagnoses.tsv").open(encoding="utf-8") as table:
    ROWS = list(csv.DictReader(table, delimiter="\t"))

ENTRIES = list(CATALOGUE.values())

BLAMES = re.compile(
    r"wrong (user|password)|password is wrong|account is (broken|wrong|blocked|at fault)",
    re.IGNORECASE,
)
FORGIVES = re.compile(r"does not (mean|prove)", re.IGNORECASE)
BLIND_TRUST = re.compile(
    r"(disable|switch off|turn off|skip|ignore)\w* [^.]*(verif|certificate|tls|encryption)",
    re.IGNORECASE,
)


def texts(item: Entry) -> tuple[str, ...]:
    return (item.title, item.cause, *item.remedy)


def offenders(rule: Callable[[str], object], pick: Texts = texts) -> list[str]:
    """The ids whose texts, or those picked of them, break a rule."""
    return [item.id for item in ENTRIES if not all(rule(text) for text in pick(item))]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_listed_diagnosis_has_its_stage_outcome_and_owner(row: dict[str, str]) -> None:
    found = find(row["id"])
    stage = None if row["stage"] in WITHOUT_STAGE else Stage(row["stage"])
    assert (found.stage, found.outcome, found.owner) == (
        stage,
        Outcome(row["verdict"]),
        Owner(row["owner"]),
    )


def test_every_diagnosis_is_listed_once() -> None:
    assert sorted(row["id"] for row in ROWS) == sorted(CATALOGUE)


def test_every_entry_stands_under_its_own_id() -> None:
    assert [item.id for item in ENTRIES] == list(CATALOGUE)


def test_an_unknown_id_is_told_by_its_name() -> None:
    with pytest.raises(UnknownDiagnosis, match=r"'auth\.nonsense' is no diagnosis") as caught:
        find("auth.nonsense")
    assert isinstance(caught.value, (KeyError, EngineError))
    assert caught.value.diagnosis_id == "auth.nonsense"


def test_the_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CATALOGUE["auth.invalid"] = ENTRIES[0]  # type: ignore[index]


def test_an_id_is_a_family_and_a_name() -> None:
    shape = re.compile(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*")
    assert [item.id for item in ENTRIES if not shape.fullmatch(item.id)] == []


def test_a_text_names_only_known_parameters() -> None:
    def knows(text: str) -> bool:
        return set(re.findall(r"\{(\w+)\}", text)) <= set(PARAMETERS)

    assert offenders(knows) == []
    assert offenders(lambda text: not re.search(r"[{}]", re.sub(r"\{\w+\}", "", text))) == []


def test_a_text_is_a_tidy_line() -> None:
    assert offenders(lambda text: text and text == " ".join(text.split())) == []


def test_a_title_is_short_and_no_sentence() -> None:
    def fits(title: str) -> bool:
        return len(title) <= 60 and not title.endswith(".")

    assert offenders(fits, lambda item: (item.title,)) == []


def test_causes_and_remedies_are_whole_sentences() -> None:
    def is_sentence(text: str) -> bool:
        return text[0].isupper() and text.endswith(".")

    assert offenders(is_sentence, lambda item: (item.cause, *item.remedy)) == []


def test_a_cause_is_one_or_two_sentences() -> None:
    assert offenders(lambda cause: cause.count(". ") <= 1, lambda item: (item.cause,)) == []


def test_a_remedy_has_one_to_four_steps() -> None:
    assert [item.id for item in ENTRIES if not 1 <= len(item.remedy) <= 4] == []


def test_no_two_diagnoses_share_a_title() -> None:
    titles = [item.title.replace("{step}", str(item.stage)) for item in ENTRIES]
    assert len(set(titles)) == len(titles)


def test_a_help_page_is_a_public_https_address() -> None:
    pages = {item.help_url for item in ENTRIES} - {""}
    assert pages
    assert {urlsplit(page).scheme for page in pages} == {"https"}
    assert all("." in (urlsplit(page).hostname or "") for page in pages)


def test_an_inconclusive_diagnosis_does_not_blame_the_account() -> None:
    def spares(cause: str) -> object:
        return FORGIVES.search(cause) or not BLAMES.search(cause)

    def causes(item: Entry) -> tuple[str, ...]:
        return (item.cause,) if item.outcome is Outcome.INCONCLUSIVE else ()

    assert offenders(spares, causes) == []


def test_no_text_advises_to_trust_blindly() -> None:
    assert offenders(lambda text: not BLIND_TRUST.search(text)) == []


@pytest.mark.parametrize(
    ("family", "needs"),
    [
        ("oauth", Needs.OAUTH),
        ("trip", Needs.DELIVERY),
        ("deliv", Needs.DELIVERABILITY),
    ],
)
def test_a_family_that_cannot_be_found_yet_says_what_it_needs(family: str, needs: Needs) -> None:
    members = [item for item in ENTRIES if item.id.startswith(f"{family}.")]
    assert {item.needs for item in members} == {needs}


def test_everything_else_but_one_can_be_found_from_one_place() -> None:
    waiting = [
        item.id
        for item in ENTRIES
        if item.needs and item.id.split(".")[0] not in {"oauth", "trip", "deliv"}
    ]
    assert waiting == ["dns.split-horizon"]


@pytest.mark.parametrize("stage", general.PREFIXES)
@pytest.mark.parametrize(
    "kind",
    [
        "rejected",
        "deferred",
        "timeout",
        "closed",
        "reset",
        "too-much",
        "bad-reply",
        "out-of-step",
    ],
)
def test_every_step_of_the_dialogue_has_its_general_diagnoses(stage: Stage, kind: str) -> None:
    assert find(f"{general.PREFIXES[stage]}.{kind}").stage is stage


def test_a_general_diagnosis_claims_no_more_than_what_was_seen() -> None:
    assert {item.confidence for item in general.ENTRIES} == {Confidence.CERTAIN}
