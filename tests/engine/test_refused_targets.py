"""A target that may not be tested is refused alike, whatever is there, and without any socket.

And what may be tested is dialled where it was judged, however often the name is asked again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from smtpcheck.engine import check
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Report, plain
from smtpcheck.engine.plan import Past, Plan
from smtpcheck.engine.policy import Address, Policy, parse_entry
from smtpcheck.engine.probes import Probes
from smtpcheck.engine.stages import Security, Verdict
from smtpcheck.engine.uri import parse_uri
from smtpcheck.sandbox import Authority
from tests.engine.ports import TLS_FIRST, asking
from tests.engine.socketcalls import Call, dialled, socket_calls
from tests.engine.trials import LOOPBACK, diagnosis_of, plan_for
from tests.peers.honest import honest, until
from tests.peers.scripted import Client, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]

FORBIDDEN = "config.destination-forbidden"
NAME = "internal.example"
PUBLIC = "8.8.8.8"

# Every kind of address that leads inside, also beside one that does not.
INSIDE = {
    "loopback": ["127.0.0.1"],
    "link-local": ["169.254.10.10"],
    "private": ["192.168.1.1"],
    "carrier-grade": ["100.64.1.1"],
    "multicast": ["224.0.0.251"],
    "reserved": ["240.0.0.1"],
    "documentation": ["203.0.113.7"],
    "cloud metadata": ["169.254.169.254"],
    "IPv6 loopback": ["::1"],
    "IPv6 unique local": ["fd00::1"],
    "mapped": ["::ffff:127.0.0.1"],
    "compatible": ["::127.0.0.1"],
    "6to4": ["2002:7f00:1::1"],
    "Teredo": ["2001:0:808:808::80ff:fffe"],
    "NAT64": ["64:ff9b::127.0.0.1"],
    "public first": [PUBLIC, "127.0.0.1"],
    "public last": ["127.0.0.1", PUBLIC],
    "public in the other family": ["2606:4700::1111", "10.0.0.1"],
}

# How an address inside can be written so that two programs read it differently. "PORT" is the port
# of a server that nobody may reach.
SPELLINGS = {
    "decimal": "smtps://2130706433:PORT",
    "octal": "smtps://0177.0.0.1:PORT",
    "octal as a whole": "smtps://017700000001:PORT",
    "hex": "smtps://0x7f000001:PORT",
    "hex by part": "smtps://0x7f.0.0.1:PORT",
    "short": "smtps://127.1:PORT",
    "zero": "smtps://0:PORT",
    "leading zeros": "smtps://127.000.000.001:PORT",
    "trailing dot": "smtps://127.0.0.1.:PORT",
    "two trailing dots": "smtps://localhost..:PORT",
    "zone id": "smtps://[fe80::1%25lo]:PORT",
    "zone id not encoded": "smtps://[::1%lo]:PORT",
    "percent-encoded dots": "smtps://127%2e0%2e0%2e1:PORT",
    "percent-encoded host": "smtps://%31%32%37.0.0.1:PORT",
    "full-width digits": "smtps://１２７.０.０.１:PORT",
    "ideographic full stops": "smtps://127。0。0。1:PORT",
    "circled digits": "smtps://①②⑦.0.0.1:PORT",
    "mapped": "smtps://[::ffff:127.0.0.1]:PORT",
    "mapped in hex": "smtps://[::ffff:7f00:1]:PORT",
    "brackets around IPv4": "smtps://[127.0.0.1]:PORT",
    "userinfo that looks like a host": "smtps://mail.example.org@127.0.0.1:PORT",
    "userinfo with a port": "smtps://mail.example.org:465@127.0.0.1:PORT",
    "@ twice": "smtps://a@mail.example.org@127.0.0.1:PORT",
    "backslash": "smtps://mail.example.org\\@127.0.0.1:PORT",
    "fragment": "smtps://127.0.0.1:PORT#@mail.example.org",
    "query": "smtps://127.0.0.1:PORT?@mail.example.org",
    "slash": "smtps://127.0.0.1:PORT/@mail.example.org",
    "blank": "smtps://127.0.0.1 :PORT",
    "soft hyphen": "smtps://127.0.0.\u00ad1:PORT",
    "two ports": "smtps://127.0.0.1:PORT:465",
}


class Resolver:
    """Gives one answer after the other, the last one for ever, and counts the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[Address]:
        answer = self._answers[min(len(self.asked), len(self._answers) - 1)]
        self.asked.append(host)
        return [ipaddress.ip_address(text) for text in answer]


def watched(
    plan: Plan, resolver: Resolver, policy: Policy, probes: Probes | None = None
) -> tuple[Report, list[Call]]:
    """The report of a plan and the socket calls that it took."""

    async def alone() -> tuple[Report, list[Call]]:
        with socket_calls() as calls:
            found = await check(
                plan, policy=policy, resolver=resolver, probes=probes, look_ups=None
            )
        return found, calls

    return asyncio.run(alone())


# What a caller is not told: the lines that an administrator may add to the policy.
UNTOLD = {"started_at", "policy_lines"}


def told(value: Any) -> Any:
    """A report as plain values, without its moments and durations."""
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if not name.endswith("_ms")}
        return {name: told(item) for name, item in kept.items() if name not in UNTOLD}
    if isinstance(value, list):
        return [told(item) for item in value]
    return value


def test_socket_calls_are_seen(peer: MakePeer, authority: Authority) -> None:
    server = peer(honest())
    plan = plan_for(server.port, trusted=authority, host=NAME)
    _, calls = watched(plan, Resolver(["127.0.0.1"]), LOOPBACK)
    assert dialled(calls) == [("127.0.0.1", server.port)]


@pytest.mark.parametrize("addresses", INSIDE.values(), ids=INSIDE)
def test_a_name_that_leads_inside_is_refused_without_a_socket_call(addresses: list[str]) -> None:
    report, calls = watched(plan_for(587, host=NAME), Resolver(addresses), Policy())
    assert (diagnosis_of(report), calls) == (FORBIDDEN, [])
    assert not [text for text in addresses if f"'{text}'" in repr(told(plain(report)))]


def test_all_that_is_refused_is_refused_in_the_same_words() -> None:
    answers = [
        told(plain(watched(plan_for(587, host=NAME), Resolver(addresses), Policy())[0]))
        for addresses in INSIDE.values()
    ]
    assert all(answer == answers[0] for answer in answers)


def test_a_refusal_does_not_tell_whether_anything_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        plan = plan_for(port, host=NAME)
        somebody, calls = watched(plan, Resolver(["127.0.0.1"]), Policy(), Probes())
        assert calls == []
    nobody, calls = watched(plan, Resolver(["127.0.0.1"]), Policy(), Probes())
    assert calls == []
    assert diagnosis_of(nobody) == FORBIDDEN
    assert told(plain(somebody)) == told(plain(nobody))


@pytest.mark.parametrize("uri", SPELLINGS.values(), ids=SPELLINGS)
def test_an_odd_spelling_of_an_address_inside_leads_nowhere(uri: str) -> None:
    """Refused by the one parser, or read as the address that the policy then refuses."""
    try:
        parsed = parse_uri(uri.replace("PORT", "587"))
    except Refused:
        return
    resolver = Resolver([PUBLIC])  # what another reader could have made of it
    report, calls = watched(plan_for(587, host=parsed.host), resolver, Policy())
    assert (diagnosis_of(report), calls, resolver.asked) == (FORBIDDEN, [], [])


# --- One resolution -------------------------------------------------------------------------------


def test_a_name_that_answers_differently_is_dialled_where_it_was_judged(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority
) -> None:
    server = peer(honest(tls=server_context))
    resolver = Resolver(["127.0.0.1"], ["127.0.0.66"])
    plan = plan_for(server.port, trusted=authority, host="localhost")
    report, calls = watched(plan, resolver, LOOPBACK)
    assert report.verdict is Verdict.WORKS
    assert resolver.asked == ["localhost"]
    assert dialled(calls) == [("127.0.0.1", server.port)]


def test_counter_probes_ask_the_address_that_was_judged(
    peer: MakePeer, authority: Authority
) -> None:
    other = peer(until("tls", Client.close, is_implicit=True))
    with socket.create_server(("127.0.0.1", 0)) as closing:
        closed = closing.getsockname()[1]
    resolver = Resolver(["127.0.0.1"], ["127.0.0.66"])
    policy = Policy((parse_entry(f"127.0.0.1/32:{closed},{other.port}"),))
    plan = plan_for(closed, trusted=authority, host="localhost")
    report, calls = watched(plan, resolver, policy, asking((other.port, TLS_FIRST)))
    assert len(report.evidence.probes) == 1
    assert resolver.asked == ["localhost"]
    assert dialled(calls) == [("127.0.0.1", closed), ("127.0.0.1", other.port)]


def test_a_second_connection_goes_to_the_address_of_the_first(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority
) -> None:
    # A server that took the login in a group and then left is asked once more, by itself.
    server = peer(until("mail", Client.close, tls=server_context), honest(tls=server_context))
    resolver = Resolver(["127.0.0.1"], ["127.0.0.66"])
    plan = plan_for(server.port, trusted=authority, host="localhost", past=Past(login_passed=True))
    _, calls = watched(plan, resolver, LOOPBACK)
    assert resolver.asked == ["localhost"]
    assert dialled(calls) == [("127.0.0.1", server.port)] * 2


def test_every_address_of_a_name_is_asked_for_once(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority
) -> None:
    server = peer(honest(tls=server_context))
    resolver = Resolver(["127.0.0.1", "127.0.0.2"], ["127.0.0.66"])
    plan = plan_for(server.port, trusted=authority, host="localhost", security=Security.STARTTLS)
    plan = replace(plan, route=plan.route._replace(every_address=True))
    _, calls = watched(plan, resolver, LOOPBACK)
    assert resolver.asked == ["localhost"]
    assert {address for address, _ in dialled(calls)} <= {"127.0.0.1", "127.0.0.2"}
