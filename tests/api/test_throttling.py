from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from smtpcheck.api.throttling import CallsPerMinute


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


def test_the_limit_is_read_from_the_settings_when_it_is_used(two_calls_a_minute: None) -> None:
    assert CallsPerMinute().rate == "2/min"
