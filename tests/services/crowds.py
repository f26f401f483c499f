"""Threads at a turnstile, in an order that a test decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from smtpcheck.services.turnstile import Turnstile

PATIENCE_SECONDS = 10.0


class Crowd:
    """Threads at a turnstile of one place, and a clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turnstile = Turnstile(1, clock=lambda: self.now)
        self.order: list[str] = []
        self._engines = threading.Event()
        self._threads: list[threading.Thread] = []

    def come(self, name: str, at: float = 0.0) -> None:
        """Have one more thread wait for the place, which must be taken."""
        self.now = at
        self._until_one_more_waits(lambda: self._start(lambda: self._go_in(name)))

    def begin(self, name: str, closing_waits_seconds: float) -> None:
        """Have a thread take the place and lend it, as a call does while its engine runs."""
        is_outside = threading.Event()

        def go_in_and_out() -> None:
            with self.turnstile.inside():
                with self.turnstile.outside(due_in_seconds=closing_waits_seconds):
                    is_outside.set()
                    self._engines.wait(PATIENCE_SECONDS)
                self.order.append(name)

        self._start(go_in_and_out)
        assert is_outside.wait(PATIENCE_SECONDS)

    def end_engine(self, at: float) -> None:
        """Have what was begun wait for its second turn."""
        self.now = at
        self._until_one_more_waits(self._engines.set)

    def disperse(self) -> list[str]:
        """Wait until everybody is through, and return who was in which order."""
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
        return self.order

    def _go_in(self, name: str) -> None:
        with self.turnstile.inside():
            self.order.append(name)

    def _start(self, target: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=target))
        self._threads[-1].start()

    def _until_one_more_waits(self, doing: Callable[[], object]) -> None:
        waiting, end = self.turnstile.waiting, time.monotonic() + PATIENCE_SECONDS
        doing()
        while self.turnstile.waiting == waiting:
            assert time.monotonic() < end
            time.sleep(0.001)


def has_room(turnstile: Turnstile) -> bool:
    """Whether another thread gets in without waiting."""
    got_in = threading.Event()

    def go_in() -> None:
        with turnstile.inside():
            got_in.set()

    threading.Thread(target=go_in, daemon=True).start()
    return got_in.wait(PATIENCE_SECONDS)
