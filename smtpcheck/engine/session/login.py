"""Logging in: one exchange, and one more only where the first judged nothing (RFC 4954).

No line with a secret is made here without its masked form.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from smtpcheck.engine.capabilities import Capabilities
from smtpcheck.engine.evidence import Fault, FaultKind, Reply
from smtpcheck.engine.plan import Credentials
from smtpcheck.engine.redaction import MASK
from smtpcheck.engine.sasl import (
    ChallengeRefused,
    Derive,
    Exchange,
    Link,
    Mechanism,
    choose,
    end_point,
)
from smtpcheck.engine.session.effects import (
    PROVING_CODES,
    Leaf,
    Learned,
    Odd,
    Read,
    Script,
    Send,
    StageFailed,
)
from smtpcheck.engine.session.steps import expect, read
from smtpcheck.engine.stages import Stage

# RFC 4954 section 4: an AUTH line with its initial response must not exceed 512 octets.
MAX_AUTH_LINE_OCTETS = 512
# The longest honest exchange (SCRAM) takes three challenges.
MAX_CHALLENGES = 8


def login(credentials: Credentials, capabilities: Capabilities, link: Link) -> Script[None]:
    """Log in once (RFC 4954).

    A 500 to 504 before any challenge says that the command was not understood, not that the login
    is wrong; only then is there one more exchange: after 501 the same mechanism without its
    initial response if it had one, else the next mechanism.
    """
    mechanisms = _common_mechanisms(credentials, capabilities, link)
    if mechanisms[0].binds_channel:
        link = yield from _bound(link, capabilities)
    ended = yield from run_exchange(mechanisms[0], credentials, link)
    if ended.judges_nothing:
        ended = yield from exchange_again(mechanisms, credentials, link, ended)
    conclude(ended)


def exchange_again(
    mechanisms: list[Mechanism], credentials: Credentials, link: Link, ended: Ended
) -> Script[Ended]:
    """Run the one more exchange after one that judged nothing; that one stands if there is none."""
    link = link._replace(nonce=f"{link.nonce}-2")  # RFC 5802 section 5.1: one login a nonce
    if ended.reply.code == 501 and ended.was_inline:
        return (yield from run_exchange(mechanisms[0], credentials, link, inline=False))
    if len(mechanisms) > 1:
        return (yield from run_exchange(mechanisms[1], credentials, link))
    return ended


def _common_mechanisms(
    credentials: Credentials, capabilities: Capabilities, link: Link
) -> list[Mechanism]:
    """The mechanisms to try, of which there is one at least."""
    if "AUTH" not in capabilities:
        raise StageFailed(Fault(stage=Stage.AUTH, kind=FaultKind.NOT_OFFERED, detail="AUTH"))
    offered = capabilities.mechanisms
    mechanisms = choose(offered, credentials.mechanism, encrypted=link.encrypted)
    if mechanisms:
        return mechanisms
    named = bool(credentials.mechanism)
    kind = FaultKind.MECHANISM_NOT_OFFERED if named else FaultKind.NOT_OFFERED
    raise StageFailed(_not_offered(kind, offered, credentials.mechanism))


def _bound(link: Link, capabilities: Capabilities) -> Script[Link]:
    """The link with its channel binding; without one the mechanism is as good as not offered."""
    leaf = yield Leaf()
    binding = end_point(leaf) if isinstance(leaf, bytes) else b""
    if binding:
        return link._replace(binding=binding)
    usable = [name for name in capabilities.mechanisms if not name.endswith("-PLUS")]
    raise StageFailed(_not_offered(FaultKind.MECHANISM_NOT_OFFERED, usable, "SCRAM-SHA-256-PLUS"))


def _not_offered(kind: FaultKind, offered: Iterable[str], wanted: str) -> Fault:
    parameters: dict[str, str | int] = {"mechanism": wanted} if wanted else {}
    detail = " ".join(offered) or "none"
    return Fault(stage=Stage.AUTH, kind=kind, detail=detail, parameters=parameters)


class Ended(NamedTuple):
    """How an exchange ended; ``was_inline``: the AUTH command carried the initial response."""

    exchange: Exchange
    reply: Reply
    challenges: int
    was_inline: bool

    @property
    def judges_nothing(self) -> bool:
        """Whether the command alone was refused, and nothing said of the login."""
        return self.reply.code in range(500, 505) and not self.challenges


def conclude(ended: Ended) -> None:
    """Raise StageFailed unless the login has passed and the server is the one it should be.

    RFC 5802 section 3: without the server's proof the login has failed, whatever the server says.
    """
    reply, explained = ended.reply, ended.exchange.explained
    if reply.code in PROVING_CODES[Stage.AUTH] and not ended.exchange.is_server_proven:
        raise StageFailed(
            Fault(stage=Stage.AUTH, kind=FaultKind.SERVER_PROOF, reply=_veiled(reply))
        )
    try:
        expect(Stage.AUTH, reply)
    except StageFailed as failure:
        if explained is None:
            raise
        raise StageFailed(
            replace(failure.fault, detail=explained.what, parameters=explained.parameters)
        ) from None


def run_exchange(
    mechanism: Mechanism, credentials: Credentials, link: Link, *, inline: bool = True
) -> Script[Ended]:
    """Run one mechanism up to the reply that ends it.

    ``inline`` lets the AUTH command carry the initial response.
    """
    yield Learned(mechanism=mechanism.name)
    exchange = Exchange(mechanism, credentials, link)
    had_response = exchange.initial_response is not None
    yield auth_command(mechanism.name, exchange, inline=inline)
    was_inline = had_response and exchange.initial_response is None
    reply = yield from read(Stage.AUTH)
    challenges = 0
    while reply.code == 334:
        challenges += 1
        if challenges > MAX_CHALLENGES:
            raise StageFailed(Fault(stage=Stage.AUTH, kind=FaultKind.CHALLENGE_LOOP, reply=reply))
        answer = yield from _answer(exchange, reply)
        yield Send(base64.b64encode(answer) + b"\r\n", (MASK,))
        reply = yield from read(Stage.AUTH, veiled=exchange.is_proof_due)
    return Ended(exchange=exchange, reply=reply, challenges=challenges, was_inline=was_inline)


def _answer(exchange: Exchange, challenge: Reply) -> Script[bytes]:
    """The answer to a challenge; one that cannot be answered is cancelled, and StageFailed."""
    octets = _decoded(challenge)
    shown = _veiled(challenge) if exchange.is_proof_due else challenge
    if octets is None:
        raise StageFailed((yield from _cancel(shown)))
    try:
        step = exchange.answer(octets)
        while isinstance(step, Derive):
            key = yield step
            step = exchange.derived(key if isinstance(key, bytes) else b"")
    except ChallengeRefused as refused:
        raise StageFailed((yield from _cancel(shown, refused))) from None
    for oddity in exchange.oddities:
        yield Odd(oddity)
    exchange.oddities.clear()
    if step is None:
        raise StageFailed((yield from _cancel(shown)))
    return step


def auth_command(name: str, exchange: Exchange, *, inline: bool) -> Send:
    """AUTH, with its initial response where there is one and the line stays short enough.

    RFC 4954 section 4: an empty initial response is "=".
    """
    bare = Send(f"AUTH {name}\r\n".encode(), (f"AUTH {name}",))
    if not inline:
        return bare
    response = exchange.initial_response
    if response is None:
        return bare
    encoded = base64.b64encode(response) or b"="
    line = f"AUTH {name} ".encode() + encoded + b"\r\n"
    if len(line) > MAX_AUTH_LINE_OCTETS:
        return bare
    exchange.drop_initial_response()
    return Send(line, (f"AUTH {name} {MASK}",))


def _decoded(challenge: Reply) -> bytes | None:
    """The octets of a 334's text, or None where it is not base64."""
    try:
        return base64.b64decode(challenge.text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def _cancel(challenge: Reply, refused: ChallengeRefused | None = None) -> Script[Fault]:
    """End an exchange that cannot go on and say why it could not.

    RFC 4954 section 4: a line with a single ``*``.
    """
    yield Send(b"*\r\n", ("*",))
    reply = yield Read(Stage.AUTH, optional=True)
    refused = refused or ChallengeRefused()
    kind = refused.kind
    if kind is FaultKind.BAD_CHALLENGE and isinstance(reply, Reply) and reply.code == 334:
        kind = FaultKind.CHALLENGE_LOOP
    return Fault(stage=Stage.AUTH, kind=kind, reply=challenge, parameters=refused.parameters)


def _veiled(reply: Reply) -> Reply:
    """A reply without its words."""
    return Reply(reply.code, (MASK,))
