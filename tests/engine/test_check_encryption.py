"""The whole engine against real TLS servers, wrong in ways that an operator has to tell apart."""

from __future__ import annotations

import ipaddress
import ssl
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import Plan, fingerprint
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Security, Stage, Verdict
from smtpcheck.sandbox.authority import Authority, Certificate
from tests.engine.trials import diagnosis_of, plan_for, tried, warnings_in
from tests.peers.honest import honest
from tests.peers.scripted import Client, Script, ScriptedPeer

NOW = datetime.now(UTC)
HOST = "127.0.0.1"
AUTHORITY = Authority.create("Example root")
GOOD = AUTHORITY.issue(HOST)
RSA = AUTHORITY.issue(HOST, key=rsa.generate_private_key(65537, 2048))
OURS = AUTHORITY.issue("client.example", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH_WAYS = [Security.TLS, Security.STARTTLS]

# RFC 2409 section 6.2: the Second Oakley Group, of 1024 bits.
SMALL_GROUP = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""

Peer = Callable[..., ScriptedPeer]
Tune = Callable[[ssl.SSLContext], object]


def context_of(certificate: Certificate = GOOD, *tunings: Tune) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")  # a server may show how weak it is
    certificate.load_into(context)
    for tune in tunings:
        tune(context)
    return context


def only(version: ssl.TLSVersion) -> Tune:
    def tune(context: ssl.SSLContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the subject
            context.minimum_version = context.maximum_version = version

    return tune


def demands_certificate(context: ssl.SSLContext) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=AUTHORITY.ca_pem.decode())


def encryption_warnings(report: Report) -> list[str]:
    return [each.id for each in report.warnings if each.id.startswith("tls.")]


def script(context: ssl.SSLContext, security: Security) -> Script:
    return honest(tls=context, is_implicit=security is Security.TLS)


def met(
    peer: Peer,
    context: ssl.SSLContext,
    security: Security = Security.TLS,
    change: Callable[[Plan], Plan] = lambda plan: plan,
    **options: str,
) -> Report:
    """The report on a server that is honest but for its TLS."""
    port = peer(script(context, security)).port
    plan = plan_for(port, trusted=AUTHORITY, security=security, **options)  # type: ignore[arg-type]
    return tried(change(plan))


def with_ours(certificate: str = "", key: str = "") -> Callable[[Plan], Plan]:
    """Give a plan our certificate, or another one, or another key."""

    def change(plan: Plan) -> Plan:
        target = plan.target._replace(
            client_certificate=certificate or OURS.pem.decode(),
            client_key=Secret(key or OURS.key_pem.decode()),
        )
        return replace(plan, target=target)

    return change


# --- Handshakes that fail -------------------------------------------------------------------------


@pytest.mark.parametrize("security", BOTH_WAYS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_server_with_old_versions_only(
    peer: Peer, security: Security, version: ssl.TLSVersion
) -> None:
    report = met(peer, context_of(GOOD, only(version)), security)
    assert (diagnosis_of(report), report.stage) == ("tls.version", Stage.TLS)


@pytest.mark.parametrize("security", BOTH_WAYS)
@pytest.mark.parametrize("ciphers", ["AES256-SHA", "ECDHE-ECDSA-AES256-SHA"])
def test_a_server_with_old_ciphers_only(peer: Peer, security: Security, ciphers: str) -> None:
    certificate = RSA if ciphers == "AES256-SHA" else GOOD
    context = context_of(certificate, only(TLS12), lambda of: of.set_ciphers(ciphers))
    report = met(peer, context, security)
    assert (diagnosis_of(report), report.stage) == ("tls.cipher", Stage.TLS)
    assert not report.evidence.asked_for_certificate


def test_a_server_with_a_small_group(peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / "group.pem"
    path.write_text(SMALL_GROUP)

    def tune(context: ssl.SSLContext) -> None:
        context.set_ciphers("DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0")
        context.load_dh_params(str(path))

    report = met(peer, context_of(RSA, only(TLS12), tune))
    assert diagnosis_of(report) == "tls.dh-small"


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_server_that_does_not_know_the_name(peer: Peer, version: ssl.TLSVersion) -> None:
    context = ForNobody(ssl.PROTOCOL_TLS_SERVER)
    GOOD.load_into(context)
    only(version)(context)
    server = peer(script(context, Security.TLS))
    plan = plan_for(server.port, trusted=AUTHORITY, security=Security.TLS, host="mx.example.org")

    async def resolver(_: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        return [ipaddress.ip_address(HOST)]

    assert diagnosis_of(tried(plan, resolver=resolver)) == "tls.sni"


class ForNobody(ssl.SSLContext):
    """Refuses every name, whatever hook a peer sets to learn it."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, refuse_name if name == "sni_callback" else value)


def refuse_name(*_: object) -> int:
    return int(ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)


@pytest.mark.parametrize(
    ("hello", "diagnosis_id"),
    [
        # a ServerHello of TLS 1.2 without renegotiation_info (RFC 5746)
        (b"\x03\x03" + bytes(32) + b"\0" + b"\xc0\x2c" + b"\0", "tls.legacy-renegotiation"),
        # one of TLS 1.0
        (b"\x03\x01" + bytes(32) + b"\0" + b"\xc0\x14" + b"\0", "tls.version"),
    ],
)
def test_a_hello_of_an_outdated_server(peer: Peer, hello: bytes, diagnosis_id: str) -> None:
    message = b"\x02" + len(hello).to_bytes(3) + hello
    record = b"\x16\x03\x03" + len(message).to_bytes(2) + message

    def outdated(client: Client) -> None:
        client.send_raw(record)
        client.drain()

    server = peer(outdated)
    report = tried(plan_for(server.port, trusted=AUTHORITY, security=Security.TLS))
    assert diagnosis_of(report) == diagnosis_id


# --- Client certificates --------------------------------------------------------------------------


@pytest.mark.parametrize("security", BOTH_WAYS)
@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_demanded_client_certificate_is_told_in_either_version(
    peer: Peer, security: Security, version: ssl.TLSVersion
) -> None:
    context = context_of(GOOD, only(version), demands_certificate)
    report = met(peer, context, security)
    assert (diagnosis_of(report), report.stage) == ("tls.client-cert-required", Stage.TLS)
    assert report.evidence.asked_for_certificate
    assert not report.evidence.sent_certificate


@pytest.mark.parametrize("security", BOTH_WAYS)
@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_the_accounts_own_client_certificate_is_shown(
    peer: Peer, security: Security, version: ssl.TLSVersion
) -> None:
    context = context_of(GOOD, only(version), demands_certificate)
    report = met(peer, context, security, with_ours())
    assert report.verdict is Verdict.WORKS
    assert report.evidence.sent_certificate


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_client_certificate_of_a_stranger_is_rejected(
    peer: Peer, version: ssl.TLSVersion
) -> None:
    strange = Authority.create().issue("x.example", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    change = with_ours(strange.pem.decode(), strange.key_pem.decode())
    context = context_of(GOOD, only(version), demands_certificate)
    report = met(peer, context, Security.STARTTLS, change)
    assert (diagnosis_of(report), report.stage) == ("tls.client-cert-rejected", Stage.TLS)


def test_a_client_certificate_that_nobody_asks_for_stays_here(peer: Peer) -> None:
    report = met(peer, context_of(), change=with_ours())
    assert report.verdict is Verdict.WORKS
    assert not report.evidence.sent_certificate


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_client_certificate_that_is_wished_but_not_demanded_is_no_trouble(
    peer: Peer, version: ssl.TLSVersion
) -> None:
    def wishes(context: ssl.SSLContext) -> None:
        demands_certificate(context)
        context.verify_mode = ssl.CERT_OPTIONAL

    report = met(peer, context_of(GOOD, only(version), wishes))
    assert report.verdict is Verdict.WORKS
    assert report.evidence.asked_for_certificate


def test_a_client_certificate_with_another_key_is_refused_before_any_packet(peer: Peer) -> None:
    server = peer(script(context_of(), Security.TLS))
    plan = plan_for(server.port, trusted=AUTHORITY, security=Security.TLS)
    report = tried(with_ours(key=GOOD.key_pem.decode())(plan))
    assert (diagnosis_of(report), report.stage) == ("config.client-cert-invalid", Stage.CONFIG)
    assert server.count == 0


def test_the_client_key_is_told_nowhere(peer: Peer) -> None:
    report = met(peer, context_of(GOOD, demands_certificate), change=with_ours())
    body = OURS.key_pem.decode().splitlines()[1]
    assert body not in repr(report)


# --- Certificates ---------------------------------------------------------------------------------


def stale(*names: str, days: int, **options: object) -> Certificate:
    """A leaf of a long while ago, that ends in so many days."""
    return AUTHORITY.issue(
        *names,
        not_before=NOW - timedelta(days=400),
        not_after=NOW + timedelta(days=days, hours=1),
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("security", BOTH_WAYS)
@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_every_defect_of_a_refused_certificate_is_told(
    peer: Peer, security: Security, version: ssl.TLSVersion
) -> None:
    below = Authority.create("Nobody's root").intermediate("Nobody's intermediate")
    bad = below.issue(
        "other.example",
        not_before=NOW - timedelta(days=90),
        not_after=NOW - timedelta(days=2),
        purpose=ExtendedKeyUsageOID.CLIENT_AUTH,
    )
    report = met(peer, context_of(bad, only(version)), security)
    assert (report.verdict, diagnosis_of(report)) == (Verdict.FAILS, "tls.cert-expired")
    assert encryption_warnings(report) == [
        "tls.cert-ip-literal",
        "tls.cert-unknown-ca",
        "tls.cert-purpose",
    ]
    assert [each.subject for each in report.evidence.chain] == [
        "CN=other.example",
        "CN=Nobody's intermediate",
    ]
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line.startswith("notAfter ")
    assert "OpenSSL 20" in report.diagnosis.evidence_line
    assert report.evidence.tls is None


def test_with_a_pin_every_defect_is_a_warning(peer: Peer) -> None:
    bad = stale("other.example", days=-3, key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - weak is what it is for
    report = met(peer, context_of(bad), pin=fingerprint(bad.der))
    assert report.verdict is Verdict.WORKS
    assert encryption_warnings(report) == [
        "tls.cert-expired",
        "tls.cert-ip-literal",
        "tls.cert-weak",
    ]


def test_without_a_login_every_defect_of_opportunistic_tls_is_a_warning(peer: Peer) -> None:
    bad = stale("other.example", days=-3)
    report = met(peer, context_of(bad), Security.OPPORTUNISTIC, user="")
    assert report.verdict is Verdict.WORKS
    assert encryption_warnings(report) == ["tls.cert-expired", "tls.cert-ip-literal"]


def test_with_a_login_opportunistic_tls_is_verified(peer: Peer) -> None:
    report = met(peer, context_of(stale(HOST, days=-3)), Security.OPPORTUNISTIC)
    assert (report.verdict, diagnosis_of(report)) == (Verdict.FAILS, "tls.cert-expired")


@pytest.mark.parametrize(("days", "is_told"), [(20, True), (22, False)])
def test_a_certificate_that_soon_ends_is_a_warning(peer: Peer, days: int, *, is_told: bool) -> None:
    report = met(peer, context_of(stale(HOST, days=days)))
    assert report.verdict is Verdict.WORKS
    assert ("tls.cert-expiring" in warnings_in(report)) is is_told


def test_a_test_that_works_tells_version_cipher_and_the_whole_chain(peer: Peer) -> None:
    below = AUTHORITY.intermediate("Example intermediate").issue(HOST)
    report = met(peer, context_of(below))
    assert report.verdict is Verdict.WORKS
    assert report.evidence.defects == ()
    assert report.evidence.tls is not None
    assert (report.evidence.tls.version, report.evidence.tls.days_left) == ("TLSv1.3", 364)
    assert report.evidence.tls.cipher.startswith("TLS_")
    assert [(each.subject, each.days_left) for each in report.evidence.chain] == [
        (f"CN={HOST}", 364),
        ("CN=Example intermediate", 3649),
    ]
