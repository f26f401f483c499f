"""Each rule recognises what it is for and leaves alone what only looks like it."""

from __future__ import annotations

import string
from typing import Any

import pytest

from smtpcheck.engine.catalogue import CATALOGUE, PARAMETERS, entry
from smtpcheck.engine.diagnosis.rules import SPECIFIC
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind
from smtpcheck.engine.stages import RungState, Security, Stage
from tests.engine.diagnosis.evidences import NOT_SAID, SAID
from tests.engine.diagnosis.sightings import LEAF, diagnosis_of, fault, judged, rung, seen
from tests.engine.diagnosis.wild import REPLIES

GREETING, EHLO, STARTTLS, TLS = Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.TLS
AUTH, MAIL, RCPT, DATA, CONTENT = Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT
ON_CONNECT = {"security": Security.TLS, "first_bytes": b""}


def ended(stage: Stage, kind: FaultKind, detail: str = "", raw: bytes = b"") -> Fault:
    return fault(stage, kind=kind, detail=detail, raw=raw)


WILD = [said.evidence() for said in REPLIES]


def garbled(first_bytes: bytes) -> Evidence:
    """A server that greets with something that is no reply."""
    return seen(ended(GREETING, FaultKind.BAD_REPLY, raw=first_bytes), first_bytes=first_bytes)


def not_tls(raw: bytes, **changes: Any) -> Evidence:
    return seen(ended(TLS, FaultKind.NOT_TLS, raw=raw), **changes)


def said(stage: Stage, text: str, **changes: Any) -> Evidence:
    return seen(fault(stage, text), **changes)


def handshake(detail: str, stage: Stage = TLS) -> Evidence:
    return seen(ended(stage, FaultKind.HANDSHAKE, detail))


def asked(detail: str, *, showed: bool = False) -> Evidence:
    """A handshake in which the server wanted to see a certificate of ours."""
    by = ended(TLS, FaultKind.HANDSHAKE, detail)
    return seen(by, asked_for_certificate=True, sent_certificate=showed)


def untrusted(verify_code: int) -> Evidence:
    return seen(fault(TLS, kind=FaultKind.CERTIFICATE, verify_code=verify_code, detail="no"))


MYSQL = b"\x4a\x00\x00\x00\x0a8.0.36\x00"
MYSQL_ERROR = b"\x45\x00\x00\x00\xff\x6a\x04Host is not allowed"


def by_proxy(kind: FaultKind) -> Evidence:
    return seen(ended(Stage.CONNECT, kind, "HTTP 403 Forbidden"), proxy="office")


TABLE: list[tuple[Evidence, str]] = [
    # names and connections
    (seen(ended(Stage.DNS, FaultKind.NAME_UNKNOWN)), "dns.nxdomain"),
    (seen(ended(Stage.DNS, FaultKind.NO_ADDRESS)), "dns.no-address"),
    (seen(ended(Stage.DNS, FaultKind.RESOLVER_FAILED)), "dns.temporary"),
    (seen(ended(Stage.CONNECT, FaultKind.REFUSED)), "connect.refused"),
    (seen(ended(Stage.CONNECT, FaultKind.UNREACHABLE)), "connect.unreachable"),
    (seen(ended(Stage.CONNECT, FaultKind.RESET)), "connect.reset"),
    (seen(ended(Stage.CONNECT, FaultKind.RESOURCES)), "connect.worker-resources"),
    (seen(ended(Stage.CONNECT, FaultKind.SOURCE_ADDRESS)), "connect.source-address"),
    (seen(ended(Stage.CONNECT, FaultKind.TIMEOUT)), "connect.timeout"),
    (by_proxy(FaultKind.PROXY_REFUSED), "connect.proxy-refused"),
    (by_proxy(FaultKind.PROXY_SILENT), "connect.proxy-silent"),
    (by_proxy(FaultKind.PROXY_UNREACHABLE), "connect.proxy-unreachable"),
    # services that are no mail server
    (garbled(b"HTTP/1.1 400 Bad Request\r\n"), "proto.http"),
    (garbled(b"<!DOCTYPE html>"), "proto.http"),
    (not_tls(b"HTTP/1.1 400 Bad Request\r\n", **ON_CONNECT), "proto.http"),
    (garbled(b"SSH-2.0-OpenSSH_9.6\r\n"), "proto.ssh"),
    (not_tls(b"SSH-2.0-OpenSSH_9.6\r\n", **ON_CONNECT), "proto.ssh"),
    (garbled(b"* OK [CAPABILITY IMAP4rev1] ready\r\n"), "proto.imap"),
    (garbled(b"* BYE overloaded\r\n"), "proto.imap"),
    (garbled(b"+OK POP3 ready\r\n"), "proto.pop3"),
    (garbled(b"-ERR no\r\n"), "proto.pop3"),
    (garbled(MYSQL), "proto.mysql"),
    (garbled(MYSQL_ERROR), "proto.mysql"),
    (
        seen(ended(GREETING, FaultKind.TIMEOUT), first_bytes=MYSQL),
        "proto.mysql",
    ),
    (garbled(b"\xff\xfb\x01\xff\xfb\x03"), "proto.telnet"),
    (garbled(b"\x15\x03\x01\x00\x02\x02\x0a"), "proto.tls-alert-bytes"),
    (garbled(b"RFB 003.008\n"), "proto.unknown"),
    (garbled(b"\x00\x01"), "proto.unknown"),
    # greetings
    (seen(ended(GREETING, FaultKind.CLOSED), first_bytes=b""), "connect.closed-before-banner"),
    (seen(ended(GREETING, FaultKind.RESET), first_bytes=b""), "connect.reset"),
    (seen(ended(GREETING, FaultKind.TIMEOUT), first_bytes=b"220"), "greet.timeout"),
    (said(GREETING, "521 no mail here"), "greet.521"),
    (said(GREETING, "554 5.7.1 you are listed"), "greet.554"),
    (said(GREETING, "421 4.7.0 too many connections"), "greet.421-too-many"),
    (said(GREETING, "421 Connection rate exceeded"), "greet.421-too-many"),
    (said(EHLO, "421 Rate limit"), "greet.421-too-many"),
    (said(GREETING, "421 4.3.2 service not available"), "greet.421-unavailable"),
    # TLS
    (seen(ended(STARTTLS, FaultKind.NOT_OFFERED)), "tls.starttls-not-offered"),
    (said(STARTTLS, "454 4.7.0 TLS not available due to local problem"), "tls.starttls-454"),
    (seen(ended(TLS, FaultKind.INJECTION, raw=b"250 x")), "tls.starttls-injection"),
    (seen(ended(TLS, FaultKind.PIN, "ab" * 32)), "tls.pin-mismatch"),
    (not_tls(b"220 mx ready\r\n"), "tls.starttls-plaintext"),
    (not_tls(b"\0\0", security=Security.OPPORTUNISTIC), "tls.starttls-plaintext"),
    (not_tls(b"220 mx ready\r\n", **ON_CONNECT), "proto.plain-port-spoken-tls"),
    (not_tls(b"554-no\r\n", **ON_CONNECT), "proto.plain-port-spoken-tls"),
    (not_tls(b"hello", **ON_CONNECT), "proto.unknown"),
    (seen(ended(TLS, FaultKind.CLOSED)), "tls.starttls-eof"),
    (seen(ended(TLS, FaultKind.CLOSED), **ON_CONNECT), "tls.handshake-eof"),
    (seen(ended(TLS, FaultKind.TIMEOUT)), "tls.handshake-timeout"),
    (seen(ended(TLS, FaultKind.RESET)), "tls.reset"),
    (seen(ended(TLS, FaultKind.TOO_MUCH, "handshake")), "tls.too-much"),
    (handshake("TLSV13_ALERT_CERTIFICATE_REQUIRED", EHLO), "tls.client-cert-required"),
    (handshake("TLSV1_ALERT_PROTOCOL_VERSION"), "tls.version"),
    (handshake("UNSUPPORTED_PROTOCOL"), "tls.version"),
    (handshake("DH_KEY_TOO_SMALL"), "tls.dh-small"),
    (handshake("TLSV1_UNRECOGNIZED_NAME"), "tls.sni"),
    (handshake("UNSAFE_LEGACY_RENEGOTIATION_DISABLED"), "tls.legacy-renegotiation"),
    (handshake("SSLV3_ALERT_HANDSHAKE_FAILURE"), "tls.cipher"),
    (asked("SSLV3_ALERT_HANDSHAKE_FAILURE"), "tls.client-cert-required"),
    (asked("SSLV3_ALERT_HANDSHAKE_FAILURE", showed=True), "tls.client-cert-rejected"),
    (asked("TLSV1_ALERT_UNKNOWN_CA", showed=True), "tls.client-cert-rejected"),
    (handshake("TLSV1_ALERT_INTERNAL_ERROR"), "tls.server-error"),
    (handshake("INTERNAL_ERROR"), "tls.handshake-failed"),  # of our own library
    (handshake("BAD_EXTENSION"), "tls.handshake-failed"),
    (handshake("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", AUTH), "tls.handshake-failed"),
    (untrusted(9), "tls.cert-not-yet-valid"),
    (untrusted(10), "tls.cert-expired"),
    (untrusted(18), "tls.cert-self-signed"),
    (untrusted(19), "tls.cert-private-root-sent"),
    (untrusted(2), "tls.cert-unknown-ca"),
    (untrusted(20), "tls.cert-unknown-ca"),
    (untrusted(21), "tls.cert-unknown-ca"),
    (untrusted(23), "tls.cert-revoked"),
    (untrusted(26), "tls.cert-purpose"),
    (untrusted(62), "tls.cert-hostname"),
    (untrusted(64), "tls.cert-ip-literal"),
    (untrusted(66), "tls.cert-weak"),
    (untrusted(79), "tls.cert-other"),
    (untrusted(92), "tls.cert-strict-profile"),
    (untrusted(1), "tls.cert-other"),
    # hellos
    (said(EHLO, "500 what?", first_bytes=b"220 ProFTPD FTP Server\r\n"), "proto.ftp"),
    (said(EHLO, "500 what?", first_bytes=b"220 mx Dovecot LMTP ready\r\n"), "proto.lmtp"),
    (said(EHLO, "504 5.5.2 <box>: need fully-qualified hostname"), "ehlo.not-fqdn"),
    (said(EHLO, "501 bad name mx.example.org:587"), "ehlo.port-in-name"),
    (said(EHLO, "550 5.7.1 not you"), "ehlo.rejected"),
    (said(EHLO, "500 what?"), "ehlo.rejected"),
    (seen(ended(EHLO, FaultKind.TOO_MUCH, "line")), "proto.line-too-long"),
    (seen(ended(EHLO, FaultKind.TOO_MUCH, "lines")), "proto.endless-reply"),
    (seen(ended(EHLO, FaultKind.TOO_MUCH, "reply")), "proto.endless-reply"),
    (seen(ended(EHLO, FaultKind.TOO_MUCH, "session")), "proto.endless-reply"),
    # logins
    (seen(ended(AUTH, FaultKind.NOT_OFFERED, "AUTH")), "auth.not-offered"),
    (seen(ended(AUTH, FaultKind.NOT_OFFERED, "XOAUTH2")), "auth.oauth-only"),
    (seen(ended(AUTH, FaultKind.NOT_OFFERED, "OAUTHBEARER XOAUTH2")), "auth.oauth-only"),
    (seen(ended(AUTH, FaultKind.NOT_OFFERED, "GSSAPI NTLM")), "auth.no-common-mechanism"),
    (seen(ended(AUTH, FaultKind.NOT_OFFERED, "none")), "auth.no-common-mechanism"),
    (
        seen(fault(AUTH, kind=FaultKind.MECHANISM_NOT_OFFERED, detail="PLAIN GSSAPI")),
        "auth.mechanism-not-offered",
    ),
    (
        seen(fault(AUTH, "334 x", kind=FaultKind.SCRAM_ROUNDS, parameters={"count": 10_000_000})),
        "auth.scram-rounds",
    ),
    (seen(fault(AUTH, "334 x", kind=FaultKind.SERVER_PROOF)), "auth.server-proof"),
    (
        seen(fault(AUTH, "535 no", detail="token-refused", parameters={"detail": "status 401"})),
        "auth.xoauth-334-json",
    ),
    (seen(fault(AUTH, "334 x", kind=FaultKind.CHALLENGE_LOOP)), "auth.challenge-loop"),
    (seen(fault(AUTH, "334 x", kind=FaultKind.BAD_CHALLENGE)), "auth.bad-challenge"),
    (said(AUTH, "538 5.7.11 encryption required"), "auth.needs-tls"),
    (said(AUTH, "530 5.7.0 Must issue a STARTTLS command first"), "tls.starttls-required"),
    (said(MAIL, "530 5.7.0 Must issue a STARTTLS command first"), "tls.starttls-required"),
    (said(AUTH, "454 4.7.0 Temporary authentication failure"), "auth.temporary"),
    (said(AUTH, "421 bye"), "auth.dropped"),
    (seen(fault(AUTH, "421 bye", detail="unasked")), "auth.deferred"),
    (said(AUTH, "432 4.7.12 transition"), "auth.password-transition"),
    (said(AUTH, "504 5.5.4 Unrecognized authentication type"), "auth.mechanism-504"),
    (said(AUTH, "503 5.5.1 not advertised"), "auth.503-not-advertised"),
    (said(AUTH, "535 5.7.8 Your password has expired"), "auth.password-expired"),
    (said(AUTH, "534 Expired password"), "auth.password-expired"),
    (said(AUTH, "535 5.7.13 disabled"), "auth.disabled-account"),
    (said(AUTH, "525 5.7.13 disabled"), "auth.disabled-account"),
    (said(AUTH, "534 5.7.9 too weak"), "auth.too-weak"),
    (said(AUTH, "535 5.7.8 Authentication failed"), "auth.invalid"),
    (said(AUTH, "535 wrong"), "auth.invalid"),
    # envelopes
    (seen(ended(MAIL, FaultKind.NOT_OFFERED, "SMTPUTF8")), "mail.smtputf8"),
    (said(MAIL, "530 5.7.1 Authentication required"), "mail.auth-required"),
    (said(RCPT, "530 5.7.57 Client not authenticated to send mail"), "mail.auth-required"),
    (
        said(RCPT, "553 5.7.1 <a@b>: Sender address rejected: not owned by user alice"),
        "mail.not-owned",
    ),
    (said(RCPT, "553 5.7.1 <a@b>: Sender address rejected: not logged in"), "mail.not-logged-in"),
    (said(RCPT, "554 5.7.1 <b@c>: Relay access denied"), "rcpt.relay-denied"),
    (said(RCPT, "550 relay not permitted"), "rcpt.relay-denied"),
    (said(RCPT, "550 5.7.1 Relaying denied"), "rcpt.relay-denied"),
    (said(MAIL, "553 Relaying disallowed"), "rcpt.relay-denied"),
    (said(RCPT, "450 4.2.0 <b@c>: Greylisted, try again"), "rcpt.greylist"),
    (said(DATA, "451 4.7.1 gray-listed"), "rcpt.greylist"),
    (said(RCPT, "451 192.0.2.1 is not yet authorized to deliver mail"), "rcpt.greylist"),
    (said(RCPT, "452 4.2.2 over quota"), "rcpt.mailbox-full"),
    (said(RCPT, "552 5.2.2 mailbox full"), "rcpt.mailbox-full"),
    (said(RCPT, "550 5.1.1 who?"), "rcpt.unknown"),
    (said(RCPT, "524 5.2.4 Mailing list expansion problem: <b@c>"), "rcpt.unknown"),
    (said(DATA, "554 5.5.1 Error: no valid recipients"), "data.no-valid-recipients"),
    # the mail, and our own side
    (seen(ended(CONTENT, FaultKind.TIMEOUT)), "data.no-final-reply"),
    (seen(ended(CONTENT, FaultKind.CLOSED)), "data.no-final-reply"),
    (seen(ended(CONTENT, FaultKind.RESET)), "data.no-final-reply"),
    (seen(ended(CONTENT, FaultKind.DEADLINE)), "data.no-final-reply"),
    (seen(ended(AUTH, FaultKind.DEADLINE)), "tool.deadline"),
    (seen(ended(AUTH, FaultKind.INTERNAL)), "tool.internal-error"),
]

NEAR_MISSES: list[tuple[Evidence, str]] = [
    # a greeting by the book, however its service is called
    (garbled(b"220-mx\r\n550 no\r\n"), "greet.bad-reply"),
    (garbled(b"220mx\r\n"), "greet.bad-reply"),
    (seen(ended(GREETING, FaultKind.CLOSED), first_bytes=b"220-mx"), "greet.closed"),
    (seen(ended(GREETING, FaultKind.RESET), first_bytes=b"2"), "greet.reset"),
    (seen(ended(GREETING, FaultKind.TIMEOUT), first_bytes=b""), "greet.timeout"),
    (said(GREETING, "550 no"), "greet.rejected"),
    (said(GREETING, "450 no"), "greet.deferred"),
    # other first bytes tell nothing of what happens later
    (said(AUTH, "550 no", first_bytes=b"HTTP/"), "auth.rejected"),
    (seen(ended(EHLO, FaultKind.CLOSED), first_bytes=b"* OK"), "ehlo.closed"),
    # an old service name in the greeting is no proof while EHLO works or fails for other reasons
    (said(EHLO, "550 no", first_bytes=b"220 FTP gateway mail\r\n"), "ehlo.rejected"),
    (said(EHLO, "500 no", first_bytes=b"220 mx SFTPd\r\n"), "ehlo.rejected"),
    (said(EHLO, "500 no", first_bytes=b"220 mx\r\n220 FTP"), "ehlo.rejected"),
    # the name that was given is quoted, and a literal has colons of its own
    (said(EHLO, "501 5.5.4 <[IPv6:2001:db8::1]>: invalid"), "ehlo.rejected"),
    (said(EHLO, "501 bad at 12:30:59"), "ehlo.rejected"),
    (said(EHLO, "421 4.7.0 Try again later"), "ehlo.deferred"),
    (said(EHLO, "451 later"), "ehlo.deferred"),
    # STARTTLS and TLS
    (said(STARTTLS, "451 later"), "starttls.deferred"),
    (said(STARTTLS, "550 no"), "starttls.rejected"),
    (said(AUTH, "530 5.7.1 Authentication required"), "auth.rejected"),
    (not_tls(b"SSH-2.0-x\r\n"), "proto.ssh"),
    (seen(ended(STARTTLS, FaultKind.CLOSED)), "starttls.closed"),
    (asked("TLSV1_ALERT_PROTOCOL_VERSION"), "tls.version"),
    (asked("DH_KEY_TOO_SMALL", showed=True), "tls.dh-small"),
    (handshake("TLSV1_ALERT_UNKNOWN_CA"), "tls.handshake-failed"),
    # logins
    (said(AUTH, "535 5.7.8 expired session"), "auth.invalid"),
    (said(AUTH, "550 password expired"), "auth.rejected"),
    (said(AUTH, "534 5.7.14 log in by the web"), "auth.rejected"),
    (seen(fault(AUTH, "535 5.7.8 no", detail="proof-refused")), "auth.invalid"),
    (seen(fault(AUTH, "454 4.7.0 later", detail="token-refused")), "auth.temporary"),
    (said(AUTH, "500 what?"), "auth.rejected"),
    (said(AUTH, "451 later"), "auth.deferred"),
    (said(MAIL, "454 later"), "mail.deferred"),
    (seen(ended(AUTH, FaultKind.NOT_OFFERED, "XOAUTH2 GSSAPI")), "auth.no-common-mechanism"),
    # envelopes
    (said(RCPT, "550 5.7.1 no"), "rcpt.rejected"),
    (said(RCPT, "550 no such thing"), "rcpt.rejected"),
    (said(RCPT, "450 4.1.1 who?"), "rcpt.deferred"),
    (said(MAIL, "550 5.1.1 who?"), "mail.rejected"),
    (said(MAIL, "552 5.2.2 full"), "mail.rejected"),
    (said(RCPT, "450 relay down"), "rcpt.deferred"),
    (said(RCPT, "550 greylisted"), "rcpt.rejected"),
    (said(CONTENT, "554 relay host down"), "content.rejected"),
    (said(DATA, "451 later"), "data.deferred"),
    (said(DATA, "550 no"), "data.rejected"),
    # the mail
    (said(CONTENT, "550 5.7.1 no"), "content.rejected"),
    (said(CONTENT, "451 later"), "content.deferred"),
    (seen(ended(CONTENT, FaultKind.BAD_REPLY)), "content.bad-reply"),
    (seen(ended(DATA, FaultKind.TIMEOUT)), "data.timeout"),
    (seen(ended(AUTH, FaultKind.TOO_MUCH, "lines")), "auth.too-much"),
    (seen(ended(Stage.DNS, FaultKind.DEADLINE)), "tool.deadline"),
]


def name(value: object) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("evidence", "diagnosis_id"), TABLE, ids=name)
def test_a_cause_is_recognised(evidence: Evidence, diagnosis_id: str) -> None:
    assert diagnosis_of(evidence) == diagnosis_id


@pytest.mark.parametrize(("evidence", "diagnosis_id"), NEAR_MISSES, ids=name)
def test_what_only_looks_like_a_cause_is_left_alone(evidence: Evidence, diagnosis_id: str) -> None:
    assert diagnosis_of(evidence) == diagnosis_id


@pytest.mark.parametrize(("evidence", "diagnosis_id"), TABLE, ids=name)
def test_a_diagnosis_has_everything_that_its_text_names(
    evidence: Evidence, diagnosis_id: str
) -> None:
    by = evidence.fault
    assert by is not None
    whole = evidence._replace(
        ladder=(rung(by.stage, 500, RungState.FAILED),),
        chain=(LEAF,),
        mechanism="PLAIN",
        capabilities=("AUTH PLAIN LOGIN",),
    )
    found, listed = judged(whole).diagnosis, entry(diagnosis_id)
    assert found is not None
    texts = (listed.title, listed.cause, *listed.remedy)
    named = {field for text in texts for _, field, _, _ in string.Formatter().parse(text) if field}
    assert {field for field in named if PARAMETERS[field]} <= set(found.parameters)


def test_every_rule_decides_something_in_the_table() -> None:
    deciding = {
        next((index for index, rule in enumerate(SPECIFIC) if rule.matches(by, evidence)), None)
        for evidence in (*(evidence for evidence, _ in (*TABLE, *NOT_SAID)), *SAID, *WILD)
        if (by := evidence.fault) is not None
    }
    idle = [SPECIFIC[index].id for index in range(len(SPECIFIC)) if index not in deciding]
    assert idle == []


def test_every_rule_names_a_diagnosis_of_the_catalogue() -> None:
    assert {rule.id for rule in SPECIFIC} <= set(CATALOGUE)
