"""One login by one mechanism: what its script says, and what became known on the way.

A mechanism is a generator: it yields what we say and receives what the server asks, both as plain
bytes, not base64. Whatever is neither said nor asked (work for a thread, a remark, the proof of the
server) it yields as a step of its own, so that the scripts stay without I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from typing import NamedTuple, assert_never

from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.evidence import FaultKind, Oddity
from smtpcheck.engine.plan import Credentials
from smtpcheck.engine.redaction import Secret


class Link(NamedTuple):
    """What a mechanism may know of the connection it is used on.

    ``nonce`` is fresh for each login, printable and without a comma. ``binding`` is the
    connection's tls-server-end-point, b"" where it has none.
    """

    host: str
    port: int
    nonce: str
    encrypted: bool
    binding: bytes = b""


class Derive(NamedTuple):
    """Step: a key derivation, which can keep a processor busy for a second: not in a loop.

    ``key()`` does it; its result is what the script goes on with.
    """

    algorithm: str
    password: Secret
    salt: bytes
    rounds: int

    def key(self) -> bytes:
        """Return Hi(password, salt, rounds) of RFC 5802 section 2.2, which is PBKDF2."""
        password = self.password.reveal().encode()
        return hashlib.pbkdf2_hmac(self.algorithm, password, self.salt, self.rounds)


class Explained(NamedTuple):
    """Step: the server has said why it is about to refuse.

    ``what`` is in our words, "token-refused" or "proof-refused"; ``parameters`` are the server's.
    """

    what: str
    parameters: dict[str, str | int]


class ServerProven(NamedTuple):
    """Step: the server has shown that it knows the password too."""


class ChallengeRefused(EngineError):
    """A challenge must not be answered; the login is to be cancelled."""

    def __init__(self, kind: FaultKind = FaultKind.BAD_CHALLENGE, **parameters: str | int) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.parameters = parameters


# What a mechanism says: first its initial response, or None where the server speaks first; then an
# answer for each challenge it is sent. It is sent a key for Derive, b"" for the other steps.
Step = bytes | None | Derive | Explained | ServerProven | Oddity
Script = Generator[Step, bytes, None]


class Mechanism(NamedTuple):
    """A SASL mechanism that this program speaks.

    ``proves_server``: without the server's own proof its 235 is worth nothing. ``binds_channel``:
    it needs the binding of an encrypted connection. ``ends_at_once``: its initial response is all
    it says, and it sets no security layer, so that other commands may follow in the same flight
    (RFC 4954 section 4).
    """

    name: str
    script: Callable[[Credentials, Link], Script]
    proves_server: bool = False
    binds_channel: bool = False
    ends_at_once: bool = False


class Exchange:
    """One login by one mechanism: asks for nothing, knows the answer to each challenge.

    ``oddities`` and ``explained`` fill up on the way. ``is_proof_due`` is True while the server
    owes its proof: with it and the rest of the dialogue a password could be guessed at leisure.
    """

    def __init__(self, mechanism: Mechanism, credentials: Credentials, link: Link) -> None:
        self.is_server_proven = not mechanism.proves_server
        self.is_proof_due = False
        self.explained: Explained | None = None
        self.oddities: list[Oddity] = []
        self._script = mechanism.script(credentials, link)
        first = self._next(None)
        self.initial_response = None if isinstance(first, Derive) else first

    def drop_initial_response(self) -> None:
        """Say that the AUTH command itself has carried the initial response."""
        self.initial_response = None

    def answer(self, challenge: bytes) -> bytes | Derive | None:
        """Return the answer to a challenge, or None if the mechanism has no more to say.

        An initial response that has not been sent is the answer to the first challenge (RFC 4954
        section 4). A Derive asks for its key by ``derived`` first. Raises ChallengeRefused.
        """
        if self.initial_response is not None:
            response, self.initial_response = self.initial_response, None
            return response
        return self._next(challenge)

    def derived(self, key: bytes) -> bytes | Derive | None:
        """Return the answer for which a key had to be derived first."""
        self.is_proof_due = True
        return self._next(key)

    def _next(self, sent: bytes | None) -> bytes | Derive | None:
        """Go on to what is said or to be derived next, and keep the remarks made on the way."""
        try:
            step = next(self._script) if sent is None else self._script.send(sent)
            while not (step is None or isinstance(step, bytes | Derive)):
                self._keep(step)
                step = self._script.send(b"")
        except StopIteration:
            return None
        return step

    def _keep(self, remark: Explained | ServerProven | Oddity) -> None:
        match remark:
            case Explained():
                self.explained = remark
                self.is_proof_due = False
            case ServerProven():
                self.is_server_proven = True
                self.is_proof_due = False
            case Oddity():
                self.oddities.append(remark)
            case _:
                assert_never(remark)
