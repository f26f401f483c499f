"""What the thread of a test asks of the system's sockets, seen where Python hands it over."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

Call = tuple[str, Any]

_noted = threading.local()


@contextlib.contextmanager
def socket_calls() -> Iterator[list[Call]]:
    """Collect the calls of this thread: the name of each, and the address or host it was about.

    Begin inside the loop: a new one opens a pair of sockets for itself.
    """
    calls: list[Call] = []
    _noted.calls = calls
    try:
        yield calls
    finally:
        _noted.calls = None


def dialled(calls: list[Call]) -> list[Any]:
    """The addresses that were connected to, in their order."""
    return [about for name, about in calls if name == "connect"]


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    calls: list[Call] | None = getattr(_noted, "calls", None)
    if calls is None or not event.startswith("socket."):
        return
    # Most events are about a socket and, behind it, an address; some are about a name alone.
    calls.append((event.removeprefix("socket."), arguments[-1] if arguments else None))


sys.addaudithook(_note)
