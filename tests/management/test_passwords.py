from __future__ import annotations

import io
import sys

import pytest
from django.core.management.base import CommandError

from smtpcheck.management import passwords

NONE: dict[str, object] = dict.fromkeys(passwords.OPTIONS)


def test_a_missing_password_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(CommandError, match="standard input") as refused:
        passwords.chosen({**NONE, "password_stdin": True})
    assert refused.value.returncode == 2


def test_the_saved_account_is_a_source_that_asks_for_nothing() -> None:
    assert passwords.chosen({**NONE, "use_stored_password": True}) is None
