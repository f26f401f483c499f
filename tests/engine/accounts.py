"""Accounts on the real servers, and what has to lie in their mailboxes afterwards."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol

from smtpcheck.engine.evidence import Report
from smtpcheck.engine.message import compose
from smtpcheck.engine.plan import MessageText, Plan
from smtpcheck.engine.stages import Goal, Security
from tests.engine.trials import plan_for
from tests.servers.ports import Ports
from tests.servers.postfix import LOGINS

ACCOUNT = "account@mail.test"
INBOX = "inbox@mail.test"

# What a delivery on its way may spoil: dots at the start of lines, a "From " that ends a mail in
# some mailboxes, blanks at the end of lines, empty lines in a row, and what is not ASCII.
TEXTS = {
    "dots": ".\n..\n.leading\n...\nFrom here on\ntrailing blanks  \n\n\n\ttab\n.",
    "umlauts": "Größe: 12 €\n.\nFrom äöü\n日本語 \N{GRINNING FACE}\n",
}

# What servers put above a mail; everything below it has to be what was sent.
_TRACE = re.compile(
    rb"(?:(?:return-path|x-original-to|delivered-to|envelope-to|received):.*\n(?:[ \t].*\n)*)+",
    re.IGNORECASE,
)


class RealServer(Protocol):
    """What the servers of ``tests.servers`` have in common."""

    @property
    def host(self) -> str:
        """The name in the certificate."""

    @property
    def ports(self) -> Ports:
        """One port for each kind of security."""

    @property
    def ca_file(self) -> Path:
        """The authority of the certificate."""

    def wait_for_mail(self, address: str, *, containing: bytes, timeout_seconds: float) -> bytes:
        """A mail as it lies in the mailbox."""


def plan_of(
    server: RealServer,
    security: Security,
    *,
    user: str = ACCOUNT,
    password: str = "",
    sender: str = ACCOUNT,
    recipient: str = INBOX,
    mechanism: str = "",
    goal: Goal = Goal.CONTENT,
    text: str = "This is a test.",
    host: str = "",
) -> Plan:
    """A plan for one of the three ports; the right password if no other is given."""
    ports = {
        Security.NONE: server.ports.plain,
        Security.STARTTLS: server.ports.submission,
        Security.OPPORTUNISTIC: server.ports.submission,
        Security.TLS: server.ports.smtps,
    }
    plan = plan_for(
        ports[security],
        trusted=server.ca_file.read_text(),
        security=security,
        host=host or server.host,
        user="" if security is Security.NONE else user,
        password=password or LOGINS.get(user, ""),
        sender=sender,
        recipient=recipient,
        mechanism=mechanism,
        goal=goal,
        seconds=15.0,
    )
    return replace(plan, message=MessageText(subject="A test", body=text))


def mail_of(server: RealServer, report: Report) -> bytes:
    """The mail of a report, as soon as it lies in the mailbox of its recipient."""
    message_id = report.evidence.message_id.encode()
    recipient = report.evidence.recipient
    return server.wait_for_mail(recipient, containing=message_id, timeout_seconds=10)


def assert_lies_there_as_sent(found: bytes, plan: Plan, report: Report) -> None:
    """Below the lines of the delivery stands, byte for byte, the test mail of the plan.

    The mail is composed again from the plan, with the date and the nonce of the one found.
    """
    composed_at = parsedate_to_datetime(message_from_bytes(found)["Date"])
    assert abs(datetime.now(UTC) - composed_at) < timedelta(minutes=1)
    nonce = report.evidence.message_id[1:].partition(".")[0]
    sent = compose(plan, now=composed_at, nonce=nonce)
    assert sent.message_id == report.evidence.message_id
    trace = _TRACE.match(found)
    assert trace is not None
    assert found[trace.end() :] == sent.octets.replace(b"\r\n", b"\n")
