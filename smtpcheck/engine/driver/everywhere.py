"""A climb to every address of a name, side by side; one of them goes on behind the last EHLO.

Knows ascents, and whose turn it is. Which addresses there are was judged before.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping

from smtpcheck.engine.driver.ascent import Ascent
from smtpcheck.engine.driver.dial import MOST_TELLING
from smtpcheck.engine.driver.turn import Turn
from smtpcheck.engine.evidence import AtAddress, Evidence
from smtpcheck.engine.policy import Address


class Everywhere:
    """An ascent for each address, in the order in which a mail program would try them.

    ``main`` is the one that the verdict is about, None until that is known; ``on_main`` is called
    then, before it goes on.
    """

    def __init__(
        self,
        ascents: Mapping[Address, Ascent],
        patience_seconds: float,
        on_main: Callable[[Ascent], None],
    ) -> None:
        self.main: Ascent | None = None
        self._ascents = dict(ascents)
        self._turn = Turn(len(ascents), patience_seconds)
        self._on_main = on_main

    async def climb(self, nonce: str, context: ssl.SSLContext | None) -> Ascent:
        """Climb to all of them, and return the main one."""
        async with asyncio.TaskGroup() as group:
            for index, (address, ascent) in enumerate(self._ascents.items()):
                group.create_task(self._climb_one(index, address, ascent, nonce, context))
        return self.main or self._choose(_most_telling(list(self._ascents.values())))

    def evidence(self, seen: Evidence) -> Evidence:
        """Return what was seen by the main one, with what was seen at each address."""
        each = tuple(
            AtAddress(address=str(address), went_on=ascent is self.main, evidence=ascent.evidence())
            for address, ascent in self._ascents.items()
        )
        attempts = tuple(attempt for item in each for attempt in item.evidence.attempts)
        return seen._replace(attempts=attempts, each_address=each)

    async def _climb_one(
        self,
        index: int,
        address: Address,
        ascent: Ascent,
        nonce: str,
        context: ssl.SSLContext | None,
    ) -> None:
        async def may_go_on() -> bool:
            is_mine = await self._turn.take(index)
            if is_mine:
                self._choose(ascent)
            return is_mine

        await ascent.climb([address], nonce, context=context, may_go_on=may_go_on)
        self._turn.over(index)

    def _choose(self, ascent: Ascent) -> Ascent:
        self.main = ascent
        self._on_main(ascent)
        return ascent


def _most_telling(ascents: list[Ascent]) -> Ascent:
    """The one that a verdict is about where none came to a login.

    The first that has no fault, else the first of those that came farthest; among those that did
    not even connect, what says most of the server.
    """

    def rank(ascent: Ascent) -> tuple[bool, int, int]:
        kinds = MOST_TELLING[::-1]
        kind = ascent.fault.kind if ascent.fault else None
        return kind is None, ascent.ladder.climbed, kinds.index(kind) if kind in kinds else -1

    return max(ascents, key=rank)
