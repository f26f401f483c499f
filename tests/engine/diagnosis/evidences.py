"""The situations as evidence, and those that no answer of a server tells."""

from __future__ import annotations

from typing import Any

from smtpcheck.engine.evidence import Evidence, FaultKind, Oddity, Probe, Reply, StageReply
from smtpcheck.engine.stages import Security, Stage
from tests.engine.diagnosis.sightings import SEALED, fault, reply, seen
from tests.engine.situations import AUTH, EHLO, GREETING, MAIL, SITUATIONS, Situation

WORDINGS = [(row, said) for row in SITUATIONS for said in row.said]

CONFLICT = Oddity("config.port-security-conflict", Stage.CONFIG, "port 2525 with security tls")
BLANK = Oddity("config.secret-whitespace", Stage.CONFIG, "a blank at the end")
GROUPS = Oddity("config.secret-whitespace", Stage.CONFIG, "blanks between groups of equal length")
PASSPHRASE = Oddity("config.secret-whitespace", Stage.CONFIG, "blanks inside")
ANSWERS = Probe(
    port=587,
    security=Security.STARTTLS,
    outcome="answers",
    stage=EHLO,
    took_ms=5,
    greeting=Reply(220, ("mx",)),
)
QUESTION = StageReply(AUTH, reply("334 VXNlcm5hbWU6"))


def evidence_of(row: Situation, said: str) -> Evidence:
    """What a test by STARTTLS has seen when this ends it."""
    return seen(
        fault(row.stage, said),
        host=row.host,
        username=row.user,
        mechanism=row.mechanism or "PLAIN",
        first_bytes=f"{row.greeting}\r\n".encode(),
        capabilities=row.capabilities,
        port=row.port or 10587,
        tls=None if row.stage in (GREETING, MAIL) else SEALED,
    )


def lost(host: str, kind: FaultKind = FaultKind.TIMEOUT, **changes: Any) -> Evidence:
    """Nobody can be connected to under this name."""
    settings = {"host": host, "address": "", "first_bytes": b""} | changes
    return seen(fault(Stage.CONNECT, kind=kind), **settings)


def ended(stage: Stage, kind: FaultKind, detail: str = "", **changes: Any) -> Evidence:
    """A stage ended in some other way than by an answer."""
    verify_code = changes.pop("verify_code", None)
    return seen(fault(stage, kind=kind, detail=detail, verify_code=verify_code), **changes)


def without_login(host: str, **changes: Any) -> Evidence:
    return ended(AUTH, FaultKind.NOT_OFFERED, "AUTH", host=host, tls=SEALED, **changes)


ON_CONNECT: dict[str, Any] = {"security": Security.TLS, "first_bytes": b"", "oddities": (CONFLICT,)}
SILENT: dict[str, Any] = {"first_bytes": b"", "oddities": (CONFLICT,)}

NOT_SAID: list[tuple[Evidence, str]] = [
    # hosts that are none for sending
    (without_login("aspmx.l.google.com"), "dns.mx-used-for-submission"),
    (without_login("example-org.mail.protection.outlook.com"), "dns.mx-used-for-submission"),
    (without_login("mx.example.org"), "auth.not-offered"),
    (without_login("smtp.gmail.com"), "auth.not-offered"),
    (lost("aspmx.l.google.com"), "dns.mx-used-for-submission"),
    (lost("gmail-smtp-in.l.google.com", FaultKind.REFUSED), "dns.mx-used-for-submission"),
    (lost("gmail.com"), "dns.bare-domain"),
    (lost("icloud.com.", FaultKind.REFUSED), "dns.bare-domain"),
    (lost("example.org", username="ann@example.org"), "dns.bare-domain"),
    (lost("example.org", sender="ann@EXAMPLE.org", username=""), "dns.bare-domain"),
    (
        ended(Stage.DNS, FaultKind.NO_ADDRESS, host="example.org", username="ann@example.org"),
        "dns.bare-domain",
    ),
    (
        ended(Stage.TLS, FaultKind.CERTIFICATE, "no", host="gmail.com", verify_code=62),
        "dns.bare-domain",
    ),
    # a firewall's work
    (
        ended(Stage.STARTTLS, FaultKind.NOT_OFFERED, capabilities_clear=("SIZE 100", "XXXXXXXA")),
        "connect.masked-banner",
    ),
    (
        ended(Stage.STARTTLS, FaultKind.NOT_OFFERED, first_bytes=b"220 *********************\r\n"),
        "connect.masked-banner",
    ),
    (
        ended(AUTH, FaultKind.NOT_OFFERED, "AUTH", capabilities_clear=("****************",)),
        "connect.masked-banner",
    ),
    (
        ended(Stage.STARTTLS, FaultKind.NOT_OFFERED, capabilities_clear=("XCLIENT NAME",)),
        "tls.starttls-not-offered",
    ),
    # an end within a login
    (ended(AUTH, FaultKind.CLOSED, replies=(QUESTION,)), "auth.dropped"),
    (ended(AUTH, FaultKind.CLOSED), "auth.closed"),
    # settings that explain what happened
    (ended(GREETING, FaultKind.TIMEOUT, **SILENT), "config.port-security-conflict"),
    (ended(GREETING, FaultKind.CLOSED, **SILENT), "config.port-security-conflict"),
    (ended(Stage.TLS, FaultKind.CLOSED, **ON_CONNECT), "config.port-security-conflict"),
    (ended(Stage.TLS, FaultKind.RESET, **ON_CONNECT), "config.port-security-conflict"),
    (ended(Stage.TLS, FaultKind.TIMEOUT, **ON_CONNECT), "config.port-security-conflict"),
    (seen(fault(AUTH, "535 5.7.8 no"), oddities=(BLANK,)), "config.secret-whitespace"),
    (seen(fault(AUTH, "535 no"), oddities=(GROUPS,)), "config.secret-whitespace"),
    (
        seen(fault(AUTH, "535 5.7.8 no"), host="smtp.gmail.com", oddities=(GROUPS,)),
        "config.secret-whitespace",
    ),
    # before TLS
    (seen(fault(AUTH, "530 5.7.0 Must use encryption")), "auth.needs-tls"),
    (seen(fault(AUTH, "550 5.7.1 This server requires TLS")), "auth.needs-tls"),
    (seen(fault(MAIL, "451 5.7.3 STARTTLS is required to send mail")), "tls.starttls-required"),
    # nobody as sender
    (seen(fault(MAIL, "550 5.5.0 no"), sender=""), "mail.null-sender"),
    (ended(MAIL, FaultKind.NOT_OFFERED, "SMTPUTF8"), "mail.smtputf8"),
    # the server's own word for it, and no answer
    (seen(fault(Stage.CONTENT, "550 5.7.60 no")), "data.send-as"),
]
SAID = [evidence_of(row, said) for row, said in WORDINGS]
