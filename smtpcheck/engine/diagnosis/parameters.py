"""The values that fill a diagnosis's text, and the one line of evidence that decided it.

Knows evidence only. Nothing here can hold a secret: the evidence holds none.
"""

from __future__ import annotations

from smtpcheck.engine.capabilities import parse_capabilities
from smtpcheck.engine.diagnosis.probed import found_settings
from smtpcheck.engine.evidence import Certificate, Evidence, Fault, FaultKind, Reply, escape
from smtpcheck.engine.providers import provider_of
from smtpcheck.engine.stages import RungState

Parameters = dict[str, str | int]

_NOT_OFFERED = frozenset({FaultKind.NOT_OFFERED, FaultKind.MECHANISM_NOT_OFFERED})


def parameters_of(fault: Fault, evidence: Evidence) -> Parameters:
    """Return every parameter that a text about a fault may name and this test knows."""
    known = {
        **target_parameters(evidence),
        **_fault_parameters(fault, evidence),
        **found_settings(evidence),
    }
    known.update(fault.parameters)
    return {name: value for name, value in known.items() if value not in ("", None)}


def target_parameters(evidence: Evidence) -> Parameters:
    """Return what was asked and what is known of the connection, whatever came of it."""
    provider = provider_of(evidence.host)
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
    known: Parameters = {"step": fault.stage.value, "detail": fault.detail}
    if fault.reply is not None:
        known |= {
            "code": fault.reply.code,
            "enhanced": fault.reply.enhanced,
            "reply": fault.reply.text,
        }
    if fault.raw or evidence.first_bytes:
        known["first_bytes"] = escape(fault.raw or evidence.first_bytes)
    known["mechanisms"] = (
        fault.detail if fault.kind in _NOT_OFFERED else _offered_mechanisms(evidence)
    )
    if fault.kind is FaultKind.CERTIFICATE and evidence.defects:
        known |= evidence.defects[0].parameters
    if fault.kind is FaultKind.PIN:
        known["fingerprint"] = fault.detail
    if size := _size_limit(evidence):
        known["limit"] = size
    if fault.kind is FaultKind.TOO_MUCH:
        known["limit"] = fault.detail
    seconds = _seconds(evidence)
    return known if seconds is None else {**known, "seconds": seconds}


def _offered_mechanisms(evidence: Evidence) -> str:
    return " ".join(parse_capabilities(Reply(250, ("", *evidence.capabilities))).mechanisms)


def _size_limit(evidence: Evidence) -> str:
    """The largest message that the server takes (RFC 1870 section 4), or "" if it does not say."""
    offered = parse_capabilities(Reply(250, ("", *evidence.capabilities)))
    octets = next(iter(offered.keywords.get("SIZE", ())), "")
    if not (octets.isascii() and octets.isdigit() and int(octets[:18])):
        return ""
    return f"{int(octets[:18]) / 1024 / 1024:.1f} MiB"


def _seconds(evidence: Evidence) -> str | None:
    """How long the stage that failed took."""
    failed = [rung for rung in evidence.ladder if rung.state is RungState.FAILED]
    if not failed or failed[-1].took_ms is None:
        return None
    return f"{failed[-1].took_ms / 1000:.1f}"


def evidence_line(fault: Fault, evidence: Evidence) -> str:
    """Return what decided, in the words of the wire or of the machine."""
    if fault.reply is not None:
        return str(fault.reply)
    if fault.raw:
        return escape(fault.raw)
    if fault.kind is FaultKind.CERTIFICATE:
        said = f"OpenSSL {fault.verify_code}: {fault.detail}"
        seen = evidence.defects[0].line if evidence.defects else ""
        return f"{seen}; {said}" if seen else said
    if fault.kind in _NOT_OFFERED:
        return " | ".join(evidence.capabilities or evidence.capabilities_clear) or "HELO only"
    tried = "; ".join(
        f"{item.address} port {item.port}: {item.detail or item.outcome}"
        for item in evidence.attempts
        if item.outcome != "connected"
    )
    if tried and not evidence.address:
        return tried
    return fault.detail or ("" if fault.kind is FaultKind.REFUSED_HERE else fault.kind.value)
