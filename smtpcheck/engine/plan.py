"""What a test is going to do: target, login, envelope, goal and time, checked before any packet.

Knows grammar and the vocabulary. ``make_plan`` is the one way to a plan; what passes it can be
tested, what cannot raises ``Refused``. A plan is one of two types, and only one of them can log in:
``OpenPlan`` has no credentials field, so no mistake can send a password where it must not go.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Rung
from smtpcheck.engine.grammar import (
    NOBODY,
    Mailbox,
    canonical_host,
    canonical_mail_domain,
    is_ip_literal,
    parse_mailbox,
    refuse_control_characters,
)
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal, RungState, Security, Stage
from smtpcheck.engine.uri import checked_port

if TYPE_CHECKING:
    from smtpcheck.engine.proxy import Proxy

# Longer ones do not fit the AUTH line of RFC 4954 section 4 (12,288 octets in base64).
MAX_LOGIN_OCTETS = 4096

# A certificate authority's bundle of all public roots is about 200 KiB.
MAX_CA_BUNDLE_LENGTH = 1024 * 1024

# A chain of certificates, or an RSA key of 16,384 bits (13 KiB), with room to spare.
MAX_CLIENT_CERTIFICATE_LENGTH = 100 * 1024

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class Target(NamedTuple):
    """Where a test connects, and what it trusts there.

    ``ca_bundle`` is PEM text; it replaces the system's authorities. ``pin`` is the SHA-256 of the
    leaf certificate's DER in hex. Both "" where the account has none. ``client_certificate`` is
    PEM text that is shown to a server that asks for one, with ``client_key``, its private key.
    """

    host: str
    port: int
    security: Security
    ca_bundle: str = ""
    pin: str = ""
    client_certificate: str = ""
    client_key: Secret = Secret("")

    @property
    def server_name(self) -> str | None:
        """The name for SNI (RFC 6066 section 3), or None for an address literal."""
        return None if is_ip_literal(self.host) else self.host


class Credentials(NamedTuple):
    """A login. ``mechanism`` is "" for automatic, or the name of a SASL mechanism.

    For XOAUTH2 and OAUTHBEARER the ``password`` is the access token; EXTERNAL needs neither user
    nor password.
    """

    username: str
    password: Secret
    mechanism: str = ""


class Envelope(NamedTuple):
    """Who a test mail comes from and goes to.

    ``ehlo_name`` "" means the machine's host name if it has a dot, else the address literal.
    """

    sender: str
    recipient: str
    ehlo_name: str = ""


class MessageText(NamedTuple):
    """The words of the test mail in the caller's language; a token for finding it is added."""

    subject: str
    body: str


class Budget(NamedTuple):
    """How long a test may take, in seconds."""

    total_seconds: float = 18.0
    connect_seconds: float = 10.0

    @property
    def stage_seconds(self) -> float:
        """The clock of every stage but connect.

        Half of the total, so that one slow stage leaves time to name it.
        """
        return self.total_seconds / 2


class Route(NamedTuple):
    """Which way a test takes to its target.

    ``family`` is 4 or 6 for that version of IP alone, None for both. ``source_address``, one of
    this machine's, leaves only its own version; "" leaves the choice to the system.
    ``every_address`` tests each address of the name; one of them logs in.
    ``proxy`` opens the connections, None where they are opened from here; then the source address
    is that of the hop to the proxy.
    """

    family: int | None = None
    source_address: str = ""
    every_address: bool = False
    proxy: Proxy | None = None


ANY_ROUTE = Route()


class Past(NamedTuple):
    """What earlier tests of the same account showed; empty where there was none.

    ``was_encrypted``: TLS has been seen at this destination. ``certificate`` is the fingerprint of
    the leaf that was trusted last, ``capabilities`` are the lines of the EHLO reply before the
    last login. ``login_passed``: the very secret of this test passed at this very destination last
    time; ``refused_logins``: how often it has been refused since it last passed.
    ``refuses_groups``: the server could not take AUTH and the envelope in one flight.
    """

    was_encrypted: bool = False
    certificate: str = ""
    capabilities: frozenset[str] = frozenset()
    login_passed: bool = False
    refuses_groups: bool = False
    refused_logins: int = 0


NO_PAST = Past()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPlan:
    """A test without a login."""

    target: Target
    sender: Mailbox
    recipient: Mailbox
    goal: Goal
    budget: Budget
    message: MessageText
    ehlo_name: str = ""
    extra_ca_file: str = ""
    route: Route = ANY_ROUTE
    past: Past = NO_PAST

    @property
    def verifies(self) -> bool:
        """Whether the certificate must be trusted; opportunistic TLS protects nothing here."""
        return self.target.security is not Security.OPPORTUNISTIC


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPlan(OpenPlan):
    """A test that logs in, and so always verifies."""

    credentials: Credentials

    @property
    def verifies(self) -> bool:
        """Always: a password goes over verified TLS or not at all."""
        return True


Plan = OpenPlan | LoginPlan


def make_plan(
    *,
    target: Target,
    credentials: Credentials | None,
    envelope: Envelope,
    goal: Goal,
    budget: Budget,
    message: MessageText,
    extra_ca_file: str = "",
    route: Route = ANY_ROUTE,
    past: Past = NO_PAST,
) -> Plan:
    """Return a plan whose every value is fit to be tested.

    Raises Refused with the config diagnosis of the first value that is not. ``extra_ca_file``
    names a PEM file of authorities trusted beside the system's.
    """
    checked = _checked_target(target)
    sender, recipient = _checked_mailboxes(envelope, goal)
    common: dict[str, Any] = {
        "target": checked,
        "sender": sender,
        "recipient": recipient,
        "goal": goal,
        "budget": budget,
        "message": message,
        "ehlo_name": _checked_ehlo_name(envelope.ehlo_name),
        "extra_ca_file": extra_ca_file,
        "route": _checked_route(route),
        "past": past,
    }
    if credentials is None or not (credentials.username or _needs_no_secret(credentials)):
        return OpenPlan(**common)
    return LoginPlan(**common, credentials=_checked_credentials(credentials))


def _checked_target(target: Target) -> Target:
    pin = target.pin.replace(":", "").replace(" ", "").lower()
    if pin and not _FINGERPRINT.fullmatch(pin):
        raise Refused("config.pin-invalid")
    if len(target.ca_bundle) > MAX_CA_BUNDLE_LENGTH or (
        target.ca_bundle.strip() and "-----BEGIN CERTIFICATE-----" not in target.ca_bundle
    ):
        raise Refused("config.ca-invalid")
    _check_client_certificate(target)
    return Target(
        host=canonical_host(target.host),
        port=checked_port(target.port),
        security=target.security,
        ca_bundle=target.ca_bundle.strip(),
        pin=pin,
        client_certificate=target.client_certificate.strip(),
        client_key=target.client_key,
    )


def _check_client_certificate(target: Target) -> None:
    """Whether it is there whole; whether its parts belong together is OpenSSL's to say.

    A key that was pasted with the certificate would be kept and shown like one.
    """
    certificate, key = target.client_certificate, target.client_key.reveal()
    if not certificate.strip() and not key:
        return
    if (
        "-----BEGIN CERTIFICATE-----" not in certificate
        or "PRIVATE KEY" in certificate
        or "PRIVATE KEY-----" not in key
        or max(len(certificate), len(key)) > MAX_CLIENT_CERTIFICATE_LENGTH
    ):
        raise Refused("config.client-cert-invalid")


def _checked_route(route: Route) -> Route:
    """The route with the version of IP that its source address leaves, where there is one."""
    if not route.source_address:
        return route
    try:
        source = ipaddress.ip_address(route.source_address.strip())
    except ValueError:
        raise Refused("config.source-address-invalid") from None
    if route.proxy is None and route.family not in (None, source.version):
        raise Refused("config.source-address-invalid")
    # Which version of IP leads on from a proxy is the proxy's affair.
    family = route.family if route.proxy else source.version
    return route._replace(family=family, source_address=str(source))


def _checked_mailboxes(envelope: Envelope, goal: Goal) -> tuple[Mailbox, Mailbox]:
    if not envelope.sender.strip():
        if goal is Goal.LOGIN:
            return NOBODY, NOBODY
        raise Refused("config.sender-missing")
    sender = parse_mailbox(envelope.sender, "sender")
    recipient = parse_mailbox(envelope.recipient or envelope.sender, "recipient")
    return sender, recipient


def _checked_ehlo_name(name: str) -> str:
    refuse_control_characters("EHLO name", name)
    if not name:
        return ""
    if ":" in name and not name.startswith("["):
        raise Refused("ehlo.port-in-name", ehlo_name=name)
    return canonical_mail_domain(name)


def _checked_credentials(credentials: Credentials) -> Credentials:
    refuse_control_characters("user name", credentials.username)
    refuse_control_characters("password", credentials.password.reveal())
    if not credentials.password and not _needs_no_secret(credentials):
        raise Refused("config.secret-missing", user=credentials.username)
    octets = len(credentials.username.encode()) + len(credentials.password.reveal().encode())
    if octets > MAX_LOGIN_OCTETS:
        raise Refused("auth.line-too-long", limit=MAX_LOGIN_OCTETS)
    return credentials


def _needs_no_secret(credentials: Credentials) -> bool:
    """Whether the client certificate alone logs in (RFC 4422 appendix A)."""
    return credentials.mechanism == "EXTERNAL"


def planned_ladder(plan: Plan) -> tuple[Rung, ...]:
    """The rungs a test sets out to climb, none of them reached yet."""
    return _ladder(plan.target.security, plan.goal, logs_in=isinstance(plan, LoginPlan))


@cache
def _ladder(security: Security, goal: Goal, *, logs_in: bool) -> tuple[Rung, ...]:
    return tuple(
        Rung(stage=stage, state=RungState.NOT_REACHED, encrypted=encrypted)
        for stage, encrypted in _stages(security, goal, logs_in=logs_in)
    )


def _stages(security: Security, goal: Goal, *, logs_in: bool) -> list[tuple[Stage, bool]]:
    rungs = [(Stage.CONFIG, False), (Stage.DNS, False), (Stage.CONNECT, False)]
    match security:
        case Security.TLS:
            rungs += [(Stage.TLS, False), (Stage.GREETING, True), (Stage.EHLO, True)]
        case Security.STARTTLS | Security.OPPORTUNISTIC:
            rungs += [(Stage.GREETING, False), (Stage.EHLO, False), (Stage.STARTTLS, False)]
            rungs += [(Stage.TLS, False), (Stage.EHLO, True)]
        case Security.NONE:
            rungs += [(Stage.GREETING, False), (Stage.EHLO, False)]
    encrypted = security is not Security.NONE
    later = [Stage.AUTH] if logs_in else []
    later += _GOAL_STAGES[goal]
    return rungs + [(stage, encrypted) for stage in later]


# The stages after the login that each goal needs.
_GOAL_STAGES: dict[Goal, list[Stage]] = {
    Goal.LOGIN: [],
    Goal.RECIPIENT: [Stage.MAIL, Stage.RCPT],
    Goal.CONTENT: [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT],
}


def fingerprint(der: bytes) -> str:
    """The SHA-256 of a certificate's DER in lower-case hex: what a pin is compared with."""
    return hashlib.sha256(der).hexdigest()
