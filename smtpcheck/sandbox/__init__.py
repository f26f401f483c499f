"""An SMTP server on loopback to test against: logins, TLS, kept mails, and faults on demand.

It knows nothing of the tester and of Django, so that it is an independent peer.

    async with Sandbox([Listener(tls=Tls.IMPLICIT)], logins={"ann": "secret"}) as sandbox:
        print(sandbox.listeners[0].port)

Programs without an event loop use ``BackgroundSandbox``.
"""

from __future__ import annotations

from smtpcheck.sandbox.authority import Authority, Certificate, Kind, self_signed
from smtpcheck.sandbox.background import BackgroundSandbox
from smtpcheck.sandbox.errors import ListenError, SandboxError, UnknownFaultError
from smtpcheck.sandbox.faults import FAULTS, Fault, Stage, Then, Turn, find_fault, reply_at
from smtpcheck.sandbox.mailbox import DirectoryMailbox, Mail, Mailbox
from smtpcheck.sandbox.server import Listener, Sandbox
from smtpcheck.sandbox.session import Limits, Tls
from smtpcheck.sandbox.visits import Visit

__all__ = [
    "FAULTS",
    "Authority",
    "BackgroundSandbox",
    "Certificate",
    "DirectoryMailbox",
    "Fault",
    "Kind",
    "Limits",
    "ListenError",
    "Listener",
    "Mail",
    "Mailbox",
    "Sandbox",
    "SandboxError",
    "Stage",
    "Then",
    "Tls",
    "Turn",
    "UnknownFaultError",
    "Visit",
    "find_fault",
    "reply_at",
    "self_signed",
]
