"""What is odd about the settings of a test, seen before any packet and no reason not to begin.

Knows the plan. A note never stops a test: accounts with a blank in the password work every day.
Only after the login or TLS has failed is it worth being the diagnosis. Nothing here tells a secret:
a note says of what kind the odd characters are and at which end they sit, and no more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from smtpcheck.engine.evidence import Oddity
from smtpcheck.engine.plan import LoginPlan, Plan
from smtpcheck.engine.stages import Security, Stage

# By custom, not by a standard but for 465 and 587 (RFC 8314): the ports of each way to encrypt.
TLS_PORTS = frozenset({465, 2465})
UPGRADE_PORTS = frozenset({25, 587, 2525, 2587})

# How providers show an app password: groups of equal length, parted by blanks.
_GROUPS = re.compile(r"\w{3,5}(?: \w{3,5}){2,}")


def notes_of(plan: Plan) -> tuple[Oddity, ...]:
    """Return the notes on a plan's settings, as oddities of the stage config."""
    return (*_port_against_security(plan), *_blanks(plan))


def _port_against_security(plan: Plan) -> Iterator[Oddity]:
    port, security = plan.target.port, plan.target.security
    on_connect = security is Security.TLS
    if (port in TLS_PORTS and not on_connect) or (port in UPGRADE_PORTS and on_connect):
        detail = f"port {port} with security {security.value}"
        yield Oddity("config.port-security-conflict", Stage.CONFIG, detail)


def _blanks(plan: Plan) -> Iterator[Oddity]:
    if not isinstance(plan, LoginPlan):
        return
    found = "; ".join(odd_characters(plan.credentials.password.reveal()))
    if found:
        yield Oddity("config.secret-whitespace", Stage.CONFIG, found)


def odd_characters(secret: str) -> Iterator[str]:
    """Yield where a secret has characters that copying and pasting brings along, and their kind.

    Ordinary blanks inside may belong to a passphrase, and are told apart from those between the
    equal groups in which an app password is shown.
    """
    inner = secret.strip()
    if inner == secret and secret.isascii() and secret.isalnum():
        return
    if secret != secret.lstrip():
        yield "a blank at the start"
    if secret != secret.rstrip():
        yield "a blank at the end"
    is_plain = inner.isascii() and inner.isprintable()
    if not is_plain and any(map(_is_invisible, inner)):
        yield "an invisible character"
    if _is_in_groups(inner):
        yield "blanks between groups of equal length"
    elif " " in inner:
        yield "blanks inside"


def _is_invisible(character: str) -> bool:
    """A no-break space or other wide blank, a zero-width character, a byte order mark."""
    return character != " " and (
        character.isspace() or unicodedata.category(character) in ("Cf", "Zs")
    )


def _is_in_groups(text: str) -> bool:
    return bool(_GROUPS.fullmatch(text)) and len({len(group) for group in text.split(" ")}) == 1
