from __future__ import annotations

import pytest

from smtpcheck.sandbox.logins import Logins

LOGINS = Logins({"ann": "pässword", "empty": ""})


@pytest.mark.parametrize(
    ("user", "password", "is_accepted"),
    [
        ("ann", "pässword", True),
        ("ann", "password", False),
        ("ann", "", False),
        ("ANN", "pässword", False),
        ("nobody", "", False),
        ("empty", "", True),
    ],
)
def test_only_the_users_own_password_is_accepted(
    user: str, password: str, is_accepted: bool
) -> None:
    assert LOGINS.accepts(user.encode(), password.encode()) is is_accepted


def test_bytes_that_are_no_text_are_refused() -> None:
    assert not LOGINS.accepts(b"ann", b"\xff\xfe")


def test_passwords_are_not_shown() -> None:
    assert repr(LOGINS) == "Logins(ann, empty)"
