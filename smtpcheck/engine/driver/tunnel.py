"""The way through a proxy: reaches it, lets the dialogue run, and hands over the connection.

Knows sockets and clocks; what is said is ``engine.proxy``'s. The hop to the proxy comes from the
route's source address. Its family is that of the server's address and not of the hop's, and the
policy does not judge where the proxy is: both are what the settings say.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Sequence

from smtpcheck.engine.driver.dial import Dial, DialFailed, NotConnected
from smtpcheck.engine.driver.resolver import ResolveFailed, Resolver
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.grammar import is_ip_literal
from smtpcheck.engine.policy import Address
from smtpcheck.engine.proxy import Hear, NotAProxy, Proxy, ProxyObjects, Say, ask, inert

# The hop gives up a moment before whoever dials does, to say what it has waited for.
MARGIN_SECONDS = 0.05

# What ends a hop for reasons of this machine, not of the proxy.
_OUR_OWN = frozenset({FaultKind.RESOURCES, FaultKind.SOURCE_ADDRESS})

# Of something that is no proxy, what is there to be shown.
_SHOWN_OCTETS = 64


class Tunnel:
    """Opens connections through one proxy."""

    def __init__(self, proxy: Proxy, source_address: str, resolver: Resolver) -> None:
        self.proxy_name = proxy.name
        self._proxy = proxy
        self._source_address = source_address
        self._resolver = resolver

    async def open(self, address: Address, port: int, deadline: float) -> socket.socket:
        """Return a connection that leads to the address; raises NotConnected."""
        ends = deadline - MARGIN_SECONDS
        sock = await self._reach(ends)
        try:
            await self._converse(sock, address, port, ends)
        except BaseException:
            sock.close()
            raise
        return sock

    async def _reach(self, ends: float) -> socket.socket:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(ends):
                addresses = await self._addresses()
            dial = Dial(self._proxy.port, self._source_address)
            sock, _ = await dial.connect(addresses, ends - loop.time())
        except TimeoutError:
            raise _unreachable("its name could not be looked up in time") from None
        except ResolveFailed as error:
            raise _unreachable(f"its name has no address: {error.detail}") from None
        except DialFailed as error:
            if error.kind in _OUR_OWN:
                raise NotConnected(error.kind, error.detail) from None
            raise _unreachable(error.detail or error.kind.value) from None
        return sock

    async def _addresses(self) -> Sequence[Address]:
        host = self._proxy.host
        return [ipaddress.ip_address(host)] if is_ip_literal(host) else await self._resolver(host)

    async def _converse(
        self, sock: socket.socket, address: Address, port: int, ends: float
    ) -> None:
        awaited = "the first word"
        dialogue = ask(self._proxy, address, port)
        try:
            async with asyncio.timeout_at(ends):
                effect = next(dialogue)
                while True:
                    awaited = effect.what if isinstance(effect, Hear) else awaited
                    effect = dialogue.send(await _carried_out(sock, effect))
        except StopIteration:
            return
        except TimeoutError:
            raise NotConnected(FaultKind.PROXY_SILENT, f"waited for {awaited}") from None
        except ProxyObjects as objection:
            raise NotConnected(objection.kind, objection.said) from None
        except NotAProxy as stranger:
            raise _refused(self._introduced(stranger.raw, sock)) from None
        except OSError as error:
            said = error.strerror or "it closed the connection"
            raise _refused(f"{said} before {awaited}") from None

    def _introduced(self, raw: bytes, sock: socket.socket) -> str:
        """What something that is no proxy says of itself, as far as it has arrived."""
        with contextlib.suppress(OSError):
            raw += sock.recv(_SHOWN_OCTETS)
        said = inert(self._proxy, raw[:_SHOWN_OCTETS])
        return f"it does not speak {self._proxy.kind.value}: {said}".rstrip(": ")


def _unreachable(detail: str) -> NotConnected:
    return NotConnected(FaultKind.PROXY_UNREACHABLE, detail)


def _refused(said: str) -> NotConnected:
    return NotConnected(FaultKind.PROXY_REFUSED, said)


async def _carried_out(sock: socket.socket, effect: Say | Hear) -> bytes:
    """Send or read what a dialogue wants; raises OSError when the stream ends before."""
    loop = asyncio.get_running_loop()
    if isinstance(effect, Say):
        await loop.sock_sendall(sock, effect.octets)
        return b""
    heard = b""
    while len(heard) < effect.count:
        data = await loop.sock_recv(sock, effect.count - len(heard))
        if not data:
            raise ConnectionError
        heard += data
    return heard
