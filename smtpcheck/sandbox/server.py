"""The sandbox itself: listeners on loopback, and one session for each client."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from smtpcheck.sandbox.authority import LOCAL_NAMES, Authority, Certificate, Kind
from smtpcheck.sandbox.errors import ListenError
from smtpcheck.sandbox.faults import NO_FAULT, Fault, find_fault
from smtpcheck.sandbox.logins import Logins
from smtpcheck.sandbox.mailbox import Mail, Mailbox
from smtpcheck.sandbox.session import Limits, Service, Session, Tls
from smtpcheck.sandbox.visits import Visit
from smtpcheck.sandbox.wire import Wire

VISITS_KEPT = 1000
BACKLOG = 128
NO_SOCKET_LEFT_SECONDS = 0.1  # pause before the next accept() when file descriptors have run out
TOO_MANY = b"421 4.7.0 Too many connections\r\n"


@dataclass(slots=True)
class Listener:
    """One port of the sandbox: when it speaks TLS, what it shows and which fault it plays.

    Port 0 takes a free one; ``port`` is the real one once the sandbox has started. Only loopback
    addresses are taken: a sandbox that others can reach would be an open mail server.
    """

    port: int = 0
    tls: Tls = Tls.STARTTLS
    fault: Fault | str = NO_FAULT  # a fault, or its name
    certificate: Certificate | Kind = Kind.GOOD  # a fault that has one of its own shows that
    auth_in_clear: bool = False  # offer AUTH also without TLS
    requires_login: bool = True  # where the sandbox has logins
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.host = _loopback(self.host)
        self.tls = Tls(self.tls)
        if isinstance(self.fault, str):
            self.fault = find_fault(self.fault)


@dataclass(slots=True)
class Sandbox:
    """An SMTP server to test against; ``async with`` starts and stops it.

    ``visits`` remembers what each client did, ``mailbox`` keeps what was sent. ``on_mail`` is
    called for each mail that was kept, before the client hears of it; it must not raise.
    """

    listeners: Sequence[Listener]
    logins: Mapping[str, str] = field(default_factory=dict)
    authority: Authority = field(default_factory=Authority.create)
    mailbox: Mailbox = field(default_factory=Mailbox)
    on_mail: Callable[[Mail], None] | None = None
    limits: Limits = field(default_factory=Limits)
    names: Sequence[str] = LOCAL_NAMES  # what its certificates are made out to
    host_name: str = "sandbox.localhost"
    visits: deque[Visit] = field(default_factory=lambda: deque(maxlen=VISITS_KEPT))
    _sockets: list[socket.socket] = field(default_factory=list, repr=False)
    _acceptors: set[asyncio.Task[None]] = field(default_factory=set, repr=False)
    _sessions: set[asyncio.Task[None]] = field(default_factory=set, repr=False)

    async def start(self) -> None:
        """Listen on all ports, or raise a ListenError and listen on none."""
        try:
            for listener in self.listeners:
                self._listen(listener)
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Give the ports back and drop all clients."""
        tasks = self._acceptors | self._sessions
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _listen(self, listener: Listener) -> None:
        service = self._service(listener)
        sock = _bind(listener)
        self._sockets.append(sock)
        listener.port = sock.getsockname()[1]
        task = asyncio.create_task(self._accept_all(sock, service, listener.port))
        self._acceptors.add(task)
        task.add_done_callback(self._acceptors.discard)

    def _service(self, listener: Listener) -> Service:
        fault = listener.fault if isinstance(listener.fault, Fault) else find_fault(listener.fault)
        return Service(
            name=self.host_name,
            tls=listener.tls,
            context=self._context(listener, fault),
            mailbox=self.mailbox,
            logins=Logins(self.logins),
            auth_in_clear=listener.auth_in_clear or listener.tls is Tls.NONE,
            requires_login=listener.requires_login,
            fault=fault,
            limits=self.limits,
            on_mail=self.on_mail,
        )

    def _context(self, listener: Listener, fault: Fault) -> ssl.SSLContext | None:
        if listener.tls is Tls.NONE:
            return None
        shown = fault.certificate or listener.certificate
        if isinstance(shown, Kind):
            shown = self.authority.certificate_of(shown, self.names)
        return shown.server_context()

    async def _accept_all(self, sock: socket.socket, service: Service, port: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(sock)
            except OSError:
                await asyncio.sleep(NO_SOCKET_LEFT_SECONDS)
                continue
            if len(self._sessions) >= self.limits.connections:
                _turn_away(client)
                continue
            visit = Visit(port=port, client=f"{address[0]}:{address[1]}")
            self.visits.append(visit)
            task = asyncio.create_task(self._serve(client, service, visit))
            self._sessions.add(task)
            task.add_done_callback(self._sessions.discard)

    async def _serve(self, client: socket.socket, service: Service, visit: Visit) -> None:
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire = Wire(
                client,
                idle_seconds=service.limits.idle_seconds,
                line_bytes=service.limits.line_bytes,
            )
            await Session(wire, service, visit).run()


def _loopback(host: str) -> str:
    """The loopback address meant by a host; a ValueError for every other address."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ValueError(f"the sandbox listens on loopback addresses only, not on {host!r}")
    return address


def _bind(listener: Listener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((listener.host, listener.port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(listener.host, listener.port, error) from error
    sock.settimeout(0)
    return sock


def _turn_away(client: socket.socket) -> None:
    with client:
        client.settimeout(0)
        try:
            client.send(TOO_MANY)
        except OSError:
            return  # it has gone by itself
