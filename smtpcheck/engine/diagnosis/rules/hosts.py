"""Hosts that are known to be the wrong one by their names alone."""

from __future__ import annotations

from smtpcheck.engine.diagnosis.matcher import HostIs, Rule, at, by, words
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Stage

_SUBMISSION_PORTS = frozenset({465, 587, 2465, 2525, 2587})
_HOSTNAME_MISMATCH = frozenset({62})  # X509_V_ERR_HOSTNAME_MISMATCH
_NOBODY_THERE = by(FaultKind.TIMEOUT, FaultKind.REFUSED, FaultKind.UNREACHABLE, FaultKind.RESET)

HOSTS = (
    Rule(
        id="dns.mx-used-for-submission",
        stages=at(Stage.AUTH),
        kinds=by(FaultKind.NOT_OFFERED),
        detail=words("^AUTH$"),
        has_login=True,
        host_is=frozenset({HostIs.EXCHANGER}),
    ),
    # Exchangers listen on port 25 only.
    Rule(
        id="dns.mx-used-for-submission",
        stages=at(Stage.CONNECT),
        kinds=by(FaultKind.TIMEOUT, FaultKind.REFUSED),
        ports=_SUBMISSION_PORTS,
        has_login=True,
        host_is=frozenset({HostIs.EXCHANGER}),
    ),
    Rule(
        id="dns.bare-domain",
        stages=at(Stage.CONNECT),
        kinds=_NOBODY_THERE,
        host_is=frozenset({HostIs.MAIL_DOMAIN, HostIs.OWN_DOMAIN}),
    ),
    Rule(
        id="dns.bare-domain",
        stages=at(Stage.DNS),
        kinds=by(FaultKind.NO_ADDRESS),
        host_is=frozenset({HostIs.MAIL_DOMAIN, HostIs.OWN_DOMAIN}),
    ),
    # With a domain of one's own this may well be the right server under its wrong name.
    Rule(
        id="dns.bare-domain",
        kinds=by(FaultKind.CERTIFICATE),
        verify_codes=_HOSTNAME_MISMATCH,
        host_is=frozenset({HostIs.MAIL_DOMAIN}),
    ),
)
