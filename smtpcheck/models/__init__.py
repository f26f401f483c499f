"""The record: accounts, what is known of them, and every test with everything it showed."""

from __future__ import annotations

from smtpcheck.models.account import CLIENT_KEY, PASSWORD, Person, SmtpAccount
from smtpcheck.models.choices import UNTESTED, Door
from smtpcheck.models.identifiers import uuid7
from smtpcheck.models.result import INTERRUPTED, RUNNING, SmtpTestResult
from smtpcheck.models.state import SmtpAccountState

__all__ = [
    "CLIENT_KEY",
    "INTERRUPTED",
    "PASSWORD",
    "RUNNING",
    "UNTESTED",
    "Door",
    "Person",
    "SmtpAccount",
    "SmtpAccountState",
    "SmtpTestResult",
    "uuid7",
]
