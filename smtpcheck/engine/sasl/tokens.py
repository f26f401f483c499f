"""XOAUTH2 and OAUTHBEARER: the password is an access token, and a refusal comes with its reason.

A server that refuses a token says why in a challenge, as JSON; it must be answered before the
refusal itself comes.
"""

from __future__ import annotations

from typing import Any

from smtpcheck.engine.plan import Credentials
from smtpcheck.engine.sasl.exchange import Explained, Link, Script

# Longer ones are no scope that a person could copy; a history row holds them.
MAX_EXPLANATION_LENGTH = 200


def xoauth2(credentials: Credentials, _link: Link) -> Script:
    """Google's and Microsoft's own: user and token; an empty line answers the error challenge."""
    token = credentials.password.reveal()
    challenge = yield f"user={credentials.username}\x01auth=Bearer {token}\x01\x01".encode()
    yield from _explained(challenge)
    yield b""


def oauthbearer(credentials: Credentials, link: Link) -> Script:
    """RFC 7628 section 3.1; a single ^A answers the error challenge (section 3.2.3)."""
    user = credentials.username.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
    pairs = f"host={link.host}\x01port={link.port}\x01auth=Bearer {credentials.password.reveal()}"
    challenge = yield f"n,a={user},\x01{pairs}\x01\x01".encode()
    yield from _explained(challenge)
    yield b"\x01"


def _explained(challenge: bytes) -> Script:
    """Tell the reason of a refusal, if it is one (RFC 7628 section 3.2.2)."""
    reason = _json_object(challenge)
    known: dict[str, str | int] = {
        name: _shortened(reason[name]) for name in ("status", "scope") if name in reason
    }
    if "status" in known:
        detail = ", ".join(f"{name} {value}" for name, value in known.items())
        yield Explained("token-refused", {"detail": detail, **known})


def _json_object(octets: bytes) -> dict[str, Any]:
    import json  # only a refused token is explained in it

    try:
        found = json.loads(octets)
    except (ValueError, RecursionError):  # nested a thousand times it is no answer either
        return {}
    return found if isinstance(found, dict) else {}


def _shortened(value: Any) -> str:
    return str(value)[:MAX_EXPLANATION_LENGTH]
