from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.db import connection
from django.utils import timezone

from smtpcheck.models import AccessToken, TokenKind

pytestmark = pytest.mark.django_db
BEARER, TICKET = TokenKind.BEARER, TokenKind.TICKET


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("ann", password="first")


def found(token: AccessToken, text: str | None = None) -> AccessToken | None:
    return AccessToken.objects.find(TokenKind(token.kind), text or token.issued_text)


@pytest.mark.parametrize(("kind", "prefix"), [(BEARER, "8A:"), (TICKET, "7T:")])
def test_an_issued_token_is_found_by_its_text(owner: User, kind: TokenKind, prefix: str) -> None:
    token = AccessToken.objects.issue(owner, kind)
    assert token.issued_text.startswith(prefix)
    assert len(token.issued_text) > 40
    assert found(token) == token


def test_a_token_of_one_kind_is_none_of_the_other(owner: User) -> None:
    token = AccessToken.objects.issue(owner, BEARER)
    assert AccessToken.objects.find(TICKET, token.issued_text) is None


@pytest.mark.parametrize("text", ["", "8A:", "8A:wrong", "\ud800", "x" * 40_000])
def test_an_unknown_text_opens_nothing(owner: User, text: str) -> None:
    token = AccessToken.objects.issue(owner)
    assert found(token, text or " ") is None


def test_its_text_is_stored_nowhere(owner: User) -> None:
    token = AccessToken.objects.issue(owner, label="billing")
    secret = token.issued_text[9:]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM smtpcheck_accesstoken")
        assert secret not in repr(cursor.fetchall())
    fresh = AccessToken.objects.get()
    assert secret not in serializers.serialize("json", [fresh]) + repr(fresh) + str(fresh)


def test_a_revoked_token_opens_nothing(owner: User) -> None:
    token = AccessToken.objects.issue(owner)
    token.revoke()
    assert found(token) is None
    assert not token.is_usable


def test_an_expired_token_opens_nothing(owner: User) -> None:
    expired = timezone.now() - timedelta(seconds=1)
    token = AccessToken.objects.issue(owner, expires_at=expired)
    assert found(token) is None
    assert not token.is_usable


@pytest.mark.parametrize("kind", list(TokenKind))
def test_the_token_of_an_inactive_user_opens_nothing(owner: User, kind: TokenKind) -> None:
    token = AccessToken.objects.issue(owner, kind)
    User.objects.update(is_active=False)
    assert found(token) is None


def test_a_changed_password_ends_tickets_and_leaves_tokens(owner: User) -> None:
    ticket = AccessToken.objects.issue(owner, TICKET)
    token = AccessToken.objects.issue(owner, BEARER)
    owner.set_password("second")
    owner.save()
    assert found(ticket) is None
    assert found(token) == token


def test_a_ticket_lives_on_from_its_last_use(owner: User) -> None:
    ticket = AccessToken.objects.issue(owner, TICKET)
    soon = timezone.now() + timedelta(minutes=5)
    AccessToken.objects.update(expires_at=soon)
    assert found(ticket) is not None
    ticket.refresh_from_db()
    assert ticket.expires_at is not None
    assert ticket.expires_at > soon + timedelta(hours=5)


def test_a_use_is_written_once_a_minute_at_most(owner: User) -> None:
    token = AccessToken.objects.issue(owner)
    assert found(token) is not None
    first = AccessToken.objects.get().last_used_at
    assert first is not None
    assert found(token) is not None
    assert AccessToken.objects.get().last_used_at == first
    AccessToken.objects.update(last_used_at=first - timedelta(minutes=2))
    assert found(token) is not None
    assert (AccessToken.objects.get().last_used_at or first) >= first


def test_a_use_does_not_revive_what_was_revoked_meanwhile(owner: User) -> None:
    token = AccessToken.objects.issue(owner, TICKET)
    before = AccessToken.objects.get()
    token.revoke()
    before.note_use(timezone.now())
    assert found(token) is None
