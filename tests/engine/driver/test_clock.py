from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence

import pytest

from smtpcheck.conf import Conf
from smtpcheck.engine.driver.clock import Clock
from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import Budget
from smtpcheck.engine.stages import Security, Stage, Verdict
from smtpcheck.sandbox import Authority
from tests.engine.trials import attempt, diagnosis_of, plan_for
from tests.peers.honest import honest
from tests.peers.scripted import Client, Script, ScriptedPeer

REPLY_SECONDS = 1.0


def test_a_budget_is_that_of_rest_and_a_stage_gets_half_of_it() -> None:
    budget = Budget()
    assert (budget.total_seconds, budget.connect_seconds, budget.stage_seconds) == (18, 10, 9)


def test_each_door_has_its_own_budget() -> None:
    given = Conf()
    assert given.CONNECT_TIMEOUT_SECONDS == 10
    assert (given.REST_BUDGET_SECONDS, given.ADMIN_BUDGET_SECONDS) == (18, 18)
    assert (given.COMMAND_BUDGET_SECONDS, given.SCHEDULE_BUDGET_SECONDS) == (60, 60)


def test_a_stage_ends_by_its_own_clock_or_by_the_total_and_the_final_dot_by_the_total() -> None:
    async def ends() -> list[float]:
        clock = Clock(Budget(total_seconds=20, connect_seconds=30))
        began = clock.ends - 20
        stages = [(Stage.EHLO, 2000), (Stage.EHLO, 15_000), (Stage.CONTENT, 2000)]
        ended = [clock.stage_ends(stage, started_ms) - began for stage, started_ms in stages]
        return [*ended, clock.connect_seconds]

    assert [round(seconds) for seconds in asyncio.run(ends())] == [12, 20, 20, 20]


def at_leisure(script: Script) -> Script:
    """The same server with a second before each of its replies."""

    def slow(client: Client) -> None:
        send = client.send

        def send_late(data: str | bytes) -> None:
            client.sleep(REPLY_SECONDS)
            send(data)

        client.send = send_late  # type: ignore[method-assign]
        script(client)

    return slow


@pytest.mark.slow
def test_a_slow_but_honest_server_passes_with_a_larger_budget(
    peer: Callable[..., ScriptedPeer], authority: Authority, server_context: ssl.SSLContext
) -> None:
    server = peer(at_leisure(honest(tls=server_context)))

    async def tried_with(*budgets: float) -> Sequence[Report]:
        plans = [
            plan_for(server.port, trusted=authority, security=Security.STARTTLS, seconds=seconds)
            for seconds in budgets
        ]
        return await asyncio.gather(*map(attempt, plans))

    patient, hurried, impatient = asyncio.run(tried_with(60.0, 4.0, 1.0))

    assert patient.verdict is Verdict.WORKS
    assert patient.took_ms > 8 * REPLY_SECONDS * 1000
    assert (diagnosis_of(hurried), hurried.verdict) == ("tool.deadline", "inconclusive")
    assert (diagnosis_of(impatient), impatient.stage) == ("greet.timeout", "greeting")
