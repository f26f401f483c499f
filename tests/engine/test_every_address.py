"""A test of every address of a name: all are looked at, and one of them logs in."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from smtpcheck.engine.evidence import AddressResult, Report, Rung
from smtpcheck.engine.plan import Past, Plan, Route
from smtpcheck.engine.policy import Address
from smtpcheck.engine.stages import Goal, RungState, Security, Stage, Verdict
from smtpcheck.sandbox import Authority, Kind
from tests.engine.trials import attempt, diagnosis_of, plan_for, tried, warnings_in
from tests.peers.honest import CAPABILITIES, honest, until
from tests.peers.scripted import Client, Script, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]
Everywhere = Callable[..., Report]

EVERY = Route(every_address=True)


class Servers:
    """Peers on one port of 127.0.0.1, 127.0.0.2 and so on, all of them behind one name."""

    def __init__(self, peer: MakePeer, authority: Authority, context: ssl.SSLContext) -> None:
        self.all: list[ScriptedPeer] = []
        self._peer = peer
        self._authority = authority
        self._context = context

    def start(self, *scripts: Script | None) -> None:
        """A server for each script, an honest one for None."""
        for number, script in enumerate(scripts, 1):
            port = self.all[0].port if self.all else 0
            script = script or honest(tls=self._context)
            self.all.append(self._peer(script, host=f"127.0.0.{number}", port=port))

    def plan(self, **changes: Any) -> Plan:
        values: dict[str, Any] = {"host": "localhost", "trusted": self._authority, "route": EVERY}
        return plan_for(self.all[0].port, **{**values, **changes})

    async def resolve(self, _host: str) -> Sequence[Address]:
        return [ipaddress.ip_address(server.host) for server in self.all]

    def tested(self, *scripts: Script | None, **changes: Any) -> Report:
        """The report on servers that do what their scripts say."""
        self.start(*scripts)
        report = tried(self.plan(**changes), resolver=self.resolve)
        for server in self.all:
            server.wait_until_idle()
        return report

    @property
    def verbs(self) -> list[list[str]]:
        """What each server was told, as verbs."""
        return [server.verbs for server in self.all]

    def count(self, verb: str) -> int:
        """How often all servers together were told something."""
        return sum(verbs.count(verb) for verbs in self.verbs)


@pytest.fixture
def servers(peer: MakePeer, authority: Authority, server_context: ssl.SSLContext) -> Servers:
    return Servers(peer, authority, server_context)


def at(report: Report, number: int) -> AddressResult:
    (found,) = [item for item in report.addresses if item.address == f"127.0.0.{number}"]
    return found


LOOKED_AT = ["EHLO", "STARTTLS", "EHLO", "QUIT"]


# Who logs in


def test_the_first_in_order_logs_in_and_the_others_are_left_after_ehlo(servers: Servers) -> None:
    report = servers.tested(None, None, None)

    assert report.verdict is Verdict.WORKS
    assert servers.verbs[0][:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert servers.verbs[0][-1] == "QUIT"
    assert servers.verbs[1:] == [LOOKED_AT, LOOKED_AT]
    assert [server.count for server in servers.all] == [1, 1, 1]
    assert [item.went_on for item in report.addresses] == [True, False, False]
    assert warnings_in(report) == set()


def test_a_login_in_a_group_goes_to_one_of_them_and_so_does_the_group(servers: Servers) -> None:
    report = servers.tested(None, None, past=Past(login_passed=True))

    assert report.verdict is Verdict.WORKS
    assert servers.verbs[1:] == [LOOKED_AT]
    grouped = [rung.stage for rung in report.evidence.ladder if rung.grouped]
    assert grouped == ["auth", "mail", "rcpt", "data"]


def hold_back(client: Client) -> None:
    client.drain()


def hang_up(_client: Client) -> None:
    return


def refuse_service(client: Client) -> None:
    client.send("554 5.7.1 not you")
    client.drain()


def drip(client: Client) -> None:
    client.drip("220-" + "x" * 200, seconds=0.05)


def flood(client: Client) -> None:
    client.repeat("\n".join(["220-more"] * 100))


MISBEHAVIOURS = {
    "silent": (hold_back, Stage.GREETING, "greet.timeout"),
    "hung up": (hang_up, Stage.GREETING, "connect.closed-before-banner"),
    "no service": (refuse_service, Stage.GREETING, "greet.554"),
    "dripping": (drip, Stage.GREETING, "greet.timeout"),
    "endless": (flood, Stage.GREETING, "greet.too-much"),
}


@pytest.mark.parametrize("name", MISBEHAVIOURS)
@pytest.mark.parametrize("number", [1, 2])
def test_an_address_that_misbehaves_does_not_harm_the_other(
    servers: Servers, name: str, number: int
) -> None:
    script, stage, diagnosis = MISBEHAVIOURS[name]
    scripts: list[Script | None] = [None, None]
    scripts[number - 1] = script

    report = servers.tested(*scripts, seconds=2.0)

    assert report.verdict is Verdict.WORKS
    assert servers.count("AUTH") == 1
    assert servers.verbs[2 - number][3] == "AUTH"
    assert (at(report, number).stage, at(report, number).diagnosis_id) == (stage, diagnosis)
    assert at(report, 3 - number).diagnosis_id == ""
    assert warnings_in(report) == {"connect.one-address-fails"}
    (warning,) = report.warnings
    assert warning.parameters["address"] == f"127.0.0.{number}"
    assert stage.value in warning.evidence_line


def test_an_address_that_refuses_the_connection_is_named(servers: Servers, peer: MakePeer) -> None:
    servers.start(None, None)
    servers.all[1].close()

    report = tried(servers.plan(), resolver=servers.resolve)

    assert report.verdict is Verdict.WORKS
    assert (at(report, 2).stage, at(report, 2).diagnosis_id) == (
        Stage.CONNECT,
        "connect.refused",
    )
    assert warnings_in(report) == {"connect.one-address-down"}
    assert [item.outcome for item in report.evidence.attempts] == ["connected", "refused"]


def test_where_the_first_offers_no_login_the_second_logs_in(
    servers: Servers, server_context: ssl.SSLContext
) -> None:
    deaf = honest(tls=server_context, capabilities=("PIPELINING",))

    report = servers.tested(deaf, None)

    assert report.verdict is Verdict.WORKS
    assert [verbs.count("AUTH") for verbs in servers.verbs] == [0, 1]
    assert at(report, 1).stage is Stage.AUTH
    assert warnings_in(report) == {"connect.one-address-fails"}


def test_an_address_with_another_certificate_does_not_get_the_login(
    servers: Servers, authority: Authority
) -> None:
    expired = authority.certificate_of(Kind.EXPIRED).server_context()

    report = servers.tested(honest(tls=expired), None)

    assert report.verdict is Verdict.WORKS
    assert [verbs.count("AUTH") for verbs in servers.verbs] == [0, 1]
    assert (at(report, 1).stage, at(report, 1).diagnosis_id) == (Stage.TLS, "tls.cert-expired")
    assert at(report, 1).certificate not in ("", at(report, 2).certificate)


def test_a_login_in_a_group_goes_to_one_address_as_well(servers: Servers) -> None:
    servers.start(None, None, None)
    plan = replace(servers.plan(), past=Past(login_passed=True))

    report = tried(plan, resolver=servers.resolve)
    for server in servers.all:
        server.wait_until_idle()

    assert report.verdict is Verdict.WORKS
    assert any(rung.grouped for rung in report.evidence.ladder if rung.stage is Stage.AUTH)
    assert servers.count("AUTH") == servers.count("MAIL") == 1
    assert servers.verbs[1:] == [LOOKED_AT, LOOKED_AT]


# The verdict


def test_a_login_that_is_refused_is_not_tried_at_another_address(
    servers: Servers, server_context: ssl.SSLContext
) -> None:
    def refuse(client: Client) -> None:
        client.send("535 5.7.8 no")
        client.drain()

    report = servers.tested(until("auth", refuse, tls=server_context), None, None)

    assert diagnosis_of(report) == "auth.invalid"
    assert servers.count("AUTH") == 1
    assert servers.verbs[1:] == [LOOKED_AT, LOOKED_AT]
    assert at(report, 1).diagnosis_id == "auth.invalid"
    assert at(report, 2).diagnosis_id == ""


def test_where_all_fail_the_verdict_is_of_the_one_that_came_farthest(
    servers: Servers, authority: Authority
) -> None:
    expired = authority.certificate_of(Kind.EXPIRED).server_context()

    report = servers.tested(refuse_service, honest(tls=expired))

    assert diagnosis_of(report) == "tls.cert-expired"
    assert [item.went_on for item in report.addresses] == [False, True]
    assert servers.count("AUTH") == 0
    assert at(report, 1).diagnosis_id == "greet.554"


def test_where_none_can_be_connected_to_what_says_most_is_told(servers: Servers) -> None:
    servers.start(None, None)
    for server in servers.all:
        server.close()

    report = tried(servers.plan(), resolver=servers.resolve)

    assert diagnosis_of(report) == "connect.refused"
    assert len(report.evidence.attempts) == 2
    assert {item.diagnosis_id for item in report.addresses} == {"connect.refused"}


# What is told of each


def test_capabilities_that_differ_are_told(
    servers: Servers, server_context: ssl.SSLContext
) -> None:
    fewer = (*(word for word in CAPABILITIES if word != "8BITMIME"), "SIZE 1000")

    report = servers.tested(None, honest(tls=server_context, capabilities=fewer))

    assert (at(report, 1).lacks, at(report, 1).adds) == ((), ())
    assert (at(report, 2).lacks, at(report, 2).adds) == (("8BITMIME",), ("SIZE 1000",))
    assert at(report, 2).stage is Stage.EHLO
    assert at(report, 2).tls_version == "TLSv1.3"
    assert at(report, 1).certificate == at(report, 2).certificate != ""


def test_a_test_of_one_connection_has_no_results_by_address(servers: Servers) -> None:
    report = servers.tested(None, None, route=Route())

    assert report.addresses == ()
    assert servers.all[1].count == 0


class Noted:
    """What an observer is told."""

    def __init__(self) -> None:
        self.started: list[Stage] = []
        self.ended: list[Rung] = []

    def stage_started(self, stage: Stage, at_ms: int) -> None:
        self.started.append(stage)

    def stage_ended(self, rung: Rung) -> None:
        self.ended.append(rung)


@pytest.mark.parametrize("scripts", [(None, None), (refuse_service, hang_up)])
def test_an_observer_sees_one_ladder_in_order(
    servers: Servers, scripts: tuple[Script | None, ...]
) -> None:
    noted = Noted()
    servers.start(*scripts)

    report = tried(servers.plan(), resolver=servers.resolve, observer=noted)

    climbed = [r for r in report.evidence.ladder if r.state is not RungState.NOT_REACHED]
    assert noted.ended == climbed
    assert noted.started == [rung.stage for rung in climbed]


# Without a login


def test_without_a_login_one_address_gets_the_envelope(servers: Servers) -> None:
    report = servers.tested(None, None, user="", goal=Goal.RECIPIENT)

    assert report.verdict is Verdict.WORKS
    assert [verbs.count("MAIL") for verbs in servers.verbs] == [1, 0]


def test_with_nothing_behind_ehlo_all_are_left_there(servers: Servers) -> None:
    report = servers.tested(None, None, user="", goal=Goal.LOGIN)

    assert report.verdict is Verdict.WORKS
    assert servers.verbs == [LOOKED_AT, LOOKED_AT]
    assert [item.went_on for item in report.addresses] == [True, False]


# Bounds


def test_no_more_than_eight_addresses_are_tested(servers: Servers) -> None:
    report = servers.tested(*[None] * 10, user="", goal=Goal.LOGIN)

    assert len(report.addresses) == 8
    assert [server.count for server in servers.all] == [1] * 8 + [0, 0]


def test_an_address_that_never_answers_uses_the_clock_of_connecting_alone(
    servers: Servers,
) -> None:
    with ExitStack() as stack:
        servers.start(None)
        port = servers.all[0].port
        stack.enter_context(socket.create_server(("::1", port), family=socket.AF_INET6, backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket(socket.AF_INET6))
            client.setblocking(False)
            client.connect_ex(("::1", port))

        async def resolve(_host: str) -> Sequence[Address]:
            return [ipaddress.ip_address("::1"), ipaddress.ip_address("127.0.0.1")]

        plan = servers.plan(seconds=3.0, connect_seconds=0.7)
        report = tried(plan, resolver=resolve, ipv6_route=lambda: True)

    assert report.verdict is Verdict.WORKS
    assert [item.diagnosis_id for item in report.addresses] == ["connect.timeout", ""]
    assert warnings_in(report) == {"connect.ipv6-broken"}


def test_a_cancelled_test_leaves_nothing_running(servers: Servers) -> None:
    servers.start(hold_back, hold_back)

    async def run() -> None:
        testing = asyncio.ensure_future(attempt(servers.plan(), resolver=servers.resolve))
        await asyncio.sleep(0.2)
        testing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await testing
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_one_forbidden_address_refuses_the_name_whole(servers: Servers) -> None:
    servers.start(None)

    async def resolve(_host: str) -> Sequence[Address]:
        return [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.0.0.1")]

    report = tried(servers.plan(), resolver=resolve)

    assert diagnosis_of(report) == "config.destination-forbidden"
    assert servers.all[0].count == 0
    assert report.addresses == ()


def test_tls_on_connect_is_climbed_everywhere_too(
    servers: Servers, server_context: ssl.SSLContext
) -> None:
    script = honest(tls=server_context, is_implicit=True)

    report = servers.tested(script, script, security=Security.TLS)

    assert report.verdict is Verdict.WORKS
    assert servers.verbs[1] == ["EHLO", "QUIT"]
