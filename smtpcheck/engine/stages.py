"""The vocabulary of a test: its stages, its verdict, and whose turn it is.

The values are public: they stand in the API, in the history and in exit statuses. A value is
never renamed; a new one is added at the end of its kind.
"""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """Where in a test something happened, in the order in which stages can come."""

    CONFIG = "config"
    DNS = "dns"
    OAUTH = "oauth"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    DELIVERY = "delivery"


class Verdict(StrEnum):
    """What a test says of an account: its goal is proven, it fails, or nothing is proven."""

    WORKS = "works"
    FAILS = "fails"
    INCONCLUSIVE = "inconclusive"


class Owner(StrEnum):
    """Whose turn it is to act on a diagnosis."""

    SETTINGS = "settings"
    NETWORK = "network"
    PROVIDER = "provider"
    RECIPIENT = "recipient"
    SENDER_DOMAIN = "sender-domain"
    TESTER = "tester"


class RungState(StrEnum):
    """How far a test got with one rung of its ladder."""

    PROVEN = "proven"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_REACHED = "not-reached"


class Goal(StrEnum):
    """The stage that has to be proven before a test says that an account works."""

    LOGIN = "login"
    RECIPIENT = "recipient"
    CONTENT = "content"


class Security(StrEnum):
    """How an account protects its connection.

    ``tls``: TLS from the first byte. ``starttls``: always upgraded, always verified.
    ``opportunistic``: upgraded when the server offers it. ``none``: never.
    """

    TLS = "tls"
    STARTTLS = "starttls"
    OPPORTUNISTIC = "opportunistic"
    NONE = "none"

    @property
    def may_upgrade(self) -> bool:
        """Whether the connection begins in the clear and STARTTLS may encrypt it."""
        return self in (Security.STARTTLS, Security.OPPORTUNISTIC)
