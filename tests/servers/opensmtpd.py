"""A real OpenSMTPD with its own configuration, queue, mailbox and certificate, on free ports."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tests.servers.jail import Account, JailedServer, Package, add_program, printed_by
from tests.servers.jail import why_unusable as why_package_unusable

OPENSMTPD: Final = Package("opensmtpd", "usr/sbin/smtpd")

INBOX: Final = "inbox@mail.test"
NOT_OWNED_SENDER: Final = "not-owned@mail.test"
UNKNOWN_RECIPIENT: Final = "nobody@mail.test"
GREYLISTED_RECIPIENT: Final = "greylisted@mail.test"
FULL_RECIPIENT: Final = "full@mail.test"
FULL_FOR_NOW_RECIPIENT: Final = "full-for-now@mail.test"

# The names that it looks for; the last one owns the mailbox.
_DAEMON: Final = Account("opensmtpd", 64_901)
_QUEUE: Final = Account("opensmtpq", 64_902)
_OWNER: Final = Account("vmail", 64_903, "/mail")

# The hash is of no password that anyone uses: no client gets as far as a login (see the class).
CONFIGURATION = """\
pki mail cert "/tls/server.pem"
pki mail key "/tls/server.key"
table logins {{ account@mail.test = "$6$none" }}
table inboxes {{ {inbox} = vmail }}
table not_owned {{ "{not_owned}" }}
table greylisted {{ "{greylisted}" }}
table full {{ "{full}" }}
table full_for_now {{ "{full_for_now}" }}
filter not_owned phase mail-from match mail-from <not_owned> \\
  reject "550 5.7.1 Sender address rejected: not owned by user"
filter greylisted phase rcpt-to match rcpt-to <greylisted> \\
  reject "451 4.7.1 Greylisted, try again in 300 seconds"
filter full phase rcpt-to match rcpt-to <full> reject "552 5.2.2 Mailbox full"
filter full_for_now phase rcpt-to match rcpt-to <full_for_now> reject "452 4.2.2 Mailbox full"
filter checks chain {{ not_owned, greylisted, full, full_for_now }}
{listeners}
action "keep" maildir "/mail/inbox" virtual <inboxes>
match from any for domain "mail.test" action "keep"
"""

_LISTENERS: Mapping[str, str] = {
    "plain": "",
    "submission": "tls pki mail auth <logins>",
    "smtps": "smtps pki mail auth <logins>",
}


class OpenSmtpdServer(JailedServer):
    """Runs an OpenSMTPD that takes the mail for one address and keeps it in a mailbox.

    Only `inbox@mail.test` exists. For any other at `mail.test` it says "524 5.2.4 Mailing list
    expansion problem", for other domains "550 Invalid recipient". `greylisted@` and
    `full-for-now@` are refused for now (451, 452), `full@` for good (552), and `not-owned@` as a
    sender.

    Its TLS is broken: OpenSMTPD 6.8 keeps the key in another process in a way that OpenSSL 3 no
    longer knows ("missing private key"), so each handshake ends with the alert "internal error"
    after the certificate was shown. Without TLS it offers no login, so none can pass at all.
    """

    package = OPENSMTPD
    accounts = (_DAEMON, _QUEUE, _OWNER)
    command = ("/usr/sbin/smtpd", "-d", "-v")

    def probes(self) -> Sequence[Callable[[], None]]:
        """All ports but the one that speaks through its broken TLS."""
        return (self.greet_plain, self.greet_submission)

    def files(self, addresses: Sequence[str]) -> Mapping[str, str]:
        """The configuration and the two names it reads besides."""
        listeners = [
            f"listen on {address} port {getattr(self.ports, name)} {options} "
            f"hostname mx.mail.test filter checks"
            for name, options in _LISTENERS.items()
            for address in addresses
        ]
        configuration = CONFIGURATION.format(
            inbox=INBOX,
            not_owned=NOT_OWNED_SENDER,
            greylisted=GREYLISTED_RECIPIENT,
            full=FULL_RECIPIENT,
            full_for_now=FULL_FOR_NOW_RECIPIENT,
            listeners="\n".join(listeners),
        )
        return {"etc/smtpd.conf": configuration, "etc/mailname": "mx.mail.test\n"}

    def arrange(self) -> None:
        """Make its directories, and bring what it starts for a delivery."""
        add_program(self.directory, "usr/libexec/opensmtpd/mail.maildir")
        add_program(self.directory, "bin/sh")
        shutil.chown(self.directory / "tls/server.key", 0)
        for path in ("var/lib/opensmtpd/empty", "var/spool/smtpd", "var/run"):
            (self.directory / path).mkdir(parents=True)
        (self.directory / "var/spool/smtpd").chmod(0o711)
        self.owned_directory("mail", _OWNER)


def why_unusable() -> tuple[str, str] | None:
    """Why this machine cannot run the server, and how to change that; `None` if it can."""
    if problem := why_package_unusable(OPENSMTPD):
        return problem
    version = printed_by(OPENSMTPD.program, "-h").partition("\n")[0]
    if "OpenSMTPD 6.8." not in version:
        return f"This is another OpenSMTPD ({version}).", "The tests know 6.8, as in Debian 12."
    return None
