"""From which address a caller comes, as far as that can be believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from smtpcheck.conf import conf

# Whoever has one address of IPv6 has the 2^64 beside it.
_IPV6_NEIGHBOURS = 64


def address_of(meta: Mapping[str, Any]) -> str:
    """Return the address of a caller by the variables of a request (``request.META``).

    An IPv6 address stands for its network of 64 bits. "" where there is none, as over a socket of
    the file system.
    """
    connected = str(meta.get("REMOTE_ADDR") or "")
    return _known_by(_forwarded(meta)) or _known_by(connected) or connected


def _forwarded(meta: Mapping[str, Any]) -> str:
    """What the outermost proxy of ours wrote: everything before it may be made up."""
    proxies = conf().TRUSTED_PROXIES
    if not proxies:
        return ""
    # Each proxy adds whom it saw; the last one is seen by us and not in the list.
    told = [each.strip() for each in str(meta.get("HTTP_X_FORWARDED_FOR") or "").split(",")]
    return told[max(0, len(told) - proxies)]


def _known_by(text: str) -> str:
    """The address in a text, which may have a port; "" if there is none."""
    bare = text.partition("]")[0].removeprefix("[") if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_NEIGHBOURS), strict=False))
