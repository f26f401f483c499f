"""What a test leaves behind in a process that makes them day and night."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest

from smtpcheck.engine.stages import Verdict
from smtpcheck.engine.tls import _Connection
from smtpcheck.sandbox import Authority
from tests.engine.trials import LOOPBACK, attempt, plan_for
from tests.peers.fixtures import RunningSandbox


def connections_alive() -> int:
    # Not isinstance: it asks a weak proxy for what may be gone, and others keep such proxies.
    return sum(type(item) is _Connection for item in gc.get_objects())


@pytest.mark.parametrize(
    ("fault", "verdict"), [("none", Verdict.WORKS), ("wrong-password", Verdict.FAILS)]
)
def test_a_connection_is_freed_with_its_test_and_not_when_the_collector_comes(
    make_sandbox: Callable[..., RunningSandbox],
    authority: Authority,
    fault: str,
    verdict: Verdict,
) -> None:
    server = make_sandbox(fault=fault)
    plan = plan_for(server.starttls_port, trusted=authority)

    async def verdicts() -> set[Verdict]:
        return {(await attempt(plan, policy=LOOPBACK)).verdict for _ in range(3)}

    gc.collect()
    before = connections_alive()
    gc.disable()
    try:
        assert asyncio.run(verdicts()) == {verdict}
        assert connections_alive() == before
    finally:
        gc.enable()
