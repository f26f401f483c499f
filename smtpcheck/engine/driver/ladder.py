"""Keeps the ladder of a running test: which rung is being climbed, since when, and what came of it.

Knows no socket and no clock: times come in as milliseconds since the test began.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Protocol

from smtpcheck.engine.evidence import Rung
from smtpcheck.engine.stages import RungState, Stage


class Observer(Protocol):
    """Told of each stage as it happens; called in the event loop, so it must not wait."""

    def stage_started(self, stage: Stage, at_ms: int) -> None:
        """A stage begins, so many milliseconds after the test did."""

    def stage_ended(self, rung: Rung) -> None:
        """A stage is proven, failed or skipped."""


class Ladder:
    """The rungs of one test, told as they are climbed."""

    def __init__(self, planned: tuple[Rung, ...], observer: Observer | None) -> None:
        self._planned = planned
        self._rungs = list(planned)
        self._open: dict[Stage, int] = {}  # where the rungs of the stages are that have begun
        self._observer = observer

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The ladder as it stands."""
        return tuple(self._rungs)

    def parted(self) -> Ladder:
        """The same ladder as far as it is climbed, for one of several that go on from here."""
        return Ladder(self.rungs, None)

    def show_to(self, observer: Observer | None, shown: tuple[Rung, ...]) -> None:
        """Tell an observer what happened so far, and from now on what happens.

        ``shown`` are the rungs it saw on the ladder from which this one parted. It knows already
        that connecting has begun.
        """
        self._observer = observer
        if observer is None:
            return
        for old, rung in zip_longest(shown, self._rungs):
            if rung in (None, old):
                continue
            if rung.stage is not Stage.CONNECT and rung.state is not RungState.SKIPPED:
                observer.stage_started(rung.stage, rung.started_ms or 0)
            observer.stage_ended(rung)

    @property
    def climbed(self) -> int:
        """How many rungs are behind us, or not needed."""
        return sum(rung.state in (RungState.PROVEN, RungState.SKIPPED) for rung in self._rungs)

    @property
    def is_climbing(self) -> bool:
        """Whether a stage has begun and not ended."""
        return bool(self._open)

    @property
    def stage(self) -> Stage:
        """The stage that is being climbed, else the last one that was."""
        if self._open:
            return next(iter(self._open))
        reached = [rung for rung in self._rungs if rung.state is not RungState.NOT_REACHED]
        return reached[-1].stage if reached else Stage.CONFIG

    def begin(self, stage: Stage, at_ms: int, *, grouped: bool, encrypted: bool) -> None:
        """Start a stage's clock."""
        index = self._next(stage)
        self._rungs[index] = Rung(
            stage=stage,
            state=RungState.NOT_REACHED,
            started_ms=at_ms,
            grouped=grouped,
            encrypted=encrypted,
        )
        self._open[stage] = index
        if self._observer:
            self._observer.stage_started(stage, at_ms)

    def started_ms(self, stage: Stage) -> int:
        """When the stage being climbed began."""
        index = self._open.get(stage)
        return 0 if index is None else self._rungs[index].started_ms or 0

    def end(self, stage: Stage, state: RungState, at_ms: int) -> None:
        """Stop a stage's clock with what came of it.

        A failure ends the climb: what was begun in the same group counts as not reached.
        """
        index = self._open.pop(stage, None)
        if index is None:
            index = self._next(stage)
            self._rungs[index] = self._rungs[index]._replace(started_ms=at_ms)
        rung = self._rungs[index]
        took_ms = at_ms - (rung.started_ms or 0)
        self._tell(index, rung._replace(state=state, took_ms=took_ms))
        if state is RungState.FAILED:
            self._leave_open()

    def is_grouped(self, stage: Stage) -> bool:
        """Whether a stage that has begun was sent in a group."""
        return any(rung.stage is stage and rung.grouped for rung in self._rungs)

    def is_proven(self, stage: Stage) -> bool:
        """Whether a stage has done what it is for."""
        return any(rung.stage is stage and rung.state is RungState.PROVEN for rung in self._rungs)

    def climb_again(self, stage: Stage) -> None:
        """Forget what came of a stage and of all behind it."""
        first = next(i for i, rung in enumerate(self._planned) if rung.stage is stage)
        self._rungs[first:] = self._planned[first:]
        self._open = {stage: index for stage, index in self._open.items() if index < first}

    def skip(self, stage: Stage) -> None:
        """Leave a planned stage out."""
        index = self._next(stage)
        self._tell(index, self._rungs[index]._replace(state=RungState.SKIPPED))

    def _leave_open(self) -> None:
        for index in self._open.values():
            self._rungs[index] = self._rungs[index]._replace(started_ms=None)
        self._open.clear()

    def _tell(self, index: int, rung: Rung) -> None:
        self._rungs[index] = rung
        if self._observer:
            self._observer.stage_ended(rung)

    def _next(self, stage: Stage) -> int:
        """The first rung of a stage that is neither climbed nor being climbed.

        A stage that was not planned at that place (a fault told of an earlier one) gets a rung
        where the climbing is.
        """
        for index, rung in enumerate(self._rungs):
            if rung.stage is not stage or rung.state is not RungState.NOT_REACHED:
                continue
            if self._open.get(stage) != index:
                return index
        self._rungs.append(Rung(stage=stage, state=RungState.NOT_REACHED))
        return len(self._rungs) - 1
