"""What a certificate or a reply names is shown and never fetched."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from smtpcheck.engine.evidence import Report
from smtpcheck.engine.stages import Security, Verdict
from smtpcheck.sandbox import Authority, Certificate
from tests.engine.trials import plan_for, tried
from tests.peers.honest import honest, until
from tests.peers.scripted import Client, Script, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]

NAMES = (x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")))


@pytest.fixture
def named() -> Iterator[str]:
    """The address of a web server that is named everywhere and that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        ready, _, _ = select.select([listener], [], [], 0.1)
        assert not ready, "somebody connected"


def certificates(url: str) -> tuple[x509.Certificate, Certificate]:
    """An authority, and a leaf that names the address for each thing that can be fetched."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority that wants visits")])
    authority = _builder(name, name, authority_key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    leaf = _builder(x509.Name([]), name, key)
    leaf = leaf.add_extension(x509.SubjectAlternativeName(NAMES), critical=True)
    for extension in _pointers(url):
        leaf = leaf.add_extension(extension, critical=False)
    return (
        authority.sign(authority_key, hashes.SHA256()),
        Certificate(leaf.sign(authority_key, hashes.SHA256()), key),
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=90))


def _pointers(url: str) -> list[x509.ExtensionType]:
    methods = {
        AuthorityInformationAccessOID.OCSP: "ocsp",
        AuthorityInformationAccessOID.CA_ISSUERS: "issuer.der",
    }
    policy = x509.PolicyInformation(x509.ObjectIdentifier("1.3.6.1.4.1.1"), [f"{url}/policy"])
    return [
        x509.AuthorityInformationAccess(
            [x509.AccessDescription(of, _uri(f"{url}/{path}")) for of, path in methods.items()]
        ),
        x509.CRLDistributionPoints([_point(f"{url}/all.crl")]),
        x509.FreshestCRL([_point(f"{url}/delta.crl")]),
        x509.CertificatePolicies([policy]),
        x509.TLSFeature([x509.TLSFeatureType.status_request]),  # "must staple" (RFC 7633)
    ]


def _point(url: str) -> x509.DistributionPoint:
    return x509.DistributionPoint([_uri(url)], None, None, None)


def _uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@pytest.mark.parametrize("is_trusted", [True, False], ids=["trusted", "without its issuer"])
def test_what_a_certificate_names_is_not_fetched(
    peer: MakePeer, authority: Authority, named: str, security: Security, *, is_trusted: bool
) -> None:
    issuer, leaf = certificates(named)
    is_implicit = security is Security.TLS
    server = peer(honest(tls=leaf.server_context(), is_implicit=is_implicit))
    trusted = pem(issuer) if is_trusted else authority.ca_pem.decode()
    report = tried(plan_for(server.port, trusted=trusted, security=security))
    assert report.verdict is (Verdict.WORKS if is_trusted else Verdict.FAILS)


def redirecting(url: str) -> dict[str, str]:
    """Replies that name another place to go to, in the ways of several protocols."""
    host = url.removeprefix("http://")
    return {
        "551 of RFC 5321": f"551 5.1.6 User not local; please try <bob@[{host}]>",
        "251": f"251 2.1.5 User not local; will forward to <bob@{host}>",
        "a URL": f"550 5.7.1 See {url}/why",
        "referral of LMTP": f"451 4.7.1 referral smtp://{host}/",
        "HTTP": f"HTTP/1.1 301 Moved Permanently\r\nLocation: {url}/\r\n\r\n",
    }


@pytest.mark.parametrize("kind", redirecting(""))
@pytest.mark.parametrize("stage", ["greeting", "ehlo", "auth", "mail", "rcpt", "content"])
def test_where_a_reply_points_to_nobody_goes(
    peer: MakePeer,
    authority: Authority,
    server_context: ssl.SSLContext,
    named: str,
    kind: str,
    stage: str,
) -> None:
    reply = redirecting(named)[kind]

    def point(client: Client) -> None:
        client.send(reply)

    script: Script = until(stage, point, tls=server_context)
    server = peer(script)
    report: Report = tried(plan_for(server.port, trusted=authority, seconds=1.0))
    assert {attempt.port for attempt in report.evidence.attempts} == {server.port}
    assert server.count == 1
