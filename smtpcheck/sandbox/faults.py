"""The faults that a listener can play, as data: at which stage the server does what instead.

A fault overrides the server's own behaviour; what it does not name stays honest. Adding one is a
row in ``FAULTS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from smtpcheck.sandbox.authority import Kind
from smtpcheck.sandbox.errors import UnknownFaultError


class Stage(StrEnum):
    """The moments at which it is the server's turn."""

    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    TLS = "tls"  # in place of the handshake
    CHALLENGE = "challenge"  # the 334s of a login
    AUTH = "auth"  # the last word on a login
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the 354
    CONTENT = "content"  # after the final dot
    RSET = "rset"
    QUIT = "quit"


class Then(Enum):
    """How a turn ends."""

    GO_ON = "go on"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"  # read what comes, and never say anything again
    DEAF = "deaf"  # not even read any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the server does when it is its turn; the default is its own reply, at once."""

    says: bytes | None = None  # None: its own reply
    adds: bytes = b""  # sent in the same packet behind the reply
    delay_seconds: float = 0
    pace_seconds: float = 0  # between two bytes
    repeats: bool = False  # says it again and again, until the client has gone
    then: Then = Then.GO_ON


HONEST = Turn()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to misbehave."""

    name: str
    about: str
    turns: Mapping[Stage, Turn] = field(default_factory=dict)
    without: frozenset[str] = frozenset()  # keywords left out of the reply to EHLO
    certificate: Kind | None = None
    forgets_pipelined: bool = False  # throws away what came in one packet behind a command

    def at(self, stage: Stage) -> Turn:
        """What is done at a stage."""
        return self.turns.get(stage, HONEST)

    def says_at(self, stage: Stage, own: bytes) -> bytes:
        """What will be said at a stage where the honest server would say ``own``."""
        says = self.at(stage).says
        return own if says is None else says


NO_FAULT = Fault(name="none", about="does everything right")


def lines(text: str) -> bytes:
    """Text as it goes over the wire: each line ended by CRLF."""
    return "".join(f"{line}\r\n" for line in text.split("\n")).encode()


def reply_at(stage: Stage, text: str, *, name: str = "", about: str = "") -> Fault:
    """A fault that answers with a text of choice; several lines are parted by a newline."""
    return Fault(
        name=name or f"{stage}={text}",
        about=about or f"answers {text!r} at {stage}",
        turns={stage: Turn(says=lines(text))},
    )


def find_fault(spec: str) -> Fault:
    r"""The fault of this name, or a reply of choice as ``stage=reply`` (``\n`` parts its lines).

    >>> find_fault("rcpt=550 5.1.1 No such user").turns[Stage.RCPT].says
    b'550 5.1.1 No such user\r\n'
    """
    if spec in FAULTS:
        return FAULTS[spec]
    stage, equals, text = spec.partition("=")
    if not equals or stage not in list(Stage):
        raise UnknownFaultError(spec)
    return reply_at(Stage(stage), text.replace("\\n", "\n"))


def _turn_at(name: str, about: str, stage: Stage, turn: Turn) -> Fault:
    return Fault(name=name, about=about, turns={stage: turn})


def _all_turns(name: str, about: str, turn: Turn) -> Fault:
    return Fault(name=name, about=about, turns=dict.fromkeys(Stage, turn))


_NAMED = (
    NO_FAULT,
    # Silence and slowness
    _turn_at(
        "silent",
        "takes the connection and never greets",
        Stage.GREETING,
        Turn(says=b"", then=Then.HANG),
    ),
    _turn_at(
        "slow-greeting",
        "greets after 5 seconds",
        Stage.GREETING,
        Turn(delay_seconds=5),
    ),
    _all_turns("slow", "takes 4 seconds for every reply", Turn(delay_seconds=4)),
    _all_turns("drip", "sends every reply at one byte a second", Turn(pace_seconds=1)),
    _turn_at(
        "endless-reply",
        "never ends its reply to EHLO",
        Stage.EHLO,
        Turn(says=lines("250-and one more"), repeats=True),
    ),
    _turn_at(
        "endless-line",
        "never ends a line of its reply to EHLO",
        Stage.EHLO,
        Turn(says=b"250-" + b"x" * 4096, repeats=True),
    ),
    _turn_at("never-reads", "greets and never reads again", Stage.GREETING, Turn(then=Then.DEAF)),
    # What is offered
    Fault(name="no-starttls", about="does not offer STARTTLS", without=frozenset({"STARTTLS"})),
    Fault(name="no-auth", about="does not offer AUTH", without=frozenset({"AUTH"})),
    Fault(
        name="no-pipelining", about="does not offer PIPELINING", without=frozenset({"PIPELINING"})
    ),
    Fault(
        name="pipelining-broken",
        about="offers PIPELINING and forgets all but the first command",
        forgets_pipelined=True,
    ),
    reply_at(
        Stage.EHLO, "502 5.5.1 Command not implemented", name="no-ehlo", about="knows only HELO"
    ),
    # Greetings
    _turn_at(
        "garbage-greeting",
        "greets with bytes that are no SMTP",
        Stage.GREETING,
        Turn(says=b"\x00\xff\xfb\x01 \x80garbage\r\n"),
    ),
    reply_at(
        Stage.GREETING,
        "HTTP/1.1 400 Bad Request\nServer: sandbox\nConnection: close\n",
        name="http",
        about="is a web server",
    ),
    reply_at(
        Stage.GREETING,
        "421 4.7.0 Too many connections, try again later",
        name="busy",
        about="has too many connections",
    ),
    reply_at(
        Stage.GREETING,
        "554 5.7.1 Your address is not welcome here",
        name="not-welcome",
        about="refuses the client by its address",
    ),
    # STARTTLS and TLS
    reply_at(
        Stage.STARTTLS,
        "454 4.7.0 TLS not available",
        name="tls-not-available",
        about="offers STARTTLS and then has no TLS",
    ),
    _turn_at(
        "starttls-injection",
        "sends a reply in the clear behind the 220 to STARTTLS",
        Stage.STARTTLS,
        Turn(adds=lines("250 2.0.0 injected")),
    ),
    _turn_at(
        "plaintext-after-starttls",
        "goes on in the clear after the 220 to STARTTLS",
        Stage.TLS,
        Turn(says=lines("454 4.3.0 TLS is broken"), then=Then.HANG),
    ),
    Fault(
        name="expired-certificate",
        about="shows a certificate that has ended",
        certificate=Kind.EXPIRED,
    ),
    Fault(
        name="not-yet-valid-certificate",
        about="shows a certificate that begins in two days",
        certificate=Kind.NOT_YET_VALID,
    ),
    Fault(
        name="wrong-host-certificate",
        about="shows a certificate for another host",
        certificate=Kind.WRONG_HOST,
    ),
    Fault(
        name="self-signed-certificate",
        about="shows a certificate that vouches for itself",
        certificate=Kind.SELF_SIGNED,
    ),
    Fault(
        name="unknown-authority",
        about="shows a certificate of an authority nobody trusts",
        certificate=Kind.UNKNOWN_AUTHORITY,
    ),
    Fault(
        name="missing-intermediate",
        about="forgets to send its intermediate certificate",
        certificate=Kind.MISSING_INTERMEDIATE,
    ),
    # Refusals
    reply_at(
        Stage.AUTH,
        "535 5.7.8 Authentication credentials invalid",
        name="wrong-password",
        about="refuses every login",
    ),
    reply_at(
        Stage.AUTH,
        "454 4.7.0 Temporary authentication failure",
        name="auth-unavailable",
        about="cannot check logins just now",
    ),
    reply_at(
        Stage.MAIL,
        "553 5.7.1 Sender address rejected: not owned by user",
        name="sender-refused",
        about="refuses the sender",
    ),
    reply_at(
        Stage.RCPT,
        "550 5.1.1 No such user here",
        name="unknown-recipient",
        about="does not know the recipient",
    ),
    reply_at(
        Stage.RCPT, "554 5.7.1 Relay access denied", name="relay-denied", about="does not relay"
    ),
    reply_at(
        Stage.RCPT,
        "451 4.7.1 Greylisted, try again in 5 minutes",
        name="greylisting",
        about="asks to come back later",
    ),
    reply_at(
        Stage.RCPT,
        "452 4.2.2 Mailbox full",
        name="mailbox-full",
        about="has no room in the recipient's mailbox",
    ),
    reply_at(
        Stage.CONTENT,
        "554 5.7.1 Message refused as spam",
        name="spam-refused",
        about="refuses the mail after its content",
    ),
    # Grammar
    reply_at(
        Stage.EHLO,
        "250-sandbox\n354 mixed",
        name="mixed-codes",
        about="changes the code in the middle of its reply to EHLO",
    ),
    _turn_at(
        "bare-lf",
        "ends the lines of its greeting with LF alone",
        Stage.GREETING,
        Turn(says=b"220 sandbox ESMTP\n"),
    ),
    reply_at(Stage.QUIT, "421 4.3.2 Going down", name="421-to-quit", about="answers 421 to QUIT"),
)

_AT_EACH_STAGE = tuple(
    _turn_at(f"{verb}-at-{stage}", f"{about} {stage}", stage, Turn(says=b"", then=then))
    for verb, about, then in (
        ("silent", "says nothing any more at", Then.HANG),
        ("close", "closes the connection at", Then.CLOSE),
        ("reset", "resets the connection at", Then.RESET),
    )
    for stage in Stage
)

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in (*_NAMED, *_AT_EACH_STAGE)}
