"""The event loop for those who may not know one: the command line and its live ladder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


def run_alone(work: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine in a loop of its own in this thread, so that Ctrl-C reaches it at once."""
    return asyncio.run(work)


def later(seconds: float, function: Callable[[], None]) -> Callable[[], None]:
    """Have the running loop call a function in so many seconds; returns what takes that back."""
    return asyncio.get_running_loop().call_later(seconds, function).cancel
