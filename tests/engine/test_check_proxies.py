"""Tests through a proxy: what the proxy gets, what may go through, and proxies that fail."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from smtpcheck.engine.driver.knock import Question
from smtpcheck.engine.driver.resolver import ResolveFailed
from smtpcheck.engine.evidence import FaultKind, Report
from smtpcheck.engine.plan import Plan, Route
from smtpcheck.engine.policy import Address, Policy, parse_entry
from smtpcheck.engine.probes import Probes
from smtpcheck.engine.proxy import Proxy, parse_proxies
from smtpcheck.engine.stages import Security, Stage, Verdict
from smtpcheck.sandbox import Authority
from tests.engine.trials import (
    IN_THE_CLEAR,
    assert_tells_nothing_of,
    diagnosis_of,
    plan_for,
    tried,
    warnings_in,
)
from tests.peers.fixtures import RunningSandbox
from tests.peers.proxies import ForwardingProxy, forwarding
from tests.peers.scripted import Client, ScriptedPeer

Forwarding = Callable[..., ForwardingProxy]
Peer = Callable[..., ScriptedPeer]

LOGIN = ("annabel", "hush-hush")
SCHEMES = ("socks5", "http")


@pytest.fixture
def proxy_of() -> Iterator[Forwarding]:
    """Starts forwarding proxies: ``proxy_of("socks5", login)``."""
    with ExitStack() as stack:

        def make(scheme: str, login: tuple[str, str] | None = None) -> ForwardingProxy:
            return stack.enter_context(forwarding(scheme, login))

        yield make


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        return int(closing.getsockname()[1])


def named(scheme: str, port: int, login: tuple[str, str] | None = None, host: str = "") -> Proxy:
    user = f"{login[0]}:{login[1]}@" if login else ""
    entry = f"office={scheme}://{user}{host or '127.0.0.1'}:{port}"
    return parse_proxies((entry,))["office"]


def through(plan: Plan, proxy: Proxy) -> Plan:
    return dataclasses.replace(plan, route=Route(proxy=proxy))


def resolver(**names: str) -> Callable[[str], Any]:
    async def resolve(host: str) -> Sequence[Address]:
        if host not in names:
            raise ResolveFailed(FaultKind.NAME_UNKNOWN, "Name or service not known")
        return [ipaddress.ip_address(names[host])]

    return resolve


# --- Going through ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("login", [None, LOGIN])
def test_a_whole_test_goes_through(
    scheme: str,
    login: tuple[str, str] | None,
    proxy_of: Forwarding,
    sandbox: RunningSandbox,
    authority: Authority,
) -> None:
    proxy = proxy_of(scheme, login)
    plan = plan_for(sandbox.starttls_port, trusted=authority, host="localhost")

    report = tried(
        through(plan, named(scheme, proxy.port, login)), resolver=resolver(localhost="127.0.0.1")
    )

    assert (report.verdict, warnings_in(report)) == (Verdict.WORKS, set())
    assert proxy.asked == [("127.0.0.1", sandbox.starttls_port)]
    assert login is None or proxy.logins == [LOGIN]
    assert len(sandbox.mailbox.mails) == 1
    assert [(item.outcome, item.proxy) for item in report.evidence.attempts] == [
        ("connected", "office")
    ]
    assert "through proxy office" in report.evidence.transcript
    for secret in LOGIN:
        assert_tells_nothing_of(secret, report)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tls_on_connect_goes_through(
    scheme: str, proxy_of: Forwarding, sandbox: RunningSandbox, authority: Authority
) -> None:
    proxy = proxy_of(scheme)
    plan = plan_for(sandbox.tls_port, trusted=authority, security=Security.TLS)
    report = tried(through(plan, named(scheme, proxy.port)))
    assert report.verdict is Verdict.WORKS


def test_every_address_is_tested_through_the_proxy_and_one_logs_in(
    proxy_of: Forwarding, sandbox: RunningSandbox, authority: Authority
) -> None:
    proxy = proxy_of("socks5")
    plan = plan_for(sandbox.starttls_port, trusted=authority, host="localhost")
    route = Route(proxy=named("socks5", proxy.port), every_address=True)

    async def both(_host: str) -> Sequence[Address]:
        return [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("127.0.0.2")]

    report = tried(dataclasses.replace(plan, route=route), resolver=both)

    # The sandbox listens on the first alone: the proxy meets nobody at the second.
    assert report.verdict is Verdict.WORKS
    assert sorted(proxy.asked) == [
        ("127.0.0.1", sandbox.starttls_port),
        ("127.0.0.2", sandbox.starttls_port),
    ]
    outcomes = {(item.address, item.outcome) for item in report.evidence.attempts}
    assert outcomes == {("127.0.0.1", "connected"), ("127.0.0.2", "refused")}
    assert len(sandbox.mailbox.mails) == 1


def test_the_proxy_itself_may_have_a_name_and_is_not_judged_by_the_policy(
    proxy_of: Forwarding, sandbox: RunningSandbox, authority: Authority
) -> None:
    proxy = proxy_of("socks5")
    port = sandbox.starttls_port
    plan = through(
        plan_for(port, trusted=authority), named("socks5", proxy.port, host="proxy.example")
    )
    only_the_server = Policy(entries=(parse_entry(f"127.0.0.1/32:{port}"),))
    names = resolver(**{"proxy.example": "127.0.0.1"})
    assert tried(plan, policy=only_the_server, resolver=names).verdict is Verdict.WORKS


def test_what_the_policy_forbids_is_not_asked_of_a_proxy(peer: Peer) -> None:
    proxy = peer(Client.drain)
    report = tried(through(plan_for(587), named("socks5", proxy.port)), policy=Policy())
    assert diagnosis_of(report) == "config.destination-forbidden"
    assert proxy.count == 0


def test_other_ports_are_asked_through_the_same_proxy(
    proxy_of: Forwarding, sandbox: RunningSandbox, authority: Authority, peer: Peer
) -> None:
    proxy = proxy_of("http")
    mute = peer(Client.close)
    probes = Probes((Question(sandbox.tls_port, Security.TLS),))
    plan = through(plan_for(mute.port, trusted=authority), named("http", proxy.port))

    report = tried(plan, probes=probes)

    answering = [probe.port for probe in report.evidence.probes if probe.answers]
    assert answering == [sandbox.tls_port]
    asked = {port for _host, port in proxy.asked}
    assert asked == {mute.port, sandbox.tls_port}
    assert mute.count == proxy.asked.count(("127.0.0.1", mute.port))
    assert "connect.through-proxy" in warnings_in(report)


# --- Nothing in clear -------------------------------------------------------------------------


def test_no_password_goes_in_clear_through_a_proxy_whatever_the_policy_says(peer: Peer) -> None:
    proxy = peer(Client.drain)
    plan = through(plan_for(587, security=Security.NONE), named("socks5", proxy.port))
    report = tried(plan, policy=IN_THE_CLEAR)
    assert diagnosis_of(report) == "config.cleartext-secret"
    assert proxy.count == 0


def test_a_server_without_starttls_gets_no_password_through_a_proxy(
    proxy_of: Forwarding, sandbox: RunningSandbox
) -> None:
    proxy = proxy_of("socks5")
    plan = plan_for(sandbox.plain_port, security=Security.OPPORTUNISTIC)
    report = tried(through(plan, named("socks5", proxy.port)), policy=IN_THE_CLEAR)
    assert diagnosis_of(report) == "config.cleartext-secret"
    assert "AUTH" not in sandbox.visit.verbs


def test_mail_without_a_login_may_go_in_clear(proxy_of: Forwarding, peer: Peer) -> None:
    proxy = proxy_of("socks5")
    server = peer(["220 hi", "250 hi", "250 ok", "250 ok", "354 go", "250 queued"])
    plan = plan_for(server.port, security=Security.NONE, user="", password="")
    report = tried(through(plan, named("socks5", proxy.port)))
    assert report.verdict is Verdict.WORKS


def test_a_reply_that_holds_the_password_of_the_proxy_is_kept_as_codes(
    proxy_of: Forwarding, peer: Peer
) -> None:
    proxy = proxy_of("socks5", LOGIN)
    server = peer([f"554 go away {LOGIN[1]}"])
    plan = plan_for(server.port, security=Security.NONE, user="", password="")
    report = tried(through(plan, named("socks5", proxy.port, LOGIN)))
    assert report.verdict is not Verdict.WORKS
    assert_tells_nothing_of(LOGIN[1], report)


# --- Proxies that fail ------------------------------------------------------------------------


def failed(proxy: Proxy, host: str = "127.0.0.1", **doors: Any) -> Report:
    """The report of a test of one second through a proxy that does not let it through."""
    plan = plan_for(587, host=host, seconds=1.0, connect_seconds=0.6)
    report = tried(through(plan, proxy), **doors)
    assert report.stage is Stage.CONNECT
    assert_tells_nothing_of(LOGIN[0], report)
    assert_tells_nothing_of(LOGIN[1], report)
    return report


def told(report: Report) -> str:
    assert report.diagnosis is not None
    assert report.diagnosis.parameters["proxy"] == "office"
    assert " through proxy office: " in report.diagnosis.evidence_line
    return str(report.diagnosis.parameters["detail"])


def socks(*answers: bytes) -> Callable[[Client], object]:
    """A proxy that gives one answer to each thing it is told."""

    def talk(client: Client) -> None:
        for answer in answers:
            client.read_bytes()
            client.send(answer)
        client.drain()

    return talk


def http(answer: bytes) -> Callable[[Client], object]:
    def talk(client: Client) -> None:
        while client.read_line():
            continue
        client.send(answer)
        client.drain()

    return talk


def endless(client: Client) -> None:
    while client.read_line():
        continue
    client.send("HTTP/1.1 200 OK")
    client.repeat("X-Padding: " + "x" * 1000)


def dripping(client: Client) -> None:
    client.read_bytes()
    client.drip("HTTP/1.1 200 OK" + "x" * 100, seconds=0.1)


def closing_late(client: Client) -> None:
    client.read_bytes()
    client.send(b"\x05\x00")
    client.half_close()


def resetting(client: Client) -> None:
    client.read_bytes()
    client.reset()


REFUSALS: dict[str, tuple[str, Callable[[Client], object], str]] = {
    "socks-general": ("socks5", socks(b"\x05\x00", b"\x05\x01"), "SOCKS reply 1: general failure"),
    "socks-rules": ("socks5", socks(b"\x05\x00", b"\x05\x02"), "SOCKS reply 2: not allowed"),
    "socks-unknown": ("socks5", socks(b"\x05\x00", b"\x05\x63"), "SOCKS reply 99"),
    "socks-login": ("socks5", socks(b"\x05\x02", b"\x01\x01"), "it refused its user name"),
    "socks-no-method": ("socks5", socks(b"\x05\xff"), "no login that the settings allow"),
    "socks-smtp": ("socks5", lambda client: client.send("220 mail ESMTP"), "220 mail ESMTP"),
    "socks-http": ("socks5", socks(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak socks5"),
    "socks-closes": ("socks5", lambda client: client.close(), "closed the connection"),
    "socks-closes-late": (
        "socks5",
        closing_late,
        "before the answer to the request",
    ),
    "socks-resets": ("socks5", resetting, "reset"),
    "http-403": ("http", http(b"HTTP/1.1 403 Forbidden\r\n\r\nno"), "HTTP 403 Forbidden"),
    "http-407": ("http", http(b"HTTP/1.1 407 Login\r\n\r\n"), "HTTP 407 Login"),
    "http-502": ("http", http(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), "HTTP 502 Bad Gateway"),
    "http-smtp": ("http", lambda client: client.send("220 mail ESMTP"), "220 mail ESMTP"),
    "http-garbage": ("http", http(bytes(range(1, 40))), "does not speak http"),
    "http-echo": ("http", http(b"HTTP/1.1 407 " + LOGIN[1].encode() + b"\r\n"), "HTTP 407"),
    "http-closes": ("http", lambda client: client.close(), "closed the connection"),
    "http-endless": ("http", endless, "an answer without end"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_a_proxy_does_not_do_is_told_in_its_words(case: str, peer: Peer) -> None:
    scheme, script, said = REFUSALS[case]
    report = failed(named(scheme, peer(script).port, LOGIN))
    assert (diagnosis_of(report), report.verdict) == (
        "connect.proxy-refused",
        Verdict.INCONCLUSIVE,
    )
    assert said in told(report)


@pytest.mark.parametrize(
    ("code", "diagnosis"),
    [(3, "connect.unreachable"), (4, "connect.unreachable"), (5, "connect.refused")],
)
def test_what_the_proxy_met_at_the_server_is_told_of_the_server(
    code: int, diagnosis: str, peer: Peer
) -> None:
    proxy = peer(socks(b"\x05\x00", bytes((5, code))))
    report = failed(named("socks5", proxy.port))
    assert (diagnosis_of(report), report.verdict) == (diagnosis, Verdict.FAILS)
    assert f"SOCKS reply {code}" in told(report)
    assert "connect.through-proxy" in warnings_in(report)


@pytest.mark.parametrize(
    ("scheme", "script", "awaited"),
    [
        ("socks5", Client.drain, "the answer to its greeting"),
        ("socks5", socks(b"\x05\x02"), "the answer to its login"),
        ("socks5", socks(b"\x05\x00"), "the answer to the request for a connection"),
        ("socks5", socks(b"\x05\x00", b"\x05\x00\x00\x01"), "the answer to the request"),
        ("http", Client.drain, "the answer to the request"),
        ("http", dripping, "the answer to the request"),
        ("http", http(b"HTTP/1.1 200 OK\r\n"), "the answer to the request"),
    ],
)
def test_a_silent_proxy_is_told_from_a_silent_server(
    scheme: str, script: Callable[[Client], object], awaited: str, peer: Peer
) -> None:
    report = failed(named(scheme, peer(script).port, LOGIN))
    assert (diagnosis_of(report), report.verdict) == ("connect.proxy-silent", Verdict.INCONCLUSIVE)
    assert f"waited for {awaited}" in told(report)


def test_a_proxy_that_is_not_there_is_named(closed_port: int) -> None:
    report = failed(named("http", closed_port))
    assert (diagnosis_of(report), report.verdict) == (
        "connect.proxy-unreachable",
        Verdict.INCONCLUSIVE,
    )
    assert "refused" in told(report)


def test_a_proxy_without_an_address_is_named() -> None:
    proxy = named("http", 3128, host="proxy.example")
    report = failed(proxy, "mail.example", resolver=resolver(**{"mail.example": "127.0.0.1"}))
    assert diagnosis_of(report) == "connect.proxy-unreachable"
    assert "Name or service not known" in told(report)


def test_a_server_that_closes_behind_a_proxy_may_not_be_to_blame(
    proxy_of: Forwarding, peer: Peer
) -> None:
    proxy, server = proxy_of("socks5"), peer(Client.close)
    plan = plan_for(server.port, seconds=2.0)
    report = tried(through(plan, named("socks5", proxy.port)))
    assert diagnosis_of(report) == "connect.closed-before-banner"
    assert "connect.through-proxy" in warnings_in(report)
