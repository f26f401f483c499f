from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate import PARTS, REFERENCE, completed, settings_lines, table
from smtpcheck.conf import known_names
from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.stages import Stage
from smtpcheck.engine.telling import exit_status

HOW_TO = "docs/reference is not what the code says. Run: .venv/bin/python docs/generate.py"


@pytest.mark.parametrize("page", sorted(REFERENCE.glob("*.md")), ids=lambda page: page.name)
def test_a_committed_page_says_what_the_code_says(page: Path) -> None:
    text = page.read_text()
    assert completed(text) == text, HOW_TO


def test_every_generated_part_stands_on_one_page() -> None:
    texts = [page.read_text() for page in REFERENCE.glob("*.md")]
    for name in PARTS:
        assert sum(text.count(f"<!-- generated: {name} -->") for text in texts) == 1, name


def test_what_stands_between_the_marks_is_replaced_and_nothing_else() -> None:
    page = (
        "mine\n<!-- generated: exit-status -->\nold\n<!-- end of generated: exit-status -->\nmine\n"
    )
    made = completed(page)
    assert made.startswith("mine\n<!-- generated: exit-status -->\n")
    assert made.endswith("<!-- end of generated: exit-status -->\nmine\n")
    assert "old" not in made
    assert completed(made) == made


def test_a_part_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        completed("<!-- generated: weather -->\n<!-- end of generated: weather -->")


def test_every_setting_is_listed_once_with_a_reason() -> None:
    lines = list(settings_lines())
    for name in known_names():
        assert sum(line.startswith(f"- `SMTPCHECK_{name}`:") for line in lines) == 1, name
    reasons = [line for line in lines if line.startswith("  ")]
    assert all(len(reason) > 20 for reason in reasons)


def test_a_secret_says_that_it_may_stand_in_a_file() -> None:
    (keys,) = [line for line in settings_lines() if "SMTPCHECK_ENCRYPTION_KEYS`" in line]
    assert "secret" in keys
    assert "SMTPCHECK_ENCRYPTION_KEYS_FILE" in keys


def test_every_diagnosis_is_listed_once() -> None:
    text = (REFERENCE / "diagnoses.md").read_text()
    for diagnosis_id in CATALOGUE:
        assert text.count(f"\n| `{diagnosis_id}` |") == 1, diagnosis_id


def test_every_exit_status_is_listed() -> None:
    text = (REFERENCE / "test_smtp.md").read_text()
    for stage in Stage:
        assert f"\n| {exit_status.of_stage(stage)} | fails at {stage} |" in text


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert list(table(("a",), [["x|y"]]))[2] == "| x\\|y |"
