from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import User

from smtpcheck.api.verifiedlogins import VerifiedLogins
from tests.api.callers import PASSWORD


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class TestVerifiedLogins:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def logins(self, clock: Clock, stranger: User) -> VerifiedLogins:
        logins = VerifiedLogins(capacity=2, clock=clock)
        logins.remember("a", "p", stranger, seconds=300)
        return logins

    def test_a_login_is_remembered_for_its_time(
        self, logins: VerifiedLogins, clock: Clock, stranger: User
    ) -> None:
        clock.now += 299
        assert logins.user("a", "p") == stranger
        clock.now += 1
        assert logins.user("a", "p") is None

    @pytest.mark.parametrize("login", [("a", "q"), ("b", "p"), ("a", ""), ("", "p"), ("ap", "")])
    def test_another_login_is_not_known(
        self, logins: VerifiedLogins, login: tuple[str, str]
    ) -> None:
        assert logins.user(*login) is None

    def test_a_changed_password_voids_it(self, logins: VerifiedLogins, stranger: User) -> None:
        stranger.set_password("new")
        stranger.save()
        assert logins.user("a", "p") is None

    @pytest.mark.parametrize("change", ["deactivate", "delete"])
    def test_a_user_who_left_voids_it(
        self, logins: VerifiedLogins, stranger: User, change: str
    ) -> None:
        if change == "delete":
            stranger.delete()
        else:
            User.objects.update(is_active=False)
        assert logins.user("a", "p") is None

    def test_the_oldest_makes_room(self, logins: VerifiedLogins, stranger: User) -> None:
        for name in ("b", "c"):
            logins.remember(name, "p", stranger, seconds=300)
        known = [name for name in "abc" if logins.user(name, "p")]
        assert known == ["b", "c"]

    def test_zero_seconds_remember_nothing(self, stranger: User) -> None:
        logins = VerifiedLogins()
        logins.remember("a", "p", stranger, seconds=0)
        assert logins.user("a", "p") is None

    def test_it_holds_no_password(self, stranger: User) -> None:
        logins = VerifiedLogins()
        logins.remember("a", "geheim-4711", stranger, seconds=300)
        assert "geheim-4711" not in repr(vars(logins))


def test_a_crowd_with_one_login_is_checked_once() -> None:
    logins = VerifiedLogins()
    passed: list[int] = []
    checks: list[int] = []
    begin = threading.Barrier(8)

    def call(number: int) -> None:
        begin.wait()
        with logins.turn("ann", PASSWORD):
            if not passed:
                checks.append(number)
                passed.append(number)

    threads = [threading.Thread(target=call, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(checks) == 1
    assert logins._turns == {}


def test_other_logins_do_not_wait_for_one_that_takes_long() -> None:
    logins = VerifiedLogins()
    logins._places = threading.BoundedSemaphore(2)
    done = threading.Event()

    def other() -> None:
        with logins.turn("bob", PASSWORD):
            done.set()

    with logins.turn("ann", PASSWORD):
        thread = threading.Thread(target=other)
        thread.start()
        assert done.wait(timeout=10)
    thread.join(timeout=10)
