"""The rules that recognise a particular cause, in the order in which they are tried.

The first that matches decides, so within a stage the more specific stands first. What none of them
knows falls to ``general``. To add one: a row in the table of its stage, an entry in the catalogue,
and a test that shows the evidence it is for and evidence it must leave alone.
"""

from __future__ import annotations

from smtpcheck.engine.diagnosis.matcher import Rule
from smtpcheck.engine.diagnosis.rules.encryption import CERTIFICATES, HANDSHAKES, TLS
from smtpcheck.engine.diagnosis.rules.envelopes import ENVELOPES
from smtpcheck.engine.diagnosis.rules.greetings import GREETINGS
from smtpcheck.engine.diagnosis.rules.hellos import HELLOS
from smtpcheck.engine.diagnosis.rules.hosts import HOSTS
from smtpcheck.engine.diagnosis.rules.logins import LOGINS, REFUSED_LOGINS
from smtpcheck.engine.diagnosis.rules.messages import MESSAGES
from smtpcheck.engine.diagnosis.rules.network import CONNECTIONS, NAMES
from smtpcheck.engine.diagnosis.rules.own_side import OWN_SIDE
from smtpcheck.engine.diagnosis.rules.provider_logins import (
    GOOGLE_LOGINS,
    MICROSOFT_LOGINS,
    OTHER_LOGINS,
    WRONG_LOGINS,
)
from smtpcheck.engine.diagnosis.rules.refusals import (
    LIMITS,
    PROVIDERS_OWN,
    PUT_OFF,
    SENDERS,
    UNEXPLAINED,
)
from smtpcheck.engine.diagnosis.rules.services import SERVICES
from smtpcheck.engine.diagnosis.rules.settings import ODD_SECRETS, PORT_CONFLICTS

__all__ = ["HOSTS", "SPECIFIC"]

SPECIFIC: tuple[Rule, ...] = (
    *HOSTS,
    *NAMES,
    *CONNECTIONS,
    *SERVICES,
    *PORT_CONFLICTS,
    *GREETINGS,
    *TLS,
    *HANDSHAKES,
    *CERTIFICATES,
    *HELLOS,
    *PROVIDERS_OWN,
    *MICROSOFT_LOGINS,
    *GOOGLE_LOGINS,
    *OTHER_LOGINS,
    *LOGINS,
    *ODD_SECRETS,
    *WRONG_LOGINS,
    *REFUSED_LOGINS,
    *PUT_OFF,
    *SENDERS,
    *LIMITS,
    *ENVELOPES,
    *UNEXPLAINED,
    *MESSAGES,
    *OWN_SIDE,
)
