"""Connects to the first of several addresses that answers, and remembers every try.

RFC 8305 section 5: the next address is tried when one has failed or 250 ms have gone by, so a dead
address costs a quarter of a second instead of the whole clock.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.evidence import Attempt, FaultKind
from smtpcheck.engine.policy import Address

STAGGER_SECONDS = 0.25
# A name with more addresses is a pool; eight of them say whether it answers.
MAX_ADDRESSES = 8

_KINDS = {
    errno.ECONNREFUSED: FaultKind.REFUSED,
    errno.ECONNRESET: FaultKind.RESET,
    errno.ECONNABORTED: FaultKind.RESET,
    errno.ENETUNREACH: FaultKind.UNREACHABLE,
    errno.EHOSTUNREACH: FaultKind.UNREACHABLE,
    errno.ENETDOWN: FaultKind.UNREACHABLE,
    errno.EHOSTDOWN: FaultKind.UNREACHABLE,
    errno.EACCES: FaultKind.UNREACHABLE,
    errno.EPERM: FaultKind.UNREACHABLE,
    errno.EAFNOSUPPORT: FaultKind.UNREACHABLE,
    errno.ETIMEDOUT: FaultKind.TIMEOUT,
    errno.EADDRNOTAVAIL: FaultKind.RESOURCES,
    errno.EMFILE: FaultKind.RESOURCES,
    errno.ENFILE: FaultKind.RESOURCES,
    errno.ENOBUFS: FaultKind.RESOURCES,
    errno.ENOMEM: FaultKind.RESOURCES,
}

# A connection that was not made at once; a signal interrupts the call, not the connection.
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EINTR})

# When addresses failed in different ways, the first of these that happened says most: a host that
# refuses is there, a network that cannot be reached is often just a machine without IPv6. What a
# proxy kept us from seeing comes first, because that address may be the one that works.
MOST_TELLING = (
    FaultKind.SOURCE_ADDRESS,
    FaultKind.RESOURCES,
    FaultKind.PROXY_UNREACHABLE,
    FaultKind.PROXY_REFUSED,
    FaultKind.PROXY_SILENT,
    FaultKind.REFUSED,
    FaultKind.RESET,
    FaultKind.TIMEOUT,
    FaultKind.UNREACHABLE,
)


# The tries that run, each with its address and the loop time at which it began.
_Tries = dict[asyncio.Task[socket.socket], tuple[Address, float]]


class NotConnected(EngineError):
    """A way did not lead to an address; ``detail`` is fit to be shown."""

    def __init__(self, kind: FaultKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class Way(Protocol):
    """Opens connections through something; ``proxy_name`` is what the settings call it."""

    proxy_name: str

    async def open(self, address: Address, port: int, deadline: float) -> socket.socket:
        """Return a connection that leads to an address; raises NotConnected."""


class DialFailed(EngineError):
    """No address could be connected to."""

    def __init__(self, attempts: tuple[Attempt, ...]) -> None:
        self.attempts = attempts
        self.kind, self.detail = _most_telling(attempts)
        super().__init__(self.detail)


@dataclass(slots=True)
class Dial:
    """Tries addresses; ``attempts`` are the finished tries, in the order in which they ended.

    ``source_address`` is the one of this machine to come from; "" leaves it to the system. A
    ``way`` opens the connections instead of this machine itself, and knows where it comes from.
    """

    port: int
    source_address: str = ""
    way: Way | None = None
    attempts: list[Attempt] = field(default_factory=list)

    async def connect(
        self, addresses: Sequence[Address], seconds: float
    ) -> tuple[socket.socket, Address]:
        """Return a connected, non-blocking socket and the address it leads to.

        Raises DialFailed when no address answers.
        """
        waiting = list(addresses[:MAX_ADDRESSES])
        tries: _Tries = {}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        if len(waiting) == 1:
            return await self._connect_only(waiting[0], deadline)
        try:
            while (waiting or tries) and loop.time() < deadline:
                if waiting:
                    self._start(waiting.pop(0), tries, deadline)
                pause = STAGGER_SECONDS if waiting else deadline - loop.time()
                if connected := await self._first_connected(tries, max(0.0, pause)):
                    return connected
            self._note_unanswered(tries, "timeout")
            raise DialFailed(tuple(self.attempts))
        finally:
            self._note_unanswered(tries, "abandoned")
            await _drop(list(tries))

    async def _connect_only(
        self, address: Address, deadline: float
    ) -> tuple[socket.socket, Address]:
        """The same without a race, which takes a task and a second clock."""
        began = asyncio.get_running_loop().time()
        clock = asyncio.timeout_at(deadline)
        try:
            async with clock:
                sock = await self._open(address, deadline)
        except (NotConnected, OSError) as error:
            if clock.expired():
                self._remember(address, "timeout", began)
            else:
                self._note(error, address, began)
            raise DialFailed(tuple(self.attempts)) from None
        self._note(None, address, began)
        return sock, address

    def _open(self, address: Address, deadline: float) -> Coroutine[Any, Any, socket.socket]:
        if self.way is None:
            return _connect(address, self.port, self.source_address)
        return self.way.open(address, self.port, deadline)

    def _start(self, address: Address, tries: _Tries, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        tries[loop.create_task(self._open(address, deadline))] = (address, loop.time())

    async def _first_connected(
        self, tries: _Tries, seconds: float
    ) -> tuple[socket.socket, Address] | None:
        """Wait until a try ends, and take it out; what connected, or None."""
        done, _ = await asyncio.wait(tries, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            address, began = tries.pop(task)
            self._note(task.exception(), address, began)
            if task.exception() is None:
                return task.result(), address
        return None

    def _note(self, error: BaseException | None, address: Address, began: float) -> None:
        """Remember a finished try; raises what is no failure to connect."""
        outcome, detail = "connected", ""
        if isinstance(error, NotConnected):
            outcome, detail = error.kind.value, error.detail
        elif isinstance(error, OSError):
            outcome = _kind_of(error).value
            # Python's own words name the call and its arguments; the system's say what happened.
            detail = os.strerror(error.errno) if error.errno else str(error)
        elif error is not None:
            raise error
        self._remember(address, outcome, began, detail)

    def _note_unanswered(self, tries: _Tries, outcome: str) -> None:
        noted = {attempt.address for attempt in self.attempts}
        for address, began in tries.values():
            if str(address) not in noted:
                self._remember(address, outcome, began)

    def _remember(self, address: Address, outcome: str, began: float, detail: str = "") -> None:
        took_seconds = asyncio.get_running_loop().time() - began
        self.attempts.append(
            Attempt(
                address=str(address),
                port=self.port,
                outcome=outcome,
                took_ms=round(took_seconds * 1000),
                detail=detail,
                proxy=self.way.proxy_name if self.way else "",
            )
        )


class _NoSuchSource(OSError):
    """The address to come from is not one of this machine's."""


async def _connect(address: Address, port: int, source_address: str) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setblocking(False)  # noqa: FBT003 - positional only
        # Without it a command waits for the server's ACK of the one before (Nagle).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _bind(sock, source_address)
        await _reach(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _reach(sock: socket.socket, place: tuple[str, int]) -> None:
    """Connect; raises OSError.

    Not by the loop's ``sock_connect``: uvloop's looks up even a numeric address, in a thread.
    """
    error = sock.connect_ex(place)
    if error in _UNDER_WAY:
        await _writable(sock)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))


async def _writable(sock: socket.socket) -> None:
    """Wait until a connection stands or has failed."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    loop.add_writer(sock.fileno(), _wake, waiter)
    try:
        await waiter
    finally:
        loop.remove_writer(sock.fileno())


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _bind(sock: socket.socket, source_address: str) -> None:
    if not source_address:
        return
    try:
        sock.bind((source_address, 0))
    except OSError as error:
        # From connect() the same errno means that the machine has no port left.
        if error.errno == errno.EADDRNOTAVAIL:
            raise _NoSuchSource(*error.args) from None
        raise


def _kind_of(error: OSError) -> FaultKind:
    if isinstance(error, _NoSuchSource):
        return FaultKind.SOURCE_ADDRESS
    return _KINDS.get(error.errno or 0, FaultKind.UNREACHABLE)


async def _drop(tasks: list[asyncio.Task[socket.socket]]) -> None:
    """End tries that lost the race, and close the socket of one that connected too late."""
    if not tasks:
        return
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, socket.socket):
            result.close()


def _most_telling(attempts: Sequence[Attempt]) -> tuple[FaultKind, str]:
    for kind in MOST_TELLING:
        for attempt in attempts:
            if attempt.outcome == kind.value:
                return kind, attempt.detail
    return FaultKind.TIMEOUT, ""
