"""One look at one port: who answers there, over which security, and what does it offer?

Knows the wire and the words up to EHLO. It has no credentials and cannot get any: ``Visitor`` has
no field for them. The rule for changing it: whatever happens, the server is left with QUIT where it
can still be said, and nothing is left open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from smtpcheck.engine.capabilities import Capabilities, parse_capabilities
from smtpcheck.engine.driver.contexts import context_of
from smtpcheck.engine.driver.dial import Dial, DialFailed, Way
from smtpcheck.engine.driver.ownname import own_name
from smtpcheck.engine.driver.wire import Wire, WireFailed
from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.evidence import FaultKind, Probe, Reply
from smtpcheck.engine.policy import Address
from smtpcheck.engine.session import PROVING_CODES
from smtpcheck.engine.stages import Security, Stage
from smtpcheck.engine.tls import TlsChannel, Trust


class Question(NamedTuple):
    """Whether a port answers, by TLS on connect or by STARTTLS."""

    port: int
    security: Security


class Visitor(NamedTuple):
    """Who asks: the name of the server, what is trusted, and what EHLO says ("" for our own).

    ``source_address`` is the one to come from, "" for whichever the system takes; ``way`` opens the
    connection instead.

    A certificate always has to be trusted: a port whose certificate the account refuses would only
    be the next thing to fail, and whoever is in between could offer one.
    """

    host: str
    trust: Trust
    ehlo_name: str = ""
    source_address: str = ""
    way: Way | None = None


async def knock(
    question: Question, addresses: Sequence[Address], visitor: Visitor, deadline: float
) -> Probe:
    """Return what one port says until the loop time ``deadline``; raises for nothing it does."""
    return await _Knock(question, visitor, deadline).at(addresses)


class _Ended(EngineError):
    """The port does not do what was asked of it."""

    def __init__(self, kind: FaultKind, detail: str = "") -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class _Knock:
    """One connection, from dialling to QUIT."""

    def __init__(self, question: Question, visitor: Visitor, deadline: float) -> None:
        self._question = question
        self._visitor = visitor
        self._deadline = deadline
        self._began = asyncio.get_running_loop().time()
        self._stage = Stage.CONNECT
        self._address = ""
        self._greeting: Reply | None = None
        self._capabilities = Capabilities()
        self._is_encrypted = False
        self._may_quit = False

    async def at(self, addresses: Sequence[Address]) -> Probe:
        try:
            await self._visit(addresses)
        except (DialFailed, WireFailed, _Ended) as error:
            return self._probe(error.kind.value, error.detail)
        return self._probe("answers", "")

    def _probe(self, outcome: str, detail: str) -> Probe:
        return Probe(
            port=self._question.port,
            security=self._question.security,
            outcome=outcome,
            stage=self._stage,
            took_ms=round((asyncio.get_running_loop().time() - self._began) * 1000),
            address=self._address,
            greeting=self._greeting,
            encrypted=self._is_encrypted,
            capabilities=self._capabilities.lines,
            detail=detail,
        )

    async def _visit(self, addresses: Sequence[Address]) -> None:
        seconds = self._deadline - asyncio.get_running_loop().time()
        dial = Dial(self._question.port, self._visitor.source_address, self._visitor.way)
        sock, address = await dial.connect(addresses, seconds)
        wire = Wire(sock, address)
        self._address = str(address)
        try:
            await self._talk(wire)
        finally:
            wire.close(b"QUIT\r\n" if self._may_quit else b"")

    async def _talk(self, wire: Wire) -> None:
        if self._question.security is Security.TLS:
            await self._encrypt(wire)
        self._stage = Stage.GREETING
        self._greeting = await self._read(wire)
        self._expect(self._greeting)
        await self._say_hello(wire)
        if self._question.security is not Security.TLS:
            await self._upgrade(wire)

    async def _upgrade(self, wire: Wire) -> None:
        """STARTTLS, and hello again: what was said in the clear is void (RFC 3207 section 4.2)."""
        self._stage = Stage.STARTTLS
        if "STARTTLS" not in self._capabilities:
            raise _Ended(FaultKind.NOT_OFFERED)
        self._may_quit = False  # until TLS stands, or is refused, a QUIT could break into it
        self._expect(await self._ask(wire, "STARTTLS"))
        self._may_quit = False
        if wire.injected():
            raise _Ended(FaultKind.INJECTION)
        await self._encrypt(wire)
        self._may_quit = True
        await self._say_hello(wire)

    async def _encrypt(self, wire: Wire) -> None:
        self._stage = Stage.TLS
        context = await context_of(self._visitor.trust)
        channel = TlsChannel(self._visitor.trust, context, self._visitor.host)
        await wire.handshake(channel, self._deadline)
        self._is_encrypted = True

    async def _say_hello(self, wire: Wire) -> None:
        self._stage = Stage.EHLO
        name = self._visitor.ehlo_name or own_name(wire.local_address[0])
        reply = await self._ask(wire, f"EHLO {name}")
        self._expect(reply)
        self._capabilities = parse_capabilities(reply)

    async def _ask(self, wire: Wire, command: str) -> Reply:
        if wire.unasked() is not None:
            raise _Ended(FaultKind.OUT_OF_STEP)
        await wire.send(f"{command}\r\n".encode(), self._deadline)
        return await self._read(wire)

    async def _read(self, wire: Wire) -> Reply:
        reply = await wire.read_reply(self._deadline)
        # A server that says 421 closes by itself (RFC 5321 section 3.8).
        self._may_quit = reply.code != 421
        return reply

    def _expect(self, reply: Reply) -> None:
        if reply.code not in PROVING_CODES[self._stage]:
            refused = reply.code >= 400
            raise _Ended(FaultKind.REPLY if refused else FaultKind.BAD_REPLY, str(reply))
