"""What a conversation yields to have done, what it receives, and how it ends.

Knows evidence and the vocabulary. A script is a generator of effects; whoever drives it sends back
what came of each.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, TypeVar

from smtpcheck.engine.capabilities import Capabilities
from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.evidence import Fault, Oddity, Reply
from smtpcheck.engine.sasl import Derive
from smtpcheck.engine.stages import Stage

# The replies that prove each stage (RFC 5321 section 4.3.2, RFC 3207 section 4, RFC 4954
# section 6). Another success code answers another command: the dialogue has lost its step.
PROVING_CODES: dict[Stage, frozenset[int]] = {
    Stage.GREETING: frozenset({220}),
    Stage.EHLO: frozenset({250}),
    Stage.STARTTLS: frozenset({220}),
    Stage.AUTH: frozenset({235}),
    Stage.MAIL: frozenset({250}),
    Stage.RCPT: frozenset({250, 251, 252}),
    Stage.DATA: frozenset({354}),
    Stage.CONTENT: frozenset({250}),
}


class Begin(NamedTuple):
    """Effect: the clock of a stage starts; ``grouped`` stages share the clock of their group."""

    stage: Stage
    grouped: bool = False


class Proven(NamedTuple):
    """Effect: a stage has done what it is for."""

    stage: Stage


class Skip(NamedTuple):
    """Effect: a planned stage is not needed or not to be had, and the test goes on without it."""

    stage: Stage


class Send(NamedTuple):
    """Effect: send octets in one flight; ``shown`` are its lines as they may be shown."""

    octets: bytes
    shown: tuple[str, ...]


class Read(NamedTuple):
    """Effect: wait for one reply of a stage. An ``optional`` one is None if it does not come.

    Of a ``veiled`` one the record keeps the words only where it refuses: otherwise they can hold
    the server's proof, by which a password could be guessed at leisure.
    """

    stage: Stage
    optional: bool = False
    veiled: bool = False


class Handshake(NamedTuple):
    """Effect: start TLS now. Bytes that came before it are evidence of injection."""


class Leaf(NamedTuple):
    """Effect: hand over the server's certificate as DER; b"" where there is no TLS."""


class Learned(NamedTuple):
    """Effect: the capabilities, or the login mechanism, as they are known from now on."""

    capabilities: Capabilities | None = None
    mechanism: str = ""


class Odd(NamedTuple):
    """Effect: the server did something that is not by the book but does not end the test."""

    oddity: Oddity


class Ungrouped(NamedTuple):
    """Effect: a server cannot take a group with a login; None takes that back."""

    fault: Fault | None


class Again(NamedTuple):
    """Effect: the ladder is climbed anew from a stage on; what was begun or proven there is not."""

    stage: Stage


class Turn(NamedTuple):
    """Effect: ask whether this conversation, of several, goes on; a bool comes back."""


Effect = (
    Begin
    | Proven
    | Skip
    | Send
    | Read
    | Handshake
    | Leaf
    | Derive
    | Learned
    | Odd
    | Ungrouped
    | Again
    | Turn
)
T = TypeVar("T")
# What comes back depends on the effect: a Reply or None for Read, octets for Leaf and Derive, a
# bool for Turn, None for all others.
Answer = Reply | bytes | bool | None
Script = Generator[Effect, Answer, T]


class StageFailed(EngineError):
    """A stage ended without being proven."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.stage.value}: {fault.kind.value}")
        self.fault = fault


class GroupLost(EngineError):
    """A login has passed, and what came behind it in its group cannot be told on this connection.

    One new connection without groups can: see ``without_groups``.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.stage.value}: {fault.kind.value}")
        self.fault = fault
