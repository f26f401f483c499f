"""How a rule is held against the evidence.

Knows evidence and providers, not the rules themselves. A rule is data: every condition that it
names must hold, and one that it does not name always does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from smtpcheck.engine.catalogue import Outcome
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind, Reply, enhanced_code
from smtpcheck.engine.providers import (
    Provider,
    provider_of,
    provider_of_domain,
    provider_of_exchanger,
)
from smtpcheck.engine.stages import Security, Stage

_REPLY = frozenset({FaultKind.REPLY})


class HostIs(StrEnum):
    """What the name of a host can be instead of that of an outgoing mail server.

    The exchanger of a provider, which takes mail in and lets nobody log in; the bare domain of a
    provider's mail addresses; the domain of the login's or sender's own address.
    """

    EXCHANGER = "exchanger"
    MAIL_DOMAIN = "mail-domain"
    OWN_DOMAIN = "own-domain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way to recognise one diagnosis.

    ``codes`` and ``enhanced`` are prefixes ("535", "4"; "5.7."), but a whole enhanced code is only
    itself ("5.7.1" is not "5.7.139"). ``text`` is a pattern searched in the reply's words,
    ``detail`` one in the machine's own, ``first_bytes`` one matched at the start of what the server
    sent. ``secured_by`` are the security settings for which it holds.
    ``showed_certificate``: the server asked for a certificate of ours, and there was one or not.
    ``offers`` is searched in what the server offered, one capability a line, ``noted`` in what was
    noted beside the dialogue, one ``id: detail`` a line. ``challenged``: the login had come to a
    question of the server's. ``host_is`` are the mistakes a host's name may be, one of which it is.
    ``kinds`` None means any kind of fault. ``outcome`` replaces the catalogue's, where the same
    diagnosis proves less.
    """

    id: str
    stages: frozenset[Stage] | None = None
    kinds: frozenset[FaultKind] | None = _REPLY
    codes: tuple[str, ...] = ()
    enhanced: tuple[str, ...] = ()
    text: re.Pattern[str] | None = None
    detail: re.Pattern[str] | None = None
    first_bytes: re.Pattern[bytes] | None = None
    verify_codes: frozenset[int] | None = None
    providers: frozenset[str] | None = None
    ports: frozenset[int] | None = None
    secured_by: frozenset[Security] | None = None
    encrypted: bool | None = None
    showed_certificate: bool | None = None
    mechanisms: frozenset[str] | None = None
    offers: re.Pattern[str] | None = None
    noted: re.Pattern[str] | None = None
    has_login: bool | None = None
    has_sender: bool | None = None
    challenged: bool | None = None
    host_is: frozenset[HostIs] | None = None
    outcome: Outcome | None = None

    def matches(self, fault: Fault, evidence: Evidence) -> bool:
        """Say whether every condition of this rule holds."""
        return (
            (self.stages is None or fault.stage in self.stages)
            and (self.kinds is None or fault.kind in self.kinds)
            and (self.ports is None or evidence.port in self.ports)
            and (self.secured_by is None or evidence.security in self.secured_by)
            and (self.encrypted is None or (evidence.tls is not None) is self.encrypted)
            and self._matches_client_certificate(evidence)
            and (self.verify_codes is None or fault.verify_code in self.verify_codes)
            and self._matches_reply(fault)
            and _found(self.detail, fault.detail)
            and (self.first_bytes is None or bool(self.first_bytes.match(_first(fault, evidence))))
            and self._matches_provider(evidence)
            and self._matches_session(evidence)
        )

    def _matches_reply(self, fault: Fault) -> bool:
        if not (self.codes or self.enhanced or self.text):
            return True
        if fault.reply is None:
            return False
        return (
            (not self.codes or str(fault.reply.code).startswith(self.codes))
            and (not self.enhanced or _has_code(fault.reply.enhanced, self.enhanced))
            and (self.text is None or _found(self.text, _words_of(fault.reply)))
        )

    def _matches_session(self, evidence: Evidence) -> bool:
        return (
            (self.mechanisms is None or evidence.mechanism in self.mechanisms)
            and (self.has_login is None or bool(evidence.username) is self.has_login)
            and (self.has_sender is None or bool(evidence.sender) is self.has_sender)
            and (self.challenged is None or _was_challenged(evidence) is self.challenged)
            and (self.offers is None or _found(self.offers, _offered(evidence)))
            and (self.noted is None or _found(self.noted, _noted(evidence)))
            and (self.host_is is None or bool(self.host_is & mistaken_for(evidence)))
        )

    def _matches_client_certificate(self, evidence: Evidence) -> bool:
        if self.showed_certificate is None:
            return True
        was_asked = evidence.asked_for_certificate
        return was_asked and evidence.sent_certificate is self.showed_certificate

    def _matches_provider(self, evidence: Evidence) -> bool:
        if self.providers is None:
            return True
        provider = provider_in(evidence)
        return provider is not None and provider.id in self.providers


def provider_in(evidence: Evidence) -> Provider | None:
    """Return the provider of the host, by its own name or by where its alias leads, or None."""
    names = (evidence.host, *(item.canonical for item in evidence.look_ups if item.canonical))
    return next((found for name in names if (found := provider_of(name))), None)


def _first(fault: Fault, evidence: Evidence) -> bytes:
    return fault.raw if fault.kind is FaultKind.NOT_TLS else evidence.first_bytes or fault.raw


def _words_of(reply: Reply) -> str:
    """The lines of a reply as one sentence: every line repeats the enhanced code (RFC 2034)."""
    lines = (line.removeprefix(enhanced_code(line, reply.code)) for line in reply.lines)
    return " ".join(line.strip() for line in lines if line.strip())


def _has_code(enhanced: str, wanted: tuple[str, ...]) -> bool:
    return any(
        enhanced == code if code.count(".") == 2 and code[-1] != "." else enhanced.startswith(code)
        for code in wanted
    )


def _offered(evidence: Evidence) -> str:
    return "\n".join((*evidence.capabilities_clear, *evidence.capabilities))


def _noted(evidence: Evidence) -> str:
    return "\n".join(f"{oddity.kind}: {oddity.detail}" for oddity in evidence.oddities)


def _was_challenged(evidence: Evidence) -> bool:
    last = evidence.reply_of(Stage.AUTH)
    return last is not None and last.code == 334


def mistaken_for(evidence: Evidence) -> frozenset[HostIs]:
    """Return what the name of a host is instead of that of an outgoing mail server."""
    host = evidence.host.rstrip(".").lower()
    if provider_of(host) is not None:
        return frozenset()
    addresses = (evidence.username, evidence.sender)
    own = {address.rpartition("@")[2].lower() for address in addresses if "@" in address}
    found = {
        HostIs.EXCHANGER: provider_of_exchanger(host) is not None,
        HostIs.MAIL_DOMAIN: provider_of_domain(host) is not None,
        # What answered a probe in SMTP is a mail server, whatever else bears the name.
        HostIs.OWN_DOMAIN: host in own and not any(probe.greeting for probe in evidence.probes),
    }
    return frozenset(kind for kind, is_so in found.items() if is_so)


def _found(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is None or bool(pattern.search(text))


def at(*stages: Stage) -> frozenset[Stage]:
    """Return the stages at which a rule holds."""
    return frozenset(stages)


def by(*kinds: FaultKind) -> frozenset[FaultKind]:
    """Return the ways to end for which a rule holds."""
    return frozenset(kinds)


def words(pattern: str) -> re.Pattern[str]:
    """Compile the words a rule looks for; case does not matter, ``^`` and ``$`` hold by line."""
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


def first(pattern: bytes) -> re.Pattern[bytes]:
    """Compile what a rule expects at the start of a server's bytes."""
    return re.compile(pattern, re.DOTALL)
