"""The shape of one diagnosis of the catalogue.

Knows the vocabulary of stages only. Texts are English source strings marked for translation; who
shows them translates them and fills in the parameters.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from smtpcheck.engine.stages import Owner, Stage


def gettext_noop(message: str) -> str:
    """Mark a text for translation and return it unchanged (``makemessages`` collects the name)."""
    return message


class Outcome(StrEnum):
    """What a diagnosis means for the test in which it was found.

    ``refused``: the test was not begun, so no packet was sent. ``warning``: it stands beside a
    verdict and never decides one.
    """

    FAILS = "fails"
    INCONCLUSIVE = "inconclusive"
    REFUSED = "refused"
    WARNING = "warning"


class Confidence(StrEnum):
    """How sure the evidence makes the cause."""

    CERTAIN = "certain"
    PROBABLE = "probable"
    POSSIBLE = "possible"


class Needs(StrEnum):
    """What has to exist before a diagnosis can be found; the catalogue lists it already."""

    OAUTH = "oauth"
    DELIVERY = "delivery"
    DELIVERABILITY = "deliverability"
    VANTAGE_POINTS = "vantage-points"


class Entry(NamedTuple):
    """One diagnosis: its public id, what it means, and what to do.

    ``stage`` is None where any stage can show it, or none (faults of the tester). ``cause`` and
    ``remedy`` may name parameters in braces, such as ``{host}``; see ``PARAMETERS``.
    """

    id: str
    stage: Stage | None
    outcome: Outcome
    owner: Owner
    title: str
    cause: str
    remedy: tuple[str, ...]
    confidence: Confidence = Confidence.CERTAIN
    help_url: str = ""
    needs: Needs | None = None


# Every parameter a text may name; the value is what stands there when a test does not know it.
PARAMETERS: dict[str, str] = {
    "host": "?",
    "port": "?",
    "security": "?",
    "user": "?",
    "sender": "?",
    "recipient": "?",
    "ehlo_name": "?",
    "step": "?",  # the stage in operators' words, put in by the wording
    "code": "?",
    "enhanced": "",
    "reply": "",
    "address": "?",
    "seconds": "?",
    "provider": "?",
    "field": "?",
    "part": "?",
    "key_id": "?",
    "mechanism": "?",
    "mechanisms": "?",
    "names": "?",
    "issuer": "?",
    "fingerprint": "?",
    "not_before": "?",
    "not_after": "?",
    "days": "?",
    "tls_version": "?",
    "cipher": "?",
    "limit": "?",
    "count": "?",
    "goal": "?",
    "found_host": "?",
    "found_port": "?",
    "found_security": "?",
    "first_bytes": "?",
    "detail": "?",
    "proxy": "?",
}
