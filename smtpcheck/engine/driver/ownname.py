"""What we call ourselves in EHLO."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import canonical_host


def own_name(local_host: str) -> str:
    """Return what EHLO says by default: this machine's name if it is a full one, or its address.

    RFC 5321 sections 4.1.1.1 and 4.1.3. The name is the kernel's: asking DNS for it could wait.
    """
    return _name_of(socket.gethostname(), local_host)


@lru_cache(maxsize=64)
def _name_of(machine: str, local_host: str) -> str:
    if "." in machine.strip("."):
        try:
            return canonical_host(machine)
        except Refused:
            pass
    address = ipaddress.ip_address(local_host.partition("%")[0])
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
