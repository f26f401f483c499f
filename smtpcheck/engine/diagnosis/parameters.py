"""The values that fill a diagnosis's text, and the one line of evidence that decided it.

Knows evidence only. Nothing here can hold a secret: the evidence holds none.
"""

from __future__ import annotations

from collections.abc import Callable

from smtpcheck.engine.capabilities import parse_capabilities
from smtpcheck.engine.diagnosis.looked_up import hinted_settings, provider_by_mail
from smtpcheck.engine.diagnosis.matcher import provider_in
from smtpcheck.engine.diagnosis.probed import found_settings
from smtpcheck.engine.evidence import (
    Attempt,
    Certificate,
    Evidence,
    Fault,
    FaultKind,
    Parameters,
    Reply,
    escape,
)
from smtpcheck.engine.stages import RungState

_NOT_OFFERED = frozenset({FaultKind.NOT_OFFERED, FaultKind.MECHANISM_NOT_OFFERED})

# What the machine's own words of a fault stand for, where they are more than words.
_MEANS_BY_DETAIL = {
    FaultKind.NOT_OFFERED: "mechanisms",
    FaultKind.MECHANISM_NOT_OFFERED: "mechanisms",
    FaultKind.PIN: "fingerprint",
    FaultKind.TOO_MUCH: "limit",
}


def parameters_of(fault: Fault, evidence: Evidence) -> Parameters:
    """Return every parameter that a text about a fault may name and this test knows."""
    known = {
        **target_parameters(evidence),
        **_fault_parameters(fault, evidence),
        **(found_settings(evidence) or hinted_settings(evidence)),
    }
    known.update(fault.parameters)
    return {name: value for name, value in known.items() if value not in ("", None)}


def target_parameters(evidence: Evidence) -> Parameters:
    """Return what was asked and what is known of the connection, whatever came of it."""
    provider = provider_in(evidence) or provider_by_mail(evidence)
    known: Parameters = {
        "host": evidence.host,
        "port": evidence.port or "",
        "security": evidence.security.value,
        "user": evidence.username,
        "sender": evidence.sender,
        "recipient": evidence.recipient,
        "ehlo_name": evidence.ehlo_name,
        "address": evidence.address or ", ".join(item.address for item in evidence.attempts),
        "provider": provider.name if provider else "",
        "mechanism": evidence.mechanism,
        "proxy": evidence.proxy,
    }
    if evidence.chain:
        known |= _certificate_parameters(evidence.chain[0])
    if evidence.tls is not None:
        known |= {"tls_version": evidence.tls.version, "cipher": evidence.tls.cipher}
    return {name: value for name, value in known.items() if value != ""}


def _certificate_parameters(leaf: Certificate) -> Parameters:
    return {
        "names": ", ".join(leaf.names),
        "issuer": leaf.issuer,
        "not_before": leaf.not_before.isoformat(),
        "not_after": leaf.not_after.isoformat(),
        "fingerprint": leaf.fingerprint,
    }


def _fault_parameters(fault: Fault, evidence: Evidence) -> Parameters:
    """What the end of the test tells; a value that it does not tell is "" here."""
    known: Parameters = {
        "step": fault.stage.value,
        "detail": fault.detail,
        "first_bytes": escape(fault.raw or evidence.first_bytes),
        "mechanisms": _offered_mechanisms(evidence),
        "limit": _size_limit(evidence),
        "seconds": _seconds(evidence),
        **_reply_parameters(fault.reply),
    }
    if name := _MEANS_BY_DETAIL.get(fault.kind):
        known[name] = fault.detail
    if fault.kind is FaultKind.CERTIFICATE and evidence.defects:
        known |= evidence.defects[0].parameters
    return known


def _reply_parameters(reply: Reply | None) -> Parameters:
    if reply is None:
        return {}
    return {"code": reply.code, "enhanced": reply.enhanced, "reply": reply.text}


def _offered_mechanisms(evidence: Evidence) -> str:
    return " ".join(parse_capabilities(Reply(250, ("", *evidence.capabilities))).mechanisms)


def _size_limit(evidence: Evidence) -> str:
    """The largest message that the server takes (RFC 1870 section 4), or "" if it does not say."""
    offered = parse_capabilities(Reply(250, ("", *evidence.capabilities)))
    octets = next(iter(offered.keywords.get("SIZE", ())), "")
    if not (octets.isascii() and octets.isdigit() and int(octets[:18])):
        return ""
    return f"{int(octets[:18]) / 1024 / 1024:.1f} MiB"


def _seconds(evidence: Evidence) -> str:
    """How long the stage that failed took, or "" where nobody knows."""
    failed = [rung for rung in evidence.ladder if rung.state is RungState.FAILED]
    if not failed or failed[-1].took_ms is None:
        return ""
    return f"{failed[-1].took_ms / 1000:.1f}"


def evidence_line(fault: Fault, evidence: Evidence) -> str:
    """Return what decided, in the words of the wire or of the machine."""
    return next((line for tell in _LINES if (line := tell(fault, evidence))), "")


def _said(fault: Fault, _evidence: Evidence) -> str:
    return str(fault.reply) if fault.reply is not None else ""


def _sent(fault: Fault, _evidence: Evidence) -> str:
    return escape(fault.raw)


def _of_certificate(fault: Fault, evidence: Evidence) -> str:
    if fault.kind is not FaultKind.CERTIFICATE:
        return ""
    said = f"OpenSSL {fault.verify_code}: {fault.detail}"
    seen = evidence.defects[0].line if evidence.defects else ""
    return f"{seen}; {said}" if seen else said


def _offered(fault: Fault, evidence: Evidence) -> str:
    if fault.kind not in _NOT_OFFERED:
        return ""
    return " | ".join(evidence.capabilities or evidence.capabilities_clear) or "HELO only"


def _tried(_fault: Fault, evidence: Evidence) -> str:
    """The addresses that could not be connected to, if none could."""
    if evidence.address:
        return ""
    return "; ".join(
        f"{item.address} port {item.port}{_through(item)}: {item.detail or item.outcome}"
        for item in evidence.attempts
        if item.outcome != "connected"
    )


def _through(attempt: Attempt) -> str:
    return f" through proxy {attempt.proxy}" if attempt.proxy else ""


def _of_machine(fault: Fault, _evidence: Evidence) -> str:
    return fault.detail or ("" if fault.kind is FaultKind.REFUSED_HERE else fault.kind.value)


# The first of them that has something to say is told.
_LINES: tuple[Callable[[Fault, Evidence], str], ...] = (
    _said,
    _sent,
    _of_certificate,
    _offered,
    _tried,
    _of_machine,
)
