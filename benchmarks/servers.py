"""The servers that the benchmarks measure against: real ones where they are installed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from smtpcheck.engine.stages import Security
from smtpcheck.sandbox import Authority, BackgroundSandbox, Listener, Sandbox, Tls
from tests.servers.daemon import ServerError
from tests.servers.exim import EximServer
from tests.servers.exim import why_unusable as why_no_exim
from tests.servers.postfix import PostfixServer
from tests.servers.postfix import why_unusable as why_no_postfix
from tests.servers.server import MailServer

USER, PASSWORD = "account@mail.test", "correct-horse"
SENDER, RECIPIENT = USER, "recipient@mail.test"
# What their certificates are good for.
NAME = "localhost"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; ``ports`` offer AUTH PLAIN each in its own way, also in the clear."""

    name: str
    ports: Mapping[Security, int]
    ca_pem: str


class _Postfix(PostfixServer):
    """Takes logins in the clear too, and listens on one address more."""

    extra: Sequence[str] = ()

    def prepare(self, addresses: Sequence[str]) -> None:
        super().prepare([*addresses, *self.extra])
        services = self.directory / "master.cf"
        text = services.read_text()
        services.write_text(text.replace("smtpd_tls_auth_only = yes", "smtpd_tls_auth_only = no"))


class _Exim(EximServer):
    """The same."""

    extra: Sequence[str] = ()

    def files(self, addresses: Sequence[str]) -> Mapping[str, str]:
        files = super().files([*addresses, *self.extra])
        return {
            name: text.replace("${if def:tls_in_cipher{*}{}}", "*") for name, text in files.items()
        }


@contextmanager
def servers(extra_addresses: Sequence[str]) -> Iterator[list[Server]]:
    """Start what is there, also on these addresses; says what is missing."""
    found = []
    with ExitStack() as stack:
        for name, kind, problem in (
            ("Postfix", _Postfix, why_no_postfix()),
            ("Exim", _Exim, why_no_exim()),
        ):
            if problem:
                print(f"- without {name}: {' '.join(problem)}")
                continue
            running = kind()
            running.extra = extra_addresses
            try:
                stack.enter_context(running)
            except (ServerError, OSError) as error:
                print(f"- without {name}: {error}")
                continue
            found.append(_served(name, running))
        yield found


def _served(name: str, running: MailServer) -> Server:
    ports = {
        Security.NONE: running.ports.submission,
        Security.STARTTLS: running.ports.submission,
        Security.TLS: running.ports.smtps,
    }
    return Server(name, ports, running.ca_file.read_text())


@contextmanager
def sandbox_server() -> Iterator[Server]:
    """Start the sandbox, which listens on loopback only."""
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority.load_or_create(Path(directory))
        listeners = [
            Listener(tls=tls, auth_in_clear=True) for tls in (Tls.NONE, Tls.STARTTLS, Tls.IMPLICIT)
        ]
        sandbox = Sandbox(listeners, logins={USER: PASSWORD}, authority=authority)
        with BackgroundSandbox(sandbox):
            securities = (Security.NONE, Security.STARTTLS, Security.TLS)
            ports = dict(zip(securities, (each.port for each in sandbox.listeners), strict=True))
            yield Server("sandbox", ports, authority.ca_pem.decode())
