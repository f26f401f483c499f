"""Counter-probes: what they find becomes the remedy, what is shared, and which ports are asked.

Outgoing port 25 that is blocked cannot be played on loopback; it is in diagnosis/test_probed.py.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from smtpcheck.engine.driver.knock import Question
from smtpcheck.engine.driver.probing import Place
from smtpcheck.engine.evidence import Evidence, FaultKind, Probe, StageReply
from smtpcheck.engine.probes import KEPT_SECONDS, USUAL_PORTS, Probes, is_worth_asking
from smtpcheck.engine.stages import Security, Stage
from smtpcheck.engine.tls import Trust
from smtpcheck.sandbox import Authority, Kind, Tls, Visit
from tests.engine.diagnosis.sightings import fault, reply, seen
from tests.engine.ports import (
    PLAIN_FIRST,
    TLS_FIRST,
    asking,
    dropping_port,
    one_probe,
    settings_in,
    silence,
)
from tests.engine.trials import diagnosis_of, plan_for, tried
from tests.peers.fixtures import RunningSandbox
from tests.peers.honest import honest
from tests.peers.scripted import Client, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]
MakeSandbox = Callable[..., RunningSandbox]


def ended_visits(sandbox: RunningSandbox) -> list[Visit]:
    """All connections, once they have ended: the client may be done before the server is."""
    visits = list(sandbox.sandbox.visits)
    deadline = time.monotonic() + 5
    while not all(visit.ended for visit in visits) and time.monotonic() < deadline:
        time.sleep(0.002)
    return visits


# What is found becomes the remedy


def test_after_a_refused_connection_another_port_that_answers_is_found(
    sandbox: RunningSandbox, authority: Authority, closed_port: int
) -> None:
    probes = asking((sandbox.tls_port, TLS_FIRST))

    report = tried(plan_for(closed_port, trusted=authority), probes=probes)

    assert diagnosis_of(report) == "connect.refused"
    assert settings_in(report) == (sandbox.tls_port, "tls")
    probe = one_probe(report)
    assert (probe.outcome, probe.stage, probe.encrypted) == ("answers", Stage.EHLO, True)
    assert (probe.address, probe.port) == ("127.0.0.1", sandbox.tls_port)
    assert probe.greeting is not None
    assert probe.greeting.code == 220
    assert "AUTH PLAIN LOGIN" in probe.capabilities
    assert f"probe of port {sandbox.tls_port} by tls: answers" in report.evidence.transcript


def test_a_probe_says_hello_and_quit_and_nothing_of_a_login(
    sandbox: RunningSandbox, authority: Authority, closed_port: int
) -> None:
    ports = ((sandbox.starttls_port, PLAIN_FIRST), (sandbox.tls_port, TLS_FIRST))

    report = tried(plan_for(closed_port, trusted=authority), probes=asking(*ports))

    assert [probe.answers for probe in report.evidence.probes] == [True, True]
    verbs = [visit.verbs for visit in ended_visits(sandbox)]
    assert sorted(verbs) == [["EHLO", "QUIT"], ["EHLO", "STARTTLS", "EHLO", "QUIT"]]


def test_the_first_of_the_ports_that_answer_is_recommended(
    sandbox: RunningSandbox, authority: Authority, closed_port: int
) -> None:
    starttls = (sandbox.starttls_port, PLAIN_FIRST)
    tls = (sandbox.tls_port, TLS_FIRST)
    plan = plan_for(closed_port, trusted=authority)

    assert settings_in(tried(plan, probes=asking(starttls, tls)))[1] == "starttls"
    assert settings_in(tried(plan, probes=asking(tls, starttls)))[1] == "tls"


def test_a_silent_port_that_speaks_tls_is_told_and_asked_beside_the_waiting(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    served = peer(silence, honest(tls=server_context, is_implicit=True))
    began = time.monotonic()

    report = tried(plan_for(served.port, trusted=authority, seconds=3.0), probes=asking())

    assert time.monotonic() - began < 3.0
    assert (diagnosis_of(report), report.verdict) == ("proto.tls-port-spoken-plain", "fails")
    assert report.owner == "settings"
    assert settings_in(report) == (served.port, "tls")
    assert report.diagnosis is not None
    assert f"port {served.port} by tls: 220 peer ESMTP" in report.diagnosis.evidence_line
    served.wait_until_idle()
    assert [client.commands[-1:] for client in served.clients] == [[], ["QUIT"]]
    greeting = next(rung for rung in report.evidence.ladder if rung.stage is Stage.GREETING)
    assert greeting.took_ms is not None
    assert greeting.took_ms >= 1400  # the greeting was awaited to the end of its own clock


def test_a_silent_port_with_a_certificate_that_is_not_trusted_is_told_but_not_recommended(
    peer: MakePeer, server_context: ssl.SSLContext
) -> None:
    served = peer(silence, honest(tls=server_context, is_implicit=True))

    report = tried(plan_for(served.port, seconds=2.0), probes=asking())

    assert diagnosis_of(report) == "proto.tls-port-spoken-plain"
    assert settings_in(report) == (None, None)
    assert one_probe(report).outcome == FaultKind.CERTIFICATE.value


def test_a_port_that_is_silent_both_ways_stays_a_greeting_that_did_not_come(
    peer: MakePeer, authority: Authority
) -> None:
    served = peer(silence)

    report = tried(plan_for(served.port, trusted=authority, seconds=1.6), probes=asking())

    assert diagnosis_of(report) == "greet.timeout"
    assert one_probe(report).stage is Stage.TLS
    assert served.count == 2


def test_a_port_that_hangs_up_on_plain_text_and_speaks_tls_is_told(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    served = peer(Client.close, honest(tls=server_context, is_implicit=True))

    report = tried(plan_for(served.port, trusted=authority), probes=asking())

    assert diagnosis_of(report) == "proto.tls-port-spoken-plain"
    assert settings_in(report) == (served.port, "tls")


def test_a_plain_port_spoken_to_in_tls_gets_starttls_recommended(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    plan = plan_for(sandbox.starttls_port, trusted=authority, security=Security.TLS)

    report = tried(plan, probes=asking())

    assert diagnosis_of(report) == "proto.plain-port-spoken-tls"
    assert settings_in(report) == (sandbox.starttls_port, "starttls")


def test_a_port_that_hangs_up_on_tls_and_greets_in_the_clear_is_told(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    served = peer(
        lambda client: (client.read_client_hello(), client.close()), honest(tls=server_context)
    )
    plan = plan_for(served.port, trusted=authority, security=Security.TLS)
    report = tried(plan, probes=asking())

    assert diagnosis_of(report) == "proto.plain-port-spoken-tls"
    assert settings_in(report) == (served.port, "starttls")


@pytest.mark.parametrize("name", ["no-starttls", "no-auth", "tls-not-available"])
def test_what_ehlo_does_not_offer_is_found_at_another_port(
    make_sandbox: MakeSandbox, authority: Authority, sandbox: RunningSandbox, name: str
) -> None:
    lacking = make_sandbox(fault=name)
    plan = plan_for(lacking.starttls_port, trusted=authority)

    report = tried(plan, probes=asking((sandbox.tls_port, TLS_FIRST)))

    assert diagnosis_of(report) in (
        "tls.starttls-not-offered",
        "auth.not-offered",
        "tls.starttls-454",
    )
    assert settings_in(report) == (sandbox.tls_port, "tls")
    assert lacking.sandbox.visits[0].verbs[-1] == "QUIT"


def test_a_port_that_offers_no_login_is_not_recommended_to_who_logs_in(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext, closed_port: int
) -> None:
    served = peer(honest(tls=server_context, is_implicit=True, capabilities=["PIPELINING"]))

    report = tried(
        plan_for(closed_port, trusted=authority), probes=asking((served.port, TLS_FIRST))
    )

    assert one_probe(report).answers
    assert settings_in(report) == (None, None)


def test_a_port_without_tls_is_recommended_only_to_who_asks_for_none_and_sends_no_password(
    sandbox: RunningSandbox, authority: Authority, closed_port: int
) -> None:
    probes = [(sandbox.plain_port, PLAIN_FIRST)]

    def recommended(security: Security, user: str) -> tuple[object, object]:
        plan = plan_for(closed_port, trusted=authority, security=security, user=user)
        return settings_in(tried(plan, probes=asking(*probes)))

    assert recommended(Security.STARTTLS, "ann") == (None, None)
    assert recommended(Security.STARTTLS, "") == (None, None)
    assert recommended(Security.OPPORTUNISTIC, "ann") == (None, None)
    assert recommended(Security.OPPORTUNISTIC, "") == (sandbox.plain_port, "opportunistic")
    assert recommended(Security.NONE, "") == (sandbox.plain_port, "none")


@pytest.mark.parametrize("kind", [Kind.EXPIRED, Kind.WRONG_HOST, Kind.SELF_SIGNED])
def test_a_port_whose_certificate_is_not_trusted_is_not_recommended(
    make_sandbox: MakeSandbox, authority: Authority, closed_port: int, kind: Kind
) -> None:
    doubtful = make_sandbox(tls=Tls.IMPLICIT, certificate=kind)
    probes = asking((doubtful.tls_port, TLS_FIRST))

    report = tried(plan_for(closed_port, trusted=authority), probes=probes)

    assert one_probe(report).outcome == FaultKind.CERTIFICATE.value
    assert settings_in(report) == (None, None)


def test_when_every_port_drops_its_packets_the_diagnosis_says_all(stack: ExitStack) -> None:
    ports = [dropping_port(stack) for _ in range(3)]
    probes = asking(*((port, PLAIN_FIRST) for port in ports[1:]))
    plan = plan_for(ports[0], seconds=1.5, connect_seconds=0.4)

    report = tried(plan, probes=probes)

    assert diagnosis_of(report) == "connect.timeout-all"
    assert [probe.outcome for probe in report.evidence.probes] == ["timeout", "timeout"]


def test_when_one_of_the_ports_refuses_not_all_are_silent(
    stack: ExitStack, closed_port: int
) -> None:
    ports = [dropping_port(stack) for _ in range(2)]
    probes = asking((ports[1], PLAIN_FIRST), (closed_port, PLAIN_FIRST))

    report = tried(plan_for(ports[0], seconds=1.5, connect_seconds=0.4), probes=probes)

    assert diagnosis_of(report) == "connect.timeout"


# What is shared


@dataclass
class Ticking:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_within_ten_minutes_the_next_test_asks_nobody(
    sandbox: RunningSandbox, authority: Authority, closed_port: int
) -> None:
    clock = Ticking()
    probes = asking((sandbox.tls_port, TLS_FIRST), clock=clock)
    plan = plan_for(closed_port, trusted=authority)

    first = tried(plan, probes=probes)
    clock.now = KEPT_SECONDS - 1
    second = tried(plan, probes=probes)
    clock.now = KEPT_SECONDS
    third = tried(plan, probes=probes)

    assert len(sandbox.sandbox.visits) == 2
    remembered = [one_probe(report).remembered for report in (first, second, third)]
    assert remembered == [False, True, False]
    assert settings_in(first) == settings_in(second) == settings_in(third)


def test_tests_that_fail_side_by_side_ask_a_port_once(
    peer: MakePeer, authority: Authority, closed_port: int
) -> None:
    served = peer(hanging_up_late)
    probes = asking((served.port, PLAIN_FIRST))
    plan = plan_for(closed_port, trusted=authority)

    with ThreadPoolExecutor(3) as side_by_side:
        reports = list(side_by_side.map(lambda _: tried(plan, probes=probes), range(3)))

    assert served.count == 1
    seen_by_all = [one_probe(report) for report in reports]
    assert {probe.outcome for probe in seen_by_all} == {"closed"}
    assert sorted(probe.remembered for probe in seen_by_all) == [False, True, True]


def test_a_port_whose_answer_could_not_be_kept_is_asked_again_by_the_next_test_only() -> None:
    probes = Probes()

    assert probes.begin(place(587))
    assert not probes.begin(place(587))
    assert probes.begin(place(465))
    probes.end(place(587))
    assert probes.begin(place(587))


def test_another_trust_or_host_is_another_destination(
    sandbox: RunningSandbox, authority: Authority, closed_port: int
) -> None:
    probes = asking((sandbox.tls_port, TLS_FIRST))

    for plan in (
        plan_for(closed_port, trusted=authority),
        plan_for(closed_port),
        plan_for(closed_port, trusted=authority, pin="ab" * 32),
        plan_for(closed_port, trusted=authority, host="localhost"),
    ):
        assert not one_probe(tried(plan, probes=probes)).remembered

    assert len(sandbox.sandbox.visits) == 4


def test_a_wait_that_the_budget_cut_short_is_not_remembered(
    peer: MakePeer, authority: Authority, closed_port: int
) -> None:
    served = peer(silence)
    probes = asking((served.port, PLAIN_FIRST))
    plan = plan_for(closed_port, trusted=authority, seconds=0.6)

    for _ in range(2):
        assert one_probe(tried(plan, probes=probes)).outcome == "timeout"

    assert served.count == 2


def hanging_up_late(client: Client) -> None:
    client.sleep(0.4)
    client.close()


def place(number: int) -> Place:
    return Place(
        host="mail.example.org",
        addresses=frozenset({"192.0.2.1"}),
        question=Question(number, PLAIN_FIRST),
        trust=Trust(True),
    )


A_PROBE = Probe(port=587, security=PLAIN_FIRST, outcome="answers", stage=Stage.EHLO, took_ms=9)


def test_the_memory_has_a_bound() -> None:
    probes = Probes(max_kept=3)

    for number in range(1, 6):
        probes.remember(place(number), A_PROBE)

    assert [probes.recall(place(number)) is not None for number in range(1, 6)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_server_that_talks_too_much_is_not_remembered() -> None:
    probes = Probes()

    probes.remember(place(1), A_PROBE._replace(capabilities=("x" * 9000,)))

    assert probes.recall(place(1)) is None


# Which questions


def ports_after(evidence: Evidence) -> list[tuple[int, str]]:
    return [(each.port, each.security.value) for each in Probes().after(evidence)]


SILENT = fault(Stage.GREETING, kind=FaultKind.TIMEOUT)


def test_the_usual_ports_are_asked_in_the_order_of_their_use() -> None:
    refused = seen(fault(Stage.CONNECT, kind=FaultKind.REFUSED), address="", first_bytes=b"")

    assert ports_after(refused) == [(465, "tls"), (2525, "starttls"), (25, "starttls")]
    assert ports_after(refused._replace(username="", port=465)) == [
        (25, "starttls"),
        (587, "starttls"),
        (2525, "starttls"),
    ]


def test_port_25_is_never_asked_for_tls() -> None:
    silent = seen(SILENT, first_bytes=b"")

    assert ports_after(silent._replace(port=587))[0] == (587, "tls")
    assert (25, "tls") not in ports_after(silent._replace(port=25))
    assert all(each.security is not Security.TLS for each in USUAL_PORTS if each.port == 25)
    assert Probes().while_silent(plan_for(25)) is None
    assert Probes().while_silent(plan_for(587)) == Question(587, Security.TLS)
    assert Probes().while_silent(plan_for(587, security=Security.TLS)) is None


def test_another_service_behind_tls_is_not_asked_again_in_the_clear() -> None:
    http = seen(
        fault(Stage.TLS, kind=FaultKind.NOT_TLS, raw=b"HTTP/1.1 400 Bad"),
        security=Security.TLS,
        first_bytes=b"",
    )

    assert 587 not in [port for port, _ in ports_after(http)]
    mail = http._replace(fault=fault(Stage.TLS, kind=FaultKind.NOT_TLS, raw=b"220 mx"))
    assert ports_after(mail)[0] == (587, "starttls")


@pytest.mark.parametrize(
    "ended",
    [
        fault(Stage.CONFIG, kind=FaultKind.REFUSED_HERE),
        fault(Stage.DNS, kind=FaultKind.NAME_UNKNOWN),
        fault(Stage.CONNECT, kind=FaultKind.RESOURCES),
        fault(Stage.CONNECT, kind=FaultKind.SOURCE_ADDRESS),
        fault(Stage.GREETING, kind=FaultKind.DEADLINE),
        fault(Stage.EHLO, "550 no"),
        fault(Stage.EHLO, kind=FaultKind.TIMEOUT),
        fault(Stage.STARTTLS, "421 closing"),
        fault(Stage.TLS, kind=FaultKind.CERTIFICATE, verify_code=10),
        fault(Stage.TLS, kind=FaultKind.PIN),
        fault(Stage.AUTH, kind=FaultKind.NOT_OFFERED, detail="CRAM-MD5"),
        fault(Stage.AUTH, "535 no"),
        fault(Stage.RCPT, "554 no"),
    ],
    ids=lambda ended: f"{ended.stage.value} {ended.kind.value}",
)
def test_where_another_port_cannot_help_none_is_asked(ended: Any) -> None:
    assert not is_worth_asking(seen(ended))


def test_after_success_and_after_an_earlier_421_none_is_asked() -> None:
    lacking = fault(Stage.STARTTLS, kind=FaultKind.NOT_OFFERED)
    earlier = (StageReply(Stage.EHLO, reply("421 closing")),)

    assert not is_worth_asking(seen())
    assert is_worth_asking(seen(lacking))
    assert not is_worth_asking(seen(lacking, replies=earlier))
