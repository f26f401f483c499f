"""Every promise of docs/explanation/security.md names tests, and these exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

PAGE = ROOT / "docs/explanation/security.md"
NAMED = re.compile(r"`(?P<file>tests/[\w/]+\.py)?(?:::(?P<test>test_\w+))?`")


def promises() -> dict[str, str]:
    """Each promise with the cell that says what attacks it."""
    lines = PAGE.read_text().partition("\n## Promises\n")[2].splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {promise: proof for promise, proof in cells if promise not in {"promise", "---"}}


@cache
def names_in(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("promise", "proof"), promises().items(), ids=range(len(promises())))
def test_a_promise_has_a_test_that_exists(promise: str, proof: str) -> None:
    file, found = "", 0
    for match in NAMED.finditer(proof):
        file = match["file"] or file  # "::name" is of the file before it
        assert (ROOT / file).is_file(), f"{promise}: {file}"
        if match["test"]:
            assert match["test"] in names_in(ROOT / file), f"{promise}: {match[0]}"
        found += 1
    assert found, f"{promise}: no test is named"


def test_the_page_was_read() -> None:
    assert len(promises()) > 20
