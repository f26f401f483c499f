"""Who looks on while a test runs, so that something can be said of one that broke."""

from __future__ import annotations

from smtpcheck.engine.driver import Observer
from smtpcheck.engine.evidence import Rung
from smtpcheck.engine.stages import Stage


class Watch:
    """An observer that remembers the last stage, for a test that does not end by itself."""

    def __init__(self, observer: Observer | None) -> None:
        self._observer = observer
        self.stage = Stage.CONFIG

    def stage_started(self, stage: Stage, at_ms: int) -> None:
        """Remember the stage, and tell the caller's own observer."""
        self.stage = stage
        if self._observer is not None:
            self._observer.stage_started(stage, at_ms)

    def stage_ended(self, rung: Rung) -> None:
        """Tell the caller's own observer."""
        if self._observer is not None:
            self._observer.stage_ended(rung)


def place_of(error: BaseException) -> str:
    """Where a fault of our own happened, innermost frame first; without texts and values.

    Those could hold a secret.
    """
    import traceback  # faults are rare, and it is not cheap

    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
