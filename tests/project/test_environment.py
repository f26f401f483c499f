from __future__ import annotations

from pathlib import Path

import pytest

from project.environment import Secrets, load_env_file, own_settings, parse_env_file


@pytest.mark.parametrize("value", ["$ecret", "a$b", "#1 = \"ä'", "x=y=="])
def test_a_secret_is_read_as_it_stands(tmp_path: Path, value: str) -> None:
    file = tmp_path / "secret"
    file.write_text(value + "\n", encoding="utf-8")
    assert Secrets({"KEY": value}).get("KEY") == value
    assert Secrets({"KEY_FILE": str(file)}).get("KEY") == value


def test_the_variable_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("of the file")
    assert (
        Secrets({"KEY": "of the variable", "KEY_FILE": str(file)}).get("KEY") == "of the variable"
    )


def test_a_secret_that_is_nowhere_is_empty() -> None:
    secrets = Secrets({})
    assert secrets.get("KEY") == ""
    assert secrets.unreadable == []


def test_a_file_that_cannot_be_read_is_remembered_and_not_raised(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    secrets = Secrets({"A_FILE": str(tmp_path / "none"), "B_FILE": str(tmp_path / "binary")})
    assert secrets.get("A") == secrets.get("B") == ""
    assert [sentence.split()[0] for sentence in secrets.unreadable] == ["A_FILE", "B_FILE"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=value", "value"),
        ("  KEY = value  ", "value"),
        ("KEY=$HOME", "$HOME"),
        ("KEY=a=b", "a=b"),
        ('KEY="quoted"', '"quoted"'),
        ("KEY=a # b", "a # b"),
        ("KEY=", ""),
        ("#KEY=x\nKEY=y", "y"),
        ("KEY=first\nKEY=last", "last"),
    ],
)
def test_a_line_of_the_env_file_is_a_name_and_what_follows(line: str, value: str) -> None:
    assert parse_env_file(line) == {"KEY": value}


def test_lines_that_set_nothing_are_passed_over() -> None:
    assert parse_env_file("\n# a comment = none\nexport\n") == {}


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("A=file\nB=file\n")
    environment = {"SMTPCHECK_ENV_FILE": str(file), "A": "real"}
    load_env_file(environment)
    assert (environment["A"], environment["B"]) == ("real", "file")


def test_an_env_file_that_was_asked_for_must_be_there() -> None:
    with pytest.raises(FileNotFoundError):
        load_env_file({"SMTPCHECK_ENV_FILE": "/no/such/file"})


def test_our_own_settings_are_the_names_with_our_prefix() -> None:
    environment = {"SMTPCHECK_POLICY": "x", "SMTPCHECK_ENV_FILE": "y", "DEBUG": "1"}
    assert own_settings(environment) == {"POLICY": "x"}
