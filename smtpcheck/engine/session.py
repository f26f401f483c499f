"""The conversation with an SMTP server, from its greeting to QUIT.

Reads top to bottom like RFC 5321 and does no I/O: each function is a generator that yields what
is to be done and receives what came of it. A reply that ends a stage raises ``StageFailed``; what
the stream itself does (silence, end, garbage) is the driver's to tell, and never comes in here.
The rule for changing it: nothing is sent here whose legality does not stand in a standard that
the comment names, and no line with a secret is made without its masked form.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from smtpcheck.engine.capabilities import Capabilities, parse_capabilities
from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.evidence import Fault, FaultKind, Oddity, Reply
from smtpcheck.engine.message import Message, dot_stuffed
from smtpcheck.engine.plan import Credentials, LoginPlan, Plan
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
from smtpcheck.engine.stages import Goal, Security, Stage

# RFC 4954 section 4: an AUTH line with its initial response must not exceed 512 octets.
MAX_AUTH_LINE_OCTETS = 512
# The longest honest exchange (SCRAM) takes three challenges.
MAX_CHALLENGES = 8

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


@dataclass(frozen=True, slots=True)
class Begin:
    """Effect: the clock of a stage starts; ``grouped`` stages share the clock of their group."""

    stage: Stage
    grouped: bool = False


@dataclass(frozen=True, slots=True)
class Proven:
    """Effect: a stage has done what it is for."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Skip:
    """Effect: a planned stage is not needed or not to be had, and the test goes on without it."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: send octets in one flight; ``shown`` are its lines as they may be shown."""

    octets: bytes
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Effect: wait for one reply of a stage. An ``optional`` one is None if it does not come.

    Of a ``veiled`` one the record keeps the words only where it refuses: otherwise they can hold
    the server's proof, by which a password could be guessed at leisure.
    """

    stage: Stage
    optional: bool = False
    veiled: bool = False


@dataclass(frozen=True, slots=True)
class Handshake:
    """Effect: start TLS now. Bytes that came before it are evidence of injection."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Effect: hand over the server's certificate as DER; b"" where there is no TLS."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Effect: the capabilities, or the login mechanism, as they are known from now on."""

    capabilities: Capabilities | None = None
    mechanism: str = ""


@dataclass(frozen=True, slots=True)
class Odd:
    """Effect: the server did something that is not by the book but does not end the test."""

    oddity: Oddity


Effect = Begin | Proven | Skip | Send | Read | Handshake | Leaf | Derive | Learned | Odd
T = TypeVar("T")
# What comes back depends on the effect: a Reply or None for Read, octets for Leaf and Derive, None
# for all others.
Answer = Reply | bytes | None
Script = Generator[Effect, Answer, T]


class StageFailed(EngineError):
    """A stage ended without being proven."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.stage.value}: {fault.kind.value}")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Terms:
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
        yield from _rung(Stage.TLS, _handshake())
    yield from _rung(Stage.GREETING, _greeting())
    capabilities = yield from _rung(Stage.EHLO, hello(terms.ehlo_name))
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
        yield from _rung(Stage.AUTH, login(plan.credentials, capabilities, link))
    if plan.goal is not Goal.LOGIN:
        yield from submit(plan, message, capabilities)
    yield Send(b"QUIT\r\n", ("QUIT",))  # RFC 5321 section 4.1.1.10; its reply proves nothing


def _greeting() -> Script[None]:
    """Wait for the server to speak first (RFC 5321 section 4.3.1)."""
    reply = yield from _read(Stage.GREETING)
    _expect(Stage.GREETING, reply)


def hello(ehlo_name: str) -> Script[Capabilities]:
    """Say EHLO, or HELO to a server that knows only that (RFC 5321 sections 3.2 and 4.1.1.1)."""
    reply = yield from _ask(Stage.EHLO, f"EHLO {ehlo_name}")
    if reply.code // 100 != 5:
        _expect(Stage.EHLO, reply)
        capabilities = parse_capabilities(reply)
        yield Learned(capabilities=capabilities)
        return capabilities
    fallback = yield from _ask(Stage.EHLO, f"HELO {ehlo_name}")
    if fallback.code not in PROVING_CODES[Stage.EHLO]:
        # The answer to EHLO is the one that names the reason.
        _expect(Stage.EHLO, reply)
    yield Odd(Oddity("ehlo.no-esmtp", Stage.EHLO, str(reply)))
    yield Learned(capabilities=Capabilities())
    return Capabilities()


def starttls(ehlo_name: str) -> Script[Capabilities]:
    """Upgrade to TLS and say hello again; what was advertised in the clear is void.

    RFC 3207 sections 4 and 4.2.
    """
    yield from _rung(Stage.STARTTLS, _command(Stage.STARTTLS, "STARTTLS"))
    yield from _rung(Stage.TLS, _handshake())
    return (yield from _rung(Stage.EHLO, hello(ehlo_name)))


def _without_starttls(plan: Plan, terms: Terms) -> Script[None]:
    """Go on in the clear where the account allows it, else end the test here."""
    if plan.target.security is Security.STARTTLS:
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


def login(credentials: Credentials, capabilities: Capabilities, link: Link) -> Script[None]:
    """Log in once (RFC 4954).

    A 500 to 504 before any challenge says that the command was not understood, not that the login
    is wrong; only then is there one more exchange: after 501 the same mechanism without its
    initial response if it had one, else the next mechanism.
    """
    mechanisms = _common_mechanisms(credentials, capabilities, link)
    if mechanisms[0].binds_channel:
        link = yield from _bound(link, capabilities)
    ended = yield from _exchange(mechanisms[0], credentials, link)
    if ended.judges_nothing:
        # RFC 5802 section 5.1: a nonce serves one login.
        link = replace(link, nonce=f"{link.nonce}-2")
        if ended.reply.code == 501 and ended.was_inline:
            ended = yield from _exchange(mechanisms[0], credentials, link, inline=False)
        elif len(mechanisms) > 1:
            ended = yield from _exchange(mechanisms[1], credentials, link)
    _conclude(ended)


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
        return replace(link, binding=binding)
    usable = [name for name in capabilities.mechanisms if not name.endswith("-PLUS")]
    raise StageFailed(_not_offered(FaultKind.MECHANISM_NOT_OFFERED, usable, "SCRAM-SHA-256-PLUS"))


def _not_offered(kind: FaultKind, offered: Iterable[str], wanted: str) -> Fault:
    parameters: dict[str, str | int] = {"mechanism": wanted} if wanted else {}
    detail = " ".join(offered) or "none"
    return Fault(stage=Stage.AUTH, kind=kind, detail=detail, parameters=parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How an exchange ended; ``was_inline``: the AUTH command carried the initial response."""

    exchange: Exchange
    reply: Reply
    challenges: int
    was_inline: bool

    @property
    def judges_nothing(self) -> bool:
        """Whether the command alone was refused, and nothing said of the login."""
        return self.reply.code in range(500, 505) and not self.challenges


def _conclude(ended: _Ended) -> None:
    """Raise StageFailed unless the login has passed and the server is the one it should be.

    RFC 5802 section 3: without the server's proof the login has failed, whatever the server says.
    """
    reply, explained = ended.reply, ended.exchange.explained
    if reply.code in PROVING_CODES[Stage.AUTH] and not ended.exchange.is_server_proven:
        raise StageFailed(
            Fault(stage=Stage.AUTH, kind=FaultKind.SERVER_PROOF, reply=_veiled(reply))
        )
    try:
        _expect(Stage.AUTH, reply)
    except StageFailed as failure:
        if explained is None:
            raise
        raise StageFailed(
            replace(failure.fault, detail=explained.what, parameters=explained.parameters)
        ) from None


def _exchange(
    mechanism: Mechanism, credentials: Credentials, link: Link, *, inline: bool = True
) -> Script[_Ended]:
    """Run one mechanism up to the reply that ends it.

    ``inline`` lets the AUTH command carry the initial response.
    """
    yield Learned(mechanism=mechanism.name)
    exchange = Exchange(mechanism, credentials, link)
    had_response = exchange.initial_response is not None
    yield _auth_command(mechanism.name, exchange, inline=inline)
    was_inline = had_response and exchange.initial_response is None
    reply = yield from _read(Stage.AUTH)
    challenges = 0
    while reply.code == 334:
        challenges += 1
        if challenges > MAX_CHALLENGES:
            raise StageFailed(Fault(stage=Stage.AUTH, kind=FaultKind.CHALLENGE_LOOP, reply=reply))
        answer = yield from _answer(exchange, reply)
        yield Send(base64.b64encode(answer) + b"\r\n", (MASK,))
        reply = yield from _read(Stage.AUTH, veiled=exchange.is_proof_due)
    return _Ended(exchange=exchange, reply=reply, challenges=challenges, was_inline=was_inline)


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


def _auth_command(name: str, exchange: Exchange, *, inline: bool) -> Send:
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


def submit(plan: Plan, message: Message, capabilities: Capabilities) -> Script[None]:
    """Hand over the envelope, and the mail where the goal wants it.

    RFC 5321 section 3.3; as one group where the server takes groups (RFC 2920 section 3.1: DATA
    may only be the last of one). DATA is never opened to be given up.
    """
    commands = {
        Stage.MAIL: f"MAIL FROM:<{plan.sender.address}>{_mail_parameters(plan, capabilities)}",
        Stage.RCPT: f"RCPT TO:<{plan.recipient.address}>",
    }
    if plan.goal is Goal.CONTENT:
        commands[Stage.DATA] = "DATA"
    if "PIPELINING" in capabilities:
        yield from _group(commands)
    else:
        for stage, command in commands.items():
            yield from _rung(stage, _command(stage, command))
    if plan.goal is Goal.RECIPIENT:
        yield Send(b"RSET\r\n", ("RSET",))
        yield Read(Stage.RCPT, optional=True)
        return
    yield from _rung(Stage.CONTENT, _content(message))


def _mail_parameters(plan: Plan, capabilities: Capabilities) -> str:
    """SMTPUTF8 (RFC 6531 section 3.4) only when an address needs it and the server has it."""
    if not (plan.sender.needs_smtputf8 or plan.recipient.needs_smtputf8):
        return ""
    if "SMTPUTF8" not in capabilities:
        raise StageFailed(Fault(stage=Stage.MAIL, kind=FaultKind.NOT_OFFERED, detail="SMTPUTF8"))
    return " SMTPUTF8"


def _group(commands: dict[Stage, str]) -> Script[None]:
    """Send commands in one flight, then take their replies one by one.

    The first refusal is the one to tell; what follows it are its consequences, read as evidence.
    A 354 after a refusal gets no content and no dot: the connection is closed.
    """
    for stage in commands:
        yield Begin(stage, grouped=True)
    octets = "".join(f"{command}\r\n" for command in commands.values()).encode()
    yield Send(octets, tuple(commands.values()))
    stages = iter(commands)
    for stage in stages:
        reply = yield from _read(stage)
        try:
            _expect(stage, reply)
        except StageFailed:
            for later in stages:
                yield Read(later, optional=True)
            raise
        yield Proven(stage)


def _content(message: Message) -> Script[None]:
    octets = dot_stuffed(message.octets)
    yield Send(octets, (f"(the test mail, {len(message.octets)} octets)", "."))
    reply = yield from _read(Stage.CONTENT)
    _expect(Stage.CONTENT, reply)


def _rung(stage: Stage, script: Script[T]) -> Script[T]:
    """Climb one rung of the ladder: start its clock, run its script, and say that it is proven."""
    yield Begin(stage)
    result = yield from script
    yield Proven(stage)
    return result


def _handshake() -> Script[None]:
    yield Handshake()


def _command(stage: Stage, command: str) -> Script[Reply]:
    reply = yield from _ask(stage, command)
    _expect(stage, reply)
    return reply


def _ask(stage: Stage, command: str) -> Script[Reply]:
    yield Send(f"{command}\r\n".encode(), (command,))
    return (yield from _read(stage))


def _read(stage: Stage, *, veiled: bool = False) -> Script[Reply]:
    reply = yield Read(stage, veiled=veiled)
    if not isinstance(reply, Reply):  # the driver ends the script instead; the type stays honest
        raise StageFailed(Fault(stage=stage, kind=FaultKind.CLOSED))
    return reply


def _expect(stage: Stage, reply: Reply) -> None:
    """Raise StageFailed unless a reply proves its stage."""
    if reply.code in PROVING_CODES[stage]:
        return
    refused = reply.code >= 400
    kind = FaultKind.REPLY if refused else FaultKind.BAD_REPLY
    raise StageFailed(Fault(stage=stage, kind=kind, reply=reply))
