"""The locked requirements install the same everywhere and name no place to get them from."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent.parent / "requirements").glob("*.txt"))
PIN = re.compile(r"(?P<name>[a-z0-9._-]+)(\[[a-z,]+\])?==(?P<version>[^ ]+)( ; (?P<marker>.+))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
OLD_PYTHON, NEW_PYTHON = "python_full_version < '3.12'", "python_full_version >= '3.12'"
every_file = pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)


def entries(file: Path) -> list[tuple[re.Match[str], list[str]]]:
    """Each requirement as its pin and its hashes; fails at a line that is neither."""
    found = []
    for entry in file.read_text().replace("\\\n", " ").splitlines():
        pin, *hashes = re.split(r"\s+(?=--hash)", entry.strip())
        match = PIN.fullmatch(pin)
        assert match, f"{file.name}: not an exact version: {pin}"
        found.append((match, hashes))
    return found


def test_there_is_a_lock_for_each_way_to_install() -> None:
    assert [file.stem for file in FILES] == ["bench", "lint", "postgres", "run", "test"]


@every_file
def test_every_requirement_is_exact_and_hashed(file: Path) -> None:
    for pin, hashes in entries(file):
        assert hashes, f"{pin['name']} has no hash"
        assert all(HASH.fullmatch(value) for value in hashes)


@every_file
def test_no_requirement_names_a_host_or_a_path(file: Path) -> None:
    assert not re.search(r"://|[\w.-]+\.(com|org|net|io)\b|(^|\s)[./]", file.read_text())


@every_file
def test_django_is_the_long_term_release_on_python_3_11_and_6_1_from_3_12(file: Path) -> None:
    pins = {pin["marker"]: pin["version"] for pin, _ in entries(file) if pin["name"] == "django"}
    assert {marker: version[:4] for marker, version in pins.items()} == {
        OLD_PYTHON: "5.2.",
        NEW_PYTHON: "6.1.",
    }


def test_files_agree_on_versions() -> None:
    versions = defaultdict(set)
    for file in FILES:
        for pin, _ in entries(file):
            versions[pin["name"], pin["marker"]].add(pin["version"])
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_what_runs_is_part_of_what_is_tested() -> None:
    pins = {file.stem: {(p["name"], p["version"]) for p, _ in entries(file)} for file in FILES}
    assert pins["run"] <= pins["test"]
