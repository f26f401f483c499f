"""The page on compatibility: each row has a test, and each test is there."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/reference/compatibility.md").read_text()

ROWS = re.findall(r"^\| (?!behaviour|---)(.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py::[\w:]+)`", PAGE)))


@cache
def named_in(path: str) -> frozenset[str]:
    """The tests of a file, those of a class as ``Class::test``."""
    found: set[str] = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{name}" for name in functions(node.body)}
    return frozenset(found | functions(ast.parse((ROOT / path).read_text()).body))


def functions(body: list[ast.stmt]) -> set[str]:
    defined = (each.name for each in body if isinstance(each, ast.FunctionDef))
    return {name for name in defined if name.startswith("test_")}


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_is_named_exists(named: str) -> None:
    path, _, name = named.partition("::")
    assert name in named_in(path)


def test_there_are_rows() -> None:
    assert len(ROWS) > 80


@pytest.mark.parametrize(("behaviour", "ours", "tests"), ROWS, ids=lambda cell: cell[:50])
def test_a_row_names_its_tests_and_nothing_else(behaviour: str, ours: str, tests: str) -> None:
    assert all(f"`{named}`" in PAGE for named in tests.replace("`", "").split(", "))
    assert set(tests.replace("`", "").split(", ")) <= set(NAMED)
    assert behaviour.strip()
    assert ours.strip()


def test_every_test_of_the_contract_is_on_the_page() -> None:
    path = "tests/api/test_contract.py"
    assert {f"{path}::{name}" for name in named_in(path)} <= set(NAMED)


@pytest.mark.parametrize("mark", ["differs", "chosen"])
def test_the_marks_are_explained(mark: str) -> None:
    assert PAGE.count(f"**{mark}**") > 1
