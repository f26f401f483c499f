"""Plans and messages for tests of the engine: an honest one, and what is changed about it."""

from __future__ import annotations

from datetime import UTC, datetime

from smtpcheck.engine.message import Message, compose
from smtpcheck.engine.plan import (
    Budget,
    Credentials,
    Envelope,
    MessageText,
    Past,
    Plan,
    Target,
    make_plan,
)
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal, Security

USER = "alice@example.org"
PASSWORD = "correct horse: b@ttery/stäple%"
NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
NONCE = "0123456789abcdef"


def target(
    security: Security = Security.STARTTLS,
    *,
    host: str = "mx.example.org",
    port: int = 587,
    ca_bundle: str = "",
    pin: str = "",
) -> Target:
    return Target(host=host, port=port, security=security, ca_bundle=ca_bundle, pin=pin)


def credentials(username: str = USER, password: str = PASSWORD, mechanism: str = "") -> Credentials:
    return Credentials(username=username, password=Secret(password), mechanism=mechanism)


def plan(
    security: Security = Security.STARTTLS,
    *,
    to: Target | None = None,
    login: Credentials | None = None,
    sender: str = "alice@example.org",
    recipient: str = "bob@example.net",
    ehlo_name: str = "probe.example",
    goal: Goal = Goal.CONTENT,
    subject: str = "A test",
    body: str = "Nothing to do.",
    extra_ca_file: str = "",
    past: Past = Past(),  # noqa: B008 - frozen
) -> Plan:
    """A plan that logs in nowhere unless a test says so."""
    return make_plan(
        target=to or target(security),
        credentials=login,
        envelope=Envelope(sender=sender, recipient=recipient, ehlo_name=ehlo_name),
        goal=goal,
        budget=Budget(),
        message=MessageText(subject=subject, body=body),
        extra_ca_file=extra_ca_file,
        past=past,
    )


def mail(of: Plan) -> Message:
    return compose(of, now=NOW, nonce=NONCE)
