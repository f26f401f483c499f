"""Lets a crowd of calls compute a few at a time, and begin before any of them ends.

Hundreds of threads that all could run take turns every few milliseconds: all of them are done late,
and each holds a database connection meanwhile. Here a few of them run and the others sleep until it
is their turn. Whoever waits for a mail server waits outside; what comes after that goes behind the
calls that have yet to begin, because the server of each works on while the others are prepared, and
so the last answer is there soonest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count

# The interpreter runs one thread at a time; the others wait for a database, which may be far away.
PLACES = 4

# So much later than now a test is due that is to be closed. Calls that come after that moment wait
# behind it, so that it is closed however many keep coming.
CLOSING_WAITS_SECONDS = 2.0


class Turnstile:
    """So many threads are inside at once; the others go in by the time they are due.

    A thread that waits cannot be interrupted. So nothing may be waited for inside that takes a
    network, or that somebody holds who waits for a place: no lock, and no database connection.
    """

    def __init__(self, places: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = places
        self._clock = clock
        self._lock = threading.Lock()
        # When somebody is due, a number that keeps the order of those due together, and what
        # wakes him up.
        self._waiting: list[tuple[float, int, threading.Semaphore]] = []
        self._numbers = count()
        self._here = threading.local()

    @property
    def waiting(self) -> int:
        """How many threads wait for a place."""
        return len(self._waiting)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Wait for a place, and give it back however this ends."""
        self._enter(0.0)
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def outside(self, *, due_in_seconds: float = 0.0) -> Iterator[None]:
        """Lend this thread's place to others; go in again as if that were asked so much later.

        Nothing happens in a thread that has no place: at other doors than a crowd comes through.
        """
        if not getattr(self._here, "is_inside", False):
            yield
            return
        self._leave()
        try:
            yield
        finally:
            self._enter(due_in_seconds)

    def _enter(self, due_in_seconds: float) -> None:
        if turn := self._queue_up(due_in_seconds):
            turn.acquire()
        self._here.is_inside = True

    def _queue_up(self, due_in_seconds: float) -> threading.Semaphore | None:
        """Take a free place, or return what is released when there is one."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            turn = threading.Semaphore(0)
            due = self._clock() + due_in_seconds
            heappush(self._waiting, (due, next(self._numbers), turn))
            return turn

    def _leave(self) -> None:
        """Hand the place to whoever is due first; it is never free while somebody waits."""
        self._here.is_inside = False
        with self._lock:
            if self._waiting:
                _due, _number, turn = heappop(self._waiting)
                turn.release()
            else:
                self._free += 1


turnstile = Turnstile(PLACES)
