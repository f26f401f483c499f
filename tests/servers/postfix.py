"""A real Postfix with its own configuration, queue, mailbox and certificate, on free ports."""

from __future__ import annotations

import os
import random
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

import trustme

from tests.servers import dovecot
from tests.servers.daemon import Daemon, ServerError
from tests.servers.mailbox import Maildir

MASTER = "/usr/lib/postfix/sbin/master"
START_TIMEOUT_SECONDS = 20.0
PROBE_TIMEOUT_SECONDS = 5.0

# Below Linux' range for outgoing connections (32768 and up), so that no other test's connection
# takes a port between the moment it is found free and the moment Postfix binds it.
PORT_RANGE = range(20_000, 32_000)

DOMAIN: Final = "mail.test"
LOGINS: Final[Mapping[str, str]] = {
    "account@mail.test": "correct-horse",
    "awkward@mail.test": "pä ss@w:o/r%d\"'\\ ö",
    "blanks@mail.test": "  two before, two after  ",
    "scanner": "login-is-no-address",
}
NOT_OWNED_SENDER: Final = "not-owned@mail.test"
UNKNOWN_RECIPIENT: Final = "unknown@mail.test"
GREYLISTED_RECIPIENT: Final = "greylisted@mail.test"
FULL_RECIPIENT: Final = "full@mail.test"
FULL_FOR_NOW_RECIPIENT: Final = "full-for-now@mail.test"

# Nothing can leave the machine: there is no smtp(8) service, and every other domain is refused.
# No name is looked up, so that a machine without a name server is as fast as one that has one.
MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/postfix.log
maillog_file_prefixes = {directory}
myhostname = mx.mail.test
mydestination =
mynetworks = 127.0.0.0/8, [::1]/128
inet_protocols = all
alias_maps =
alias_database =
local_recipient_maps =
notify_classes =
default_transport = error:5.7.1 this server sends nothing to other servers
smtpd_peername_lookup = no
virtual_mailbox_domains = mail.test
virtual_mailbox_base = {directory}/mail
virtual_mailbox_maps = regexp:{directory}/mailboxes
virtual_uid_maps = static:{user_id}
virtual_gid_maps = static:{group_id}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_sender_login_maps = regexp:{directory}/sender-owners
smtpd_tls_chain_files = {directory}/server.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
"""

MAILBOXES = """\
if !/^unknown@/
/@mail\\.test$/  inbox/
endif
"""

SENDER_OWNERS = "/^not-owned@/  the-owner\n"

RECIPIENTS = """\
/^greylisted@/    450 4.2.0 Greylisted, try again in 300 seconds
/^full@/          552 5.2.2 Mailbox is full
/^full-for-now@/  452 4.2.2 Mailbox is full, try again later
"""

CHECK_RECIPIENT = "check_recipient_access regexp:{directory}/recipients"
LOGIN_REQUIRED = (
    "smtpd_sasl_auth_enable = yes",
    "smtpd_tls_auth_only = yes",
    "smtpd_sender_restrictions = reject_known_sender_login_mismatch",
    f"smtpd_recipient_restrictions = {CHECK_RECIPIENT}, permit_sasl_authenticated, reject",
)

SERVICES: Mapping[str, Sequence[str]] = {
    "plain": (f"smtpd_recipient_restrictions = {CHECK_RECIPIENT}, permit_mynetworks, reject",),
    "submission": ("smtpd_tls_security_level = may", *LOGIN_REQUIRED),
    "smtps": ("smtpd_tls_wrappermode = yes", *LOGIN_REQUIRED),
}

# master(5): service, type, private, unprivileged, chroot, wakeup, process limit, program.
INNER_SERVICES = """\
cleanup  unix       n  -  n  -    0  cleanup
qmgr     unix       n  -  n  300  1  qmgr
tlsmgr   unix       -  -  n  -    1  tlsmgr
rewrite  unix       -  -  n  -    -  trivial-rewrite
bounce   unix       -  -  n  -    0  bounce
defer    unix       -  -  n  -    0  bounce
trace    unix       -  -  n  -    0  bounce
flush    unix       n  -  n  -    0  flush
error    unix       -  -  n  -    -  error
retry    unix       -  -  n  -    -  error
virtual  unix       -  n  n  -    -  virtual
anvil    unix       -  -  n  -    1  anvil
postlog  unix-dgram n  -  n  -    1  postlogd
"""

# fmt: off
QUEUES = (
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
    "public", "saved", "trace",
)
# fmt: on


class Ports(NamedTuple):
    """The ports of one server, each with another idea of TLS and of logins."""

    plain: int
    """No TLS and no AUTH; takes mail for `mail.test` from the loopback addresses."""
    submission: int
    """STARTTLS, and a login before any recipient is taken; AUTH is offered inside TLS only."""
    smtps: int
    """TLS on connect, and a login before any recipient is taken."""


class PostfixServer:
    """Runs a Postfix that takes every mail for `mail.test` and keeps it in a mailbox.

    Every address at `mail.test` exists, except `unknown@` (550 5.1.1); `greylisted@` is refused
    for now (450 4.2.0). The mailbox of `full@` is full (552 5.2.2), that of `full-for-now@` may
    be emptied (452 4.2.2). As a sender, `not-owned@` is refused (553 5.7.1); as Postfix delays such
    refusals, the answer to RCPT tells it. Other domains are "554 5.7.1 Relay access denied".

    >>> with PostfixServer() as server:  # doctest: +SKIP
    ...     with smtplib.SMTP(server.host, server.ports.plain) as client:
    ...         client.sendmail("a@mail.test", "b@mail.test", "Subject: hello")
    ...     server.wait_for_mail("b@mail.test", containing=b"hello", timeout_seconds=5)
    """

    host: Final = "localhost"

    def __init__(
        self,
        *,
        logins: Mapping[str, str] = LOGINS,
        mechanisms: Sequence[str] = ("plain", "login"),
    ) -> None:
        self.logins = dict(logins)
        self._mechanisms = tuple(mechanisms)
        self._daemons: list[Daemon] = []

    def __enter__(self) -> PostfixServer:
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
        """Start, and return when all three ports answer; raises `ServerError` with the log."""
        # Not below the directory of pytest: that one shuts out the users that Postfix runs as, and
        # its length leaves no room for the path of a unix socket (108 bytes, unix(7)).
        self.directory = Path(tempfile.mkdtemp(prefix="pf-", dir="/tmp"))
        is_started = False
        try:
            self._prepare()
            self._start_programs()
            is_started = True
        finally:
            if not is_started:
                self.stop()

    def stop(self) -> None:
        """End this server's own processes, wait for them and remove its directory."""
        for daemon in reversed(self._daemons):
            daemon.stop()
        self._daemons.clear()
        shutil.rmtree(self.directory, ignore_errors=True)

    def mailbox(self, address: str) -> list[bytes]:
        """The mails that arrived for an address, oldest first, as they lie in the mailbox.

        Above the mail's own header stand the lines of the delivery: `Return-Path` (the sender of
        the envelope), `X-Original-To` and `Delivered-To`.
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
        return [daemon.group for daemon in self._daemons if daemon.group is not None]

    def log(self) -> str:
        """All that this Postfix and its Dovecot logged so far."""
        logs = (self.directory / "postfix.log", self.directory / "dovecot/dovecot.log")
        return "".join(path.read_text(errors="replace") for path in logs if path.exists())

    def _mails(self) -> Maildir:
        return Maildir(self.directory / "mail/inbox", log=self.log)

    def _prepare(self) -> None:
        addresses = loopback_addresses()
        self.ports = Ports(*free_ports(len(Ports._fields), addresses))
        self.ca_file = self.directory / "ca.pem"
        self._write_files(addresses)
        login_server = dovecot.login_server(
            self.directory / "dovecot",
            socket=self.directory / "queue/private/auth",
            logins=self.logins,
            mechanisms=self._mechanisms,
        )
        master = Daemon(
            [MASTER, "-c", str(self.directory), "-d"], log=self.directory / "postfix.log"
        )
        self._daemons = [login_server, master]

    def _start_programs(self) -> None:
        login_server, master = self._daemons
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        # Dovecot first: an smtpd that finds no login service gives up, and Postfix then keeps that
        # port shut for a minute.
        login_server.start()
        login_server.wait_until((self.directory / "queue/private/auth").exists, deadline=deadline)
        master.start()
        try:
            for probe in (self._greet_plain, self._greet_submission, self._greet_smtps):
                master.wait_until(_answers(probe), deadline=deadline)
        except ServerError as error:
            master.stop()
            raise ServerError(f"{error}\n{self._complaints()}") from error

    def _complaints(self) -> str:
        # What stops master(8) before its log is open goes to syslog, which containers lack. So the
        # two usual reasons are looked up: files that do not parse and ports that were taken.
        parsed = subprocess.run(
            ["postconf", "-c", str(self.directory), "-n"],
            capture_output=True,
            text=True,
            check=False,
        )
        addresses = loopback_addresses()
        taken = [port for port in self.ports if not all(_is_free(a, port) for a in addresses)]
        return f"{parsed.stderr}ports in use: {taken}\nDovecot: {self._daemons[0].log_tail()}"

    def _greet_plain(self) -> None:
        smtplib.SMTP("127.0.0.1", self.ports.plain, timeout=PROBE_TIMEOUT_SECONDS).close()

    def _greet_submission(self) -> None:
        smtplib.SMTP("127.0.0.1", self.ports.submission, timeout=PROBE_TIMEOUT_SECONDS).close()

    def _greet_smtps(self) -> None:
        smtplib.SMTP_SSL(
            "127.0.0.1",
            self.ports.smtps,
            timeout=PROBE_TIMEOUT_SECONDS,
            context=self.client_context(),
        ).close()

    def _write_files(self, addresses: Sequence[str]) -> None:
        self.directory.chmod(0o755)
        _make_directories(self.directory)
        _write_certificate(self.directory)
        values = {
            "directory": self.directory,
            "user_id": (self.directory / "mail").stat().st_uid,
            "group_id": (self.directory / "mail").stat().st_gid,
        }
        files = {
            "main.cf": MAIN_CF.format(**values),
            "master.cf": INNER_SERVICES + _smtpd_services(self.ports, addresses, self.directory),
            "mailboxes": MAILBOXES,
            "sender-owners": SENDER_OWNERS,
            "recipients": RECIPIENTS,
        }
        for name, text in files.items():
            _write_settled(self.directory / name, text)


def why_unusable() -> tuple[str, str] | None:
    """Why this machine cannot run the server, and how to change that; `None` if it can."""
    if not (os.access(MASTER, os.X_OK) and os.access(dovecot.PROGRAM, os.X_OK)):
        return "Postfix or Dovecot is missing.", "As root: apt-get install postfix dovecot-core"
    if os.geteuid() != 0:
        return "Postfix runs as several users.", "Run these tests as root, best in a container."
    version = dovecot.installed_version()
    if not version.startswith("2.3."):
        # 2.4 reads no configuration of 2.3.
        return (
            f"This is Dovecot {version}.",
            "The tests know 2.3, as in Debian 12 and Ubuntu 24.04.",
        )
    return None


def loopback_addresses() -> list[str]:
    """The loopback addresses that a server can use here: both, or one where IPv6 is off."""
    return [address for address in ("127.0.0.1", "::1") if _is_free(address, 0)]


def free_ports(count: int, addresses: Sequence[str]) -> list[int]:
    """Ports that are free on all the addresses; raises `ServerError` when too few are."""
    ports: list[int] = []
    for port in random.sample(PORT_RANGE, 200):
        if all(_is_free(address, port) for address in addresses):
            ports.append(port)
        if len(ports) == count:
            return ports
    raise ServerError("of 200 ports tried too few are free")


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((address, port))
    except OSError:
        return False
    return True


def _answers(probe: Callable[[], None]) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            probe()
        except (OSError, smtplib.SMTPException):
            return False
        return True

    return answers


def _smtpd_services(ports: Ports, addresses: Sequence[str], directory: Path) -> str:
    lines: list[str] = []
    for name, options in SERVICES.items():
        for address in addresses:
            endpoint = f"[{address}]:{getattr(ports, name)}"
            lines.append(f"{endpoint}  inet  n  -  n  -  -  smtpd")
            lines.append(f"    -o syslog_name=postfix/{name}")
            lines.extend(f"    -o {{ {option.format(directory=directory)} }}" for option in options)
    return "\n".join(lines) + "\n"


def _make_directories(directory: Path) -> None:
    for name in ("queue", "queue/pid", "data", "mail", *(f"queue/{queue}" for queue in QUEUES)):
        (directory / name).mkdir(mode=0o755)
    for path in (directory / "data", *(directory / "queue" / queue for queue in QUEUES)):
        path.chmod(0o700)
        shutil.chown(path, "postfix")
    shutil.chown(directory / "mail", "nobody", "nogroup")


def _write_settled(path: Path, text: str) -> None:
    # Postfix reads a file that changed just now again and again until it is two seconds old, lest
    # someone is still writing it: a start would take that much longer.
    path.write_text(text)
    past = time.time() - 60
    os.utime(path, (past, past))


def _write_certificate(directory: Path) -> None:
    authority = trustme.CA(organization_name="Test authority")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    certificate = authority.issue_cert(PostfixServer.host, "127.0.0.1", "::1")
    chain = directory / "server.pem"
    chain.touch(mode=0o600)
    certificate.private_key_and_cert_chain_pem.write_to_path(chain)
