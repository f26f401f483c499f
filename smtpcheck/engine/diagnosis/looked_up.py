"""What look-ups add to a diagnosis: a more particular cause, and the server that a domain names.

Knows evidence and providers only. The rules here are tried before all others, and none of them
matches a test without look-ups. What DNS names is a hint: nobody has tried it, and unless
DNSSEC protects it nobody vouches for it, so the texts say where it comes from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from smtpcheck.engine.diagnosis.matcher import Rule, at, by, words
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind, LookUp, LookUpOutcome
from smtpcheck.engine.providers import Provider, provider_of, provider_of_exchanger
from smtpcheck.engine.stages import Security, Stage

_NOBODY_THERE = by(FaultKind.TIMEOUT, FaultKind.REFUSED, FaultKind.UNREACHABLE, FaultKind.RESET)
_NO_NAME = by(FaultKind.NAME_UNKNOWN, FaultKind.NO_ADDRESS)
# RFC 8314 section 5.1 prefers the first; the second is RFC 6186's.
_SERVICES = (("_submissions._tcp.", Security.TLS), ("_submission._tcp.", Security.STARTTLS))


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUpRule(Rule):
    """A rule that also wants the look-ups to have shown something."""

    shown: Callable[[Evidence], bool]

    def matches(self, fault: Fault, evidence: Evidence) -> bool:
        """Say whether every condition of this rule holds."""
        return (
            bool(evidence.look_ups) and Rule.matches(self, fault, evidence) and self.shown(evidence)
        )


def _is_hidden_by_validation(evidence: Evidence) -> bool:
    """Name servers that check signatures fail, and know the name as soon as they need not."""
    known = (LookUpOutcome.ANSWERED, LookUpOutcome.NO_RECORD, LookUpOutcome.NO_NAME)
    checked, unchecked = (
        [item.outcome for item in _addresses(evidence) if item.unchecked is kind]
        for kind in (False, True)
    )
    return LookUpOutcome.SERVFAIL in checked and any(outcome in known for outcome in unchecked)


def _has_no_address(evidence: Evidence) -> bool:
    """The name exists, says DNS, where the system could not tell the two apart."""
    outcomes = {item.outcome for item in _addresses(evidence)}
    return outcomes == {LookUpOutcome.NO_RECORD}


def _does_not_exist(evidence: Evidence) -> bool:
    return {item.outcome for item in _addresses(evidence)} == {LookUpOutcome.NO_NAME}


def _is_mail_domain(evidence: Evidence) -> bool:
    """Mail for the host goes to another server, and the host itself is not one."""
    exchangers = exchangers_of(evidence, evidence.host)
    greets = any(probe.greeting for probe in evidence.probes)
    return bool(exchangers) and evidence.host not in exchangers and not greets


def _is_exchanger(evidence: Evidence) -> bool:
    """The host takes the mail of the account's own domain."""
    return any(
        evidence.host in exchangers_of(evidence, item.name)
        for item in evidence.look_ups
        if item.type == "MX"
    )


def _has_null_mx(evidence: Evidence) -> bool:
    """The sender's domain says that it takes no mail (RFC 7505)."""
    domain = evidence.sender.rpartition("@")[2]
    return any(
        item.type == "MX" and item.name == domain and item.records == ("0 .",)
        for item in evidence.look_ups
    )


LOOKED_UP: tuple[LookedUpRule, ...] = (
    LookedUpRule(
        id="dns.dnssec-bogus",
        stages=at(Stage.DNS),
        kinds=by(FaultKind.RESOLVER_FAILED, *_NO_NAME),
        shown=_is_hidden_by_validation,
    ),
    LookedUpRule(
        id="dns.nxdomain",
        stages=at(Stage.DNS),
        kinds=_NO_NAME,
        shown=_does_not_exist,
    ),
    LookedUpRule(
        id="dns.bare-domain",
        stages=at(Stage.DNS),
        kinds=_NO_NAME,
        shown=_is_mail_domain,
    ),
    LookedUpRule(
        id="dns.bare-domain",
        stages=at(Stage.CONNECT),
        kinds=_NOBODY_THERE,
        shown=_is_mail_domain,
    ),
    LookedUpRule(
        id="dns.no-address",
        stages=at(Stage.DNS),
        kinds=by(FaultKind.NAME_UNKNOWN),
        shown=_has_no_address,
    ),
    # Elsewhere than between servers, a small domain's one server may do both.
    LookedUpRule(
        id="dns.mx-used-for-submission",
        stages=at(Stage.AUTH),
        kinds=by(FaultKind.NOT_OFFERED),
        detail=words("^AUTH$"),
        has_login=True,
        ports=frozenset({25}),
        shown=_is_exchanger,
    ),
    # Other codes have reasons of their own, such as 530 for a login that is missing.
    LookedUpRule(
        id="dns.null-mx-sender",
        stages=at(Stage.MAIL),
        codes=("550", "551", "553", "554"),
        shown=_has_null_mx,
    ),
)
LOOKED_UP_IDS = frozenset(rule.id for rule in LOOKED_UP)


def exchangers_of(evidence: Evidence, domain: str) -> list[str]:
    """Return the servers that take the mail of a domain, the preferred first."""
    return [
        name
        for item in evidence.look_ups
        if item.type == "MX" and item.name == domain
        for name in (record.rpartition(" ")[2] for record in item.records)
        if name != "."
    ]


def hinted_settings(evidence: Evidence) -> dict[str, str | int]:
    """Return the host, port and security that DNS names for sending mail, or nothing.

    What the domain itself publishes comes first, then what is known of the provider that takes
    its mail. What the test has just tried is no hint.
    """
    for host, port, security in (*_published(evidence), *_of_provider(evidence)):
        if (host, port, security) != (evidence.host, evidence.port, evidence.security):
            return {"found_host": host, "found_port": port, "found_security": security.value}
    return {}


def provider_by_mail(evidence: Evidence) -> Provider | None:
    """Return the provider that takes mail for the host or for the account's domain, or None."""
    for item in evidence.look_ups:
        for exchanger in exchangers_of(evidence, item.name) if item.type == "MX" else ():
            if provider := provider_of_exchanger(exchanger) or provider_of(exchanger):
                return provider
    return None


def look_ups_line(evidence: Evidence) -> str:
    """Return what the name servers said on one line, as evidence."""
    return "; ".join(map(str, evidence.look_ups))


def _addresses(evidence: Evidence) -> list[LookUp]:
    return [item for item in evidence.look_ups if item.type in ("A", "AAAA")]


def _published(evidence: Evidence) -> list[tuple[str, int, Security]]:
    found = []
    for prefix, security in _SERVICES:
        for item in evidence.look_ups:
            if item.type == "SRV" and item.name.startswith(prefix):
                for record in item.records:
                    _, _, port, host = record.split(" ")
                    found.append((host, int(port), security))
    return found


def _of_provider(evidence: Evidence) -> list[tuple[str, int, Security]]:
    provider = provider_by_mail(evidence)
    if provider is None or not provider.submission_host:
        return []
    return [(provider.submission_host, *setting) for setting in provider.submission[:1]]
