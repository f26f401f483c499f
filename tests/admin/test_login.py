"""The way into the admin: held back after failures, a new session each time, out everywhere."""

from __future__ import annotations

import re

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django.fixtures import Settings

from tests.admin.pages import ACCOUNTS

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PASSWORD = "a fine passphrase"


@pytest.fixture(autouse=True)
def operator(settings: Settings) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SMTPCHECK = {**settings.SMTPCHECK, "LOGIN_FAILURES_PER_USER": 2}
    return User.objects.create_superuser("operator", password=PASSWORD)


def status(client: Client, password: str, name: str = "operator") -> int:
    fields = {"username": name, "password": password}
    return client.post(f"{LOGIN}?next={ACCOUNTS}", fields).status_code


def test_too_many_wrong_passwords_lead_to_a_plain_page(client: Client) -> None:
    assert [status(client, "wrong") for _ in range(2)] == [200, 200]
    answer = client.post(LOGIN, {"username": "operator", "password": PASSWORD})
    assert answer.status_code == 429
    assert 890 <= int(answer["Retry-After"]) <= 900
    page = answer.content.decode()
    assert "Too many logins have failed. Try again in 15 minutes." in page
    assert "operator" not in page
    assert "_auth_user_id" not in client.session


def test_the_page_is_the_same_for_a_user_who_does_not_exist(client: Client) -> None:
    def page(name: str) -> str:
        for _ in range(2):
            status(client, "wrong", name)
        text = client.post(LOGIN, {"username": name, "password": "x"}).content.decode()
        return re.sub(r'(value|nonce)="[^"]*"', "", text)

    assert page("operator") == page("nobody")


def test_the_api_and_the_admin_count_together(client: Client) -> None:
    status(client, "wrong")
    headers = {"Authorization": "Basic b3BlcmF0b3I6d3Jvbmc="}  # operator:wrong
    assert client.get("/api/v1/results/", headers=headers).status_code in {401, 404}
    client.post("/api/v1/Agents/CustomerService/TestSmtpServer", headers=headers)
    assert status(client, PASSWORD) == 429


def test_who_is_logged_in_stays_so(client: Client) -> None:
    assert status(client, PASSWORD) == 302
    stranger = Client()
    for _ in range(3):
        status(stranger, "wrong")
    assert client.get(ACCOUNTS).status_code == 200


def test_a_login_gives_a_new_session(client: Client) -> None:
    session = client.session
    session["of"] = "before"
    session.save()
    cookie = django_settings.SESSION_COOKIE_NAME
    client.cookies[cookie] = str(session.session_key)
    status(client, PASSWORD)
    assert client.cookies[cookie].value != session.session_key
    assert not Session.objects.filter(pk=session.session_key).exists()


def test_a_session_ends_by_itself(client: Client) -> None:
    status(client, PASSWORD)
    assert client.session.get_expiry_age() == 12 * 3600
    assert client.cookies[django_settings.SESSION_COOKIE_NAME]["httponly"]


def test_a_new_password_ends_all_other_sessions(client: Client) -> None:
    other = Client()
    assert [status(each, PASSWORD) for each in (client, other)] == [302, 302]
    new = "another fine passphrase"
    changed = client.post(
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )
    assert changed.status_code == 302
    assert client.get(ACCOUNTS).status_code == 200
    assert other.get(ACCOUNTS).status_code == 302
