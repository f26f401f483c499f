"""Access tokens such as a provider hands out: JSON web tokens (RFC 7519), signed with one key."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any, Final

SIGNING_KEY: Final = b"the key of a provider that is none"


def access_token(user: str, *, seconds: int = 600, key: bytes = SIGNING_KEY, **more: str) -> str:
    """A token for a user, good for so many seconds from now; `more` are further claims."""
    now = int(time.time())
    claims = {"sub": user, "iat": now - 60, "exp": now + seconds, **more}
    signed = b".".join(_part(part) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (signed + b"." + _base64(hmac.digest(key, signed, "sha256"))).decode()


def _part(value: dict[str, Any]) -> bytes:
    return _base64(json.dumps(value).encode())


def _base64(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")
