"""An engine that answers as it is told, and the reports that it answers with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from smtpcheck.engine import Observer, Prober
from smtpcheck.engine.evidence import (
    Attempt,
    Evidence,
    Fault,
    FaultKind,
    Finding,
    Reply,
    Report,
    Rung,
    StageReply,
)
from smtpcheck.engine.plan import LoginPlan, Plan
from smtpcheck.engine.policy import Policy
from smtpcheck.engine.stages import Owner, RungState, Stage, Verdict

TAKEN = Reply(250, ("2.0.0 Ok: queued as 4F1",))
WRONG_LOGIN = Reply(535, ("5.7.8 Authentication failed",))


class ScriptedEngine:
    """Stands in for ``engine.check``; every account works until ``answer`` says otherwise."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.policies: list[Policy] = []
        self.probes: list[Prober | None] = []
        self.answer: Callable[[Plan], Report] = works
        self.meanwhile: Callable[[], object] = lambda: None
        self.error: BaseException | None = None
        self.pause_seconds = 0.0
        self.waits_for = 0  # tests hold on until so many of them run at once, 10 s at most
        self.running = 0
        self.most_at_once = 0

    @property
    def plan(self) -> Plan:
        """The one plan that was made."""
        (plan,) = self.plans
        return plan

    @property
    def password(self) -> str:
        """The password of the one plan that was made."""
        assert isinstance(self.plan, LoginPlan)
        return self.plan.credentials.password.reveal()

    async def __call__(
        self,
        plan: Plan,
        *,
        policy: Policy,
        observer: Observer | None = None,
        probes: Prober | None = None,
        **_options: Any,
    ) -> Report:
        self.plans.append(plan)
        self.policies.append(policy)
        self.probes.append(probes)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await self._wait_for_others()
            return await self._run(plan, observer)
        finally:
            self.running -= 1

    async def _wait_for_others(self) -> None:
        for _ in range(1000):
            if self.most_at_once >= self.waits_for:
                return
            await asyncio.sleep(0.01)

    async def _run(self, plan: Plan, observer: Observer | None) -> Report:
        if observer is not None:
            observer.stage_started(Stage.CONNECT, 1)
            observer.stage_ended(Rung(stage=Stage.CONNECT, state=RungState.PROVEN))
            observer.stage_started(Stage.AUTH, 2)
        await asyncio.sleep(self.pause_seconds)
        self.meanwhile()
        if self.error is not None:
            raise self.error
        return self.answer(plan)


def works(plan: Plan) -> Report:
    """A test mail was taken."""
    return Report(
        verdict=Verdict.WORKS,
        stage=Stage.CONTENT,
        owner=None,
        diagnosis=None,
        warnings=(Finding(id="tls.cert-expiring", stage=Stage.TLS, parameters={"days": 3}),),
        evidence=evidence(plan, StageReply(Stage.CONTENT, TAKEN)),
        started_at=datetime.now(UTC),
        took_ms=12,
    )


def fails(plan: Plan) -> Report:
    """The login was refused."""
    fault = Fault(stage=Stage.AUTH, kind=FaultKind.REPLY, reply=WRONG_LOGIN)
    return Report(
        verdict=Verdict.FAILS,
        stage=Stage.AUTH,
        owner=Owner.SETTINGS,
        diagnosis=Finding(
            id="auth.invalid",
            stage=Stage.AUTH,
            parameters={"user": "ann@example.org"},
            evidence_line=str(WRONG_LOGIN),
            confidence="probable",
        ),
        warnings=(),
        evidence=evidence(plan, StageReply(Stage.AUTH, WRONG_LOGIN), fault=fault),
        started_at=datetime.now(UTC),
        took_ms=34,
    )


def evidence(plan: Plan, *replies: StageReply, **seen: Any) -> Evidence:
    """What a test of a plan saw."""
    values = {
        "ehlo_name": "tester.example.org",
        "attempts": (
            Attempt(address="192.0.2.1", port=plan.target.port, outcome="connected", took_ms=5),
        ),
        "address": "192.0.2.1",
        "capabilities": ("PIPELINING",),
        "first_bytes": b"220 \xff",
        "ladder": (Rung(stage=Stage.CONFIG, state=RungState.PROVEN, started_ms=0, took_ms=0),),
        "transcript": "S: 220 hello",
    }
    return Evidence(
        host=plan.target.host,
        port=plan.target.port,
        security=plan.target.security,
        goal=plan.goal,
        replies=replies,
        **values | seen,
    )
