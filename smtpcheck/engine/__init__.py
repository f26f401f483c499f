"""Tests one SMTP account and says what came of it: the part that knows SMTP and nothing else.

Plain Python without Django. ``check()`` is the face; what it takes is made by ``plan.make_plan``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

from smtpcheck.engine.diagnosis import judge, refuse
from smtpcheck.engine.driver import LookUps, Observer, Prober, Resolver, has_ipv6_route, run
from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import Plan
from smtpcheck.engine.policy import Policy
from smtpcheck.engine.probes import USUAL as USUAL_PROBES

__all__ = [
    "SYSTEM_LOOK_UPS",
    "USUAL_PROBES",
    "LookUps",
    "Observer",
    "Prober",
    "Resolver",
    "check",
    "refuse",
]

# By the name servers of this machine.
SYSTEM_LOOK_UPS = LookUps()


async def check(
    plan: Plan,
    *,
    policy: Policy,
    resolver: Resolver | None = None,
    observer: Observer | None = None,
    probes: Prober | None = USUAL_PROBES,
    look_ups: LookUps | None = SYSTEM_LOOK_UPS,
    ipv6_route: Callable[[], bool] = has_ipv6_route,
) -> Report:
    """Test an account and return what was found; raises for nothing that a network does.

    ``resolver`` None asks the system; ``observer`` is told each stage as it starts and ends.
    ``probes`` None asks no other ports after a failure, ``look_ups`` None no name servers.
    ``ipv6_route`` says whether this machine
    has a default route for IPv6: without one, an IPv6 address that fails says nothing.
    """
    started_at = datetime.now(UTC)
    began = time.monotonic()
    evidence = await run(
        plan,
        policy=policy,
        resolver=resolver,
        observer=observer,
        prober=probes,
        look_ups=look_ups,
        ipv6_route=ipv6_route,
        nonce=os.urandom(8).hex(),  # `secrets` loads `random`, and more
    )
    took_ms = round((time.monotonic() - began) * 1000)
    return judge(evidence, started_at=started_at, took_ms=took_ms, past=plan.past)
