"""One connection to a server, from dialling to QUIT, with its own ladder, record and evidence.

Knows the dial and the conversation. Names, the policy's judgement of addresses and what is asked of
other ports belong to the test around it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence

from smtpcheck.engine.driver.clock import Clock
from smtpcheck.engine.driver.conversation import Conversation, MayGoOn
from smtpcheck.engine.driver.dial import Dial, DialFailed, Way
from smtpcheck.engine.driver.ladder import Ladder
from smtpcheck.engine.driver.record import Record
from smtpcheck.engine.driver.wire import Wire
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind
from smtpcheck.engine.plan import Plan
from smtpcheck.engine.policy import Address, Policy
from smtpcheck.engine.session import GroupLost, StageFailed, without_groups
from smtpcheck.engine.stages import RungState, Stage


class Ascent:
    """Climbs a ladder from connecting on; ``wire`` is None until a server has answered."""

    def __init__(
        self, plan: Plan, policy: Policy, clock: Clock, ladder: Ladder, way: Way | None
    ) -> None:
        self.ladder = ladder
        self.record = Record(plan, clock)
        self.wire: Wire | None = None
        self.fault: Fault | None = None
        self._plan = plan
        self._policy = policy
        self._clock = clock
        self._dial = Dial(plan.target.port, plan.route.source_address, way)

    async def climb(
        self,
        addresses: Sequence[Address],
        nonce: str,
        *,
        context: ssl.SSLContext | None,
        on_connected: Callable[[Wire], None] | None = None,
        may_go_on: MayGoOn | None = None,
    ) -> None:
        """Connect to the first address that answers, and talk up to the goal.

        ``fault`` is what ended it, or None. ``may_go_on`` is asked before the login.
        """
        try:
            self.wire = await self._connect(addresses)
            if on_connected:
                on_connected(self.wire)
            try:
                await self._talk(self._plan, self.wire, nonce, context, may_go_on)
            except GroupLost:
                self.wire = await self._connect_again(self.wire.address)
                await self._talk(without_groups(self._plan), self.wire, nonce, context)
        except (Refused, StageFailed) as end:
            self.fail(end)
        finally:
            if self.wire is not None:
                self.wire.close()

    async def _talk(
        self,
        plan: Plan,
        wire: Wire,
        nonce: str,
        context: ssl.SSLContext | None,
        may_go_on: MayGoOn | None = None,
    ) -> None:
        conversation = Conversation(
            plan,
            wire,
            ladder=self.ladder,
            clock=self._clock,
            record=self.record,
            context=context,
            may_go_on=may_go_on,
        )
        await conversation.hold(self._policy, nonce)

    async def _connect_again(self, address: Address) -> Wire:
        """Connect once more to where a group broke behind its login, which had passed."""
        self.record.note("the login passed, but not the group: again, command by command")
        self.record.restart()
        self.ladder.climb_again(Stage.CONNECT)
        return await self._connect([address])

    def fail(self, end: Refused | StageFailed) -> None:
        """Note what ended the climb, on the ladder too."""
        if isinstance(end, StageFailed):
            fault = end.fault
        else:
            fault = Fault(
                stage=self.ladder.stage,
                kind=FaultKind.REFUSED_HERE,
                diagnosis_id=end.diagnosis_id,
                parameters=end.parameters,
            )
        self.ladder.end(fault.stage, RungState.FAILED, self._clock.milliseconds)
        self.fault = self.record.safe_fault(fault)

    def is_silent(self) -> bool:
        """Whether the greeting is still awaited and not a byte of it has come."""
        awaited = self.ladder.is_climbing and self.ladder.stage is Stage.GREETING
        return awaited and self.wire is not None and not self.wire.reader.first_bytes

    def evidence(self) -> Evidence:
        """Return everything seen, as one frozen record."""
        return self.record.evidence(
            attempts=self._dial.attempts,
            ladder=self.ladder.rungs,
            reader=self.wire.reader if self.wire else None,
            fault=self.fault,
        )

    async def _connect(self, addresses: Sequence[Address]) -> Wire:
        clock = self._clock
        self.ladder.begin(Stage.CONNECT, clock.milliseconds, grouped=False, encrypted=False)
        try:
            sock, address = await self._dial.connect(addresses, clock.connect_seconds)
        except DialFailed as error:
            raise StageFailed(
                Fault(stage=Stage.CONNECT, kind=error.kind, detail=error.detail)
            ) from None
        if (proxy := self._plan.route.proxy) is not None:
            self.record.note(f"connected to {address} through proxy {proxy.name}")
        self.ladder.end(Stage.CONNECT, RungState.PROVEN, clock.milliseconds)
        return Wire(sock, address)
