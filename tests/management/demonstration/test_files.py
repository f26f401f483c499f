from __future__ import annotations

from pathlib import Path

from project.environment import parse_env_file
from smtpcheck.management.demonstration.files import (
    private_directory,
    settings_in,
    with_settings,
    write_private,
)


def test_only_the_named_settings_change() -> None:
    before = "# SECRET=comment\nSECRET=a=b $x\n\n  POLICY = old\nOTHER=1\n"
    assert with_settings(before, {"POLICY": "new", "CA": "/ca.pem"}) == (
        "# SECRET=comment\nSECRET=a=b $x\n\nPOLICY=new\nOTHER=1\nCA=/ca.pem\n"
    )


def test_a_setting_given_twice_is_left_once() -> None:
    assert with_settings("A=1\nB=2\nA=3\n", {"A": "4"}) == "A=4\nB=2\n"


def test_settings_are_read_as_the_project_reads_them() -> None:
    text = "# A=0\nA=1\n B = x=y $z \nno setting\nA=2\n"
    assert settings_in(text) == parse_env_file(text) == {"A": "2", "B": "x=y $z"}


def test_the_same_settings_change_nothing() -> None:
    once = with_settings("A=1\n", {"B": "2"})
    assert with_settings(once, {"B": "2"}) == once


def test_files_and_directories_are_for_their_owner_only(tmp_path: Path) -> None:
    directory = private_directory(tmp_path / "a" / "b")
    path = directory / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in directory.iterdir()] == ["file"]
