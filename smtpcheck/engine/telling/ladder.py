"""A test as it runs: each stage as it starts and ends, on a terminal or in a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from smtpcheck.engine.driver.loop import later
from smtpcheck.engine.evidence import Rung
from smtpcheck.engine.stages import RungState, Stage
from smtpcheck.engine.telling.terminal import Line, Span, Style, Terminal, columns
from smtpcheck.engine.telling.wording import rung_state_name, stage_name

# Often enough to be seen moving, seldom enough to cost nothing beside a test.
REDRAW_SECONDS = 0.2

_SYMBOLS = {
    RungState.PROVEN: "✓",
    RungState.FAILED: "✗",
    RungState.SKIPPED: "–",
    RungState.NOT_REACHED: "·",
}

_STYLES = {
    RungState.PROVEN: Style.GOOD,
    RungState.FAILED: Style.BAD,
    RungState.SKIPPED: Style.FAINT,
    RungState.NOT_REACHED: Style.FAINT,
}


class LiveLadder:
    """An observer that writes a line for each stage that ends.

    On a terminal the line of the running stages is drawn again while they run.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._running: list[Stage] = []
        self._since = 0.0
        self._cancel_tick: Callable[[], None] | None = None

    def stage_started(self, stage: Stage, at_ms: int) -> None:  # noqa: ARG002 - the engine tells it
        """Show that a stage runs; ``at_ms`` is not shown, the stage's own time is."""
        if not self._running:
            self._since = time.monotonic()
        if stage not in self._running:  # a group that broke is climbed again one by one
            self._running.append(stage)
        self._draw()

    def stage_ended(self, rung: Rung) -> None:
        """Write the line of a stage that ended, whichever way."""
        if rung.stage in self._running:
            self._running.remove(rung.stage)
        self._terminal.show(rung_line(rung, symbols=self._terminal.shows_symbols))
        self._since = time.monotonic()
        self._draw()

    def close(self) -> None:
        """Take away what was drawn; call it however the test ended."""
        self._running.clear()
        self._stop_tick()
        self._terminal.clear()

    def _draw(self) -> None:
        self._stop_tick()
        if not (self._terminal.live and self._running):
            return
        elapsed_ms = int((time.monotonic() - self._since) * 1000)
        self._terminal.draw(running_line(self._running, elapsed_ms))
        self._cancel_tick = later(REDRAW_SECONDS, self._draw)

    def _stop_tick(self) -> None:
        if self._cancel_tick is not None:
            self._cancel_tick()
            self._cancel_tick = None


def rung_line(rung: Rung, *, symbols: bool = True) -> Line:
    """The line of one rung: how it ended, its name, its time."""
    style = _STYLES[rung.state]
    mark = _SYMBOLS[rung.state] if symbols else padded(rung_state_name(rung.state), _state_width())
    name = rung_name(rung.stage, is_encrypted=rung.encrypted)
    start = (Span("  "), Span(mark, style))
    if rung.took_ms is None or rung.state is RungState.SKIPPED:
        return (*start, Span(f" {name}"))
    took = duration(rung.took_ms).rjust(8)
    return (*start, Span(f" {padded(name, _name_width())} "), Span(took, Style.FAINT))


def running_line(stages: Iterable[Stage], elapsed_ms: int) -> Line:
    """The line of the stages that run now; more than one when they were sent together.

    Their time is told from half a second on: before that it would only flicker.
    """
    names = ", ".join(str(stage_name(stage)) for stage in stages)
    told = f"  {elapsed_ms / 1000:.1f} s" if elapsed_ms >= 500 else ""
    return (Span(f"  … {names}", Style.STRONG), Span(told, Style.FAINT))


def rung_name(stage: Stage, *, is_encrypted: bool) -> str:
    """The stage's name; the second EHLO is told from the first by the TLS around it."""
    name = str(stage_name(stage))
    return f"{name}, TLS" if stage is Stage.EHLO and is_encrypted else name


def duration(milliseconds: int) -> str:
    """A time as a person reads it: "12 ms", "1.2 s"."""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def padded(text: str, width: int) -> str:
    """The text with blanks behind it up to so many columns."""
    return str(text) + " " * max(0, width - columns(str(text)))


def _name_width() -> int:
    return max(columns(rung_name(stage, is_encrypted=True)) for stage in Stage)


def _state_width() -> int:
    return max(columns(str(rung_state_name(state))) for state in RungState)
