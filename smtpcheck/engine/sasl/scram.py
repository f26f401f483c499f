"""SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, neither sends it.

The server chooses how much we compute and has to prove itself at the end, so here is where a false
one must fail: every word of it is checked before anything is made of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import NamedTuple

from smtpcheck.engine.evidence import FaultKind, Oddity
from smtpcheck.engine.plan import Credentials
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.sasl.exchange import (
    ChallengeRefused,
    Derive,
    Explained,
    Link,
    Script,
    ServerProven,
)
from smtpcheck.engine.sasl.preparation import prepared
from smtpcheck.engine.stages import Stage

# What is recommended for passwords at rest today (PBKDF2 with SHA-256), a third of a second of one
# core. Far above it a server does nothing but keep its clients busy.
MAX_ROUNDS = 600_000
# RFC 5802 section 5.1 and RFC 7677 section 4. With less, whoever listens guesses too fast.
MIN_ROUNDS = 4096

# RFC 5802 section 7: server-first-message; a mandatory extension (m=) before it is not for us.
_SERVER_FIRST = re.compile(
    r"r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+),s=(?P<salt>[A-Za-z0-9+/=]+),i=(?P<rounds>[1-9][0-9]*)(,|\Z)"
)
# Enough digits for any number that is only too large, and few enough for a column.
_MAX_DIGITS = 12
_MAX_ERROR_LENGTH = 80


class _Hashing(NamedTuple):
    """The computations of the SCRAM mechanisms of one hash (RFC 5802 section 3)."""

    algorithm: str

    def hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self.algorithm)

    def client_proof(self, salted_password: bytes, auth_message: bytes) -> bytes:
        client_key = self.hmac(salted_password, b"Client Key")
        stored_key = hashlib.new(self.algorithm, client_key).digest()
        signature = self.hmac(stored_key, auth_message)
        return bytes(a ^ b for a, b in zip(client_key, signature, strict=True))

    def server_signature(self, salted_password: bytes, auth_message: bytes) -> bytes:
        return self.hmac(self.hmac(salted_password, b"Server Key"), auth_message)

    def script(self, credentials: Credentials, link: Link) -> Script:
        """Without channel binding, and saying so: "n" is for a client that does not want it."""
        return self._talk("n,,", b"", credentials, link)

    def bound_script(self, credentials: Credentials, link: Link) -> Script:
        """With the proof tied to this TLS connection (RFC 5929 section 4)."""
        return self._talk("p=tls-server-end-point,,", link.binding, credentials, link)

    def _talk(self, header: str, binding: bytes, credentials: Credentials, link: Link) -> Script:
        client_first = f"n={_saslname(credentials.username)},r={link.nonce}"
        server_first = yield f"{header}{client_first}".encode()
        terms = _terms(server_first, link)
        if terms.rounds < MIN_ROUNDS:
            yield Oddity("auth.scram-rounds-low", Stage.AUTH, f"i={terms.rounds}")
        password = Secret(prepared(credentials.password.reveal(), stored=True))
        if password != credentials.password:
            # A server that does not prepare (Dovecot) knows another one: to be told if it refuses.
            yield Oddity("auth.nonascii", Stage.AUTH)
        salted_password = yield Derive(self.algorithm, password, terms.salt, terms.rounds)
        client_final = f"c={_text64(header.encode() + binding)},r={terms.nonce}"
        auth_message = b",".join((client_first.encode(), server_first, client_final.encode()))
        proof = self.client_proof(salted_password, auth_message)
        server_final = yield f"{client_final},p={_text64(proof)}".encode()
        if server_final.startswith(b"e="):
            yield Explained("proof-refused", {"detail": _error(server_final)})
        elif _is_proof(server_final, self.server_signature(salted_password, auth_message)):
            yield ServerProven()
        else:
            raise ChallengeRefused(FaultKind.SERVER_PROOF)
        yield b""  # RFC 4954 section 4: what comes with success comes in a challenge


def script_of(algorithm: str, *, bound: bool) -> Callable[[Credentials, Link], Script]:
    """Return the exchange of a hash, such as "sha256"; ``bound`` is the one of -PLUS."""
    hashing = _Hashing(algorithm)
    return hashing.bound_script if bound else hashing.script


class _Terms(NamedTuple):
    """What the server's first message lays down."""

    nonce: str
    salt: bytes
    rounds: int


def _terms(server_first: bytes, link: Link) -> _Terms:
    """Read the server's first message; raises ChallengeRefused.

    Its nonce must go on from ours: another one is the answer to somebody else's login.
    """
    match = _SERVER_FIRST.match(server_first.decode("utf-8", "replace"))
    if match is None:
        raise ChallengeRefused
    nonce, salt = match["nonce"], _octets64(match["salt"])
    if not nonce.startswith(link.nonce) or nonce == link.nonce or not salt:
        raise ChallengeRefused
    return _Terms(nonce, salt, _bearable_rounds(match["rounds"], link))


def _bearable_rounds(digits: str, link: Link) -> int:
    """The number of rounds, if it is no attack on our processor or, in the clear, on the secret."""
    if len(digits) > _MAX_DIGITS:
        raise ChallengeRefused(FaultKind.SCRAM_ROUNDS, count=f"{digits[:_MAX_DIGITS]}...")
    rounds = int(digits)
    if rounds > MAX_ROUNDS or (rounds < MIN_ROUNDS and not link.encrypted):
        raise ChallengeRefused(FaultKind.SCRAM_ROUNDS, count=rounds)
    return rounds


def _is_proof(server_final: bytes, expected: bytes) -> bool:
    """Whether the server's last message proves that it knows the password."""
    first = server_final.split(b",", 1)[0]
    if not first.startswith(b"v="):
        return False
    return hmac.compare_digest(_octets64(first[2:].decode("ascii", "replace")), expected)


def _error(server_final: bytes) -> str:
    return server_final[:_MAX_ERROR_LENGTH].decode("utf-8", "replace")


def _saslname(username: str) -> str:
    """RFC 5802 section 5.1: prepared, with the two signs of the grammar written otherwise."""
    return prepared(username, stored=False).replace("=", "=3D").replace(",", "=2C")


def _text64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _octets64(text: str) -> bytes:
    """The octets of a base64 text; b"" where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
