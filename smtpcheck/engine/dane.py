"""Whether a chain is the one that its domain publishes (TLSA records, RFC 6698).

Knows bytes only. It can say that a published fingerprint does not match, never that a server may be
trusted: OpenSSL alone decides that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

# RFC 6698 section 2.1.1. Mail servers use no others: RFC 7672 section 3.1.3.
TRUST_ANCHOR, END_ENTITY = 2, 3
_DIGESTS: dict[int, Callable[[bytes], bytes]] = {
    0: lambda data: data,
    1: lambda data: hashlib.sha256(data).digest(),
    2: lambda data: hashlib.sha512(data).digest(),
}


def contradicts(records: Sequence[str], chain: Sequence[bytes]) -> bool:
    """Say whether there are usable TLSA records and none of them fits the chain.

    ``records`` are "3 1 1 ABCD..." as in zone files, ``chain`` is DER, the server's own first. A
    record of another usage, selector or matching type is as if it were not there, and a chain that
    nobody could read contradicts nothing.
    """
    usable = [parts for record in records if (parts := _usable(record))]
    return bool(usable and chain) and not any(_fits(*parts, chain) for parts in usable)


def _usable(record: str) -> tuple[int, int, int, bytes] | None:
    try:
        usage, selector, matching, data = record.split()
        numbers = int(usage), int(selector), int(matching)
        raw = bytes.fromhex(data)
    except ValueError:
        return None
    is_known = numbers[0] in (TRUST_ANCHOR, END_ENTITY) and numbers[1] in (0, 1)
    return (*numbers, raw) if is_known and numbers[2] in _DIGESTS else None


def _fits(usage: int, selector: int, matching: int, data: bytes, chain: Sequence[bytes]) -> bool:
    """An authority may stand anywhere in the chain (RFC 7671 section 5.2)."""
    import hmac  # few domains publish TLSA records

    candidates = chain[:1] if usage == END_ENTITY else chain
    return any(
        hmac.compare_digest(_DIGESTS[matching](selected), data)
        for der in candidates
        if (selected := _selected(der, selector))
    )


def _selected(der: bytes, selector: int) -> bytes:
    if selector == 0:
        return der
    from cryptography import x509  # slow to load, and few domains publish TLSA records
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = x509.load_der_x509_certificate(der).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # noqa: BLE001 - a foreign certificate: whatever is wrong, it does not fit
        return b""
