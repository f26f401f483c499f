"""How politely other ports are asked: when not at all, how many, where, and for how long."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import ssl
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from smtpcheck.engine.driver.probing import MAX_PROBES, PROBE_SECONDS
from smtpcheck.engine.evidence import FaultKind, Rung
from smtpcheck.engine.policy import Policy, parse_entry
from smtpcheck.engine.stages import Security, Stage, Verdict
from smtpcheck.sandbox import Authority
from tests.engine.ports import (
    PLAIN_FIRST,
    TLS_FIRST,
    asking,
    dropping_port,
    one_probe,
    silence,
)
from tests.engine.trials import attempt, plan_for, tried
from tests.peers.fixtures import RunningSandbox
from tests.peers.honest import honest, until
from tests.peers.scripted import Client, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]
MakeSandbox = Callable[..., RunningSandbox]


@dataclass
class Watched:
    """Tells what an observer was told."""

    told: list[str] = field(default_factory=list)

    def stage_started(self, stage: Stage, at_ms: int) -> None:
        assert at_ms >= 0
        self.told.append(stage.value)

    def stage_ended(self, rung: Rung) -> None:
        self.told.append(f"{rung.stage.value} {rung.state.value}")


def test_the_observer_and_the_ladder_know_nothing_of_probes(
    sandbox: RunningSandbox, authority: Authority, closed_port: int
) -> None:
    told, plan = [], plan_for(closed_port, trusted=authority)
    ladders = []

    for probes in (None, asking((sandbox.tls_port, TLS_FIRST))):
        watched = Watched()
        report = tried(plan, probes=probes, observer=watched)
        told.append(watched.told)
        ladders.append([(rung.stage, rung.state) for rung in report.evidence.ladder])

    assert told[0] == told[1]
    assert ladders[0] == ladders[1]


REFUSING = {
    "a 421 greeting": "421 4.7.0 too many connections",
    "a 4xx greeting": "450 4.3.2 not now",
    "a 5xx greeting": "554 5.7.1 go away",
    "a 5xx greeting that never ends": b"554-5.7.1 go away\r\n",
}


@pytest.mark.parametrize("greeting", REFUSING.values(), ids=list(REFUSING))
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_who_is_sent_away_asks_no_other_port(
    peer: MakePeer, authority: Authority, greeting: str | bytes, security: Security
) -> None:
    other = peer(honest())
    served = peer(lambda client: (client.send(greeting), client.close()))
    plan = plan_for(served.port, trusted=authority, security=security)

    report = tried(plan, probes=asking((other.port, PLAIN_FIRST)))

    assert report.evidence.probes == ()
    assert (served.count, other.count) == (1, 0)


@pytest.mark.parametrize("stage", ["ehlo", "starttls"])
def test_after_a_421_no_other_port_is_asked(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext, stage: str
) -> None:
    other = peer(honest())
    # "starttls" has to come in the first EHLO's answer, so the peer offers TLS.
    served = peer(until(stage, lambda client: client.send("421 4.3.0 closing"), tls=server_context))

    report = tried(
        plan_for(served.port, trusted=authority), probes=asking((other.port, PLAIN_FIRST))
    )

    assert report.evidence.probes == ()
    assert other.count == 0


@pytest.mark.parametrize(
    "name",
    [
        "wrong-password",
        "auth-unavailable",
        "close-at-auth",
        "reset-at-mail",
        "sender-refused",
        "unknown-recipient",
        "close-at-content",
        "expired-certificate",
        "none",
    ],
)
def test_from_the_login_on_and_after_a_bad_certificate_no_port_is_asked(
    make_sandbox: MakeSandbox, authority: Authority, peer: MakePeer, name: str
) -> None:
    other = peer(honest())
    server = make_sandbox(fault=name)

    report = tried(
        plan_for(server.starttls_port, trusted=authority, seconds=4.0),
        probes=asking((other.port, PLAIN_FIRST)),
    )

    assert report.evidence.probes == ()
    assert other.count == 0
    assert len(server.sandbox.visits) == 1


def test_a_port_that_the_policy_forbids_is_never_dialled(
    peer: MakePeer, authority: Authority, closed_port: int
) -> None:
    allowed, forbidden = peer(honest()), peer(honest())
    policy = Policy(entries=(parse_entry(f"127.0.0.0/8:{closed_port},{allowed.port}"),))
    probes = asking((forbidden.port, PLAIN_FIRST), (allowed.port, PLAIN_FIRST))

    report = tried(plan_for(closed_port, trusted=authority), policy=policy, probes=probes)

    assert [probe.port for probe in report.evidence.probes] == [allowed.port]
    assert (allowed.count, forbidden.count) == (1, 0)


def test_no_address_is_asked_that_the_test_did_not_resolve(
    peer: MakePeer, authority: Authority, closed_port: int
) -> None:
    other = peer(honest())
    asked: list[str] = []

    async def resolver(host: str) -> list[ipaddress.IPv4Address]:
        asked.append(host)
        return [ipaddress.IPv4Address("127.0.0.1")]

    report = tried(
        plan_for(closed_port, trusted=authority, host="mail.example.org"),
        resolver=resolver,
        probes=asking((other.port, PLAIN_FIRST)),
    )

    assert asked == ["mail.example.org"]
    assert one_probe(report).address == "127.0.0.1"


def test_no_more_than_three_ports_are_asked_and_side_by_side(
    peer: MakePeer, authority: Authority, closed_port: int
) -> None:
    peers = [peer(silence) for _ in range(5)]
    probes = asking(*((each.port, PLAIN_FIRST) for each in peers))
    plan = plan_for(closed_port, trusted=authority, seconds=1.0)

    report = tried(plan, probes=probes)

    assert [each.count for each in peers] == [1, 1, 1, 0, 0]
    assert len(report.evidence.probes) == MAX_PROBES
    assert report.took_ms < 1400


def test_a_probe_that_was_asked_beside_counts_among_the_three(
    peer: MakePeer, authority: Authority
) -> None:
    served, others = peer(silence), [peer(honest()) for _ in range(3)]
    probes = asking(*((each.port, PLAIN_FIRST) for each in others))

    tried(plan_for(served.port, trusted=authority, seconds=2.0), probes=probes)

    assert served.count == 2
    assert [each.count for each in others] == [1, 1, 0]


def test_a_probe_gives_up_after_its_own_three_seconds(
    peer: MakePeer, authority: Authority, closed_port: int
) -> None:
    served = peer(lambda client: client.repeat("220-still talking", seconds=0.1))
    began = time.monotonic()

    report = tried(
        plan_for(closed_port, trusted=authority, seconds=20.0),
        probes=asking((served.port, PLAIN_FIRST)),
    )

    assert PROBE_SECONDS <= time.monotonic() - began < PROBE_SECONDS + 1
    assert one_probe(report).outcome == FaultKind.TIMEOUT.value


def test_with_no_time_left_no_port_is_asked(
    stack: ExitStack, peer: MakePeer, authority: Authority
) -> None:
    other = peer(honest())
    plan = plan_for(dropping_port(stack), trusted=authority, seconds=0.5, connect_seconds=0.5)

    report = tried(plan, probes=asking((other.port, PLAIN_FIRST)))

    assert report.evidence.probes == ()
    assert other.count == 0


def test_a_greeting_that_comes_late_ends_the_probe_beside_it(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    def late(client: Client) -> None:
        client.sleep(0.8)
        honest(tls=server_context)(client)

    served = peer(late, silence)

    report = tried(plan_for(served.port, trusted=authority, seconds=2.4), probes=asking())

    assert report.verdict is Verdict.WORKS
    assert report.evidence.probes == ()


def test_a_prompt_server_is_connected_to_once(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    served = peer(honest(tls=server_context))

    report = tried(plan_for(served.port, trusted=authority), probes=asking())

    assert report.verdict is Verdict.WORKS
    assert served.count == 1


@pytest.mark.parametrize("seconds", [0.5, 1.5])
def test_a_cancelled_test_leaves_no_probe_and_no_socket(
    peer: MakePeer, authority: Authority, closed_port: int, seconds: float
) -> None:
    served, other = peer(silence), peer(silence)
    port = served.port if seconds > 1 else closed_port  # beside a silence, or after a failure

    async def cancelled() -> None:
        plan = plan_for(port, trusted=authority, seconds=4.0)
        task = asyncio.create_task(attempt(plan, probes=asking((other.port, PLAIN_FIRST))))
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        asyncio.run(cancelled())
        gc.collect()
    assert served.count + other.count == (2 if seconds > 1 else 1)
    for each in (served, other):
        each.wait_until_idle()
        assert all(client.has_left for client in each.clients)
