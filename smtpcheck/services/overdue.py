"""When to look for tests that died: every few seconds in a process, not before every test."""

from __future__ import annotations

import time

# Readers show an overdue row as interrupted anyway, so nobody waits for this.
LOOK_EVERY_SECONDS = 5.0


class Overdue:
    """Remembers when this process looked last."""

    def __init__(self) -> None:
        self._next_look = 0.0

    def is_due(self) -> bool:
        """Say whether to look now, and count it as done."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_EVERY_SECONDS
        return True

    def forget(self) -> None:
        """Look again the next time."""
        self._next_look = 0.0


overdue = Overdue()
