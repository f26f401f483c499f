"""Ports for the servers of the tests: free ones, on the loopback addresses of this machine."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from typing import NamedTuple

from tests.servers.daemon import ServerError

# Below Linux' range for outgoing connections (32768 and up), so that no other test's connection
# takes a port between the moment it is found free and the moment the server binds it.
PORT_RANGE = range(20_000, 32_000)


class Ports(NamedTuple):
    """The ports of one server, each with another idea of TLS and of logins."""

    plain: int
    """No TLS and no AUTH; takes mail for `mail.test` from the loopback addresses."""
    submission: int
    """STARTTLS, and a login before any recipient is taken; AUTH is offered inside TLS only."""
    smtps: int
    """TLS on connect, and a login before any recipient is taken."""


def loopback_addresses() -> list[str]:
    """The loopback addresses that a server can use here: both, or one where IPv6 is off."""
    return [address for address in ("127.0.0.1", "::1") if is_free(address, 0)]


def free_ports(count: int, addresses: Sequence[str]) -> list[int]:
    """Ports that are free on all the addresses; raises `ServerError` when too few are."""
    ports: list[int] = []
    for port in random.sample(PORT_RANGE, 200):
        if all(is_free(address, port) for address in addresses):
            ports.append(port)
        if len(ports) == count:
            return ports
    raise ServerError("of 200 ports tried too few are free")


def is_free(address: str, port: int) -> bool:
    """Say whether a port can be bound; port 0 asks whether the address exists at all."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((address, port))
    except OSError:
        return False
    return True
