"""Issuing and revoking what programs call with, and writing down who did it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from smtpcheck.models import AccessToken, TokenKind
from smtpcheck.services import auditing
from smtpcheck.services.asking import Caller


def issue_token(
    caller: Caller,
    owner: User,
    kind: TokenKind = TokenKind.BEARER,
    *,
    label: str = "",
    expires_at: datetime | None = None,
) -> AccessToken:
    """Return a new token with its ``issued_text``; see ``AccessTokenManager.issue``."""
    with transaction.atomic():
        token = AccessToken.objects.issue(owner, kind, label=label, expires_at=expires_at)
        auditing.token_issued(caller, token)
    return token


def revoke_tokens(caller: Caller, tokens: Iterable[AccessToken]) -> int:
    """Close what tokens opened, at once and for good; returns how many opened something."""
    count = 0
    for token in tokens:
        if token.revoked_at is None:
            with transaction.atomic():
                token.revoke()
                auditing.token_revoked(caller, token)
            count += 1
    return count
