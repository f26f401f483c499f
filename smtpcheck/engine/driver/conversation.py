"""Carries out what the session asks for over one connection, keeping ladder, clocks and record.

Knows the wire and the session's effects; judges nothing. What the stream does (silence, end,
garbage) becomes the fault of the stage that was being climbed.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from smtpcheck.engine.certificates import days_left
from smtpcheck.engine.chain import TRUSTED, defects_of
from smtpcheck.engine.driver.clock import Clock
from smtpcheck.engine.driver.contexts import context_of
from smtpcheck.engine.driver.ladder import Ladder
from smtpcheck.engine.driver.ownname import own_name
from smtpcheck.engine.driver.record import Record
from smtpcheck.engine.driver.wire import Wire, WireFailed
from smtpcheck.engine.evidence import Fault, FaultKind, Reply, Tls
from smtpcheck.engine.message import compose
from smtpcheck.engine.plan import Plan
from smtpcheck.engine.policy import Policy
from smtpcheck.engine.sasl import Derive
from smtpcheck.engine.session import (
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
    Terms,
    Turn,
    Ungrouped,
    converse,
    in_turn,
)
from smtpcheck.engine.stages import RungState, Security, Stage
from smtpcheck.engine.tls import TlsChannel, Trust, trust_of

# How long the replies behind a refusal are waited for: they left the server in the same flight.
OPTIONAL_SECONDS = 1.0

# Ends of a test at which the connection is still in step, so that QUIT is the polite last word.
_IN_STEP = frozenset(
    {
        FaultKind.REPLY,
        FaultKind.NOT_OFFERED,
        FaultKind.MECHANISM_NOT_OFFERED,
        FaultKind.REFUSED_HERE,
        FaultKind.BAD_CHALLENGE,
        FaultKind.SCRAM_ROUNDS,
        FaultKind.SERVER_PROOF,
    }
)

# What cannot be done at once.
_Wait = Read | Send | Handshake | Derive | Turn

# Says, perhaps after a while, whether this conversation is the one that goes on to the goal.
MayGoOn = Callable[[], Awaitable[bool]]

# What a stream does where a server or a filter before it cannot take a group.
_GIVES_WAY = frozenset({FaultKind.TIMEOUT, FaultKind.CLOSED, FaultKind.RESET})

# The octets of chance in a login's nonce: more than anyone can guess.
NONCE_OCTETS = 24

# The detail of a 421 that came before the command of its stage was sent.
UNASKED = "unasked"


class Conversation:
    """One conversation with one server."""

    def __init__(
        self,
        plan: Plan,
        wire: Wire,
        *,
        ladder: Ladder,
        clock: Clock,
        record: Record,
        context: ssl.SSLContext | None,
        may_go_on: MayGoOn | None = None,
    ) -> None:
        self._plan = plan
        self._wire = wire
        self._ladder = ladder
        self._clock = clock
        self._record = record
        self._context = context
        self._may_go_on = may_go_on
        self._script: Script[None]
        self._waits_for: _Wait | None = None
        self._is_answer_missing = False
        self._message_id = ""

    async def hold(self, policy: Policy, nonce: str) -> None:
        """Talk until the plan's goal is proven; raises StageFailed when it is not.

        Or until the last EHLO, where ``may_go_on`` says no. Raises GroupLost where the login has
        passed and a new connection could tell the rest.
        """
        terms = self._terms(policy)
        message = compose(self._plan, now=datetime.now(UTC), nonce=nonce)
        self._message_id = message.message_id
        script = converse(self._plan, message, terms)
        if self._may_go_on is not None:
            script = in_turn(script)
        farewell = b""
        try:
            await self._perform(script)
        except WireFailed as failure:
            fault = self._stream_fault(failure)
            if self._has_lost_group(fault):
                raise GroupLost(fault) from None
            raise StageFailed(fault) from None
        except StageFailed as failure:
            if self._in_step(failure.fault):
                self._record.sent("QUIT")
                farewell = b"QUIT\r\n"
            raise
        finally:
            script.close()
            self._wire.close(farewell)

    def _terms(self, policy: Policy) -> Terms:
        """Settle what depends on the connection itself."""
        host, port = self._wire.local_address
        address = self._wire.address
        self._record.address = str(address)
        self._record.local_address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._record.ehlo_name = self._plan.ehlo_name or own_name(host)
        return Terms(
            ehlo_name=self._record.ehlo_name,
            cleartext_allowed=self._plan.route.proxy is None
            and policy.allows_cleartext(address, self._plan.target.port),
            nonce=os.urandom(NONCE_OCTETS).hex(),
        )

    async def _perform(self, script: Script[None]) -> None:
        """Carry out a script: ``_advance`` does all that need not wait, and this what must."""
        self._script = script
        self._waits_for = self._advance(None)
        while (wait := self._waits_for) is not None:
            answer: Answer = None
            match wait:
                case Read(optional=True):
                    answer = await self._read_if_there(wait.stage)
                case Read():
                    await self._wire.read_replies(self._on_reply, self._stage_ends(wait.stage))
                    continue
                case Send():
                    ends = self._stage_ends(self._ladder.stage)
                    await self._wire.send_rest(wait.octets, ends)
                case Handshake():
                    await self._shake_hands()
                case Derive():
                    answer = await self._derive(wait)
                case Turn():
                    answer = self._may_go_on is None or await self._may_go_on()
            self._waits_for = self._advance(answer)

    def _advance(self, answer: Answer) -> _Wait | None:
        """Run the script to what must be waited for, or to its end: None.

        A ``Send`` among them is what the socket has not taken.
        """
        while True:
            try:
                effect = self._script.send(answer)
            except StopIteration:
                return None
            answer = None
            if at_once := self._AT_ONCE.get(type(effect)):
                answer = at_once(self, effect)
            elif isinstance(effect, Send):
                if left := self._send(effect):
                    return Send(left, ())
            else:
                assert isinstance(effect, _Wait), f"nobody carries out {effect}"
                return effect

    def _on_reply(self, reply: Reply) -> float | None:
        """Go on at a reply; tells until when the next is waited for, None where none is."""
        read = self._waits_for
        assert isinstance(read, Read)
        self._record.received(read.stage, reply, veiled=read.veiled)
        self._waits_for = self._advance(reply)
        if isinstance(self._waits_for, Read) and not self._waits_for.optional:
            return self._stage_ends(self._waits_for.stage)
        return None

    def _begin(self, effect: Begin) -> None:
        if effect.stage is Stage.CONTENT:  # from here on a mail may be found by it
            self._record.message_id = self._message_id
        encrypted = self._wire.tls is not None
        now = self._clock.milliseconds
        self._ladder.begin(effect.stage, now, grouped=effect.grouped, encrypted=encrypted)

    def _proven(self, effect: Proven) -> None:
        self._ladder.end(effect.stage, RungState.PROVEN, self._clock.milliseconds)

    def _skip(self, effect: Skip) -> None:
        self._ladder.skip(effect.stage)

    def _again(self, effect: Again) -> None:
        self._ladder.climb_again(effect.stage)

    def _learned(self, effect: Learned) -> None:
        if effect.capabilities is not None:
            self._record.learned(effect.capabilities)
        self._record.mechanism = effect.mechanism or self._record.mechanism

    def _odd(self, effect: Odd) -> None:
        self._record.odd(effect.oddity)

    def _ungrouped(self, effect: Ungrouped) -> None:
        self._record.ungrouped = effect.fault

    def _leaf(self, _effect: Leaf) -> bytes:
        return self._wire.tls.leaf if self._wire.tls else b""

    # What takes no time, by its effect.
    _AT_ONCE: ClassVar[dict[type[Effect], Callable[[Conversation, Any], Answer]]] = {
        Begin: _begin,
        Proven: _proven,
        Skip: _skip,
        Again: _again,
        Learned: _learned,
        Odd: _odd,
        Ungrouped: _ungrouped,
        Leaf: _leaf,
    }

    def _send(self, effect: Send) -> bytes:
        """Send without waiting; return what the socket does not take yet."""
        # When every stage is proven, what the server says on top changes nothing any more.
        if self._ladder.is_climbing:
            self._refuse_unasked()
        self._record.sent(*effect.shown)
        if effect.shown == ("QUIT",):
            self._wire.close(effect.octets)
            return b""
        return self._wire.send_at_once(effect.octets)

    def _refuse_unasked(self) -> None:
        """A server that talks out of turn can no longer be matched to our commands.

        But a 421 may come at any time (RFC 5321 section 3.8) and is the reply to what comes next.
        """
        unasked = self._wire.unasked()
        if unasked is None:
            return
        stage = self._ladder.stage
        if not isinstance(unasked, Reply):
            raw = self._record.unreadable(unasked)
            raise StageFailed(Fault(stage=stage, kind=FaultKind.OUT_OF_STEP, raw=raw))
        self._record.received(stage, unasked)
        kind = FaultKind.REPLY if unasked.code == 421 else FaultKind.OUT_OF_STEP
        raise StageFailed(Fault(stage=stage, kind=kind, reply=unasked, detail=UNASKED))

    async def _derive(self, work: Derive) -> bytes:
        """Derive a key in a thread: the loop has other tests to serve meanwhile.

        Past its clock the stage ends without the key; the thread ends by itself soon after.
        """
        stage = self._ladder.stage
        try:
            async with asyncio.timeout_at(self._stage_ends(stage)):
                return await asyncio.to_thread(work.key)
        except TimeoutError:
            raise StageFailed(Fault(stage=stage, kind=FaultKind.DEADLINE)) from None

    async def _read_if_there(self, stage: Stage) -> Reply | None:
        try:
            reply = await self._wire.read_reply(self._clock.soon(OPTIONAL_SECONDS))
        except WireFailed:
            self._is_answer_missing = True
            return None
        self._record.received(stage, reply)
        return reply

    async def _shake_hands(self) -> None:
        if self._plan.target.security is not Security.TLS and (injected := self._wire.injected()):
            raw = self._record.unreadable(injected)
            raise StageFailed(Fault(stage=Stage.TLS, kind=FaultKind.INJECTION, raw=raw))
        trust = trust_of(self._plan)
        context = self._context or await context_of(trust)
        channel = TlsChannel(trust, context, self._plan.target.host)
        objection: int | None = None
        try:
            await self._wire.handshake(channel, self._stage_ends(Stage.TLS))
        except WireFailed as failure:
            objection = failure.verify_code
            raise
        finally:
            self._look_at_certificates(channel, trust, objection)
        self._record.tls = self._tls_evidence(channel, trust)
        self._record.note(f"{channel.version} with {channel.cipher}")

    def _look_at_certificates(
        self, channel: TlsChannel, trust: Trust, objection: int | None
    ) -> None:
        """Keep what the server showed and what is wrong with it, however the handshake ended."""
        now = datetime.now(UTC)
        self._record.chain_ders = tuple(channel.chain_ders())
        self._record.chain = tuple(
            certificate._replace(days_left=days_left(certificate, now))
            for certificate in channel.chain()
        )
        self._record.defects = defects_of(
            self._record.chain_ders,
            self._plan.target.host,
            now=now,
            verdict=None if trust.asks_nobody else objection or TRUSTED,
        )
        self._record.asked_for_certificate = channel.was_asked_for_certificate

    def _tls_evidence(self, channel: TlsChannel, trust: Trust) -> Tls:
        leaf = self._record.chain[0] if self._record.chain else None
        return Tls(
            version=channel.version,
            cipher=channel.cipher,
            server_name=self._plan.target.server_name,
            trusted_by=trust.name,
            certificate=leaf,
            days_left=leaf.days_left if leaf else None,
        )

    def _stage_ends(self, stage: Stage) -> float:
        return self._clock.stage_ends(stage, self._ladder.started_ms(stage))

    def _in_step(self, fault: Fault) -> bool:
        """Whether QUIT may still be said: not after a 421, nor where DATA was answered 354.

        Nor where it may still be: behind an answer that did not come, QUIT could be content.
        """
        if self._is_answer_missing:
            return False
        return fault.kind in _IN_STEP and self._record.last_code not in (354, 421)

    def _has_lost_group(self, fault: Fault) -> bool:
        """Whether the stream gave way under a group with a login in it, and that had passed.

        A login left without an answer is not asked again, but next time it goes alone.
        """
        in_group = self._ladder.is_grouped(Stage.AUTH) and self._ladder.is_grouped(fault.stage)
        if not in_group or fault.kind not in _GIVES_WAY:
            return False
        self._record.ungrouped = fault
        return self._ladder.is_proven(Stage.AUTH)

    def _stream_fault(self, failure: WireFailed) -> Fault:
        """Tell what the stream did, at the stage at which it did it."""
        stage, kind = self._ladder.stage, failure.kind
        raw = self._record.unreadable(failure.raw) if failure.raw else b""
        self._record.note(f"{stage.value}: {kind.value}")
        if kind is FaultKind.TIMEOUT and not failure.raw:
            started_ms = self._ladder.started_ms(stage)
            if self._clock.is_total_spent_early(stage, started_ms):
                kind = FaultKind.DEADLINE
        return Fault(
            stage=stage, kind=kind, detail=failure.detail, raw=raw, verify_code=failure.verify_code
        )
