"""Notes on the settings that explain a failure: they decide only after TLS or the login failed."""

from __future__ import annotations

from smtpcheck.engine.catalogue import Outcome
from smtpcheck.engine.diagnosis.matcher import Rule, at, by, first, words
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Security, Stage

_CONFLICT = words(r"^config\.port-security-conflict: ")
# Blanks inside, but not in groups, may well belong to the password.
_PASTED = words(r"^config\.secret-whitespace: (?!blanks inside$)")

PORT_CONFLICTS = (
    # A port for TLS on connect says nothing to whoever waits for a greeting, or hangs up.
    Rule(
        id="config.port-security-conflict",
        stages=at(Stage.GREETING),
        kinds=by(FaultKind.TIMEOUT, FaultKind.CLOSED, FaultKind.RESET),
        secured_by=frozenset({Security.STARTTLS, Security.OPPORTUNISTIC, Security.NONE}),
        first_bytes=first(rb"\Z"),
        noted=_CONFLICT,
        outcome=Outcome.FAILS,
    ),
    Rule(
        id="config.port-security-conflict",
        stages=at(Stage.TLS),
        kinds=by(FaultKind.CLOSED, FaultKind.RESET),
        secured_by=frozenset({Security.TLS}),
        noted=_CONFLICT,
        outcome=Outcome.FAILS,
    ),
    Rule(
        id="config.port-security-conflict",
        stages=at(Stage.TLS),
        kinds=by(FaultKind.TIMEOUT),
        secured_by=frozenset({Security.TLS}),
        noted=_CONFLICT,
        outcome=Outcome.INCONCLUSIVE,
    ),
)

ODD_SECRETS = (
    Rule(
        id="config.secret-whitespace",
        stages=at(Stage.AUTH),
        codes=("535",),
        noted=_PASTED,
        outcome=Outcome.FAILS,
    ),
)
