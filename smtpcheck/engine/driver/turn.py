"""Whose turn it is to log in where every address of a name is tested: one of them has it, once.

Knows positions in the order of the addresses and nothing of what happens there.
"""

from __future__ import annotations

import asyncio
import contextlib

# How long one that could log in waits for those before it: they were asked at the same moment, so
# one that is later than this is in trouble, and its clock must not use up the time of the others.
PATIENCE_SECONDS = 2.0


class Turn:
    """Given to the first in order that asks for it while those before it are still on their way.

    Each of ``count`` says ``over`` when it has ended, and then never asks any more.
    """

    def __init__(self, count: int, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._decided = [asyncio.Event() for _ in range(count)]
        self.taken_by: int | None = None

    async def take(self, index: int) -> bool:
        """Say whether this one goes on; waits until that is known."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience_seconds):
                for earlier in self._decided[:index]:
                    await earlier.wait()
        if self.taken_by is None:
            self.taken_by = index
            for event in self._decided:
                event.set()
        return self.taken_by == index

    def over(self, index: int) -> None:
        """Note that this one will not ask any more."""
        self._decided[index].set()
