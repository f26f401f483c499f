"""Turns a name into addresses by the system's own resolver, without ever blocking a loop.

What any program on this machine would see is what counts, so getaddrinfo decides (hosts file and
all). It cannot be interrupted: each look-up has a daemon thread of its own, equal names share one,
and a look-up that takes too long is abandoned, not waited for. The loop's executor is not used,
because its threads are joined at the end: one dead name server would hold up the whole process.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.policy import Address

# Threads that may wait for name servers at once; each costs a stack, and a resolver that needs
# more of them is not answering anyway.
MAX_LOOK_UPS = 64

# How often a look-up that waits for a free thread asks again.
_WAIT_SECONDS = 0.05

Resolver = Callable[[str], Awaitable[Sequence[Address]]]


class ResolveFailed(EngineError):
    """A name led to no address."""

    def __init__(self, kind: FaultKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class _Outcome(NamedTuple):
    """What a look-up found: addresses in RFC 6724 order, or why there are none."""

    addresses: tuple[Address, ...] = ()
    kind: FaultKind | None = None
    detail: str = ""


class _LookUp:
    """One call of getaddrinfo and everybody who waits for it, in whatever loop."""

    def __init__(self) -> None:
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[_Outcome]]] = []

    def join(self) -> asyncio.Future[_Outcome]:
        """Return a future of the running loop; call with the lock held."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Outcome] = loop.create_future()
        self._waiters.append((loop, future))
        return future

    def tell(self, outcome: _Outcome) -> None:
        for loop, future in self._waiters:
            try:
                loop.call_soon_threadsafe(_settle, future, outcome)
            except RuntimeError:  # a loop that has ended no longer wants to know
                continue


_running: dict[str, _LookUp] = {}
_lock = threading.Lock()


async def resolve(host: str) -> Sequence[Address]:
    """Return the addresses of a name in the order in which they should be tried.

    Waits as long as the resolver takes: the caller sets the clock. Raises ResolveFailed.
    """
    # Threads come free in other loops too, which no event of this one would tell.
    while (future := _join(host)) is None:  # noqa: ASYNC110
        await asyncio.sleep(_WAIT_SECONDS)
    outcome = await future
    if outcome.kind is not None:
        raise ResolveFailed(outcome.kind, outcome.detail)
    return outcome.addresses


def is_saturated() -> bool:
    """Say whether every thread is taken, so that a new name has to wait."""
    return len(_running) >= MAX_LOOK_UPS


def _join(host: str) -> asyncio.Future[_Outcome] | None:
    """Start or join the look-up of a name; None while every thread is taken."""
    with _lock:
        if (look_up := _running.get(host)) is not None:
            return look_up.join()
        if is_saturated():
            return None
        look_up = _running[host] = _LookUp()
        future = look_up.join()
    threading.Thread(target=_run, args=(host,), name=f"resolve {host}", daemon=True).start()
    return future


def _run(host: str) -> None:
    outcome = _ask_system(host)
    with _lock:
        look_up = _running.pop(host)
    look_up.tell(outcome)


def _settle(future: asyncio.Future[_Outcome], outcome: _Outcome) -> None:
    if not future.done():
        future.set_result(outcome)


def _ask_system(host: str) -> _Outcome:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        kind = _KINDS.get(error.errno or 0, FaultKind.RESOLVER_FAILED)
        return _Outcome(kind=kind, detail=error.strerror or str(error))
    except (OSError, UnicodeError) as error:
        return _Outcome(kind=FaultKind.RESOLVER_FAILED, detail=str(error))
    texts = dict.fromkeys(str(item[4][0]).partition("%")[0] for item in found)
    addresses = tuple(ipaddress.ip_address(text) for text in texts)
    if not addresses:
        return _Outcome(kind=FaultKind.NO_ADDRESS, detail="no address")
    return _Outcome(addresses)


_KINDS = {
    socket.EAI_NONAME: FaultKind.NAME_UNKNOWN,
    getattr(socket, "EAI_NODATA", -5): FaultKind.NO_ADDRESS,
    socket.EAI_AGAIN: FaultKind.RESOLVER_FAILED,
}
