"""Keys for rows, made before the row is."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

_VARIANT = 0b10 << 62
_VERSION = 7 << 76


def uuid7() -> UUID:
    """Return a UUIDv7 (RFC 9562 section 5.7): new ones sort behind old ones, to the millisecond."""
    milliseconds = time.time_ns() // 1_000_000
    noise = secrets.randbits(74)
    high, low = noise >> 62, noise & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | _VERSION | high << 64 | _VARIANT | low)
