"""What the tests of the mechanisms log in with, and the other side of an exchange."""

from __future__ import annotations

from smtpcheck.engine.sasl import MECHANISMS, Derive, Exchange, Link
from tests.engine.plans import credentials

NONCE = "fyko+d2lbbFgONRv9qkxdawL"


def link(*, nonce: str = NONCE, encrypted: bool = True, binding: bytes = b"") -> Link:
    return Link(
        host="server.example.com", port=587, nonce=nonce, encrypted=encrypted, binding=binding
    )


def exchange(
    mechanism: str, user: str = "user", password: str = "pencil", *, over: Link | None = None
) -> Exchange:
    return Exchange(MECHANISMS[mechanism], credentials(user, password), over or link())


def answer(to: Exchange, challenge: bytes | str) -> bytes | None:
    """What an exchange answers, with whatever has to be derived for it."""
    step = to.answer(challenge if isinstance(challenge, bytes) else challenge.encode())
    while isinstance(step, Derive):
        step = to.derived(step.key())
    return step
