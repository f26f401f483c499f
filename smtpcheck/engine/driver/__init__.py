"""Runs a plan against the network: names, sockets, deadlines.

The only package of the engine that may import asyncio or socket. It keeps the clocks, carries out
what the session yields, and brings home the evidence; it judges nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Sequence
from functools import lru_cache

from smtpcheck.engine.driver.ascent import Ascent
from smtpcheck.engine.driver.clock import Clock
from smtpcheck.engine.driver.contexts import context_of
from smtpcheck.engine.driver.dial import MAX_ADDRESSES, Way
from smtpcheck.engine.driver.everywhere import Everywhere
from smtpcheck.engine.driver.ladder import Ladder, Observer
from smtpcheck.engine.driver.lookups import LookUps
from smtpcheck.engine.driver.probing import Prober, Probing
from smtpcheck.engine.driver.resolver import ResolveFailed, Resolver, is_saturated, resolve
from smtpcheck.engine.driver.routing import has_ipv6_route
from smtpcheck.engine.driver.turn import PATIENCE_SECONDS
from smtpcheck.engine.driver.wire import Wire
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind
from smtpcheck.engine.grammar import is_ip_literal
from smtpcheck.engine.plan import LoginPlan, Plan, Route, planned_ladder
from smtpcheck.engine.policy import Address, Policy
from smtpcheck.engine.session import StageFailed
from smtpcheck.engine.stages import RungState, Security, Stage
from smtpcheck.engine.tls import client_certificate_of, trust_of

__all__ = ["LookUps", "Observer", "Prober", "Resolver", "has_ipv6_route", "run"]


async def run(
    plan: Plan,
    *,
    policy: Policy,
    resolver: Resolver | None = None,
    observer: Observer | None = None,
    prober: Prober | None = None,
    look_ups: LookUps | None = None,
    ipv6_route: Callable[[], bool] = has_ipv6_route,
    nonce: str,
) -> Evidence:
    """Carry out a plan and return what was seen; raises for nothing that a network does.

    ``prober`` None asks no other ports after a failure, ``look_ups`` None no name servers.
    ``ipv6_route`` says whether this machine
    has a default route for IPv6.
    """
    test = _Test(plan, policy, resolver or resolve, observer, prober)
    try:
        await test.climb(nonce)
        await test.ask_other_ports()
        await test.ask_name_servers(look_ups)
    finally:
        await test.end()
    evidence = test.evidence()
    if not _has_failed_by_ipv6(evidence):
        return evidence
    return evidence._replace(has_ipv6_route=ipv6_route())


def _has_failed_by_ipv6(evidence: Evidence) -> bool:
    return any(
        ":" in item.address and item.outcome != "connected" and not item.proxy
        for item in evidence.attempts
    )


def _way_of(route: Route, resolver: Resolver) -> Way | None:
    """Return the way through the route's proxy, None for the straight one."""
    if route.proxy is None:
        return None
    from smtpcheck.engine.driver.tunnel import Tunnel  # few tests go through a proxy

    return Tunnel(route.proxy, route.source_address, resolver)


_literal = lru_cache(maxsize=256)(ipaddress.ip_address)


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
        self._observer = observer
        self._clock = Clock(plan.budget)
        self._ladder = Ladder(planned_ladder(plan), observer)
        self._way = _way_of(plan.route, resolver)
        self._main = self._ascent(self._ladder)  # the one that the verdict is about
        self._everywhere: Everywhere | None = None
        self._context: ssl.SSLContext | None = None
        self._addresses: Sequence[Address] = ()
        self._probing = Probing(plan, policy, self._clock, prober, self._way) if prober else None

    async def climb(self, nonce: str) -> None:
        """Run every stage, until one fails or the goal is proven."""
        try:
            await self._configure()
            self._addresses = await self._look_up()
        except (Refused, StageFailed) as end:
            self._main.fail(end)
            return
        if self._plan.route.every_address:
            await self._climb_everywhere(nonce)
            return
        self._note_addresses(self._main)
        await self._main.climb(
            self._addresses, nonce, context=self._context, on_connected=self._watch
        )

    async def _climb_everywhere(self, nonce: str) -> None:
        self._addresses = self._addresses[:MAX_ADDRESSES]
        shown = self._ladder.rungs
        ascents = {address: self._ascent(self._ladder.parted()) for address in self._addresses}
        for ascent in ascents.values():
            self._note_addresses(ascent)
        self._everywhere = Everywhere(
            ascents,
            min(PATIENCE_SECONDS, self._plan.budget.stage_seconds / 4),
            lambda main: main.ladder.show_to(self._observer, shown),
        )
        self._begin(Stage.CONNECT)
        self._main = await self._everywhere.climb(nonce, self._context)

    def _ascent(self, ladder: Ladder) -> Ascent:
        return Ascent(self._plan, self._policy, self._clock, ladder, self._way)

    async def ask_other_ports(self) -> None:
        """Record what the counter-probes find; the ladder and its observer know nothing of them."""
        if self._probing and self._main.fault is not None:
            self._main.record.probed(await self._probing.after(self.evidence(), self._addresses))

    async def ask_name_servers(self, look_ups: LookUps | None) -> None:
        """Record what explains the failure; what they say is shown and never dialled."""
        if look_ups is not None and self._main.fault is not None:
            found = await look_ups.after(self.evidence(), self._clock)
            self._main.record.looked_up(found)

    async def end(self) -> None:
        """Leave nothing running."""
        if self._probing:
            await self._probing.end()

    def evidence(self) -> Evidence:
        """Return everything seen, as one frozen record."""
        seen = self._main.evidence()
        return self._everywhere.evidence(seen) if self._everywhere else seen

    def _note_addresses(self, ascent: Ascent) -> None:
        host = self._plan.target.host
        if not is_ip_literal(host):
            ascent.record.note(f"{host} is {', '.join(map(str, self._addresses))}")

    def _watch(self, wire: Wire) -> None:
        if self._probing:
            self._probing.watch(self._addresses, wire.address, self._main.is_silent)

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
            addresses: Sequence[Address] = (_literal(host),)
        else:
            addresses = await self._resolve(host)
        port = self._plan.target.port
        try:
            self._policy.judge(addresses, port)
        except Refused:
            self._main.record.policy_lines = self._policy.missing_lines(addresses, port)
            raise
        addresses = self._of_family(addresses)
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
        is_straight = plan.route.proxy is None  # nobody can say which networks a proxy crosses
        allowed = all(self._policy.allows_cleartext(address, port) for address in addresses)
        if not (is_straight and allowed):
            raise Refused("config.cleartext-secret")

    def _of_family(self, addresses: Sequence[Address]) -> Sequence[Address]:
        """What is left of the addresses for the version of IP that the route asks for."""
        family = self._plan.route.family
        left = [address for address in addresses if family in (None, address.version)]
        if not left:
            raise Refused("dns.no-address-of-family", detail=f"IPv{family}")
        return left

    def _begin(self, stage: Stage) -> None:
        self._ladder.begin(stage, self._clock.milliseconds, grouped=False, encrypted=False)

    def _end(self, stage: Stage, state: RungState = RungState.PROVEN) -> None:
        self._ladder.end(stage, state, self._clock.milliseconds)
