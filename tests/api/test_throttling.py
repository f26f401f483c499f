from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.api.callers import basic


@pytest.fixture
def two_calls_a_minute(settings: Settings) -> None:
    settings.SMTPCHECK = {**getattr(settings, "SMTPCHECK", {}), "CALLS_PER_MINUTE": 2}


@pytest.mark.usefixtures("two_calls_a_minute")
def test_the_call_above_the_limit_is_a_429_with_a_time(
    call: Callable[..., Any], tester: User
) -> None:
    assert [call(tester, []).status_code for _call in range(3)] == [400, 400, 429]
    refused = call(tester, [])
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert refused.json()["ErrorType"] == "TooManyRequestsException"


@pytest.mark.usefixtures("two_calls_a_minute")
def test_each_caller_has_a_limit_of_their_own(
    call: Callable[..., Any], tester: User, stranger: User
) -> None:
    for _call in range(3):
        call(tester, [])
    assert call(stranger, method="GET").status_code == 200


@pytest.mark.usefixtures("two_calls_a_minute")
def test_a_caller_is_the_same_from_every_address(call: Callable[..., Any], tester: User) -> None:
    addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert [call(tester, [], REMOTE_ADDR=each).status_code for each in addresses] == [400, 400, 429]


@pytest.mark.django_db
@pytest.mark.usefixtures("two_calls_a_minute")
@pytest.mark.parametrize("authorization", ["", "Basic ?", "Negotiate x"])
def test_whoever_is_not_logged_in_is_counted_by_the_address(
    call: Callable[..., Any], authorization: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answers = [call(None, headers=headers) for _call in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert answers[-1].json()["ErrorType"] == "TooManyRequestsException"
    assert call(None, headers=headers, REMOTE_ADDR="192.0.2.1").status_code == 401


@pytest.mark.usefixtures("two_calls_a_minute")
def test_strangers_do_not_use_up_the_calls_of_a_caller(
    call: Callable[..., Any], tester: User
) -> None:
    for _call in range(3):
        call(None)
    assert call(tester, []).status_code == 400


@pytest.mark.usefixtures("two_calls_a_minute")
def test_wrong_logins_are_counted_too(call: Callable[..., Any], tester: User) -> None:
    wrong = {"Authorization": basic("tester", "wrong")}
    assert [call(None, headers=wrong).status_code for _call in range(3)] == [401, 401, 429]
