"""What runs with us has a licence that anybody can live with."""

from __future__ import annotations

import re

from docs.generate import REFERENCE
from tests.docs.pages import ROOT

ROW = re.compile(r"^\| `([a-z0-9._-]+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def listed() -> dict[str, tuple[str, str]]:
    """Each package with its licence and what needs it."""
    page = (REFERENCE / "licences.md").read_text()
    return {name: (licence, needed) for name, licence, needed in ROW.findall(page)}


def pinned(name: str) -> set[str]:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return set(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==", text, re.MULTILINE))


def test_every_package_that_runs_is_listed_with_a_licence() -> None:
    assert set(listed()) == pinned("run") | pinned("postgres")
    assert not [name for name, (licence, _) in listed().items() if licence == "?"]


def test_none_is_under_the_gpl_and_the_lgpl_is_an_extra() -> None:
    for name, (licence, needed) in listed().items():
        assert not re.search(r"\bA?GPL|(?<!Lesser )General Public", licence), name
        if "LGPL" in licence or "Lesser" in licence:
            assert needed == "extra `postgres`", name
            assert name not in pinned("run")
