"""Accounts as tests save them."""

from __future__ import annotations

from typing import Any

from smtpcheck.engine.redaction import Secret
from smtpcheck.models import PASSWORD, SmtpAccount

SECRET = Secret("p@: / % ö\"'")


def account(*, password: Secret | None = SECRET, **fields: Any) -> SmtpAccount:
    """A saved account; its fields are those of a usual one unless they are given."""
    values = {
        "name": "News",
        "host": "mail.example.org",
        "port": 587,
        "security": "starttls",
        "username": "ann@example.org",
    }
    made = SmtpAccount(**values | fields)
    if password is not None:
        made.set_secret(PASSWORD, password)
    made.save()
    return made


def fresh(made: SmtpAccount) -> SmtpAccount:
    """The account as the database has it."""
    return SmtpAccount.objects.get(pk=made.pk)
