"""What a test leaves behind in a process that makes them day and night."""

from __future__ import annotations

import asyncio
import gc

import pytest

from smtpcheck.engine.stages import Security, Verdict
from smtpcheck.engine.tls import _Connection
from tests.engine.trials import LOOPBACK, attempt, plan_for
from tests.peers.fixtures import RunningSandbox


def connections_alive() -> int:
    return sum(isinstance(item, _Connection) for item in gc.get_objects())


@pytest.mark.parametrize("password", [None, "a wrong password"])
def test_a_connection_is_freed_with_its_test_and_not_when_the_collector_comes(
    make_sandbox: object, password: str | None
) -> None:
    raise NotImplementedError
