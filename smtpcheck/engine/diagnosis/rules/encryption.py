"""STARTTLS, the handshake and the certificate."""

from __future__ import annotations

from smtpcheck.engine.catalogue import Outcome
from smtpcheck.engine.chain import VERIFY_CODES
from smtpcheck.engine.diagnosis.matcher import Rule, at, by, first, words
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Security, Stage

_UPGRADED = frozenset({Security.STARTTLS, Security.OPPORTUNISTIC})

TLS = (
    Rule(id="tls.starttls-not-offered", stages=at(Stage.STARTTLS), kinds=by(FaultKind.NOT_OFFERED)),
    Rule(id="tls.starttls-454", stages=at(Stage.STARTTLS), codes=("454",)),
    Rule(
        id="tls.starttls-454",
        stages=at(Stage.STARTTLS),
        codes=("5",),
        text=words(
            r"\b(unable|failed) to (initiali[sz]e|start)\b.{0,20}\b(security|tls|ssl)\b"
            r"|\b(tls|ssl)\b.{0,40}\b(not |un)available\b"
        ),
    ),
    Rule(id="tls.starttls-injection", kinds=by(FaultKind.INJECTION)),
    Rule(id="tls.pin-mismatch", kinds=by(FaultKind.PIN)),
    Rule(
        id="tls.starttls-plaintext",
        stages=at(Stage.TLS),
        kinds=by(FaultKind.NOT_TLS),
        secured_by=_UPGRADED,
    ),
    Rule(
        id="proto.plain-port-spoken-tls",
        stages=at(Stage.TLS),
        kinds=by(FaultKind.NOT_TLS),
        first_bytes=first(rb"[245][0-9]{2}[ -]"),
    ),
    Rule(id="proto.unknown", stages=at(Stage.TLS), kinds=by(FaultKind.NOT_TLS)),
    Rule(
        id="tls.starttls-eof",
        stages=at(Stage.TLS),
        kinds=by(FaultKind.CLOSED),
        secured_by=_UPGRADED,
    ),
    Rule(id="tls.handshake-eof", stages=at(Stage.TLS), kinds=by(FaultKind.CLOSED)),
    Rule(id="tls.handshake-timeout", stages=at(Stage.TLS), kinds=by(FaultKind.TIMEOUT)),
    Rule(id="tls.reset", stages=at(Stage.TLS), kinds=by(FaultKind.RESET)),
    Rule(id="tls.too-much", stages=at(Stage.TLS), kinds=by(FaultKind.TOO_MUCH)),
)

_HANDSHAKE = by(FaultKind.HANDSHAKE)
_AFTER_HANDSHAKE = at(Stage.GREETING, Stage.EHLO)
_ABOUT_OURS = words(
    "ALERT_(HANDSHAKE_FAILURE|NO_CERTIFICATE|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|ACCESS_DENIED"
    "|UNSUPPORTED_CERTIFICATE|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|UNKNOWN_CA|DECRYPT_ERROR"
    "|CERTIFICATE_REQUIRED)"
)
HANDSHAKES = (
    # Whatever certificate a server's alert is about, it is ours.
    Rule(
        id="tls.client-cert-rejected",
        kinds=_HANDSHAKE,
        detail=_ABOUT_OURS,
        showed_certificate=True,
    ),
    Rule(
        id="tls.client-cert-required",
        kinds=_HANDSHAKE,
        detail=words("CERTIFICATE_REQUIRED"),
    ),
    # In TLS 1.2 the alert is the one for ciphers; the request for a certificate tells them apart.
    Rule(
        id="tls.client-cert-required",
        kinds=_HANDSHAKE,
        detail=_ABOUT_OURS,
        showed_certificate=False,
    ),
    # Postfix ends the handshake, and says it instead of its greeting or its answer to EHLO.
    Rule(
        id="tls.client-cert-required",
        stages=_AFTER_HANDSHAKE,
        codes=("4", "5"),
        text=words(r"\bno client certificate presented\b"),
        outcome=Outcome.FAILS,
    ),
    Rule(
        id="tls.client-cert-rejected",
        stages=_AFTER_HANDSHAKE,
        codes=("4", "5"),
        text=words(r"\bclient certificate not trusted\b"),
        outcome=Outcome.FAILS,
    ),
    Rule(
        id="tls.version",
        kinds=_HANDSHAKE,
        detail=words("PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW"),
    ),
    Rule(id="tls.dh-small", kinds=_HANDSHAKE, detail=words("DH_KEY_TOO_SMALL")),
    Rule(id="tls.sni", kinds=_HANDSHAKE, detail=words("UNRECOGNIZED_NAME")),
    Rule(
        id="tls.legacy-renegotiation",
        kinds=_HANDSHAKE,
        detail=words("UNSAFE_LEGACY_RENEGOTIATION"),
    ),
    Rule(
        id="tls.cipher",
        kinds=_HANDSHAKE,
        detail=words("ALERT_HANDSHAKE_FAILURE|NO_SHARED_CIPHER|NO_CIPHERS"),
    ),
    Rule(id="tls.server-error", kinds=_HANDSHAKE, detail=words("ALERT_INTERNAL_ERROR")),
    Rule(id="tls.handshake-failed", kinds=_HANDSHAKE),
)

# Where the chain could not be read; otherwise the worst defect found in it decides.
CERTIFICATES = (
    *(
        Rule(id=name, kinds=by(FaultKind.CERTIFICATE), verify_codes=frozenset(codes))
        for name, codes in VERIFY_CODES.items()
    ),
    Rule(id="tls.cert-other", kinds=by(FaultKind.CERTIFICATE)),
)
