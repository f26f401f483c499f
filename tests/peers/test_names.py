"""The name server of the tests does what it is told, by dnspython's own client."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.peers.names import NameServer

ZONES = {
    "example.org": {"A": ["192.0.2.1"]},
    "www.example.org": {"CNAME": ["example.org."]},
    "_a._tcp.deep.example.org": {"A": ["192.0.2.2"]},
}


def asked(server: NameServer, name: str, type_: str = "A", flags: int = 0) -> dns.message.Message:
    query = dns.message.make_query(name, type_)
    query.flags |= flags
    host, port = server.address
    return dns.query.udp_with_fallback(query, host, port=port, timeout=0.5)[0]


@pytest.mark.parametrize(
    ("name", "type_", "rcode", "count"),
    [
        ("example.org", "A", dns.rcode.NOERROR, 1),
        ("www.example.org", "A", dns.rcode.NOERROR, 2),
        ("example.org", "MX", dns.rcode.NOERROR, 0),
        ("deep.example.org", "A", dns.rcode.NOERROR, 0),
        ("other.example.org", "A", dns.rcode.NXDOMAIN, 0),
    ],
)
def test_a_zone_is_served(name: str, type_: str, rcode: dns.rcode.Rcode, count: int) -> None:
    with NameServer(ZONES) as server:
        answer = asked(server, name, type_)

    assert (answer.rcode(), len(answer.answer)) == (rcode, count)
    assert server.asked == [(name, type_)]


@pytest.mark.parametrize(
    ("fault", "rcode"), [("servfail", dns.rcode.SERVFAIL), ("refused", dns.rcode.REFUSED)]
)
def test_a_failure_is_answered(fault: str, rcode: dns.rcode.Rcode) -> None:
    with NameServer(ZONES, faults={"example.org": fault}) as server:
        assert asked(server, "example.org").rcode() == rcode


def test_a_bogus_name_is_answered_only_without_verification() -> None:
    with NameServer(ZONES, faults={"example.org": "bogus"}) as server:
        assert asked(server, "example.org").rcode() == dns.rcode.SERVFAIL
        assert asked(server, "example.org", flags=dns.flags.CD).rcode() == dns.rcode.NOERROR


def test_a_cut_answer_is_whole_by_tcp() -> None:
    with NameServer(ZONES, faults={"example.org": "truncated"}) as server:
        assert len(asked(server, "example.org").answer) == 1

    assert server.over_tcp == [("example.org", "A")]


@pytest.mark.parametrize("fault", ["silence", "garbage", "wrong-id"])
def test_what_is_no_answer(fault: str) -> None:
    with (
        NameServer(ZONES, faults={"example.org": fault}) as server,
        pytest.raises(dns.exception.DNSException),
    ):
        asked(server, "example.org")
