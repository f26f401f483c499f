from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from smtpcheck.services.turnstile import Turnstile
from tests.api.callers import PASSWORD, PATH, basic
from tests.services.crowds import has_room


def get(client: Client, authorization: str | None = None) -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    return client.get(PATH, headers=headers)


def assert_refused(response: Any) -> None:
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert list(response.json()) == ["Error", "ErrorType", "Message", "ErrorSource"]
    assert response.json()["Error"] is True
    assert response.json()["Message"]


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_basic_takes_a_user_in_utf_8_with_colons_in_the_password(
    client: Client, stranger: User, scheme: str
) -> None:
    encoded = basic("strangér", PASSWORD).removeprefix("Basic ")
    assert get(client, f"{scheme} {encoded}").status_code == 200


def encoded(raw: bytes) -> str:
    return "Basic " + base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic dGVzdA",
        "Basic dGVzdA==",
        "Basic " + "A" * 32_000,
        "Basic strangér",
        encoded(b"strang\xe9r:x"),
        encoded(b"stranger\0:x"),
        encoded(b":"),
        basic("strangér", "wrong"),
        basic("strangér", ""),
        basic("nobody", PASSWORD),
        "Bearer 8A:Cust12345.abc==",
        "SoTicket 7T:abc==",
        "Negotiate abc",
        "nonsense",
    ],
)
def test_a_missing_malformed_or_wrong_credential_is_a_401(
    client: Client, stranger: User, authorization: str
) -> None:
    assert_refused(get(client, authorization))


def test_no_credential_at_all_is_a_401(client: Client, db: None) -> None:
    assert_refused(get(client))


def test_an_inactive_user_is_a_401(client: Client, stranger: User) -> None:
    User.objects.update(is_active=False)
    assert_refused(get(client, basic(stranger.username, PASSWORD)))


@pytest.mark.parametrize("authorization", ["", "Bearer abc", basic("strangér", "wrong")])
def test_a_wrong_authorization_header_is_not_rescued_by_a_cookie(
    client: Client, stranger: User, authorization: str
) -> None:
    client.force_login(stranger)
    assert get(client).status_code == 200
    assert_refused(get(client, authorization))


def test_credentials_are_checked_before_content_type_and_body(
    call: Callable[..., Any], stranger: User
) -> None:
    assert_refused(call(None, b"\xff", content_type="image/png"))
    assert_refused(call(None, b" " * (2 * 1024 * 1024)))


class TestSession:
    @pytest.fixture
    def browser(self, tester: User) -> Client:
        """A client with a session, which must prove its calls as a browser must."""
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(tester)
        return browser

    def post(self, browser: Client, **headers: str) -> Any:
        return browser.post(PATH, b"[]", content_type="application/json", headers=headers)

    def test_reading_needs_no_xsrf_value(self, browser: Client) -> None:
        assert get(browser).status_code == 200

    @pytest.mark.parametrize("value", [None, "", "wrong", "a" * 32])
    def test_a_post_without_the_right_xsrf_value_is_a_401_that_names_the_header(
        self, browser: Client, value: str | None
    ) -> None:
        browser.cookies["XSRF-TOKEN"] = "b" * 32
        response = self.post(browser, **({} if value is None else {"X-XSRF-TOKEN": value}))
        assert_refused(response)
        assert response.json()["ErrorType"] == "ArgumentException"
        assert response.json()["ErrorSource"] == "SuperOffice.Services.WebApi"
        assert "X-XSRF-TOKEN" in response.json()["Message"]

    def test_the_header_without_the_cookie_is_a_401(self, browser: Client) -> None:
        assert_refused(self.post(browser, **{"X-XSRF-TOKEN": "b" * 32}))

    def test_a_post_with_the_value_of_the_cookie_passes(self, browser: Client) -> None:
        browser.cookies["XSRF-TOKEN"] = "b" * 32
        response = self.post(browser, **{"X-XSRF-TOKEN": "b" * 32})
        assert response.status_code == 400
        assert "a list was sent" in response.json()["Message"]  # and not taken for an empty body

    def test_a_call_with_basic_needs_no_xsrf_value(self, browser: Client) -> None:
        response = self.post(browser, Authorization=basic("tester", PASSWORD))
        assert response.status_code == 400


@pytest.fixture
def full_checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The user names that went through the slow check."""
    seen: list[str] = []

    def counting(*args: Any, **credentials: Any) -> Any:
        seen.append(credentials["username"])
        return authenticate(*args, **credentials)

    monkeypatch.setattr("smtpcheck.api.authentication.authenticate", counting)
    return seen


def test_the_second_call_skips_the_slow_check(
    client: Client, stranger: User, full_checks: list[str]
) -> None:
    for _call in range(3):
        assert get(client, basic("strangér", PASSWORD)).status_code == 200
    assert full_checks == ["strangér"]


def test_the_slow_check_takes_no_place_from_calls_that_need_none(
    client: Client, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    turnstile = Turnstile(1)
    monkeypatch.setattr("smtpcheck.api.authentication.turnstile", turnstile)
    rooms: list[bool] = []

    def looking(*args: Any, **credentials: Any) -> Any:
        rooms.append(has_room(turnstile))
        return authenticate(*args, **credentials)

    monkeypatch.setattr("smtpcheck.api.authentication.authenticate", looking)
    with turnstile.inside():
        assert get(client, basic("strangér", PASSWORD)).status_code == 200
    assert rooms == [True]


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_a_place_behind_the_slow_check_keeps_no_connection(
    client: Client, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    class Watched(Turnstile):
        def _enter(self, due_in_seconds: float) -> None:
            held.append(connection.connection is not None)
            super()._enter(due_in_seconds)

    turnstile = Watched(1)
    monkeypatch.setattr("smtpcheck.api.authentication.turnstile", turnstile)
    with turnstile.inside():
        assert get(client, basic("strangér", PASSWORD)).status_code == 200
    assert held[1:] == [False]  # the first is this test's own


def test_a_remembered_login_is_refused_once_the_user_is_inactive(
    client: Client, stranger: User
) -> None:
    assert get(client, basic("strangér", PASSWORD)).status_code == 200
    User.objects.update(is_active=False)
    assert_refused(get(client, basic("strangér", PASSWORD)))


def test_a_refused_login_is_not_remembered(
    client: Client, stranger: User, full_checks: list[str]
) -> None:
    for _call in range(2):
        assert_refused(get(client, basic("strangér", "wrong")))
    assert len(full_checks) == 2


def test_a_login_is_not_remembered_when_the_setting_is_zero(
    client: Client, stranger: User, full_checks: list[str], settings: Settings
) -> None:
    settings.SMTPCHECK = {**getattr(settings, "SMTPCHECK", {}), "BASIC_CACHE_SECONDS": 0}
    for _call in range(2):
        assert get(client, basic("strangér", PASSWORD)).status_code == 200
    assert len(full_checks) == 2
