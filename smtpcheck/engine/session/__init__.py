"""The conversation with an SMTP server, from its greeting to QUIT.

Reads top to bottom like RFC 5321 and does no I/O: each function is a generator that yields what
is to be done and receives what came of it. A reply that ends a stage raises ``StageFailed``; what
the stream itself does (silence, end, garbage) is the driver's to tell, and never comes in here.
The rule for changing it: nothing is sent here whose legality does not stand in a standard that
the comment names, and no line with a secret is made without its masked form.
"""

from __future__ import annotations

from typing import NamedTuple

from smtpcheck.engine.capabilities import Capabilities, parse_capabilities
from smtpcheck.engine.evidence import Fault, FaultKind, Oddity
from smtpcheck.engine.message import Message
from smtpcheck.engine.plan import LoginPlan, Plan
from smtpcheck.engine.sasl import Link
from smtpcheck.engine.session.effects import (
    PROVING_CODES,
    Again,
    Answer,
    Begin,
    Effect,
    GroupLost,
    Handshake,
    Leaf,
    Learned,
    Odd,
    Proven,
    Read,
    Script,
    Send,
    Skip,
    StageFailed,
    Turn,
    Ungrouped,
)
from smtpcheck.engine.session.leading import log_in_and_submit
from smtpcheck.engine.session.login import login
from smtpcheck.engine.session.steps import ask, expect, perform, read, rung
from smtpcheck.engine.session.submission import submit, without_groups
from smtpcheck.engine.session.turns import in_turn
from smtpcheck.engine.stages import Goal, Security, Stage

__all__ = [
    "PROVING_CODES",
    "Again",
    "Answer",
    "Begin",
    "Effect",
    "GroupLost",
    "Handshake",
    "Leaf",
    "Learned",
    "Odd",
    "Proven",
    "Read",
    "Script",
    "Send",
    "Skip",
    "StageFailed",
    "Terms",
    "Turn",
    "Ungrouped",
    "converse",
    "hello",
    "in_turn",
    "login",
    "starttls",
    "submit",
    "without_groups",
]


class Terms(NamedTuple):
    """What is settled when the connection stands.

    ``cleartext_allowed``: a password may go to this address without TLS. ``nonce`` is fresh,
    unguessable and without a comma (RFC 5802 section 5.1); only some logins need one.
    """

    ehlo_name: str
    cleartext_allowed: bool = False
    nonce: str = ""


def converse(plan: Plan, message: Message, terms: Terms) -> Script[None]:
    """Hold the whole conversation of a plan, up to its goal."""
    encrypted = plan.target.security is Security.TLS
    if encrypted:
        yield from rung(Stage.TLS, _handshake())
    yield from rung(Stage.GREETING, _greeting())
    capabilities = yield from rung(Stage.EHLO, hello(terms.ehlo_name))
    if plan.target.security.may_upgrade:
        if "STARTTLS" in capabilities:
            capabilities = yield from starttls(terms.ehlo_name)
            encrypted = True
        else:
            yield from _without_starttls(plan, terms)
    if isinstance(plan, LoginPlan):
        _refuse_cleartext(plan, terms, encrypted=encrypted)
        link = Link(
            host=plan.target.host, port=plan.target.port, nonce=terms.nonce, encrypted=encrypted
        )
        yield from log_in_and_submit(plan, message, capabilities, link)
    elif plan.goal is not Goal.LOGIN:
        yield from submit(plan, message, capabilities)
    yield Send(b"QUIT\r\n", ("QUIT",))  # RFC 5321 section 4.1.1.10; its reply proves nothing


def _greeting() -> Script[None]:
    """Wait for the server to speak first (RFC 5321 section 4.3.1)."""
    reply = yield from read(Stage.GREETING)
    expect(Stage.GREETING, reply)


def hello(ehlo_name: str) -> Script[Capabilities]:
    """Say EHLO, or HELO to a server that knows only that (RFC 5321 sections 3.2 and 4.1.1.1)."""
    reply = yield from ask(Stage.EHLO, f"EHLO {ehlo_name}")
    if reply.code // 100 != 5:
        expect(Stage.EHLO, reply)
        capabilities = parse_capabilities(reply)
        yield Learned(capabilities=capabilities)
        return capabilities
    fallback = yield from ask(Stage.EHLO, f"HELO {ehlo_name}")
    if fallback.code not in PROVING_CODES[Stage.EHLO]:
        # The answer to EHLO is the one that names the reason.
        expect(Stage.EHLO, reply)
    yield Odd(Oddity("ehlo.no-esmtp", Stage.EHLO, str(reply)))
    yield Learned(capabilities=Capabilities())
    return Capabilities()


def starttls(ehlo_name: str) -> Script[Capabilities]:
    """Upgrade to TLS and say hello again; what was advertised in the clear is void.

    RFC 3207 sections 4 and 4.2.
    """
    yield from rung(Stage.STARTTLS, perform(Stage.STARTTLS, "STARTTLS"))
    yield from rung(Stage.TLS, _handshake())
    return (yield from rung(Stage.EHLO, hello(ehlo_name)))


def _without_starttls(plan: Plan, terms: Terms) -> Script[None]:
    """Go on in the clear where the account allows it, else end the test here.

    Where there has been TLS before, somebody on the way may have removed the offer (RFC 3207
    section 6), so not even a mail is sent.
    """
    if plan.target.security is Security.STARTTLS or plan.past.was_encrypted:
        yield Begin(Stage.STARTTLS)
        raise StageFailed(Fault(stage=Stage.STARTTLS, kind=FaultKind.NOT_OFFERED))
    if isinstance(plan, LoginPlan) and not terms.cleartext_allowed:
        yield Begin(Stage.STARTTLS)
        _refuse_cleartext(plan, terms, encrypted=False)
    for stage in (Stage.STARTTLS, Stage.TLS, Stage.EHLO):
        yield Skip(stage)


def _refuse_cleartext(plan: Plan, terms: Terms, *, encrypted: bool) -> None:
    """End the test before a password could be read on the way (RFC 8314 section 3)."""
    if encrypted or terms.cleartext_allowed or not isinstance(plan, LoginPlan):
        return
    raise StageFailed(
        Fault(
            stage=Stage.STARTTLS,
            kind=FaultKind.REFUSED_HERE,
            diagnosis_id="config.cleartext-secret",
        )
    )


def _handshake() -> Script[None]:
    yield Handshake()
