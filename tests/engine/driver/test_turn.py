from __future__ import annotations

import asyncio

from smtpcheck.engine.driver.turn import Turn


def test_the_first_in_order_has_it_although_a_later_one_asked_before() -> None:
    async def run() -> list[bool]:
        turn = Turn(3, 5)
        later = [asyncio.ensure_future(turn.take(index)) for index in (2, 1)]
        await asyncio.sleep(0)
        return [await turn.take(0), *await asyncio.gather(*later)]

    assert asyncio.run(run()) == [True, False, False]


def test_one_that_is_over_is_not_waited_for() -> None:
    async def run() -> tuple[bool, int | None]:
        turn = Turn(2, 60)
        waiting = asyncio.ensure_future(turn.take(1))
        await asyncio.sleep(0)
        turn.over(0)
        return await waiting, turn.taken_by

    assert asyncio.run(run()) == (True, 1)


def test_one_that_keeps_the_others_waiting_loses_it() -> None:
    async def run() -> list[bool]:
        turn = Turn(2, 0.02)
        return [await turn.take(1), await turn.take(0)]

    assert asyncio.run(run()) == [True, False]
