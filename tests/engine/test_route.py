"""The way to a server: the version of IP, the source address, and an IPv6 that leads nowhere."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from smtpcheck.engine import Resolver
from smtpcheck.engine.driver import dial
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import Route
from smtpcheck.engine.policy import Address, Policy, parse_entry
from smtpcheck.engine.stages import Goal, Security, Stage, Verdict
from smtpcheck.sandbox import Authority
from tests.engine.ports import asking
from tests.engine.trials import LOOPBACK, diagnosis_of, plan_for, tried, warnings_in
from tests.peers.fixtures import RunningSandbox
from tests.peers.honest import honest
from tests.peers.scripted import ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]

NOWHERE = "2001:db8::1"
WITH_NOWHERE = Policy(entries=(*LOOPBACK.entries, parse_entry("[2001:db8::]/32:*")))


def leading_to(*texts: str) -> Resolver:
    async def resolve(_host: str) -> Sequence[Address]:
        return [ipaddress.ip_address(text) for text in texts]

    return resolve


def looked(port: int, route: Route, *texts: str, policy: Policy = LOOPBACK) -> Report:
    """The report of a test without login or TLS of a name with these addresses."""
    plan = plan_for(
        port,
        host="mail.example.org",
        security=Security.NONE,
        user="",
        goal=Goal.LOGIN,
        seconds=2.0,
        route=route,
    )
    return tried(plan, resolver=leading_to(*texts), policy=policy)


@pytest.fixture
def both(peer: MakePeer) -> tuple[ScriptedPeer, ScriptedPeer]:
    """Servers on one port of 127.0.0.1 and ::1."""
    by_ipv4 = peer(honest())
    return by_ipv4, peer(honest(), host="::1", port=by_ipv4.port)


# The version of IP


@pytest.mark.parametrize(("family", "address"), [(4, "127.0.0.1"), (6, "::1"), (None, "::1")])
def test_only_addresses_of_the_version_asked_for_are_dialled(
    both: tuple[ScriptedPeer, ScriptedPeer], family: int | None, address: str
) -> None:
    report = looked(both[0].port, Route(family=family), "::1", "127.0.0.1")

    assert report.verdict is Verdict.WORKS
    assert [item.address for item in report.evidence.attempts] == [address]
    assert [server.count for server in both] == [int(server.host == address) for server in both]


def test_the_addresses_that_are_not_dialled_are_judged_as_well(peer: MakePeer) -> None:
    server = peer(honest())

    report = looked(server.port, Route(family=4), "127.0.0.1", "fd00::1")

    assert diagnosis_of(report) == "config.destination-forbidden"
    assert server.count == 0


@pytest.mark.parametrize(("family", "address"), [(4, "::1"), (6, "127.0.0.1")])
def test_a_name_without_such_an_address_is_not_blamed(
    peer: MakePeer, family: int, address: str
) -> None:
    server = peer(honest(), host=address)

    report = looked(server.port, Route(family=family), address)

    assert (diagnosis_of(report), report.stage) == ("dns.no-address-of-family", Stage.DNS)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.diagnosis is not None
    assert report.diagnosis.parameters["detail"] == f"IPv{family}"
    assert server.count == 0


# The source address


def test_the_server_sees_the_source_address(sandbox: RunningSandbox, authority: Authority) -> None:
    plan = plan_for(
        sandbox.starttls_port, trusted=authority, route=Route(source_address="127.0.0.5")
    )

    report = tried(plan)

    assert report.verdict is Verdict.WORKS
    assert sandbox.visit.client.startswith("127.0.0.5:")
    assert report.evidence.local_address == sandbox.visit.client


def test_a_source_address_of_another_machine_is_the_testers_fault(peer: MakePeer) -> None:
    server = peer(honest())

    report = looked(server.port, Route(source_address="192.0.2.1"), "127.0.0.1")

    assert diagnosis_of(report) == "connect.source-address"
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [item.outcome for item in report.evidence.attempts] == ["source-address"]
    assert server.count == 0


def test_the_probes_come_from_the_source_address_too(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        closed_port = closing.getsockname()[1]
    plan = plan_for(closed_port, trusted=authority, route=Route(source_address="127.0.0.5"))

    report = tried(plan, probes=asking((sandbox.starttls_port, Security.STARTTLS)))

    assert [probe.outcome for probe in report.evidence.probes] == ["answers"]
    assert sandbox.visit.client.startswith("127.0.0.5:")


def test_from_a_source_address_only_its_own_version_of_ip_is_dialled(
    both: tuple[ScriptedPeer, ScriptedPeer],
) -> None:
    report = looked(both[0].port, Route(source_address="127.0.0.5"), "::1", "127.0.0.1")

    assert [item.address for item in report.evidence.attempts] == ["127.0.0.1"]
    report = looked(both[0].port, Route(source_address="127.0.0.5"), "::1")
    assert diagnosis_of(report) == "dns.no-address-of-family"


@pytest.mark.parametrize(
    "route",
    [
        Route(source_address="eth0"),
        Route(source_address="127.0.0.256"),
        Route(source_address="mail.example.org"),
        Route(source_address="127.0.0.1", family=6),
        Route(source_address="::1", family=4),
    ],
)
def test_a_source_address_that_cannot_be_used_is_refused_before_any_packet(route: Route) -> None:
    with pytest.raises(Refused) as refused:
        plan_for(25, route=route)

    assert refused.value.diagnosis_id == "config.source-address-invalid"


def test_a_source_address_is_written_in_one_way() -> None:
    route = plan_for(25, route=Route(source_address=" 0::0:1 ")).route

    assert (route.source_address, route.family) == ("::1", 6)


# IPv6 that leads nowhere


@pytest.fixture(autouse=True)
def _network_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only loopback answers over IPv6, whatever this machine's network is like."""
    connect = dial._connect

    async def refuse(address: Address, *rest: Any) -> socket.socket:
        if str(address) == NOWHERE:
            raise OSError(errno.ENETUNREACH, "unreachable")
        return await connect(address, *rest)

    monkeypatch.setattr(dial, "_connect", refuse)


def by_ipv6(port: int, *texts: str, has_route: bool) -> Report:
    plan = plan_for(port, host="mail.example.org", security=Security.NONE, user="", seconds=2.0)
    return tried(
        plan,
        resolver=leading_to(*texts),
        policy=WITH_NOWHERE,
        ipv6_route=lambda: has_route,
    )


def test_ipv6_that_leads_nowhere_is_a_warning_where_the_machine_has_a_route(
    peer: MakePeer,
) -> None:
    report = by_ipv6(peer(honest()).port, NOWHERE, "127.0.0.1", has_route=True)

    assert report.verdict is Verdict.WORKS
    assert "connect.ipv6-broken" in warnings_in(report)
    assert "connect.one-address-down" not in warnings_in(report)


def test_without_a_route_it_is_no_news(peer: MakePeer) -> None:
    report = by_ipv6(peer(honest()).port, NOWHERE, "127.0.0.1", has_route=False)

    assert not warnings_in(report) & {"connect.ipv6-broken", "connect.one-address-down"}


def test_where_one_ipv6_address_answers_the_other_is_down(peer: MakePeer) -> None:
    server = peer(honest(), host="::1")

    report = by_ipv6(server.port, NOWHERE, "::1", has_route=True)

    assert "connect.one-address-down" in warnings_in(report)
    assert "connect.ipv6-broken" not in warnings_in(report)


def test_where_nothing_answers_the_address_that_says_most_decides() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]

    report = by_ipv6(port, NOWHERE, "127.0.0.1", has_route=True)

    assert diagnosis_of(report) == "connect.refused"
    assert "connect.ipv6-broken" not in warnings_in(report)


def test_the_route_is_asked_for_only_where_ipv6_failed(peer: MakePeer) -> None:
    def never() -> bool:
        raise AssertionError

    plan = plan_for(peer(honest()).port, security=Security.NONE, user="")
    tried(plan, ipv6_route=never)
