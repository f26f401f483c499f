"""The page that tells how to add a diagnosis: what it says to write is written here, and works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir

from smtpcheck.engine import catalogue
from smtpcheck.engine.catalogue import CATALOGUE, Entry, greeting
from smtpcheck.engine.catalogue.entry import Outcome
from smtpcheck.engine.diagnosis import failure
from smtpcheck.engine.diagnosis.matcher import Rule
from smtpcheck.engine.diagnosis.rules import SPECIFIC, greetings
from smtpcheck.engine.evidence import Evidence
from smtpcheck.sandbox import Authority
from tests.engine import test_check
from tests.engine.diagnosis import test_rules
from tests.engine.diagnosis.sightings import diagnosis_of
from tests.engine.diagnosis.wild import REPLIES
from tests.peers.scripted import ScriptedPeer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/add-a-diagnosis.md").read_text()


def example(name: str) -> str:
    """The block that a marker names."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, name
    return found[1]


def evaluated(name: str, module: Any) -> Any:
    """The block as the module would read it in which it is to stand."""
    return eval(f"(\n{example(name)}\n)", dict(vars(module)))  # noqa: S307 - our own page


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Entry:
    """The diagnosis of the page, where the page says that it has to stand."""
    entry: Entry = evaluated("entry", greeting)
    rule: Rule = evaluated("rule", greetings)
    before = next(i for i, each in enumerate(SPECIFIC) if each.id == "greet.421-unavailable")
    monkeypatch.setattr(catalogue, "CATALOGUE", {**CATALOGUE, entry.id: entry})
    monkeypatch.setattr(failure, "SPECIFIC", (*SPECIFIC[:before], rule, *SPECIFIC[before:]))
    return entry


def test_the_entry_is_new_and_listed_as_the_page_says() -> None:
    entry: Entry = evaluated("entry", greeting)
    assert entry.id not in CATALOGUE
    listed = example("listing").rstrip("\n").split("\t")
    assert entry.stage is not None
    assert listed == [entry.id, entry.stage.value, entry.outcome.value, entry.owner.value]
    assert entry.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("name", ["table", "near-misses"])
def test_the_rows_hold(added: Entry, name: str) -> None:
    rows: list[tuple[Evidence, str]] = evaluated(name, test_rules)
    assert [diagnosis_of(evidence) for evidence, _ in rows] == [found for _, found in rows]
    assert (added.id in {found for _, found in rows}) is (name == "table")


def test_the_test_over_a_socket_passes(
    added: Entry, peer: Callable[..., ScriptedPeer], authority: Authority
) -> None:
    names = dict(vars(test_check))
    exec(example("peer"), names)  # noqa: S102 - our own page
    (made,) = set(names) - set(vars(test_check))
    names[made](peer, authority)


def test_what_is_known_already_is_still_told_as_before(added: Entry) -> None:
    """Who follows the page finds no other test broken."""
    taken = [said.text for said in REPLIES if diagnosis_of(said.evidence()) == added.id]
    assert taken == []


def test_no_line_is_too_long_where_it_is_to_stand() -> None:
    lines = [line for name in ("entry", "rule") for line in example(name).splitlines()]
    assert [line for line in lines if len(f"    {line}") > 100] == []


def test_every_file_and_folder_on_the_page_exists() -> None:
    named = set(re.findall(r"`((?:smtpcheck|tests)/[\w./-]+)`", PAGE))
    assert len(named) >= 10
    missing = {name for name in named if not (ROOT / name).exists()}
    assert missing == set()


def test_translators_get_the_texts_of_the_catalogue() -> None:
    collected = {text for _, _, text, *_ in extract_from_dir(ROOT / "smtpcheck/engine/catalogue")}
    item = CATALOGUE["greet.421-unavailable"]
    assert {item.title, item.cause, *item.remedy} <= collected


def test_the_checks_that_a_translation_must_pass_are_among_those_to_run() -> None:
    """Without them a reader would find out only when all tests run."""
    assert "$ .venv/bin/python smtpcheck/locale/update.py\n" in PAGE
    (run,) = re.findall(r"^\$ python3 dev\.py test (.+)$", PAGE, re.MULTILINE)
    assert "tests/test_locale.py" in run.split()
