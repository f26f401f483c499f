"""A key names one call: it is run once, and its result is what every repetition gets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from smtpcheck.models import INTERRUPTED, Door, IdempotentCall, SmtpTestResult
from smtpcheck.services import KeyInUse, KeyReused, OnRow, run_once

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = ("TestSmtpServer", "smtps://u:geheim4711@mail.example.org", None, False)


def a_row(**columns: object) -> SmtpTestResult:
    """The row of a test that is running."""
    in_a_minute = timezone.now() + timedelta(minutes=1)
    values = {"goal": "content", "door": Door.REST, "expires_at": in_a_minute} | columns
    return SmtpTestResult.objects.create(**values)


def close(row: SmtpTestResult, **columns: object) -> SmtpTestResult:
    values = {"verdict": "works", "finished_at": timezone.now()} | columns
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row


def a_run(**columns: object) -> Callable[[OnRow], SmtpTestResult]:
    """A test that tells its row and ends at once."""

    def run(on_row: OnRow) -> SmtpTestResult:
        row = a_row()
        on_row(row)
        return close(row, **columns)

    return run


def never(_on_row: OnRow) -> SmtpTestResult:
    raise AssertionError("it ran a second time")


@pytest.fixture
def caller(db: None) -> User:
    return User.objects.create_user("caller")


def test_the_same_call_gets_the_first_result(caller: User) -> None:
    first = run_once(caller, "k", ASKED, a_run())
    assert run_once(caller, "k", ASKED, never) == first


def test_a_failed_test_is_a_result_too(caller: User) -> None:
    first = run_once(caller, "k", ASKED, a_run(verdict="fails", diagnosis_id="auth.invalid"))
    assert run_once(caller, "k", ASKED, never) == first


def test_another_call_with_the_same_key_is_refused(caller: User) -> None:
    run_once(caller, "k", ASKED, a_run())
    with pytest.raises(KeyReused):
        run_once(caller, "k", (*ASKED[:3], True), never)


def test_a_key_is_its_callers_own(caller: User) -> None:
    run_once(caller, "k", ASKED, a_run())
    other = User.objects.create_user("other")
    run_once(other, "k", ASKED, a_run())
    assert SmtpTestResult.objects.count() == 2


def test_a_call_that_is_running_is_not_run_again(caller: User) -> None:
    def repeated(on_row: OnRow) -> SmtpTestResult:
        with pytest.raises(KeyInUse):  # before its row is open
            run_once(caller, "k", ASKED, never)
        row = a_row()
        on_row(row)
        with pytest.raises(KeyInUse):  # and after
            run_once(caller, "k", ASKED, never)
        return close(row)

    run_once(caller, "k", ASKED, repeated)


def test_a_day_later_the_key_is_free(caller: User) -> None:
    run_once(caller, "k", ASKED, a_run())
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    run_once(caller, "k", ("another",), a_run())
    assert SmtpTestResult.objects.count() == 2
    assert IdempotentCall.objects.count() == 1


def test_a_call_that_raises_gives_its_key_back(caller: User) -> None:
    def busy(_on_row: OnRow) -> SmtpTestResult:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run_once(caller, "k", ASKED, busy)
    run_once(caller, "k", ASKED, a_run())


@pytest.mark.parametrize("diagnosis", [INTERRUPTED, "tool.budget"])
def test_a_test_that_was_not_run_to_its_end_gives_its_key_back(
    caller: User, diagnosis: str
) -> None:
    run_once(caller, "k", ASKED, a_run(verdict="inconclusive", diagnosis_id=diagnosis))
    run_once(caller, "k", ASKED, a_run())
    assert SmtpTestResult.objects.count() == 2


def test_a_killed_process_gives_its_keys_back(caller: User) -> None:
    now = timezone.now()
    _call, is_first = IdempotentCall.objects.claim(caller, "k", "asked", now)
    assert is_first
    IdempotentCall.objects.update(result=a_row(expires_at=now - timedelta(seconds=1)))
    assert IdempotentCall.objects.claim(caller, "k", "asked", now)[1]


def test_a_process_killed_before_its_row_gives_the_key_back_soon(caller: User) -> None:
    now = timezone.now()
    IdempotentCall.objects.claim(caller, "k", "asked", now)
    assert not IdempotentCall.objects.claim(caller, "k", "asked", now + timedelta(seconds=59))[1]
    assert IdempotentCall.objects.claim(caller, "k", "asked", now + timedelta(seconds=61))[1]


def test_neither_key_nor_body_is_stored(caller: User) -> None:
    run_once(caller, "my key", ASKED, a_run())
    columns = str(IdempotentCall.objects.values().get())
    assert "my key" not in columns
    assert "geheim4711" not in columns


# An SQLite database in memory has one connection; tests/end_to_end asks a file one the same.
@pytest.mark.postgres
def test_of_two_calls_at_the_same_moment_one_runs(caller: User) -> None:
    together = threading.Barrier(2, timeout=10)
    outcomes: list[object] = []

    def slow(on_row: OnRow) -> SmtpTestResult:
        row = a_row()
        on_row(row)
        done.wait(10)
        return close(row)

    def call() -> None:
        together.wait()
        try:
            outcomes.append(run_once(caller, "k", ASKED, slow))
        except KeyInUse as refused:
            outcomes.append(refused)
            done.set()
        finally:
            connection.close()

    done = threading.Event()
    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["KeyInUse", "SmtpTestResult"]
    assert SmtpTestResult.objects.count() == 1
