"""Many tests as they run: on one line of a terminal which accounts are tested, and how far."""

from __future__ import annotations

import threading

from smtpcheck.engine.evidence import Rung
from smtpcheck.engine.stages import Stage
from smtpcheck.engine.telling.terminal import Line, Span, Style, Terminal
from smtpcheck.engine.telling.wording import stage_name
from smtpcheck.models import SmtpAccount


class LiveAccounts:
    """Draws the accounts that run, and writes the lines of those that have ended above them.

    Stages are told by the event loop and results by the thread of the database, so every step
    holds a lock.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._stages: dict[str, Stage] = {}
        self._lock = threading.Lock()

    def watch(self, account: SmtpAccount) -> AccountWatch:
        """Return the observer of one account's test."""
        return AccountWatch(self, account.name)

    def reached(self, name: str, stage: Stage) -> None:
        """Draw that an account is at a stage now."""
        with self._lock:
            self._stages[name] = stage
            self._draw()

    def ended(self, name: str, *lines: Line) -> None:
        """Write what is to be said of an account whose test has ended."""
        with self._lock:
            self._stages.pop(name, None)
            self._terminal.show(*lines)
            self._draw()

    def close(self) -> None:
        """Take away what was drawn; call it however the tests ended."""
        with self._lock:
            self._stages.clear()
            self._terminal.clear()

    def _draw(self) -> None:
        if self._stages:
            self._terminal.draw(accounts_line(self._stages))
        else:
            self._terminal.clear()


class AccountWatch:
    """An observer that tells at which stage an account's test is."""

    def __init__(self, live: LiveAccounts, name: str) -> None:
        self._live = live
        self._name = name

    def stage_started(self, stage: Stage, at_ms: int) -> None:  # noqa: ARG002 - the engine tells it
        """Show the stage."""
        self._live.reached(self._name, stage)

    def stage_ended(self, rung: Rung) -> None:
        """Nothing to show: the next stage or the result follows at once."""


def accounts_line(stages: dict[str, Stage]) -> Line:
    """The accounts that run, the longest running first, each with its stage."""
    told = [f"{name}: {stage_name(stage)}" for name, stage in stages.items()]
    return (Span("  … ", Style.STRONG), Span("; ".join(told), Style.FAINT))
