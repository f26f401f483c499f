"""An engine that answers at once, so that a test of the REST door needs no server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from smtpcheck.engine.evidence import Evidence, Finding, Reply, Report, StageReply
from smtpcheck.engine.plan import LoginPlan
from smtpcheck.engine.stages import Owner, Stage, Verdict

REFUSED = Reply(535, ("5.7.8 Authentication failed",))


class ScriptedEngine:
    """Stands where ``check`` stands: records each plan, and every account works until told."""

    def __init__(self) -> None:
        self.plans: list[LoginPlan] = []
        self.refuses_login = False
        self.while_waiting: Callable[[], object] = lambda: None

    async def __call__(self, plan: LoginPlan, **_options: Any) -> Report:
        self.plans.append(plan)
        self.while_waiting()
        return self._refused(plan) if self.refuses_login else self._works(plan)

    def _works(self, plan: LoginPlan) -> Report:
        return Report(
            verdict=Verdict.WORKS,
            stage=Stage.CONTENT,
            owner=None,
            diagnosis=None,
            warnings=(),
            evidence=_evidence(plan),
            started_at=datetime.now(UTC),
            took_ms=12,
        )

    def _refused(self, plan: LoginPlan) -> Report:
        return Report(
            verdict=Verdict.FAILS,
            stage=Stage.AUTH,
            owner=Owner.SETTINGS,
            diagnosis=Finding(
                id="auth.invalid",
                stage=Stage.AUTH,
                parameters={"user": plan.credentials.username},
                evidence_line=str(REFUSED),
            ),
            warnings=(),
            evidence=_evidence(plan, StageReply(Stage.AUTH, REFUSED)),
            started_at=datetime.now(UTC),
            took_ms=12,
        )


def _evidence(plan: LoginPlan, *replies: StageReply) -> Evidence:
    return Evidence(
        host=plan.target.host,
        port=plan.target.port,
        security=plan.target.security,
        goal=plan.goal,
        username=plan.credentials.username,
        sender=plan.sender.address,
        recipient=plan.recipient.address,
        replies=replies,
    )
