"""Runs a plan against the network: names, sockets, deadlines.

The only package of the engine that may import asyncio or socket. It keeps the clocks, carries out
what the session yields, and brings home the evidence; it judges nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Sequence

from smtpcheck.engine.driver.clock import Clock
from smtpcheck.engine.driver.conversation import Conversation, context_of
from smtpcheck.engine.driver.dial import Dial, DialFailed
from smtpcheck.engine.driver.ladder import Ladder, Observer
from smtpcheck.engine.driver.probing import Prober, Probing
from smtpcheck.engine.driver.record import Record
from smtpcheck.engine.driver.resolver import ResolveFailed, Resolver, is_saturated, resolve
from smtpcheck.engine.driver.wire import Wire
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind
from smtpcheck.engine.grammar import is_ip_literal
from smtpcheck.engine.plan import LoginPlan, Plan, planned_ladder
from smtpcheck.engine.policy import Address, Policy
from smtpcheck.engine.session import StageFailed
from smtpcheck.engine.stages import RungState, Security, Stage
from smtpcheck.engine.tls import client_certificate_of, trust_of

__all__ = ["Observer", "Prober", "Resolver", "run"]


async def run(
    plan: Plan,
    *,
    policy: Policy,
    resolver: Resolver | None = None,
    observer: Observer | None = None,
    prober: Prober | None = None,
    nonce: str,
) -> Evidence:
    """Carry out a plan and return what was seen; raises for nothing that a network does.

    ``prober`` None asks no other ports after a failure.
    """
    test = _Test(plan, policy, resolver or resolve, observer, prober)
    try:
        fault = await test.climb(nonce)
        if fault is not None:
            await test.ask_other_ports(fault)
    finally:
        await test.end()
    return test.evidence(fault)


class _Test:
    """One run of a plan, rung by rung."""

    def __init__(
        self,
        plan: Plan,
        policy: Policy,
        resolver: Resolver,
        observer: Observer | None,
        prober: Prober | None,
    ) -> None:
        self._plan = plan
        self._policy = policy
        self._resolver = resolver
        self._clock = Clock(plan.budget)
        self._ladder = Ladder(planned_ladder(plan), observer)
        self._record = Record(plan, self._clock)
        self._dial = Dial(plan.target.port)
        self._wire: Wire | None = None
        self._context: ssl.SSLContext | None = None
        self._addresses: Sequence[Address] = ()
        self._probing = Probing(plan, policy, self._clock, prober) if prober else None

    async def climb(self, nonce: str) -> Fault | None:
        """Run every stage; return what ended the test, or None when its goal is proven."""
        try:
            await self._configure()
            self._addresses = await self._look_up()
            self._wire = await self._connect(self._addresses)
            if self._probing:
                self._probing.watch(self._addresses, self._wire.address, self._is_silent)
            conversation = Conversation(
                self._plan,
                self._wire,
                ladder=self._ladder,
                clock=self._clock,
                record=self._record,
                context=self._context,
            )
            await conversation.hold(self._policy, nonce)
        except Refused as refused:
            return self._failed(
                Fault(
                    stage=self._ladder.stage,
                    kind=FaultKind.REFUSED_HERE,
                    diagnosis_id=refused.diagnosis_id,
                    parameters=refused.parameters,
                )
            )
        except StageFailed as failure:
            return self._failed(failure.fault)
        finally:
            if self._wire is not None:
                self._wire.close()
        return None

    async def ask_other_ports(self, fault: Fault) -> None:
        """Record what the counter-probes find; the ladder and its observer know nothing of them."""
        if self._probing:
            self._record.probed(await self._probing.after(self.evidence(fault), self._addresses))

    async def end(self) -> None:
        """Leave nothing running."""
        if self._probing:
            await self._probing.end()

    def evidence(self, fault: Fault | None) -> Evidence:
        """Return everything seen, as one frozen record."""
        return self._record.evidence(
            attempts=self._dial.attempts,
            ladder=self._ladder.rungs,
            reader=self._wire.reader if self._wire else None,
            fault=fault,
        )

    async def _configure(self) -> None:
        """Get ready whatever can fail without the network: here, what is trusted."""
        self._begin(Stage.CONFIG)
        if self._plan.target.security is not Security.NONE:
            shows = client_certificate_of(self._plan)
            self._context = await context_of(trust_of(self._plan), shows)
        self._end(Stage.CONFIG)

    async def _look_up(self) -> Sequence[Address]:
        """Resolve once, judge every address, and decide whether a password may go in the clear."""
        host = self._plan.target.host
        self._begin(Stage.DNS)
        if is_ip_literal(host):
            addresses: Sequence[Address] = [ipaddress.ip_address(host)]
        else:
            addresses = await self._resolve(host)
            self._record.note(f"{host} is {', '.join(map(str, addresses))}")
        self._policy.judge(addresses, self._plan.target.port)
        self._refuse_cleartext(addresses)
        self._end(Stage.DNS, RungState.SKIPPED if is_ip_literal(host) else RungState.PROVEN)
        return addresses

    async def _resolve(self, host: str) -> Sequence[Address]:
        ends = self._clock.stage_ends(Stage.DNS, self._ladder.started_ms(Stage.DNS))
        try:
            async with asyncio.timeout_at(ends):
                addresses = await self._resolver(host)
        except ResolveFailed as error:
            raise StageFailed(
                Fault(stage=Stage.DNS, kind=error.kind, detail=error.detail)
            ) from None
        except TimeoutError:
            if is_saturated():
                raise Refused("tool.budget") from None
            raise StageFailed(
                Fault(stage=Stage.DNS, kind=FaultKind.RESOLVER_FAILED, detail="no answer in time")
            ) from None
        if not addresses:
            raise StageFailed(Fault(stage=Stage.DNS, kind=FaultKind.NO_ADDRESS))
        return addresses

    def _refuse_cleartext(self, addresses: Sequence[Address]) -> None:
        """Without any TLS to come, not even a connection is made for a login in the clear."""
        plan = self._plan
        if plan.target.security is not Security.NONE or not isinstance(plan, LoginPlan):
            return
        port = plan.target.port
        if not all(self._policy.allows_cleartext(address, port) for address in addresses):
            raise Refused("config.cleartext-secret")

    async def _connect(self, addresses: Sequence[Address]) -> Wire:
        self._begin(Stage.CONNECT)
        try:
            sock, address = await self._dial.connect(addresses, self._clock.connect_seconds)
        except DialFailed as error:
            raise StageFailed(
                Fault(stage=Stage.CONNECT, kind=error.kind, detail=error.detail)
            ) from None
        self._end(Stage.CONNECT)
        return Wire(sock, address)

    def _begin(self, stage: Stage) -> None:
        self._ladder.begin(stage, self._clock.milliseconds, grouped=False, encrypted=False)

    def _end(self, stage: Stage, state: RungState = RungState.PROVEN) -> None:
        self._ladder.end(stage, state, self._clock.milliseconds)

    def _is_silent(self) -> bool:
        """Whether the greeting is still awaited and not a byte of it has come."""
        awaited = self._ladder.is_climbing and self._ladder.stage is Stage.GREETING
        return awaited and self._wire is not None and not self._wire.reader.first_bytes

    def _failed(self, fault: Fault) -> Fault:
        self._end(fault.stage, RungState.FAILED)
        return self._record.safe_fault(fault)
