"""What all real servers share: their start and end, ports, certificate, log and mailbox."""

from __future__ import annotations

import shutil
import smtplib
import ssl
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import trustme

from tests.servers.daemon import Daemon, ServerError
from tests.servers.mailbox import Maildir
from tests.servers.ports import Ports, free_ports, loopback_addresses

START_TIMEOUT_SECONDS = 20.0
PROBE_TIMEOUT_SECONDS = 5.0

# A name outside ASCII that the certificate is good for besides; look it up as 127.0.0.1.
INTERNATIONAL_HOST: Final = "bücher.mail.test"


class MailServer:
    """A server in a directory of its own below /tmp, on three free ports.

    A kind of server says what it needs (`prepare`), which programs it is (`daemons`, the last of
    them the one that answers) and what must pass before it counts as started (`probes`).
    """

    host: Final = "localhost"
    prefix: str
    """How the name of its directory begins."""
    logs: Sequence[str]
    """Its log files below the directory."""

    def __init__(self) -> None:
        self.daemons: list[Daemon] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and return when the ports answer; raises `ServerError` with the log."""
        # Not below the directory of pytest: that one shuts out the users that servers run as, and
        # its length leaves no room for the path of a unix socket (108 bytes, unix(7)).
        self.directory = Path(tempfile.mkdtemp(prefix=self.prefix, dir="/tmp"))
        is_started = False
        try:
            self.directory.chmod(0o755)
            addresses = loopback_addresses()
            self.ports = Ports(*free_ports(len(Ports._fields), addresses))
            self._write_certificate()
            self.prepare(addresses)
            self._launch()
            is_started = True
        finally:
            if not is_started:
                self.stop()

    def stop(self) -> None:
        """End this server's own processes, wait for them and remove its directory."""
        self._stop_daemons()
        self.daemons.clear()
        shutil.rmtree(self.directory, ignore_errors=True)

    def mailbox(self, address: str) -> list[bytes]:
        """The mails that arrived for an address, oldest first, as they lie in the mailbox.

        Above the mail's own header stand the lines of the delivery, as `Return-Path` (the sender
        of the envelope) and `Delivered-To`.
        """
        return self._mails().mails_for(address)

    def wait_for_mail(self, address: str, *, containing: bytes, timeout_seconds: float) -> bytes:
        """The first mail for an address with these bytes in it, also if it comes only now.

        Raises `TimeoutError` with the server's log when none came.
        """
        return self._mails().wait_for(
            address, containing=containing, timeout_seconds=timeout_seconds
        )

    def client_context(self) -> ssl.SSLContext:
        """A TLS context that trusts this server's authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def process_groups(self) -> list[int]:
        """The process groups that this server runs as, and nothing else does."""
        return [daemon.group for daemon in self.daemons if daemon.group is not None]

    def log(self) -> str:
        """All that the server logged so far."""
        logs = (self.directory / name for name in self.logs)
        return "".join(path.read_text(errors="replace") for path in logs if path.exists())

    def prepare(self, addresses: Sequence[str]) -> None:
        """Write its files for these loopback addresses, and set `daemons`."""
        raise NotImplementedError

    def probes(self) -> Sequence[Callable[[], None]]:
        """What must pass before the server counts as started: by default, all ports answer."""
        return (self.greet_plain, self.greet_submission, self.greet_smtps)

    def launch(self, deadline: float) -> None:
        """Start the daemon that answers; `deadline` is a `time.monotonic()` value."""
        answering = self.daemons[-1]
        answering.start()
        for probe in self.probes():
            answering.wait_until(partial(_passes, probe), deadline=deadline)

    def complaints(self) -> str:
        """Why it did not start, when all its daemons are stopped again."""
        return self.log()

    def greet_plain(self) -> None:
        """Pass if the plain port greets."""
        smtplib.SMTP("127.0.0.1", self.ports.plain, timeout=PROBE_TIMEOUT_SECONDS).close()

    def greet_submission(self) -> None:
        """Pass if the submission port greets."""
        smtplib.SMTP("127.0.0.1", self.ports.submission, timeout=PROBE_TIMEOUT_SECONDS).close()

    def greet_smtps(self) -> None:
        """Pass if the TLS port greets inside TLS."""
        smtplib.SMTP_SSL(
            "127.0.0.1",
            self.ports.smtps,
            timeout=PROBE_TIMEOUT_SECONDS,
            context=self.client_context(),
        ).close()

    def _mails(self) -> Maildir:
        return Maildir(self.directory / "mail/inbox", log=self.log)

    def _launch(self) -> None:
        try:
            self.launch(time.monotonic() + START_TIMEOUT_SECONDS)
        except ServerError as error:
            self._stop_daemons()
            raise ServerError(f"{error}\n{self.complaints()}") from error

    def _stop_daemons(self) -> None:
        for daemon in reversed(self.daemons):
            daemon.stop()

    def _write_certificate(self) -> None:
        authority = trustme.CA(organization_name="Test authority")
        self.ca_file = self.directory / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        certificate = authority.issue_cert(self.host, INTERNATIONAL_HOST, "127.0.0.1", "::1")
        (self.directory / "tls").mkdir()
        certificate.cert_chain_pems[0].write_to_path(self.directory / "tls/server.pem")
        key = self.directory / "tls/server.key"
        key.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(key)


def _passes(probe: Callable[[], None]) -> bool:
    try:
        probe()
    except (OSError, smtplib.SMTPException):
        return False
    return True
