from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from smtpcheck.models import AccessToken, TokenKind

pytestmark = pytest.mark.django_db

ADD = reverse("admin:smtpcheck_accesstoken_add")
LIST = reverse("admin:smtpcheck_accesstoken_changelist")


def staff(name: str, *codenames: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    for codename in codenames:
        user.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def issuer() -> Client:
    return staff("ann", "add_accesstoken", "view_accesstoken")


def issue(client: Client, **fields: Any) -> Any:
    return client.post(ADD, {"label": "billing", "expires_at_0": "", "expires_at_1": "", **fields})


def text_on(page: Any) -> str:
    return str(page.context["text"])


def test_a_token_is_shown_once_and_opens(issuer: Client) -> None:
    page = issue(issuer)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    token = AccessToken.objects.find(TokenKind.BEARER, text_on(page))
    assert token is not None
    assert (token.owner.username, token.label) == ("ann", "billing")
    text = text_on(page)
    assert text in page.content.decode()
    again = [issuer.get(LIST), issuer.get(f"{LIST}{token.pk}/change/")]
    assert not any(text in each.content.decode() for each in again)
    assert text not in str(issuer.cookies)


def test_only_a_superuser_issues_in_anothers_name(issuer: Client) -> None:
    other = User.objects.create_user("bob")
    issue(issuer, owner=other.pk)
    assert AccessToken.objects.get().owner.username == "ann"
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    issue(root, owner=other.pk)
    assert AccessToken.objects.filter(owner=other).count() == 1


def test_a_person_sees_their_own_tokens(issuer: Client) -> None:
    other = AccessToken.objects.issue(User.objects.create_user("bob"), label="of bob")
    assert "of bob" not in issuer.get(LIST).content.decode()
    assert issuer.get(f"{LIST}{other.pk}/change/").status_code == 302


def test_the_selected_are_revoked(issuer: Client) -> None:
    issue(issuer)
    token = AccessToken.objects.get()
    chosen = {"action": "revoke", "_selected_action": [token.pk]}
    assert issuer.post(LIST, chosen, follow=True).status_code == 200
    token.refresh_from_db()
    assert not token.is_usable


def test_whoever_may_only_look_issues_and_revokes_nothing() -> None:
    reader = staff("eve", "view_accesstoken")
    assert reader.get(LIST).status_code == 200
    assert issue(reader).status_code == 403
    token = AccessToken.objects.issue(User.objects.get(username="eve"))
    reader.post(LIST, {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.is_usable
