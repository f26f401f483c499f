"""Fixtures for tests that need a server on loopback: ``peer``, ``sandbox`` and their parts."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from smtpcheck.sandbox import (
    Authority,
    BackgroundSandbox,
    Certificate,
    Kind,
    Listener,
    Mailbox,
    Sandbox,
    Tls,
    Visit,
)
from tests.peers.scripted import Script, ScriptedPeer

# Every character that a URI, base64 or a careless client could trip over.
USER = "ann@sandbox.example"
PASSWORD = "p@:/% ö\"'\\=+"


END_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A sandbox that runs in a thread, with a port for each way to speak TLS."""

    sandbox: Sandbox
    ca_file: Path

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def starttls_port(self) -> int:
        return self._port(Tls.STARTTLS)

    @property
    def tls_port(self) -> int:
        return self._port(Tls.IMPLICIT)

    @property
    def plain_port(self) -> int:
        return self._port(Tls.NONE)

    @property
    def logins(self) -> dict[str, str]:
        return dict(self.sandbox.logins)

    @property
    def mailbox(self) -> Mailbox:
        return self.sandbox.mailbox

    @property
    def visit(self) -> Visit:
        """The last connection, once it has ended: the client may be done before the server is."""
        last = self.sandbox.visits[-1]
        deadline = time.monotonic() + END_SECONDS
        while not last.ended and time.monotonic() < deadline:
            time.sleep(0.002)
        return last

    def client_context(self) -> ssl.SSLContext:
        """What a careful client uses: it trusts the sandbox's authority and is strict."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def _port(self, tls: Tls) -> int:
        return next(each.port for each in self.sandbox.listeners if each.tls is tls)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority for the whole run; ``ca_file`` is what clients trust."""
    return Authority.load_or_create(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Certificate:
    """A good certificate for localhost and its addresses."""
    return authority.certificate_of(Kind.GOOD)


@pytest.fixture
def server_context(certificate: Certificate) -> ssl.SSLContext:
    """A TLS context for a scripted peer, with the good certificate."""
    return certificate.server_context()


@pytest.fixture
def make_sandbox(authority: Authority) -> Iterator[Callable[..., RunningSandbox]]:
    """Starts a sandbox: ``make_sandbox(fault=..., tls=...)``, or with listeners of choice."""
    with ExitStack() as stack:

        def make(*listeners: Listener, logins: dict[str, str] | None = None, **options: Any) -> Any:
            of_listener = {
                name: options.pop(name) for name in list(options) if name in _LISTENER_OPTIONS
            }
            sandbox = Sandbox(
                listeners or (Listener(**of_listener),),
                logins={USER: PASSWORD} if logins is None else logins,
                authority=authority,
                **options,
            )
            stack.enter_context(BackgroundSandbox(sandbox))
            return RunningSandbox(sandbox, authority.ca_file)

        yield make


_LISTENER_OPTIONS = {"tls", "fault", "certificate", "auth_in_clear", "requires_login", "host"}


@pytest.fixture
def sandbox(make_sandbox: Callable[..., RunningSandbox]) -> RunningSandbox:
    """An honest sandbox with a port each for STARTTLS, TLS on connect and neither."""
    return make_sandbox(*(Listener(tls=tls) for tls in (Tls.STARTTLS, Tls.IMPLICIT, Tls.NONE)))


@pytest.fixture
def peer() -> Iterator[Callable[..., ScriptedPeer]]:
    """Opens scripted peers: ``peer(script)`` or ``peer(["220 hi", ...], tls=context)``.

    They are closed after the test; a wrong expectation of a script fails the test then.
    """
    with ExitStack() as stack:

        def make(*script: Script | list[Any], **options: Any) -> ScriptedPeer:
            first = script[0]
            if isinstance(first, list):
                made = ScriptedPeer.replies(first, **options)
            else:
                made = ScriptedPeer(*(each for each in script if callable(each)), **options)
            return stack.enter_context(made)

        yield make


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test opens in it is closed when the test ends."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nothing listens, held so that no other test gets it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])
