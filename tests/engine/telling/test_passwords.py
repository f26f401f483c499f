from __future__ import annotations

import getpass
import io
import sys

import pytest

from smtpcheck.engine.telling import passwords

NONE: dict[str, object] = dict.fromkeys(passwords.OPTIONS)


def test_no_option_is_no_password() -> None:
    assert passwords.chosen(NONE) is None


@pytest.mark.parametrize(
    ("given", "password"),
    [
        ("secret\n", "secret"),
        ("secret", "secret"),
        ("secret\r\n", "secret"),
        (" with blanks \nsecond line\n", " with blanks "),
    ],
)
def test_the_input_gives_its_first_line(
    monkeypatch: pytest.MonkeyPatch, given: str, password: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    chosen = passwords.chosen({**NONE, "password_stdin": True})
    assert chosen is not None
    assert chosen.reveal() == password


def test_an_empty_input_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(passwords.NoPassword, match="standard input"):
        passwords.chosen({**NONE, "password_stdin": True})


def test_the_environment_gives_the_named_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "$ecret: ö")
    chosen = passwords.chosen({**NONE, "password_env": "MAIL_PASSWORD"})
    assert chosen is not None
    assert chosen.reveal() == "$ecret: ö"


def test_an_unset_variable_is_a_usage_error() -> None:
    with pytest.raises(passwords.NoPassword, match="MAIL_PASSWORD_UNSET"):
        passwords.chosen({**NONE, "password_env": "MAIL_PASSWORD_UNSET"})


def test_a_person_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "typed")
    chosen = passwords.chosen({**NONE, "ask_password": True})
    assert chosen is not None
    assert chosen.reveal() == "typed"


def test_a_person_who_ends_the_input_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", end)
    with pytest.raises(passwords.NoPassword, match="No password"):
        passwords.chosen({**NONE, "ask_password": True})


@pytest.mark.parametrize(
    ("uri", "has_password"),
    [
        ("smtps://ann:pw@host", True),
        ("smtps://ann:p@w@host", True),
        ("smtps://:pw@host", True),
        ("smtps://ann@host:465", False),
        ("smtps://host:465", False),
        ("smtps://[::1]:465", False),
        ("nonsense", False),
    ],
)
def test_a_password_in_a_uri_is_noticed(uri: str, has_password: bool) -> None:
    assert passwords.in_uri(uri) is has_password
