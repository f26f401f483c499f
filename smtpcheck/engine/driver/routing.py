"""What the machine's own table of routes says; no packet is sent to learn it."""

from __future__ import annotations

import socket

# In the space of all public addresses (RFC 4291 section 2.4), and of no network more specific than
# the default route: where it would be sent to is where everything unknown is.
_SOMEWHERE = "2000::1"


def has_ipv6_route() -> bool:
    """Say whether this machine has a default route for IPv6.

    Connecting a datagram socket only looks up the route, and fails at once where there is none.
    """
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.connect((_SOMEWHERE, 9))
    except OSError:
        return False
    return True
