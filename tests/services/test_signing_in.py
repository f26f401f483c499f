from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import aauthenticate, authenticate
from django.contrib.auth.models import User
from django.db import connections
from django.http import HttpRequest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from smtpcheck.models import Tally
from smtpcheck.services import HeldBack

pytestmark = pytest.mark.django_db

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
RIGHT, WRONG = "right password", "wrong password"


@pytest.fixture(autouse=True)
def _few(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SMTPCHECK = {
        **settings.SMTPCHECK,
        "LOGIN_FAILURES_PER_USER": 2,
        "LOGIN_FAILURES_PER_ADDRESS": 4,
    }


@pytest.fixture(autouse=True)
def ann() -> User:
    return User.objects.create_user("ann", password=RIGHT)


def request(address: str) -> HttpRequest:
    return RequestFactory().post("/", REMOTE_ADDR=address)


def log_in(password: str, *, name: str = "ann", at: str = HERE) -> Any:
    """The user, None where the login failed, or how long to wait."""
    try:
        return authenticate(request(at), username=name, password=password)
    except HeldBack as held_back:
        return held_back.retry_after_seconds


def test_after_some_failures_the_right_password_has_to_wait_too(ann: User) -> None:
    assert [log_in(WRONG), log_in(WRONG)] == [None, None]
    assert 890 <= log_in(RIGHT) <= 900
    assert 890 <= log_in(WRONG) <= 900


def test_failures_elsewhere_hold_nobody_back(ann: User) -> None:
    for _ in range(3):
        log_in(WRONG, at=ELSEWHERE)
    assert log_in(RIGHT) == ann


def test_a_login_that_passes_ends_the_count_of_its_user(ann: User) -> None:
    log_in(WRONG)
    assert log_in(RIGHT) == ann
    assert log_in(WRONG) is None
    assert log_in(RIGHT) == ann


def test_many_names_from_one_address_are_held_back_together() -> None:
    assert [log_in(WRONG, name=name) for name in ("a", "b", "c", "d")] == [None] * 4
    assert 890 <= log_in(RIGHT) <= 900
    assert log_in(WRONG, name="e", at=ELSEWHERE) is None


def test_ones_own_account_does_not_buy_further_guesses(ann: User) -> None:
    for name in ("a", "b", "c"):
        log_in(WRONG, name=name)
        assert log_in(RIGHT) == ann
    log_in(WRONG, name="d")
    assert log_in(WRONG, name="e") is not None


def test_nobody_learns_whether_a_user_exists() -> None:
    assert [log_in(WRONG), log_in(WRONG)] == [log_in(WRONG, name="x"), log_in(WRONG, name="x")]
    assert (log_in(WRONG) is None) == (log_in(WRONG, name="x") is None)


def test_after_the_window_it_begins_anew(ann: User) -> None:
    log_in(WRONG)
    log_in(WRONG)
    Tally.objects.all().delete()
    assert log_in(RIGHT) == ann


def test_who_is_held_back_makes_the_wait_no_longer() -> None:
    log_in(WRONG)
    log_in(WRONG)
    before = set(Tally.objects.values_list("key", "number", "ends_at"))
    log_in(WRONG)
    assert set(Tally.objects.values_list("key", "number", "ends_at")) == before


def test_a_program_on_this_machine_is_not_counted(ann: User) -> None:
    for _ in range(3):
        assert authenticate(None, username="ann", password=WRONG) is None
    assert authenticate(None, username="ann", password=RIGHT) == ann


@pytest.mark.django_db(transaction=True)
def test_an_asynchronous_login_is_guarded_too() -> None:
    async def tried() -> None:
        try:
            await aauthenticate(request(HERE), username="ann", password=WRONG)
        finally:
            await sync_to_async(connections.close_all)()  # those of the thread it used

    log_in(WRONG)
    log_in(WRONG)
    with pytest.raises(HeldBack):
        asyncio.run(tried())


def test_the_wait_is_told_in_minutes() -> None:
    assert str(HeldBack(60)) == "Too many logins have failed. Try again in 1 minute."
    assert str(HeldBack(61)) == "Too many logins have failed. Try again in 2 minutes."
