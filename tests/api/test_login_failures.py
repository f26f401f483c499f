"""Wrong logins of REST callers: held back after a few, and nobody else with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from smtpcheck.models import AccessToken
from tests.api.callers import PASSWORD, basic

Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def _few(settings: Settings) -> None:
    limits = {"LOGIN_FAILURES_PER_USER": 2, "LOGIN_FAILURES_PER_ADDRESS": 3}
    settings.SMTPCHECK = {**settings.SMTPCHECK, **limits}


def status(call: Call, authorization: str, **options: Any) -> int:
    return int(call(None, [], headers={"Authorization": authorization}, **options).status_code)


def test_too_many_wrong_passwords_are_a_429_with_a_time(call: Call, tester: User) -> None:
    wrong, right = basic("tester", "wrong"), basic("tester", PASSWORD)
    assert [status(call, each) for each in (wrong, wrong, wrong, right)] == [401, 401, 429, 429]
    refused = call(tester, [])
    assert 890 <= int(refused["Retry-After"]) <= 900
    assert refused.json() == {
        "Error": True,
        "ErrorType": "TooManyRequestsException",
        "Message": "Too many logins have failed. Try again in 15 minutes.",
        "ErrorSource": "smtpcheck",
    }


def test_a_caller_elsewhere_is_not_held_back(call: Call, tester: User) -> None:
    for _ in range(4):
        status(call, basic("tester", "wrong"), REMOTE_ADDR="192.0.2.1")
    assert status(call, basic("tester", PASSWORD)) == 400


def test_a_remembered_login_goes_on(call: Call, tester: User) -> None:
    assert status(call, basic("tester", PASSWORD)) == 400
    assert [status(call, basic("tester", "wrong")) for _ in range(3)] == [401, 401, 429]
    assert status(call, basic("tester", PASSWORD)) == 400


@pytest.mark.django_db
@pytest.mark.parametrize("scheme", ["Bearer", "SoTicket"])
def test_wrong_tokens_are_counted_by_the_address(call: Call, scheme: str) -> None:
    wrong = f"{scheme} 8A:wrong"
    assert [status(call, wrong) for _ in range(4)] == [401, 401, 401, 429]
    assert status(call, wrong, REMOTE_ADDR="192.0.2.1") == 401


def test_a_right_token_always_passes(call: Call, tester: User) -> None:
    token = AccessToken.objects.issue(tester)
    for _ in range(4):
        status(call, "Bearer 8A:wrong")
    assert status(call, f"Bearer {token.issued_text}") == 400
