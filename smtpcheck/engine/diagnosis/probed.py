"""What counter-probes add to a diagnosis: a more particular cause, and settings that answer.

Knows evidence only. The rules here are tried before those of ``rules``; none matches a test
without probes. Settings are named only if the account could use them as they are: with a login over
trusted TLS where AUTH is offered, and never with less protection than the account asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from smtpcheck.engine.capabilities import parse_capabilities
from smtpcheck.engine.diagnosis.matcher import Rule, first
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind, Probe, Reply
from smtpcheck.engine.stages import Security, Stage

# With fewer silent ports than this beside the one tested, "no mail port answers" says too much.
MIN_SILENT_PORTS = 2

_IN_CLEAR = frozenset({Security.STARTTLS, Security.OPPORTUNISTIC, Security.NONE})
_HUNG_UP = frozenset({FaultKind.TIMEOUT, FaultKind.CLOSED, FaultKind.RESET})
# The ends of a handshake that only a server which speaks TLS can bring about.
_SPEAKS_TLS = frozenset({FaultKind.CERTIFICATE.value, FaultKind.PIN.value})
# Where a probe by STARTTLS ends when everything up to TLS was there.
_SPOKE_IN_CLEAR = frozenset(
    {
        (Stage.STARTTLS, FaultKind.NOT_OFFERED.value),
        (Stage.TLS, FaultKind.CERTIFICATE.value),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedRule(Rule):
    """A rule that also wants the probes to have shown something."""

    shown: Callable[[Evidence], bool]

    def matches(self, fault: Fault, evidence: Evidence) -> bool:
        """Say whether every condition of this rule holds."""
        return (
            bool(evidence.probes) and Rule.matches(self, fault, evidence) and self.shown(evidence)
        )


def _another_port_connects(evidence: Evidence) -> bool:
    return any(probe.stage is not Stage.CONNECT for probe in _others(evidence))


def _all_ports_are_silent(evidence: Evidence) -> bool:
    others = _others(evidence)
    timeout = FaultKind.TIMEOUT.value
    return len(others) >= MIN_SILENT_PORTS and all(
        probe.stage is Stage.CONNECT and probe.outcome == timeout for probe in others
    )


def _same_port_speaks_tls(evidence: Evidence) -> bool:
    """A greeting came through TLS, or a certificate that is not trusted: then it is not known."""
    return any(
        probe.greeting is not None or (probe.stage is Stage.TLS and probe.outcome in _SPEAKS_TLS)
        for probe in evidence.probes
        if probe.port == evidence.port and probe.security is Security.TLS
    )


def _same_port_greets_in_clear(evidence: Evidence) -> bool:
    return any(
        probe.greeting is not None
        for probe in evidence.probes
        if probe.port == evidence.port and probe.security is not Security.TLS
    )


def _others(evidence: Evidence) -> list[Probe]:
    return [probe for probe in evidence.probes if probe.port != evidence.port]


PROBED: tuple[ProbedRule, ...] = (
    ProbedRule(
        id="connect.timeout-port25",
        stages=frozenset({Stage.CONNECT}),
        kinds=frozenset({FaultKind.TIMEOUT}),
        ports=frozenset({25}),
        shown=_another_port_connects,
    ),
    ProbedRule(
        id="connect.timeout-all",
        stages=frozenset({Stage.CONNECT}),
        kinds=frozenset({FaultKind.TIMEOUT}),
        shown=_all_ports_are_silent,
    ),
    ProbedRule(
        id="proto.tls-port-spoken-plain",
        stages=frozenset({Stage.GREETING}),
        kinds=_HUNG_UP,
        secured_by=_IN_CLEAR,
        first_bytes=first(rb"\Z"),
        shown=_same_port_speaks_tls,
    ),
    ProbedRule(
        id="proto.plain-port-spoken-tls",
        stages=frozenset({Stage.TLS}),
        kinds=_HUNG_UP | {FaultKind.HANDSHAKE},
        secured_by=frozenset({Security.TLS}),
        shown=_same_port_greets_in_clear,
    ),
)
PROBED_IDS = frozenset(rule.id for rule in PROBED)


def found_settings(evidence: Evidence) -> dict[str, str | int]:
    """Return the port and security that the account could use instead, or nothing."""
    for probe in evidence.probes:
        if security := _usable(probe, evidence):
            return {"found_port": probe.port, "found_security": security.value}
    return {}


def _usable(probe: Probe, evidence: Evidence) -> Security | None:
    """The security by which the account could use the port of a probe, or None."""
    if probe.answers:
        offers_login = "AUTH" in parse_capabilities(Reply(250, ("", *probe.capabilities)))
        return probe.security if offers_login or not evidence.username else None
    # In the clear only where no password goes and the account asks for no more.
    asks_no_more = evidence.security in (Security.OPPORTUNISTIC, Security.NONE)
    spoke_in_clear = bool(probe.greeting) and (probe.stage, probe.outcome) in _SPOKE_IN_CLEAR
    if spoke_in_clear and asks_no_more and not evidence.username:
        return evidence.security
    return None


def probes_line(evidence: Evidence) -> str:
    """Return what the probes saw on one line, as evidence."""
    return "; ".join(
        f"port {probe.port} by {probe.security.value}: {probe.greeting or probe.outcome}"
        for probe in evidence.probes
    )
