from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from smtpcheck.models import AccessToken, TokenKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("ann")


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("api_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_issue_prints_the_token_alone_on_standard_output(owner: User) -> None:
    out, err = run("issue", "ann", "--label", "billing", "--days", "30")
    token = AccessToken.objects.find(TokenKind.BEARER, out.strip())
    assert token is not None
    assert (token.owner, token.label) == (owner, "billing")
    assert token.expires_at is not None
    assert abs(token.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    assert "not shown again" in err


def test_a_token_without_days_never_expires(owner: User) -> None:
    run("issue", "ann")
    assert AccessToken.objects.get().expires_at is None


def test_list_shows_what_opens_nothing(owner: User) -> None:
    text, _err = run("issue", "ann", "--label", "bil\x1b[31mling")
    listed, _err = run("list")
    assert str(AccessToken.objects.get().pk) in listed
    assert "usable" in listed
    assert text.strip() not in listed
    assert "\x1b" not in listed


def test_revoke_closes_it(owner: User) -> None:
    text, _err = run("issue", "ann")
    run("revoke", str(AccessToken.objects.get().pk))
    assert AccessToken.objects.find(TokenKind.BEARER, text.strip()) is None
    assert "closed" in run("list")[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("issue", "nobody"), "no user of this name"),
        (("issue", "ann", "--days", "0"), "from 1 to 36500"),
        (("issue", "idle"), "not active"),
        (("revoke", "nonsense"), "no token with this id"),
        (("revoke", "00000000-0000-4000-8000-000000000000"), "no token with this id"),
    ],
)
def test_a_mistake_is_said_with_what_to_do(
    owner: User, arguments: tuple[str, ...], said: str
) -> None:
    User.objects.create_user("idle", is_active=False)
    with pytest.raises(CommandError, match=said) as caught:
        run(*arguments)
    assert caught.value.returncode == 2
