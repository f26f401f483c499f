"""The clocks of one test: the total, and one for each stage.

Knows the budget and the loop's time; waits for nothing itself.
"""

from __future__ import annotations

import asyncio

from smtpcheck.engine.plan import Budget
from smtpcheck.engine.stages import Stage


class Clock:
    """Counts from the moment it is made; ``ends`` is the loop time at which the total is spent."""

    def __init__(self, budget: Budget) -> None:
        self._now = asyncio.get_running_loop().time
        self._budget = budget
        self._stage_seconds = budget.stage_seconds
        self._began = self._now()
        self.ends = self._began + budget.total_seconds

    @property
    def seconds(self) -> float:
        """Seconds since the test began."""
        return self._now() - self._began

    @property
    def milliseconds(self) -> int:
        """Milliseconds since the test began, whole."""
        return round((self._now() - self._began) * 1000)

    @property
    def connect_seconds(self) -> float:
        """How long connecting may take from now on."""
        return min(self._budget.connect_seconds, self.ends - self._now())

    def stage_ends(self, stage: Stage, started_ms: int) -> float:
        """The loop time at which a stage is given up; the final dot has all the time there is."""
        return self.ends if stage is Stage.CONTENT else min(self._own_end(started_ms), self.ends)

    def soon(self, seconds: float) -> float:
        """The loop time so many seconds from now, or the end of the total if that is earlier."""
        return min(self._now() + seconds, self.ends)

    def is_total_spent_early(self, stage: Stage, started_ms: int) -> bool:
        """Say whether the total ended a stage before the stage's own clock would have."""
        if stage is Stage.CONTENT or self._now() < self.ends:
            return False
        return self.ends < self._own_end(started_ms)

    def _own_end(self, started_ms: int) -> float:
        return self._began + started_ms / 1000 + self._stage_seconds
