from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from smtpcheck.models import Tally

pytestmark = pytest.mark.django_db


def count(*what: str, limit: int = 2, seconds: float = 60) -> float:
    return Tally.objects.add(*what, limit=limit, seconds=seconds)


def end_all_windows() -> None:
    Tally.objects.update(ends_at=timezone.now() - timedelta(seconds=1))


def test_it_counts_up_to_the_limit_and_then_tells_how_long_to_wait() -> None:
    assert [count("a"), count("a")] == [0, 0]
    assert 59 < count("a") <= 60
    assert Tally.objects.get().number == 2


def test_waiting_counts_nothing() -> None:
    assert Tally.objects.wait("a", limit=1) == 0
    count("a")
    assert Tally.objects.wait("a", limit=2) == 0
    assert 59 < Tally.objects.wait("a", limit=1) <= 60


def test_different_things_are_counted_apart() -> None:
    assert count("a", "b", limit=1) == 0
    assert count("a", limit=1) == 0
    assert count("ab", limit=1) == 0


def test_a_window_that_has_ended_begins_anew() -> None:
    count("a", limit=1)
    end_all_windows()
    assert Tally.objects.wait("a", limit=1) == 0
    assert count("a", limit=1) == 0
    assert count("a", limit=1) > 0


def test_windows_that_have_ended_are_deleted() -> None:
    for each in "abc":
        count(each)
    end_all_windows()
    count("d")
    assert len(Tally.objects.all()) == 1


def test_what_is_forgotten_begins_anew() -> None:
    count("a", limit=1)
    Tally.objects.forget("a")
    assert count("a", limit=1) == 0


def test_the_table_holds_nothing_that_was_counted() -> None:
    count("ann@example.org")
    assert "ann" not in Tally.objects.get().key


@pytest.mark.django_db(transaction=True)
def test_what_happens_at_the_same_time_is_counted_once_each() -> None:
    def one(_number: int) -> float:
        try:
            return count("a", limit=5)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(one, range(20)))
    assert waits.count(0) == 5
