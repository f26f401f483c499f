"""A program that a test starts, and of which nothing may remain afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

STOP_TIMEOUT_SECONDS = 5.0
POLL_SECONDS = 0.02

# A killed test run cannot clean up. Its end closes the watcher's input, and the watcher ends the
# group in its place. (The kernel's parent-death signal is lost when a program changes its user, as
# Postfix does.)
END_WITH_TESTS = 'read -r _; kill -s TERM -- "-$1"'


class ServerError(RuntimeError):
    """The server did not start; the message holds the end of its log."""


class Daemon:
    """Runs a program and all its children until `stop`, or until the tests themselves die.

    The program leads a session of its own, so that its children are known by their process group
    and no other process can be hit. It has to stay in the foreground.
    """

    def __init__(self, command: Sequence[str], *, log: Path) -> None:
        self.command = list(command)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program; what it prints is appended to the log."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", END_WITH_TESTS, "watcher", str(self._process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def wait_until(self, is_ready: Callable[[], bool], *, deadline: float) -> None:
        """Return when `is_ready()` holds; `deadline` is a `time.monotonic()` value.

        Raises `ServerError` if the program ends first or the deadline passes.
        """
        while not is_ready():
            if self._process is None or self._process.poll() is not None:
                raise ServerError(f"{self.command[0]} ended at once:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.command[0]} is not ready in time:\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    @property
    def group(self) -> int | None:
        """The process group of the running program; `None` while it does not run."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """End the program and its children, and return when they are gone."""
        if self._process is None:
            return
        group = self._process.pid
        for sign in (signal.SIGTERM, signal.SIGKILL):
            _signal_group(group, sign)
            if self._is_gone(group):
                break
        self._process = None
        self._dismiss_watcher()

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of the log, for a message."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _dismiss_watcher(self) -> None:
        if self._watcher is None:
            return
        self._watcher.kill()
        # Leaving the block closes its input and reaps it.
        with self._watcher:
            self._watcher = None

    def _is_gone(self, group: int) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            # The poll reaps the leader, which else would stay in the table as a zombie.
            if self._process.poll() is not None and not group_members(group):
                return True
            time.sleep(POLL_SECONDS)
        return False


def group_members(group: int) -> list[int]:
    """The ids of the running processes of a process group.

    Zombies do not count: where process 1 does not reap, as in many containers, orphans stay zombies
    for ever, and `killpg(group, 0)` would go on finding them.
    """
    return [
        int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _is_in(stat, group)
    ]


def _is_in(stat: Path, group: int) -> bool:
    try:
        # proc(5): "pid (name) state ppid pgrp ..."; the name may itself hold blanks and brackets.
        state, _parent, process_group = stat.read_text().rpartition(")")[2].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return int(process_group) == group and state != "Z"


def _signal_group(group: int, sign: signal.Signals) -> None:
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return
