"""Notes on the settings: what is odd about them is seen, and nothing of a secret is told."""

from __future__ import annotations

import pytest

from smtpcheck.engine.notes import notes_of, odd_characters
from smtpcheck.engine.stages import Security, Stage
from tests.engine.plans import credentials, plan, target


@pytest.mark.parametrize(
    ("port", "security", "is_odd"),
    [
        (465, Security.TLS, False),
        (465, Security.STARTTLS, True),
        (465, Security.NONE, True),
        (2465, Security.OPPORTUNISTIC, True),
        (587, Security.STARTTLS, False),
        (587, Security.TLS, True),
        (25, Security.TLS, True),
        (25, Security.NONE, False),
        (2525, Security.TLS, True),
        (10587, Security.TLS, False),
        (10587, Security.STARTTLS, False),
    ],
)
def test_a_port_of_the_other_security_is_noted(
    port: int, security: Security, *, is_odd: bool
) -> None:
    found = notes_of(plan(to=target(security, port=port)))
    assert [note.kind for note in found] == ["config.port-security-conflict"] * is_odd


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        ("opensesame", []),
        ("", []),
        (" opensesame", ["a blank at the start"]),
        ("opensesame ", ["a blank at the end"]),
        ("\u3000opensesame\u00a0", ["a blank at the start", "a blank at the end"]),
        ("open\u00a0sesame", ["an invisible character"]),
        ("open\u200bsesame", ["an invisible character"]),
        ("\ufeffopensesame", ["an invisible character"]),
        ("abcd efgh ijkl mnop", ["blanks between groups of equal length"]),
        ("abcd efgh ijkl ", ["a blank at the end", "blanks between groups of equal length"]),
        ("correct horse battery staple", ["blanks inside"]),
        ("abcd efg hijk", ["blanks inside"]),
        ("p@:/% ö\"'", ["blanks inside"]),
    ],
)
def test_what_pasting_brings_along_is_told_by_its_place(secret: str, found: list[str]) -> None:
    assert list(odd_characters(secret)) == found


def test_a_note_stands_at_the_settings_and_holds_nothing_of_the_password() -> None:
    (note,) = notes_of(plan(login=credentials(password=" opensesame ")))

    assert (note.kind, note.stage) == ("config.secret-whitespace", Stage.CONFIG)
    assert note.detail == "a blank at the start; a blank at the end"


def test_a_test_without_a_login_has_no_password_to_note() -> None:
    assert notes_of(plan()) == ()
