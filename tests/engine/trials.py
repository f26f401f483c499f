"""Runs the whole engine against a server on loopback, and holds every report to what is promised.

Whatever a server does: ``check`` raises nothing, ends in time, leaves no task behind, keeps its
ladder in order and tells no secret. So every test that goes through ``tried`` shows these too.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from typing import Any, TypedDict, Unpack

from smtpcheck.engine import LookUps, Observer, Prober, Resolver, check
from smtpcheck.engine.evidence import Report, escape, plain
from smtpcheck.engine.plan import (
    Budget,
    Credentials,
    Envelope,
    LoginPlan,
    MessageText,
    Past,
    Plan,
    Route,
    Target,
    make_plan,
)
from smtpcheck.engine.policy import Policy, parse_entry
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal, RungState, Security
from smtpcheck.sandbox import Authority
from tests.peers.fixtures import PASSWORD, USER

LOOPBACK = Policy(entries=(parse_entry("127.0.0.0/8:*"), parse_entry("[::1]:*")))
IN_THE_CLEAR = Policy(entries=(parse_entry("127.0.0.0/8:* cleartext=yes"),))
RECIPIENT = "bob@sandbox.example"


class Doors(TypedDict, total=False):
    """What ``check`` takes besides the plan."""

    policy: Policy
    resolver: Resolver
    observer: Observer
    probes: Prober | None
    ipv6_route: Callable[[], bool]
    look_ups: LookUps | None


def plan_for(
    port: int,
    *,
    trusted: Authority | str = "",
    security: Security = Security.STARTTLS,
    host: str = "127.0.0.1",
    user: str = USER,
    password: str = PASSWORD,
    goal: Goal = Goal.CONTENT,
    seconds: float = 5.0,
    connect_seconds: float = 2.0,
    sender: str = "",
    recipient: str = RECIPIENT,
    pin: str = "",
    mechanism: str = "",
    extra_ca_file: str = "",
    route: Route = Route(),  # noqa: B008 - frozen
    past: Past = Past(),  # noqa: B008 - frozen
) -> Plan:
    """A plan for a server on loopback; ``trusted`` is its authority; user "" does not log in."""
    bundle = trusted.ca_pem.decode() if isinstance(trusted, Authority) else trusted
    return make_plan(
        target=Target(host=host, port=port, security=security, ca_bundle=bundle, pin=pin),
        credentials=Credentials(username=user, password=Secret(password), mechanism=mechanism),
        envelope=Envelope(sender=sender or USER, recipient=recipient),
        goal=goal,
        budget=Budget(total_seconds=seconds, connect_seconds=connect_seconds),
        message=MessageText(subject="A test", body="This is a test."),
        extra_ca_file=extra_ca_file,
        route=route,
        past=past,
    )


def tried(plan: Plan, **doors: Unpack[Doors]) -> Report:
    """The report of a plan, after what must hold of every report has been looked at."""

    async def alone() -> Report:
        report = await attempt(plan, **doors)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return report

    return asyncio.run(alone())


async def attempt(plan: Plan, **doors: Unpack[Doors]) -> Report:
    """The same inside a loop, where several may run side by side."""
    doors.setdefault("policy", LOOPBACK)
    doors.setdefault("probes", None)  # so that a peer's counters tell of the test alone
    doors.setdefault("look_ups", None)  # no test asks a name server that is not its own
    began = time.monotonic()
    report = await check(plan, **doors)
    assert time.monotonic() - began < plan.budget.total_seconds + 1
    assert_ladder_is_in_order(report)
    if isinstance(plan, LoginPlan):
        assert_tells_nothing_of(plan.credentials.password.reveal(), report)
    return report


def assert_ladder_is_in_order(report: Report) -> None:
    """Rungs are climbed one after the other, and the first that fails is the last."""
    rungs = report.evidence.ladder
    fault = report.evidence.fault
    states = [rung.state for rung in rungs]
    reached = [rung for rung in rungs if rung.state in (RungState.PROVEN, RungState.FAILED)]
    if fault is None:
        assert set(states) <= {RungState.PROVEN, RungState.SKIPPED}
    else:
        failed = states.index(RungState.FAILED)
        assert rungs[failed].stage is fault.stage
        assert set(states[:failed]) <= {RungState.PROVEN, RungState.SKIPPED}
        assert set(states[failed + 1 :]) <= {RungState.NOT_REACHED}
    starts = [rung.started_ms for rung in reached]
    assert all(start is not None for start in starts)
    assert starts == sorted(start for start in starts if start is not None)
    assert all(rung.took_ms is not None and rung.took_ms >= 0 for rung in reached)
    unreached = [rung for rung in rungs if rung.state is RungState.NOT_REACHED]
    assert all(rung.started_ms is None and rung.took_ms is None for rung in unreached)


def assert_tells_nothing_of(secret: str, report: Report) -> None:
    """No text of a report holds the secret, as it is or in a spelling of the wire."""
    texts = [repr(report), *_texts(plain(report))]
    for spelling in spellings(secret):
        assert not [text for text in texts if spelling in text.casefold()]


def spellings(secret: str) -> list[str]:
    """How a secret can stand in a text, in lower case: plain, quoted, in base64 and in hex."""
    raw = secret.encode()
    encoded = [base64.b64encode(b"\0" * shift + raw).decode()[4:-4] for shift in range(3)]
    found = {secret, repr(secret)[1:-1], escape(raw), repr(escape(raw))[1:-1], raw.hex()}
    return [text.casefold() for text in (*found, *encoded) if len(text) >= 6]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def diagnosis_of(report: Report) -> str:
    """The id of what was found, or "" when the account works."""
    return report.diagnosis.id if report.diagnosis else ""


def warnings_in(report: Report) -> set[str]:
    """The ids of the warnings."""
    return {warning.id for warning in report.warnings}
