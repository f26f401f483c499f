"""Connects to the first of several addresses that answers, and remembers every try.

RFC 8305 section 5: the next address is tried when one has failed or 250 ms have gone by, so a dead
address costs a quarter of a second instead of the whole clock.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

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

# When addresses failed in different ways, the first of these that happened says most: a host that
# refuses is there, a network that cannot be reached is often just a machine without IPv6.
_MOST_TELLING = (
    FaultKind.RESOURCES,
    FaultKind.REFUSED,
    FaultKind.RESET,
    FaultKind.TIMEOUT,
    FaultKind.UNREACHABLE,
)


class DialFailed(EngineError):
    """No address could be connected to."""

    def __init__(self, attempts: tuple[Attempt, ...]) -> None:
        self.attempts = attempts
        self.kind, self.detail = _most_telling(attempts)
        super().__init__(self.detail)


@dataclass(slots=True)
class Dial:
    """Tries addresses; ``attempts`` are the finished tries, in the order in which they ended."""

    port: int
    attempts: list[Attempt] = field(default_factory=list)

    async def connect(
        self, addresses: Sequence[Address], seconds: float
    ) -> tuple[socket.socket, Address]:
        """Return a connected, non-blocking socket and the address it leads to.

        Raises DialFailed when no address answers.
        """
        waiting = list(addresses[:MAX_ADDRESSES])
        tries: dict[asyncio.Task[socket.socket], tuple[Address, float]] = {}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        try:
            while (waiting or tries) and loop.time() < deadline:
                if waiting:
                    task = loop.create_task(_connect(waiting[0], self.port))
                    tries[task] = (waiting.pop(0), loop.time())
                pause = STAGGER_SECONDS if waiting else deadline - loop.time()
                done, _ = await asyncio.wait(
                    tries, timeout=max(0.0, pause), return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    address, began = tries.pop(task)
                    if self._note(task, address, loop.time() - began):
                        return task.result(), address
            self._note_unanswered(tries, loop.time(), "timeout")
            raise DialFailed(tuple(self.attempts))
        finally:
            self._note_unanswered(tries, loop.time(), "abandoned")
            await _drop(list(tries))

    def _note(
        self, task: asyncio.Task[socket.socket], address: Address, took_seconds: float
    ) -> bool:
        """Remember a finished try; say whether it connected."""
        error = task.exception()
        if error is not None and not isinstance(error, OSError):
            raise error
        outcome, detail = "connected", ""
        if error is not None:
            outcome = _KINDS.get(error.errno or 0, FaultKind.UNREACHABLE).value
            # asyncio's own words name the call and its arguments; the system's say what happened.
            detail = os.strerror(error.errno) if error.errno else str(error)
        self.attempts.append(
            Attempt(
                address=str(address),
                port=self.port,
                outcome=outcome,
                took_ms=round(took_seconds * 1000),
                detail=detail,
            )
        )
        return error is None

    def _note_unanswered(
        self,
        tries: dict[asyncio.Task[socket.socket], tuple[Address, float]],
        now: float,
        outcome: str,
    ) -> None:
        noted = {attempt.address for attempt in self.attempts}
        for address, began in tries.values():
            if str(address) not in noted:
                took_ms = round((now - began) * 1000)
                self.attempts.append(
                    Attempt(address=str(address), port=self.port, outcome=outcome, took_ms=took_ms)
                )


async def _connect(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setblocking(False)  # noqa: FBT003 - positional only
        # Without it a command waits for the server's ACK of the one before (Nagle).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _drop(tasks: list[asyncio.Task[socket.socket]]) -> None:
    """End tries that lost the race, and close the socket of one that connected too late."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, socket.socket):
            result.close()


def _most_telling(attempts: Sequence[Attempt]) -> tuple[FaultKind, str]:
    for kind in _MOST_TELLING:
        for attempt in attempts:
            if attempt.outcome == kind.value:
                return kind, attempt.detail
    return FaultKind.TIMEOUT, ""
