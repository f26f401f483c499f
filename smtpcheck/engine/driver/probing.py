"""The counter-probes of one test: few, side by side, within its time, and only where it may go.

Knows the policy, the clock and how one port is asked. Which ports are worth asking, and what is
known of them already, a ``Prober`` decides.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from smtpcheck.engine.driver.clock import Clock
from smtpcheck.engine.driver.contexts import context_of
from smtpcheck.engine.driver.dial import Way
from smtpcheck.engine.driver.knock import Question, Visitor, knock
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Evidence, FaultKind, Probe
from smtpcheck.engine.plan import Plan
from smtpcheck.engine.policy import Address, Policy
from smtpcheck.engine.tls import Trust

# More would look like a port scan to whoever runs the server; three reach all four usual ports.
MAX_PROBES = 3
# An answer that takes longer helps nobody; the test before has waited long enough.
PROBE_SECONDS = 3.0
# How often is looked whether another test has got the answer that this one wants too.
POLL_SECONDS = 0.1
# What is left of a total must hold a few round trips to a distant server, or asking is idle.
MIN_SECONDS = 0.25
_SILENCES = frozenset({FaultKind.TIMEOUT.value, FaultKind.PROXY_SILENT.value})
# A port that has said nothing for so long probably waits for us to speak: for TLS.
SILENCE_SECONDS = 5.0


class Place(NamedTuple):
    """A question with everything its answer depends on: what a remembered answer is kept under."""

    host: str
    addresses: frozenset[str]
    question: Question
    trust: Trust
    proxy: str = ""
    source_address: str = ""


class Prober(Protocol):
    """Decides what other ports are asked, and remembers what they said."""

    def while_silent(self, plan: Plan) -> Question | None:
        """What to ask beside a greeting that does not come."""

    def after(self, evidence: Evidence) -> Sequence[Question]:
        """What to ask after a test has failed, the most useful first; nothing where it is idle."""

    def recall(self, place: Place) -> Probe | None:
        """What this port said to another test a short while ago."""

    def begin(self, place: Place) -> bool:
        """Whether this test may ask a port now; if so, ``end`` must follow whatever happens."""

    def end(self, place: Place) -> None:
        """Let others ask a port again."""

    def remember(self, place: Place, probe: Probe) -> None:
        """Keep what a port said."""


class Probing:
    """Asks for one test. ``end`` must be awaited whatever happens: it leaves nothing behind."""

    def __init__(
        self, plan: Plan, policy: Policy, clock: Clock, prober: Prober, way: Way | None = None
    ) -> None:
        self._plan = plan
        self._way = way
        self._policy = policy
        self._clock = clock
        self._prober = prober
        self._trust = Trust(
            True,  # noqa: FBT003 - Trust's first field
            plan.target.ca_bundle,
            plan.extra_ca_file,
            plan.target.pin,
        )
        self._silence: asyncio.TimerHandle | None = None
        self._beside: asyncio.Task[Probe | None] | None = None
        self._asked_beside: Question | None = None

    def watch(
        self, addresses: Sequence[Address], connected: Address, is_silent: Callable[[], bool]
    ) -> None:
        """Ask beside the waiting connection once the server has been silent for long enough."""
        question = self._prober.while_silent(self._plan)
        if question is None or not self._may_ask(question, addresses):
            return

        def ask() -> None:
            if is_silent():
                self._asked_beside = question
                self._beside = loop.create_task(self._ask(question, addresses, [connected]))

        loop = asyncio.get_running_loop()
        seconds = min(SILENCE_SECONDS, self._plan.budget.stage_seconds / 2)
        self._silence = loop.call_later(seconds, ask)

    async def after(self, evidence: Evidence, addresses: Sequence[Address]) -> tuple[Probe, ...]:
        """Return what the ports say that are worth asking after a failure."""
        wanted = self._prober.after(evidence)
        if not wanted or not addresses:
            return ()
        if (early := self._early()) and early.answers:
            return (early,)
        questions = [
            question
            for question in wanted
            if question != self._asked_beside and self._may_ask(question, addresses)
        ]
        room = MAX_PROBES - (self._asked_beside is not None)
        later = await self._ask_all(questions[:room], addresses, evidence)
        early = await self._beside if self._beside else None
        return (early, *later) if early else later

    async def end(self) -> None:
        """Give up what is still to be asked, and what is being asked."""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        # Let go of it first: a cancelled task keeps its frames, which lead back here and to the
        # connection, and such a ring is only freed when the collector next comes by.
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)

    def _early(self) -> Probe | None:
        """What came of asking beside the greeting, if it has come already."""
        return self._beside.result() if self._beside and self._beside.done() else None

    async def _ask_all(
        self, questions: Sequence[Question], addresses: Sequence[Address], evidence: Evidence
    ) -> tuple[Probe, ...]:
        async with asyncio.TaskGroup() as group:
            dialled = _few(addresses, evidence.address)
            tasks = [
                group.create_task(self._ask(question, addresses, dialled)) for question in questions
            ]
        return tuple(probe for task in tasks if (probe := task.result()) is not None)

    async def _ask(
        self, question: Question, addresses: Sequence[Address], dialled: Sequence[Address]
    ) -> Probe | None:
        """What a port says, or said; None where there is no time left, or nothing to trust."""
        place = Place(
            host=self._plan.target.host,
            addresses=frozenset(map(str, addresses)),
            question=question,
            trust=self._trust,
            proxy=self._way.proxy_name if self._way else "",
            source_address=self._plan.route.source_address,
        )
        if known := self._prober.recall(place):
            return known
        if not self._prober.begin(place):
            return await self._answer_to_another(place)
        try:
            return await self._ask_now(place, dialled)
        finally:
            self._prober.end(place)

    async def _answer_to_another(self, place: Place) -> Probe | None:
        """What another test that is asking is told; it may be another thread's, so it is polled."""
        deadline = self._clock.soon(PROBE_SECONDS)
        while self._clock.soon(0) < deadline:
            await asyncio.sleep(POLL_SECONDS)
            if known := self._prober.recall(place):
                return known
        return None

    async def _ask_now(self, place: Place, dialled: Sequence[Address]) -> Probe | None:
        now, deadline = self._clock.soon(0), self._clock.soon(PROBE_SECONDS)
        if deadline - now < MIN_SECONDS:
            return None
        try:
            await context_of(self._trust)
        except Refused:
            return None
        visitor = Visitor(
            host=self._plan.target.host,
            trust=self._trust,
            ehlo_name=self._plan.ehlo_name,
            source_address=self._plan.route.source_address,
            way=self._way,
        )
        probe = await knock(place.question, dialled, visitor, deadline)
        # A wait that the total cut short does not say that the port would not have answered.
        if probe.outcome not in _SILENCES or deadline - now >= PROBE_SECONDS:
            self._prober.remember(place, probe)
        return probe

    def _may_ask(self, question: Question, addresses: Sequence[Address]) -> bool:
        try:
            self._policy.judge(addresses, question.port)
        except Refused:
            return False
        return True


def _few(addresses: Sequence[Address], answered: str) -> Sequence[Address]:
    """The address that the test talked to, else the first of each family."""
    if answered:
        return [ipaddress.ip_address(answered)]
    firsts: dict[int, Address] = {}
    for address in addresses:
        firsts.setdefault(address.version, address)
    return list(firsts.values())
