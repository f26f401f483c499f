"""Keeps the ladder of a running test: which rung is being climbed, since when, and what came of it.

Knows no socket and no clock: times come in as milliseconds since the test began.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import NamedTuple, Protocol

from smtpcheck.engine.evidence import Rung
from smtpcheck.engine.stages import RungState, Stage


class Observer(Protocol):
    """Told of each stage as it happens; called in the event loop, so it must not wait."""

    def stage_started(self, stage: Stage, at_ms: int) -> None:
        """A stage begins, so many milliseconds after the test did."""

    def stage_ended(self, rung: Rung) -> None:
        """A stage is proven, failed or skipped."""


class _Begun(NamedTuple):
    """A stage that is being climbed: where its rung is, and what that has been told so far."""

    place: int
    at_ms: int
    grouped: bool
    encrypted: bool


class Ladder:
    """The rungs of one test, told as they are climbed."""

    def __init__(self, planned: tuple[Rung, ...], observer: Observer | None) -> None:
        self._planned = planned
        self._rungs = list(planned)
        self._open: dict[Stage, _Begun] = {}  # in the order in which they have begun
        self._behind = 0  # so many rungs have ended, without one between them that has not
        self._observer = observer

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The ladder as it stands."""
        rungs = list(self._rungs)
        for stage, begun in self._open.items():
            rungs[begun.place] = _not_reached(stage, begun, begun.at_ms)
        return tuple(rungs)

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
        self._open[stage] = _Begun(self._next(stage), at_ms, grouped, encrypted)
        if self._observer:
            self._observer.stage_started(stage, at_ms)

    def started_ms(self, stage: Stage) -> int:
        """When the stage being climbed began."""
        begun = self._open.get(stage)
        return begun.at_ms if begun else 0

    def end(self, stage: Stage, state: RungState, at_ms: int) -> None:
        """Stop a stage's clock with what came of it.

        A failure ends the climb: what was begun in the same group counts as not reached.
        """
        begun = self._open.pop(stage, None)
        if begun is None:
            index = self._next(stage)
            self._tell(index, self._rungs[index]._replace(state=state, started_ms=at_ms, took_ms=0))
        else:
            index, began, grouped, encrypted = begun
            self._tell(index, Rung(stage, state, began, at_ms - began, grouped, encrypted))
        if state is RungState.FAILED:
            self._leave_open()

    def is_grouped(self, stage: Stage) -> bool:
        """Whether a stage that has begun was sent in a group."""
        return any(rung.stage is stage and rung.grouped for rung in self.rungs)

    def is_proven(self, stage: Stage) -> bool:
        """Whether a stage has done what it is for."""
        return any(rung.stage is stage and rung.state is RungState.PROVEN for rung in self._rungs)

    def climb_again(self, stage: Stage) -> None:
        """Forget what came of a stage and of all behind it."""
        first = next(i for i, rung in enumerate(self._planned) if rung.stage is stage)
        self._rungs[first:] = self._planned[first:]
        self._behind = min(self._behind, first)
        self._open = {stage: begun for stage, begun in self._open.items() if begun.place < first}

    def skip(self, stage: Stage) -> None:
        """Leave a planned stage out."""
        index = self._next(stage)
        self._tell(index, self._rungs[index]._replace(state=RungState.SKIPPED))

    def _leave_open(self) -> None:
        for stage, begun in self._open.items():
            self._rungs[begun.place] = _not_reached(stage, begun, None)
        self._open.clear()

    def _tell(self, index: int, rung: Rung) -> None:
        self._rungs[index] = rung
        if index == self._behind:
            self._behind += 1
        if self._observer:
            self._observer.stage_ended(rung)

    def _next(self, stage: Stage) -> int:
        """The first rung of a stage that is neither climbed nor being climbed.

        A stage that was not planned at that place (a fault told of an earlier one) gets a rung
        where the climbing is.
        """
        begun = self._open.get(stage)
        climbing = begun.place if begun else None
        for index in range(self._behind, len(self._rungs)):
            rung = self._rungs[index]
            if rung.stage is stage and rung.state is RungState.NOT_REACHED and index != climbing:
                return index
        self._rungs.append(Rung(stage=stage, state=RungState.NOT_REACHED))
        return len(self._rungs) - 1


def _not_reached(stage: Stage, begun: _Begun, at_ms: int | None) -> Rung:
    return Rung(stage, RungState.NOT_REACHED, at_ms, None, begun.grouped, begun.encrypted)
