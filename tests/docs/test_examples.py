"""The commands and values on the pages: they are parsed by what would parse them."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

import dev
from project.environment import NOT_SETTINGS
from smtpcheck.conf import known_names
from smtpcheck.engine.__main__ import parser as engine_parser
from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.policy import parse_entry
from smtpcheck.engine.uri import parse_uri
from smtpcheck.management.commands.test_smtp import Command
from smtpcheck.management.demonstration.examples import EXAMPLES, SANDBOX_PASSWORD
from smtpcheck.management.demonstration.ports import Ports
from smtpcheck.sandbox import find_fault
from tests.docs.pages import PAGES, ROOT, Block, all_commands, blocks

COMMANDS = all_commands()


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def managed(words: list[str]) -> list[str]:
    """What follows manage.py in a command, or nothing."""
    places = [index for index, word in enumerate(words) if word.endswith("manage.py")]
    end = next((index for index, word in enumerate(words) if word in {"<", ">", "|"}), len(words))
    return words[places[0] + 1 : end] if places else []


MANAGED = [(page, managed(words)) for page, words in COMMANDS if managed(words)]


@pytest.mark.parametrize(("page", "words"), MANAGED, ids=lambda part: str(part)[:60])
def test_every_management_command_takes_its_options(page: str, words: list[str]) -> None:
    name, *options = words
    assert name in get_commands(), page
    command = load_command_class(get_commands()[name], name)
    parser: ArgumentParser = command.create_parser("manage.py", name)
    parser.parse_args(options)  # ends in SystemExit where an option does not exist


def test_there_are_examples_of_the_main_command() -> None:
    assert sum(words[0] == "test_smtp" for _page, words in MANAGED) > 10


@pytest.mark.parametrize(
    "words",
    [words for _page, words in COMMANDS if "dev.py" in words],
    ids=" ".join,
)
def test_every_dev_command_exists(words: list[str]) -> None:
    name = words[words.index("dev.py") + 1]
    assert re.search(rf"^  {name} ", dev.USAGE, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_uri_can_be_read(page: Path) -> None:
    found = re.findall(r"smtps?://[^\s\"'`|)]*[\w\]]", "".join(each.text for each in blocks(page)))
    for uri in found:
        parse_uri(uri)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_name_of_a_setting_exists(page: Path) -> None:
    known = {f"SMTPCHECK_{name}" for name in known_names()} | NOT_SETTINGS
    found = set(re.findall(r"\bSMTPCHECK_[A-Z_]*[A-Z]\b", page.read_text()))
    assert found - known == set()


POLICIES = [
    (named(page), value)
    for page in PAGES
    for value in re.findall(r"SMTPCHECK_POLICY=\"?([^\"\n]+)", page.read_text())
]


@pytest.mark.parametrize(("page", "value"), POLICIES)
def test_every_policy_can_be_read(page: str, value: str) -> None:
    for entry in value.split(";"):
        parse_entry(entry)


def test_every_policy_entry_of_the_how_to_can_be_read() -> None:
    text = (ROOT / "docs/how-to/allow-an-internal-network.md").read_text()
    entries = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    assert len(entries) >= 5
    assert any(parse_entry(entry).cleartext for entry in entries)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_diagnosis_that_is_named_exists(page: Path) -> None:
    stages = "|".join(sorted({name.partition(".")[0] for name in CATALOGUE}))
    found = set(re.findall(rf"`((?:{stages})\.[a-z][a-z0-9-]+)`", page.read_text()))
    assert {name for name in found if not name.endswith(".py")} - set(CATALOGUE) == set()


def test_every_fault_that_is_played_exists() -> None:
    played = [
        words[index + 1]
        for _page, words in MANAGED
        for index, word in enumerate(words)
        if word == "--fault"
    ]
    assert played
    for spec in played:
        find_fault(spec.partition(":")[2])


def test_the_tutorials_uri_is_a_login_of_the_sandbox() -> None:
    page = ROOT / "docs/tutorial/first-test.md"
    (text,) = [each.text for each in blocks(page) if each.text.strip().startswith("smtps://")]
    uri = parse_uri(text.strip())
    assert uri.username in {example.username for example in EXAMPLES}
    assert uri.password is not None
    assert uri.password.reveal() == SANDBOX_PASSWORD
    assert uri.port == Ports().tls


def test_the_tutorials_table_shows_the_examples() -> None:
    text = (ROOT / "docs/tutorial/first-test.md").read_text()
    for example in EXAMPLES:
        assert re.search(rf"^{re.escape(example.name)} ", text, re.MULTILINE)
        if example.expected:
            assert CATALOGUE[example.expected].title in text


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_requirements_file_on_a_page_exists(page: Path) -> None:
    named_files = re.findall(r"requirements/\w+\.txt", page.read_text())
    assert [name for name in named_files if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_option_in_prose_is_one_of_a_command(page: Path) -> None:
    parsers = (Command().create_parser("manage.py", "test_smtp"), engine_parser())
    actions = (action for parser in parsers for action in parser._actions)
    known = {option for action in actions for option in action.option_strings}
    known |= {"--fault", "--list-faults", "--help", "--upgrade", "--upgrade-package", "--id"}
    used = set(re.findall(r"`(--[a-z][a-z-]+)", page.read_text()))
    assert used - known == set()


SAMPLES = [each for page in PAGES for each in blocks(page) if "\nDiagnosis " in each.text]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.page.name)
def test_a_sample_of_the_output_speaks_as_the_catalogue_does(sample: Block) -> None:
    (diagnosis_id,) = re.findall(r"^Diagnosis +(\S+)$", sample.text, re.MULTILINE)
    entry = CATALOGUE[diagnosis_id]
    assert entry.title in sample.text
    assert all(step in sample.text for step in entry.remedy)


def test_there_is_a_sample_of_the_output() -> None:
    assert {sample.page.name for sample in SAMPLES} >= {"README.md", "play-a-fault.md"}
