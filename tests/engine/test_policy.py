"""Only public addresses are dialled unless an entry says otherwise; a refusal tells nothing."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.policy import Policy, PolicyEntry, is_public, parse_entry

MAIL_PORTS = frozenset({25, 465, 587, 2525})
PUBLIC = ["8.8.8.8", "194.25.134.8", "2a00:1450:4001::1", "2606:4700::1111"]
FORBIDDEN = {
    "this network": "0.0.0.0",
    "this network, a host": "0.1.2.3",
    "private 10": "10.1.2.3",
    "private 172": "172.31.255.254",
    "private 192": "192.168.0.1",
    "carrier-grade": "100.64.0.1",
    "a cloud's metadata in carrier-grade space": "100.100.100.200",
    "loopback": "127.0.0.1",
    "loopback, another": "127.255.255.254",
    "link-local": "169.254.1.1",
    "metadata": "169.254.169.254",
    "a cloud's host agent": "168.63.129.16",
    "protocol assignments": "192.0.0.9",
    "documentation": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "6to4 relay": "192.88.99.1",
    "benchmarking": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast with global scope": "233.252.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 unspecified": "::",
    "IPv6 loopback": "::1",
    "IPv6 just above loopback": "::2",
    "IPv6 link-local": "fe80::1",
    "IPv6 site-local": "fec0::1",
    "IPv6 unique local": "fd12:3456::1",
    "IPv6 metadata": "fd00:ec2::254",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation 2": "3fff::1",
    "IPv6 discard": "100::1",
    "IPv6 benchmarking": "2001:2::1",
    "IPv6 ORCHID": "2001:10::1",
    "IPv6 segment routing": "5f00::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 multicast with global scope": "ff0e::1",
    "IPv6 unassigned": "4000::1",
    "NAT64 of one's own": "64:ff9b:1::808:808",
}
INSIDE = {
    "mapped": "::ffff:{}",
    "translated": "::ffff:0:{}",
    "compatible": "::{}",
    "NAT64": "64:ff9b::{}",
}


def objection(policy: Policy, *addresses: str, port: int = 587) -> str:
    try:
        policy.judge([ip_address(address) for address in addresses], port)
    except Refused as refused:
        return refused.diagnosis_id
    return ""


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("10.1.2.3", "10.1.2.3:25"),
        ("fd00::5", "[fd00::5]:25"),
        ("::ffff:10.1.2.3", "10.1.2.3:25"),  # judged by what is inside
    ],
)
def test_the_line_that_a_policy_lacks_is_what_lets_the_address_pass(
    address: str, line: str
) -> None:
    addresses = [ip_address(address), ip_address("8.8.8.8")]
    assert Policy().missing_lines(addresses, 25) == (line,)
    wider = Policy((parse_entry(line),))
    assert wider.missing_lines(addresses, 25) == ()
    assert objection(wider, address, port=25) == ""


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_dialled(address: str) -> None:
    assert is_public(ip_address(address))
    assert objection(Policy(), address) == ""


@pytest.mark.parametrize("address", FORBIDDEN.values(), ids=FORBIDDEN)
def test_any_other_address_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    assert objection(Policy(), address) == "config.destination-forbidden"


@pytest.mark.parametrize("form", INSIDE.values(), ids=INSIDE)
def test_an_ipv4_address_inside_an_ipv6_one_is_judged_as_ipv4(form: str) -> None:
    assert objection(Policy(), form.format("10.0.0.1")) == "config.destination-forbidden"
    assert objection(Policy(), form.format("127.0.0.1")) == "config.destination-forbidden"
    assert objection(Policy(), form.format("8.8.8.8")) == ""
    inside = Policy((parse_entry("10.0.0.0/8"),))
    assert objection(inside, form.format("10.0.0.1")) == ""


def test_6to4_and_teredo_are_judged_by_the_ipv4_address_inside() -> None:
    assert objection(Policy(), "2002:a00:1::1") == "config.destination-forbidden"  # 10.0.0.1
    assert objection(Policy(), "2002:808:808::1") == ""
    teredo = "2001:0:4136:e378:8000:63bf:{}"
    assert objection(Policy(), teredo.format("f5ff:fffe")) == "config.destination-forbidden"
    assert objection(Policy(), teredo.format("f7f7:f7f7")) == ""  # 8.8.8.8


def test_one_forbidden_address_refuses_the_name_whole() -> None:
    assert objection(Policy(), "8.8.8.8", "10.0.0.1") == "config.destination-forbidden"
    assert objection(Policy(), "10.0.0.1", "8.8.8.8") == "config.destination-forbidden"


def test_a_refusal_tells_no_address() -> None:
    answers = set()
    for addresses in (["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["fe80::1", "2a00::1"]):
        with pytest.raises(Refused) as caught:
            Policy().judge([ip_address(address) for address in addresses], 587)
        answers.add((caught.value.diagnosis_id, str(caught.value)))
    assert answers == {("config.destination-forbidden", "config.destination-forbidden (port=587)")}


def test_a_port_outside_the_policy_is_refused_for_every_address_alike() -> None:
    policy = Policy(ports=MAIL_PORTS)
    assert objection(policy, "8.8.8.8", port=587) == ""
    assert objection(policy, "8.8.8.8", port=22) == "config.port-forbidden"
    assert objection(policy, "10.0.0.1", port=22) == "config.port-forbidden"
    assert objection(policy, "8.8.8.8", "10.0.0.1", port=22) == "config.port-forbidden"


def test_an_entry_opens_its_network_on_the_ports_of_the_policy() -> None:
    policy = Policy((parse_entry("10.0.0.0/8"),), MAIL_PORTS)
    assert objection(policy, "10.1.2.3", port=25) == ""
    assert objection(policy, "10.1.2.3", port=22) == "config.port-forbidden"
    assert objection(policy, "11.1.2.3", port=22) == "config.port-forbidden"
    assert objection(policy, "192.168.0.1", port=25) == "config.destination-forbidden"


def test_an_entry_with_ports_opens_only_those() -> None:
    policy = Policy((parse_entry("10.0.0.0/8:2500,2501"),), MAIL_PORTS)
    assert objection(policy, "10.1.2.3", port=2500) == ""
    assert objection(policy, "10.1.2.3", port=25) == "config.destination-forbidden"
    assert objection(policy, "8.8.8.8", port=2500) == "config.port-forbidden"


def test_an_entry_opens_nothing_beside_its_network() -> None:
    policy = Policy((parse_entry("10.0.0.0/8"),))
    assert objection(policy, "10.0.0.1", "192.168.0.1") == "config.destination-forbidden"
    assert objection(policy, "10.0.0.1", "8.8.8.8") == ""


def test_an_entry_for_one_family_says_nothing_of_the_other() -> None:
    policy = Policy((parse_entry("0.0.0.0/0"),))
    assert objection(policy, "fd00::1") == "config.destination-forbidden"


def test_only_an_entry_that_says_so_allows_a_password_in_the_clear() -> None:
    silent = Policy((parse_entry("127.0.0.0/8"),))
    open_ = Policy((parse_entry("127.0.0.0/8:2525 cleartext=yes"),))
    assert not Policy().allows_cleartext(ip_address("8.8.8.8"), 25)
    assert not silent.allows_cleartext(ip_address("127.0.0.1"), 2525)
    assert open_.allows_cleartext(ip_address("127.0.0.1"), 2525)
    assert open_.allows_cleartext(ip_address("::ffff:127.0.0.1"), 2525)
    assert not open_.allows_cleartext(ip_address("127.0.0.1"), 25)
    assert not open_.allows_cleartext(ip_address("10.0.0.1"), 2525)


@pytest.mark.parametrize(
    ("line", "network", "ports", "cleartext"),
    [
        ("10.0.0.0/8", "10.0.0.0/8", None, False),
        ("10.0.0.1", "10.0.0.1/32", None, False),
        ("10.0.0.0/8:25,587", "10.0.0.0/8", {25, 587}, False),
        ("10.0.0.0/8 cleartext=no", "10.0.0.0/8", None, False),
        ("127.0.0.1:2525 cleartext=yes", "127.0.0.1/32", {2525}, True),
        ("  127.0.0.1:2525   cleartext=yes ", "127.0.0.1/32", {2525}, True),
        ("[::1]:2525", "::1/128", {2525}, False),
        ("[fd00::]/8:25,587", "fd00::/8", {25, 587}, False),
        ("[fd00::]/8", "fd00::/8", None, False),
        ("fd00::/8", "fd00::/8", None, False),
    ],
)
def test_a_line_of_the_policy_is_understood(
    line: str, network: str, ports: set[int] | None, cleartext: bool
) -> None:
    wanted = frozenset(ports) if ports else None
    assert parse_entry(line) == PolicyEntry(ip_network(network), wanted, cleartext)


def test_a_star_opens_every_port() -> None:
    policy = Policy((parse_entry("127.0.0.0/8:*"),), MAIL_PORTS)
    assert objection(policy, "127.0.0.1", port=1) == ""
    assert objection(policy, "127.0.0.1", port=65535) == ""


@pytest.mark.parametrize(
    "line",
    [
        "",
        "mx.example",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0.0/8:",
        "10.0.0.0/8:0",
        "10.0.0.0/8:70000",
        "10.0.0.0/8:25,",
        "10.0.0.0/8:smtp",
        "10.0.0.0/8 cleartext=perhaps",
        "10.0.0.0/8 cleartext=yes more",
        "[::1",
        "10.0.0.0/8 25",
    ],
)
def test_a_line_that_makes_no_sense_is_told_in_a_sentence(line: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        parse_entry(line)
    assert repr(line) in str(caught.value)


# --- Any address ----------------------------------------------------------------------------------

IPV4 = st.ip_addresses(v=4)
# Numbers near the edges of the special networks come up too seldom by themselves.
NEAR_SPECIAL = st.sampled_from([*FORBIDDEN.values(), *PUBLIC]).map(ip_address)
ANY = st.one_of(IPV4, st.ip_addresses(v=6), NEAR_SPECIAL)


@given(ANY)
@example(ip_address("::ffff:0:7f00:1"))
@example(ip_address("64:ff9b::7f00:1"))
def test_what_python_calls_special_is_never_dialled(address: IPv4Address | IPv6Address) -> None:
    """The standard library's own view, which knows nothing of our tables."""
    is_special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )
    inside = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    carries_ipv4 = inside is not None or str(address).startswith(("::", "64:ff9b::", "2001:0:"))
    if is_special and not carries_ipv4:
        assert objection(Policy(), str(address)) == "config.destination-forbidden"


@given(IPV4)
@example(IPv4Address("127.0.0.1"))
@example(IPv4Address("100.100.100.200"))
def test_any_ipv4_address_is_judged_alike_in_every_disguise(address: IPv4Address) -> None:
    number = int(address)
    disguises = [
        *(form.format(address) for form in INSIDE.values() if number > 0xFFFF),
        str(IPv6Address((0x2002 << 112) | (number << 80) | 1)),
        str(IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))),
    ]
    plain = objection(Policy(), str(address))
    assert {objection(Policy(), disguise) for disguise in disguises} == {plain}


@given(st.lists(ANY, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_one_forbidden_address_among_any_refuses_all_in_any_order(
    addresses: list[IPv4Address | IPv6Address], chance: Random
) -> None:
    texts = [str(address) for address in addresses]
    each = {objection(Policy(), text) for text in texts}
    chance.shuffle(texts)
    assert objection(Policy(), *texts) == max(each)


@given(IPV4, st.integers(0, 32), IPV4)
def test_an_entry_opens_its_network_and_changes_nothing_else(
    of_network: IPv4Address, prefix: int, address: IPv4Address
) -> None:
    network = ip_network(f"{of_network}/{prefix}", strict=False)
    opened = objection(Policy((parse_entry(str(network)),)), str(address))
    assert opened == ("" if address in network else objection(Policy(), str(address)))
