"""The record: accounts, what is known of them, and every test with everything it showed."""

from __future__ import annotations

from smtpcheck.models.account import CLIENT_KEY, PASSWORD, SECRET_KINDS, Person, SmtpAccount
from smtpcheck.models.audit import AppendOnly, AuditAction, AuditEntry, AuditObject
from smtpcheck.models.choices import UNTESTED, Door
from smtpcheck.models.idempotence import IdempotentCall
from smtpcheck.models.identifiers import uuid7
from smtpcheck.models.login import LoginMemory
from smtpcheck.models.result import INTERRUPTED, RUNNING, SmtpTestResult
from smtpcheck.models.state import SmtpAccountState
from smtpcheck.models.tally import Tally
from smtpcheck.models.token import AccessToken, TokenKind

__all__ = [
    "CLIENT_KEY",
    "INTERRUPTED",
    "PASSWORD",
    "RUNNING",
    "SECRET_KINDS",
    "UNTESTED",
    "AccessToken",
    "AppendOnly",
    "AuditAction",
    "AuditEntry",
    "AuditObject",
    "Door",
    "IdempotentCall",
    "LoginMemory",
    "Person",
    "SmtpAccount",
    "SmtpAccountState",
    "SmtpTestResult",
    "Tally",
    "TokenKind",
    "uuid7",
]
