from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.core.management.base import CommandError

from smtpcheck.management import junit
from tests.management.plains import plain, warned

# What the schema of Jenkins (jenkins-junit.xsd) knows; GitLab reads a part of it.
ATTRIBUTES = {
    "testsuites": {"tests", "failures", "errors", "time", "skipped"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    "testcase": {"classname", "name", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
    "system-err": set(),
}

HOSTILE = "\x1b[2J]]></system-out><failure/>\x00\ud800\ufffe\u202e & \"'\x85|"


def read(*results: dict[str, Any]) -> ET.Element:
    return ET.fromstring(junit.document(results))  # noqa: S314 - our own


def case_of(result: dict[str, Any]) -> ET.Element:
    found = read(result).find("./testsuite/testcase")
    assert found is not None
    return found


def text_in(case: ET.Element, name: str) -> str:
    return case.findtext(name) or ""


def test_one_suite_counts_how_the_tests_ended() -> None:
    root = read(
        plain(account="A"),
        plain("fails", account="B"),
        plain("inconclusive", account="C"),
        plain("inconclusive", account="D", owner="tester"),
    )
    (suite,) = root
    assert suite.attrib == {
        "name": "smtpcheck",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "4.936",
        "timestamp": "2026-02-03T02:05:06",
    }
    assert [case.get("name") for case in suite] == ["A", "B", "C", "D"]
    assert {case.get("classname") for case in suite} == {"smtpcheck.accounts"}


@pytest.mark.parametrize(
    ("result", "children"),
    [
        (plain(), ["system-out"]),
        (plain(warnings=[warned()]), ["system-out", "system-err"]),
        (plain("fails"), ["failure", "system-out"]),
        (plain("inconclusive"), ["skipped", "system-out"]),
        (plain("inconclusive", owner="tester", transcript=""), ["error"]),
    ],
)
def test_a_case_holds_what_build_servers_know_in_their_order(
    result: dict[str, Any], children: list[str]
) -> None:
    assert [child.tag for child in case_of(result)] == children


def test_no_element_has_an_attribute_that_the_schema_does_not_know() -> None:
    everything = [plain(), plain("fails"), plain("inconclusive", warnings=[warned()])]
    for element in read(*everything, plain("inconclusive", owner="tester")).iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag]


def test_a_failure_is_told_with_its_remedy_and_the_servers_words() -> None:
    failure = case_of(plain("fails", said="no such user")).find("failure")
    assert failure is not None
    assert failure.get("message") == "Login: Login refused"
    assert failure.get("type") == "auth.invalid"
    text = failure.text or ""
    assert "2. Ask the provider." in text
    assert "535 no such user" in text
    assert "0198c0de" in text


def test_the_dialogue_is_the_output_and_warnings_stand_beside_it() -> None:
    case = case_of(plain(warnings=[warned(title="Slow")]))
    assert text_in(case, "system-out") == "S: 220 hi\nC: QUIT"
    assert text_in(case, "system-err") == "Slow: It took long."


def test_a_target_is_called_the_same_in_every_build() -> None:
    case = case_of(plain())
    assert case.get("classname") == "smtpcheck.targets"
    assert case.get("name") == "mail.example.org:587, STARTTLS, ann@example.org"
    assert case.get("time") == "1.234"


def test_a_target_that_could_not_be_read_has_a_name_too() -> None:
    asked = {"host": "", "port": 0, "security": "", "username": ""}
    assert case_of(plain("fails", asked=asked)).get("name") == "(no host)"


def test_nothing_a_server_says_breaks_the_document() -> None:
    result = plain("fails", said=HOSTILE, transcript=HOSTILE, account=HOSTILE)
    case = case_of(result)
    assert [child.tag for child in case] == ["failure", "system-out"]
    texts = [case.get("name") or "", *(child.text or "" for child in case)]
    assert all(char.isprintable() or char == "\n" for text in texts for char in text)
    assert "\\x1b[2J]]></system-out><failure/>\\x00\\ud800\\ufffe\\u202e" in texts[0]


# The file


def test_the_report_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "smtp.xml"
    path.write_text("old")
    junit.write(path, [plain()])
    assert path.read_bytes() == junit.document([plain()])
    assert list(tmp_path.iterdir()) == [path]


def test_its_mode_is_what_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        junit.write(tmp_path / "smtp.xml", [plain()])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "smtp.xml").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link = tmp_path / "smtp.xml"
    link.symlink_to("real.xml")
    junit.write(link, [plain()])
    assert link.is_symlink()
    assert (tmp_path / "real.xml").exists()


def test_a_report_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "smtp.xml").mkdir()
    with pytest.raises(CommandError, match="cannot be written") as refused:
        junit.write(tmp_path / "smtp.xml", [plain()])
    assert refused.value.returncode == 1
    assert [each.name for each in tmp_path.iterdir()] == ["smtp.xml"]


@pytest.mark.skipif(sys.platform == "win32", reason="Pipes in folders are for POSIX.")
def test_a_path_that_cannot_be_written_is_refused_before_the_test(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none" / "smtp.xml", Path("/dev/null")):
        with pytest.raises(CommandError, match="cannot be written") as refused:
            junit.refuse_file(path)
        assert refused.value.returncode == 2
    junit.refuse_file(tmp_path / "smtp.xml")
