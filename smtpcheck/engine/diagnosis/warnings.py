"""What a test saw that does not decide its verdict but should be known.

Knows evidence; each function looks for one thing, ``changes`` for what earlier tests tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from smtpcheck.engine.capabilities import parse_capabilities
from smtpcheck.engine.catalogue import entry
from smtpcheck.engine.diagnosis.changes import changes_of
from smtpcheck.engine.diagnosis.contradictions import contradicts_itself
from smtpcheck.engine.evidence import (
    Attempt,
    Evidence,
    FaultKind,
    Finding,
    Parameters,
    Reply,
)
from smtpcheck.engine.plan import Past
from smtpcheck.engine.stages import Goal, RungState, Stage

# Renewal is automatic a month before the end where it works at all.
CERTIFICATE_WARNING_DAYS = 21
# Programs with a short timeout give up at this.
SLOW_GREETING_MS = 5000

# The stages in which a server is waited for.
_ANSWERED = frozenset(Stage) - {Stage.CONFIG, Stage.DNS, Stage.CONNECT, Stage.GREETING}
_UNANSWERED = frozenset({FaultKind.TIMEOUT, FaultKind.CLOSED, FaultKind.RESET})
_OUT_OF_SYNC = r"(?i)\bpipelin|\bsynchroni[sz]ation\b"  # compiled where a group has failed

# The mechanisms that show the password or the token itself to whoever listens.
_READABLE = frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"})

# What an attempt to connect can be instead of failed, and how a way that leads nowhere ends.
_TOLD_BY_PROXY = frozenset(
    {FaultKind.PROXY_REFUSED, FaultKind.PROXY_SILENT, FaultKind.PROXY_UNREACHABLE}
)
# What a proxy kept us from seeing says nothing of an address.
_NOT_FAILED = frozenset({"connected", "abandoned", *(kind.value for kind in _TOLD_BY_PROXY)})
_NO_WAY = frozenset({FaultKind.UNREACHABLE.value, FaultKind.TIMEOUT.value})

_Warning = tuple[str, Stage | None, Parameters, str]


def warnings_of(evidence: Evidence, past: Past) -> tuple[Finding, ...]:
    """Return the warnings that stand beside a test's verdict, each id once."""
    found: dict[str, _Warning] = {}
    for look in (
        _oddities,
        _defects,
        _certificate,
        _slow_greeting,
        _slow_replies,
        _contradictions,
        _broken_groups,
        _addresses,
        _other_addresses,
        _through_proxy,
        _non_ascii,
        _offered_in_clear,
        partial(changes_of, past=past),
        _not_proven,
    ):
        for warning in look(evidence):
            found.setdefault(warning[0], warning)
    if not found:
        return ()
    # Knows every provider, and a test without a warning needs none.
    from smtpcheck.engine.diagnosis.parameters import target_parameters

    shared = target_parameters(evidence)
    return tuple(
        Finding(
            id=name,
            stage=stage,
            parameters=shared | parameters,
            evidence_line=line,
            confidence=entry(name).confidence.value,
        )
        for name, stage, parameters, line in found.values()
    )


def _oddities(evidence: Evidence) -> Iterator[_Warning]:
    """Notes on the settings among them: what works anyway needs none."""
    for oddity in evidence.oddities:
        if oddity.stage is Stage.CONFIG and evidence.fault is None:
            continue
        yield oddity.kind, oddity.stage, {}, oddity.detail


def _defects(evidence: Evidence) -> Iterator[_Warning]:
    """What is wrong with the certificates beside what decided: all of it where they are taken."""
    fault = evidence.fault
    is_told = fault is not None and fault.kind is FaultKind.CERTIFICATE
    for defect in evidence.defects[1:] if is_told else evidence.defects:
        yield defect.id, Stage.TLS, defect.parameters, defect.line


def _certificate(evidence: Evidence) -> Iterator[_Warning]:
    """Certificates that soon end, the server's own first; an end that has come is a defect."""
    tls = evidence.tls
    if tls is None or tls.certificate is None:
        return
    shown = ((tls.certificate, tls.days_left), *((of, of.days_left) for of in evidence.chain[1:]))
    for certificate, days in shown:
        if days is not None and 0 <= days <= CERTIFICATE_WARNING_DAYS:
            ends = certificate.not_after.isoformat()
            parameters: Parameters = {"days": days, "not_after": ends}
            line = f"notAfter {ends} ({certificate.subject})"
            yield "tls.cert-expiring", Stage.TLS, parameters, line


def _slow_greeting(evidence: Evidence) -> Iterator[_Warning]:
    for rung in evidence.ladder:
        slow = rung.took_ms is not None and rung.took_ms > SLOW_GREETING_MS
        if rung.stage is Stage.GREETING and rung.state is RungState.PROVEN and slow:
            seconds = f"{(rung.took_ms or 0) / 1000:.1f}"
            yield "proto.slow-banner", Stage.GREETING, {"seconds": seconds}, f"{seconds} s"


def _slow_replies(evidence: Evidence) -> Iterator[_Warning]:
    """The first stage behind the greeting that took long.

    The clocks of a group start together, so an answer in it is timed from the one before it.
    """
    answered_at = 0
    for rung in evidence.ladder:
        if rung.started_ms is None or rung.took_ms is None:
            continue
        ended_at = rung.started_ms + rung.took_ms
        waited = ended_at - max(rung.started_ms, answered_at) if rung.grouped else rung.took_ms
        answered_at = ended_at
        slow = waited > SLOW_GREETING_MS and rung.state is RungState.PROVEN
        if slow and rung.stage in _ANSWERED:
            seconds = f"{waited / 1000:.1f}"
            parameters: Parameters = {"seconds": seconds, "step": rung.stage.value}
            yield "proto.slow-reply", rung.stage, parameters, f"{rung.stage.value}: {seconds} s"


def _contradictions(evidence: Evidence) -> Iterator[_Warning]:
    for item in evidence.replies:
        if contradicts_itself(item.stage, item.reply):
            line = str(item.reply)
            yield "proto.text-contradicts-code", item.stage, {"reply": line}, line


def _broken_groups(evidence: Evidence) -> Iterator[_Warning]:
    """Commands of a group that got no answer although the one before them did, or a complaint."""
    fault = evidence.fault
    if fault is None:
        return
    grouped = [rung for rung in evidence.ladder if rung.grouped]
    proven = [rung.stage for rung in grouped if rung.state is RungState.PROVEN]
    if fault.stage not in [rung.stage for rung in grouped]:
        return
    is_ignored = fault.kind in _UNANSWERED and bool(proven)
    complains = fault.reply is not None and re.search(_OUT_OF_SYNC, fault.reply.text)
    if is_ignored or complains:
        line = str(fault.reply or f"{fault.stage.value}: {fault.kind.value}")
        yield "proto.pipelining-broken", fault.stage, {}, line


def _addresses(evidence: Evidence) -> Iterator[_Warning]:
    """Addresses that did not answer although another one did.

    Where nothing at all goes through over IPv6 it is the way there that fails, not an address.
    Without a default route the machine was never meant to go that way, and that is no news.
    """
    if not evidence.address:
        return
    failed = [item for item in evidence.attempts if item.outcome not in _NOT_FAILED]
    by_ipv6 = [item for item in failed if _is_ours_by_ipv6(item) and item.outcome in _NO_WAY]
    if not evidence.has_ipv6_route:
        failed = [
            item for item in failed if not (item in by_ipv6 and item.outcome == "unreachable")
        ]
    elif by_ipv6 and not _has_connected_by_ipv6(evidence):
        yield "connect.ipv6-broken", Stage.CONNECT, *_listed(by_ipv6)
        failed = [item for item in failed if item not in by_ipv6]
    if failed:
        yield "connect.one-address-down", Stage.CONNECT, *_listed(failed)


def _is_ours_by_ipv6(attempt: Attempt) -> bool:
    """Whether this machine itself went over IPv6; a proxy has its own ways."""
    return ":" in attempt.address and not attempt.proxy


def _has_connected_by_ipv6(evidence: Evidence) -> bool:
    return any(_is_ours_by_ipv6(item) and item.outcome == "connected" for item in evidence.attempts)


def _listed(attempts: Sequence[Attempt]) -> tuple[Parameters, str]:
    parameters: Parameters = {"address": ", ".join(item.address for item in attempts)}
    lines = (f"{item.address}: {item.detail or item.outcome}" for item in attempts)
    return parameters, "; ".join(lines)


def _other_addresses(evidence: Evidence) -> Iterator[_Warning]:
    """Addresses that took the connection and failed before a login, beside the one that went on."""
    if not evidence.each_address:
        return
    from smtpcheck.engine.diagnosis.parameters import evidence_line

    lines = {
        item.address: f"{item.address}: {fault.stage.value}: {evidence_line(fault, item.evidence)}"
        for item in evidence.each_address
        if not item.went_on and (fault := item.evidence.fault) and fault.stage is not Stage.CONNECT
    }
    if lines:
        parameters: Parameters = {"address": ", ".join(lines)}
        yield "connect.one-address-fails", Stage.CONNECT, parameters, "; ".join(lines.values())


def _through_proxy(evidence: Evidence) -> Iterator[_Warning]:
    """Where a connection did not come to stand, or not a word through it, and no proxy said why."""
    fault = evidence.fault
    if not evidence.proxy or fault is None or fault.kind in _TOLD_BY_PROXY:
        return
    if fault.stage is Stage.CONNECT or (fault.stage is Stage.GREETING and fault.reply is None):
        yield "connect.through-proxy", Stage.CONNECT, {}, fault.detail or fault.kind.value


def _non_ascii(evidence: Evidence) -> Iterator[_Warning]:
    if not evidence.username.isascii():
        yield "auth.nonascii", Stage.AUTH, {}, ""


def _offered_in_clear(evidence: Evidence) -> Iterator[_Warning]:
    """Logins that anyone on the way could read (RFC 4954 section 4 and RFC 8314 section 3.3)."""
    clear = evidence.capabilities_clear or (() if evidence.tls else evidence.capabilities)
    if not any("AUTH" in line.upper() for line in clear):
        return
    offered = parse_capabilities(Reply(250, ("", *clear))).mechanisms
    readable = " ".join(name for name in offered if name in _READABLE)
    if readable:
        yield "auth.offered-in-clear", Stage.AUTH, {"mechanisms": readable}, f"AUTH {readable}"


def _not_proven(evidence: Evidence) -> Iterator[_Warning]:
    if evidence.fault is None and evidence.goal is not Goal.CONTENT:
        yield "tool.not-proven", None, {"goal": evidence.goal.value}, f"goal {evidence.goal.value}"
