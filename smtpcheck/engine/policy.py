"""Where a test may go, and where a password may go in the clear.

Knows addresses and ports, never names: it judges what is about to be dialled, after the one
resolution. Refused by default is everything that is not a public unicast address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import NamedTuple

from smtpcheck.engine.errors import Refused

# Where mail servers take mail from programs, and one port that providers add for closed networks.
USUAL_PORTS = frozenset({25, 465, 587, 2525})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 6890 and its registry list the special networks; ``is_global`` follows that registry. These
# are refused besides: reached through them, an internal service answers on a "public" address.
_METADATA = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local: most clouds' metadata service
        "100.100.100.200/32",  # one cloud's metadata service inside carrier-grade space
        "168.63.129.16/32",  # another cloud's host agent, on a public-looking address
        "192.0.0.0/24",
        "192.88.99.0/24",  # the 6to4 relay anycast (RFC 7526, deprecated)
        "3fff::/20",  # documentation (RFC 9637), not yet known to every Python
    )
)
# All that is assigned for unicast (RFC 4291 section 2.4). Outside it ``is_global`` is too kind: to
# the site-local fec0::/10 (RFC 3879), for one.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# IPv6 prefixes that carry an IPv4 address, and the bit at which it begins.
_CARRIERS: tuple[tuple[ipaddress.IPv6Network, int], ...] = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),  # mapped, RFC 4291 section 2.5.5.2
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),  # translated, RFC 2765
    (ipaddress.IPv6Network("::/96"), 0),  # compatible, RFC 4291 section 2.5.5.1
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4, RFC 3056
)
_TEREDO = ipaddress.IPv6Network("2001::/32")  # RFC 4380


Ports = frozenset[int] | range
EVERY_PORT = range(1, 65536)  # a set of as many takes 4 ms and 4 MB


class PolicyEntry(NamedTuple):
    """A network that may be dialled; ``ports`` None means every port of the policy."""

    network: Network
    ports: Ports | None = None
    cleartext: bool = False

    def covers(self, address: Address, port: int, policy_ports: Ports | None) -> bool:
        """Say whether this entry speaks of an address and port."""
        if address.version != self.network.version or address not in self.network:
            return False
        ports = policy_ports if self.ports is None else self.ports
        return ports is None or port in ports


class Policy(NamedTuple):
    """What may be dialled: public addresses on ``ports`` (None: any), and what entries add."""

    entries: tuple[PolicyEntry, ...] = ()
    ports: Ports | None = None

    def judge(self, addresses: Sequence[Address], port: int) -> None:
        """Raise Refused unless every address of a name may be dialled on a port.

        One forbidden address refuses the name whole: which of them would be used is the
        attacker's choice. The answer names no address, and the path is one for all of them.
        """
        verdicts = [self._objection(address, port) for address in addresses]
        objections = [objection for objection in verdicts if objection]
        if objections:
            raise Refused(max(objections), port=port)

    def missing_lines(self, addresses: Sequence[Address], port: int) -> tuple[str, ...]:
        """Return the entries that would let these addresses pass, each as ``parse_entry`` reads it.

        For those who may change the policy only: they name the addresses.
        """
        refused = [address for address in addresses if self._objection(address, port)]
        lines = (_line_of(_unwrapped(address), port) for address in refused)
        return tuple(dict.fromkeys(lines))

    def allows_cleartext(self, address: Address, port: int) -> bool:
        """Say whether a password may go to this address without TLS."""
        return any(
            entry.cleartext and entry.covers(_unwrapped(address), port, self.ports)
            for entry in self.entries
        )

    def _objection(self, address: Address, port: int) -> str:
        """The id of what speaks against an address, or ""."""
        inside = _unwrapped(address)
        if any(entry.covers(inside, port, self.ports) for entry in self.entries):
            return ""
        if self.ports is not None and port not in self.ports:
            return "config.port-forbidden"
        return "" if is_public(inside) else "config.destination-forbidden"


def is_public(address: Address) -> bool:
    """Say whether an address is an ordinary public unicast address."""
    inside = _unwrapped(address)
    if any(inside.version == network.version and inside in network for network in _METADATA):
        return False
    if isinstance(inside, ipaddress.IPv6Address) and inside not in _GLOBAL_UNICAST:
        return False
    return inside.is_global and not (
        inside.is_multicast or inside.is_reserved or inside.is_unspecified or inside.is_loopback
    )


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one where it carries one, else the address itself."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _TEREDO:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF ^ 0xFFFFFFFF)
    for network, shift in _CARRIERS:
        if address in network and int(address) > 0xFFFF:  # not "::" and "::1"
            return ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return address


def _line_of(address: Address, port: int) -> str:
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"{host}:{port}"


_ENTRY = re.compile(
    r"(?P<network>\[[^\]]+\](?:/\d+)?|[^\s:\[\]]+|[0-9A-Fa-f:]+/\d+)"
    r"(?::(?P<ports>\*|\d+(?:,\d+)*))?(?:\s+cleartext=(?P<cleartext>yes|no))?"
)


def parse_entry(text: str) -> PolicyEntry:
    """Read one line of the policy: ``NETWORK[:PORT,...|:*] [cleartext=yes|no]``.

    An IPv6 network with ports stands in brackets: ``[fd00::]/8:25,587``. Raises ValueError with
    a sentence that says what is wrong.
    """
    match = _ENTRY.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is not a policy entry. Write a network, then ports if it needs any, such "
            "as 10.0.0.0/8:25,587 or [fd00::]/8:587, and cleartext=yes only where passwords may "
            "go unencrypted."
        )
    try:
        network = ipaddress.ip_network(match["network"].replace("[", "").replace("]", ""))
    except ValueError as error:
        raise ValueError(f"{text!r} does not begin with a network: {error}.") from None
    return PolicyEntry(network, _parse_ports(text, match["ports"]), match["cleartext"] == "yes")


def _parse_ports(text: str, ports: str | None) -> Ports | None:
    if ports is None:
        return None
    if ports == "*":
        return EVERY_PORT
    numbers = frozenset(int(port) for port in ports.split(","))
    if not all(number in EVERY_PORT for number in numbers):
        raise ValueError(f"{text!r} names a port that does not exist; ports go from 1 to 65535.")
    return numbers
