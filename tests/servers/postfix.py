"""A real Postfix with its own configuration, queue, mailbox and certificate, on free ports."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import trustme

from tests.servers import dovecot
from tests.servers.daemon import Daemon
from tests.servers.ports import is_free, loopback_addresses
from tests.servers.server import MailServer

MASTER = "/usr/lib/postfix/sbin/master"

DOMAIN: Final = "mail.test"
LOGINS: Final[Mapping[str, str]] = {
    "account@mail.test": "correct-horse",
    "awkward@mail.test": "pä ss@w:o/r%d\"'\\ ö",
    "blanks@mail.test": "  two before, two after  ",
    "scanner": "login-is-no-address",
    "long@mail.test": "0123456789" * 20,
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
smtpd_tls_chain_files = {directory}/tls/server.key, {directory}/tls/server.pem
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

LOGIN_OFFERED: Sequence[str] = ("smtpd_sasl_auth_enable = yes",)
CERTIFICATE_DEMANDED: Sequence[str] = (
    "smtpd_tls_security_level = encrypt",  # else the demand is a wish
    "smtpd_tls_req_ccert = yes",
    "smtpd_tls_CAfile = {directory}/clients.pem",
)

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


class PostfixServer(MailServer):
    """Runs a Postfix that takes every mail for `mail.test` and keeps it in a mailbox.

    Every address at `mail.test` exists, except `unknown@` (550 5.1.1); `greylisted@` is refused
    for now (450 4.2.0). The mailbox of `full@` is full (552 5.2.2), that of `full-for-now@` may
    be emptied (452 4.2.2). As a sender, `not-owned@` is refused (553 5.7.1); as Postfix delays such
    refusals, the answer to RCPT tells it. Other domains are "554 5.7.1 Relay access denied".
    ``demands_certificates_of`` is the authority of the certificates without which the encrypted
    ports turn a client away (421 behind the handshake); ``takes_logins_in_the_clear`` offers them
    on the plain port too.

    >>> with PostfixServer() as server:  # doctest: +SKIP
    ...     with smtplib.SMTP(server.host, server.ports.plain) as client:
    ...         client.sendmail("a@mail.test", "b@mail.test", "Subject: hello")
    ...     server.wait_for_mail("b@mail.test", containing=b"hello", timeout_seconds=5)
    """

    prefix = "pf-"
    logs = ("postfix.log", "dovecot/dovecot.log")

    def __init__(
        self,
        *,
        logins: Mapping[str, str] = LOGINS,
        mechanisms: Sequence[str] = ("plain", "login"),
        demands_certificates_of: trustme.CA | None = None,
        takes_logins_in_the_clear: bool = False,
    ) -> None:
        super().__init__()
        self._takes_logins_in_the_clear = takes_logins_in_the_clear
        self._clients = demands_certificates_of
        self.logins = dict(logins)
        self._mechanisms = tuple(mechanisms)

    def probes(self) -> Sequence[Callable[[], None]]:
        """All ports, but for one that greets nobody without a certificate."""
        greeting = (self.greet_plain, self.greet_submission)
        return greeting if self._clients else (*greeting, self.greet_smtps)

    def prepare(self, addresses: Sequence[str]) -> None:
        """Write the configuration, and name Dovecot and Postfix's master."""
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
        self.daemons = [login_server, master]

    def launch(self, deadline: float) -> None:
        """Start Dovecot first, then Postfix.

        An smtpd that finds no login service gives up, and Postfix then keeps that port shut for a
        minute.
        """
        login_server, _master = self.daemons
        login_server.start()
        login_server.wait_until((self.directory / "queue/private/auth").exists, deadline=deadline)
        super().launch(deadline)

    def complaints(self) -> str:
        """Look up the two usual reasons: files that do not parse, and ports that were taken.

        What stops master(8) before its log is open goes to syslog, which containers lack.
        """
        parsed = subprocess.run(
            ["postconf", "-c", str(self.directory), "-n"],
            capture_output=True,
            text=True,
            check=False,
        )
        addresses = loopback_addresses()
        taken = [port for port in self.ports if not all(is_free(a, port) for a in addresses)]
        return f"{parsed.stderr}ports in use: {taken}\nDovecot: {self.daemons[0].log_tail()}"

    def _write_files(self, addresses: Sequence[str]) -> None:
        _make_directories(self.directory)
        values = {
            "directory": self.directory,
            "user_id": (self.directory / "mail").stat().st_uid,
            "group_id": (self.directory / "mail").stat().st_gid,
        }
        files = {
            "main.cf": MAIN_CF.format(**values),
            "master.cf": INNER_SERVICES + self._smtpd_services(addresses),
            "mailboxes": MAILBOXES,
            "sender-owners": SENDER_OWNERS,
            "recipients": RECIPIENTS,
        }
        for name, text in files.items():
            _write_settled(self.directory / name, text)
        if self._clients:
            self._clients.cert_pem.write_to_path(self.directory / "clients.pem")

    def _smtpd_services(self, addresses: Sequence[str]) -> str:
        lines: list[str] = []
        for name in SERVICES:
            options = [text.format(directory=self.directory) for text in self._options(name)]
            for address in addresses:
                endpoint = f"[{address}]:{getattr(self.ports, name)}"
                lines.append(f"{endpoint}  inet  n  -  n  -  -  smtpd")
                lines.append(f"    -o syslog_name=postfix/{name}")
                lines.extend(f"    -o {{ {option} }}" for option in options)
        return "\n".join(lines) + "\n"

    def _options(self, name: str) -> Sequence[str]:
        if name == "plain":
            more = LOGIN_OFFERED if self._takes_logins_in_the_clear else ()
        else:
            more = CERTIFICATE_DEMANDED if self._clients else ()
        return (*SERVICES[name], *more)


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
