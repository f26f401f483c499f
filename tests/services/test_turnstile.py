from __future__ import annotations

from collections.abc import Iterator

import pytest

from smtpcheck.services.turnstile import Turnstile
from tests.services.crowds import Crowd, has_room


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    crowd = Crowd()
    yield crowd
    crowd.disperse()


def test_others_wait_until_there_is_a_place(crowd: Crowd) -> None:
    with crowd.turnstile.inside():
        crowd.come("one")
        crowd.come("two")
        assert (crowd.turnstile.waiting, crowd.order) == (2, [])
    assert crowd.disperse() == ["one", "two"]
    assert crowd.turnstile.waiting == 0


def test_there_are_as_many_places_as_were_asked_for() -> None:
    turnstile = Turnstile(2)
    with turnstile.inside():
        assert has_room(turnstile)


def test_what_begins_goes_before_what_is_closed(crowd: Crowd) -> None:
    crowd.begin("closed", closing_waits_seconds=2.0)
    with crowd.turnstile.inside():
        crowd.end_engine(at=10.0)
        crowd.come("begun", at=11.9)
    assert crowd.disperse() == ["begun", "closed"]


def test_a_test_is_closed_however_many_keep_coming(crowd: Crowd) -> None:
    crowd.begin("closed", closing_waits_seconds=2.0)
    with crowd.turnstile.inside():
        crowd.end_engine(at=10.0)
        for second in range(11, 15):
            crowd.come(f"begun at {second}", at=second)
    assert crowd.disperse().index("closed") == 1  # behind the one that came at 11


def test_a_place_is_lent_while_its_thread_is_outside() -> None:
    turnstile = Turnstile(1)
    with turnstile.inside(), turnstile.outside():
        assert has_room(turnstile)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_place_is_given_back_however_it_ends(error: type[BaseException]) -> None:
    turnstile = Turnstile(1)
    with pytest.raises(error), turnstile.inside():
        raise error
    with pytest.raises(error), turnstile.inside(), turnstile.outside():
        raise error
    assert has_room(turnstile)


def test_a_thread_without_a_place_lends_none() -> None:
    turnstile = Turnstile(1)
    with turnstile.outside():
        pass
    with turnstile.inside():
        assert turnstile.waiting == 0
    assert has_room(turnstile)
