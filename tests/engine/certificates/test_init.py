"""Any certificate that a server can show is read, or said to be unreadable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcheck.engine.certificates import (
    MAX_CHAIN_OCTETS,
    certificates_of,
    days_left,
    read_certificate,
)
from smtpcheck.engine.certificates.plain import MAX_NAMES
from smtpcheck.engine.evidence import Certificate
from smtpcheck.engine.plan import fingerprint
from smtpcheck.sandbox.authority import Authority, self_signed

AUTHORITY = Authority.create("Example authority")
LEAF = AUTHORITY.issue("mx.example.org", "*.example.net", "192.0.2.1", "2001:db8::1")
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def certificate_with(
    *extensions: x509.ExtensionType, key: Key | ed448.Ed448PrivateKey | None = None
) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.example.org")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    edwards = isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    signed = builder.sign(key, None if edwards else hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def read(der: bytes) -> Certificate:
    found = read_certificate(der)
    assert found is not None
    return found


def test_a_certificate_tells_what_it_says() -> None:
    found = read(LEAF.der)
    assert found.subject == "CN=mx.example.org"
    assert found.issuer == "CN=Example authority"
    assert found.names == ("mx.example.org", "*.example.net", "192.0.2.1", "2001:db8::1")
    assert found.not_before < datetime.now(UTC) < found.not_after
    assert found.fingerprint == fingerprint(LEAF.der)
    assert (found.key, found.signature) == ("EC secp256r1", "sha256")
    assert int(found.serial, 16) == LEAF.leaf.serial_number
    assert not found.self_signed


def test_a_self_signed_certificate_is_told() -> None:
    assert read(self_signed("mx.example.org").der).self_signed


@pytest.mark.parametrize(
    ("key", "name", "signature"),
    [
        (rsa.generate_private_key(65537, 2048), "RSA 2048", "sha256"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", "none"),
        (ed448.Ed448PrivateKey.generate(), "Ed448", "none"),
    ],
)
def test_a_key_is_told_by_kind_and_size(key: Key, name: str, signature: str) -> None:
    found = read(certificate_with(key=key))
    assert (found.key, found.signature) == (name, signature)


def test_a_certificate_without_names_has_none() -> None:
    assert read(certificate_with()).names == ()


def test_of_very_many_names_the_first_are_kept() -> None:
    many = [x509.DNSName(f"host-{number}.example") for number in range(500)]
    assert len(read(certificate_with(x509.SubjectAlternativeName(many))).names) == MAX_NAMES


def test_an_extension_that_stands_twice_is_no_reason_to_give_up() -> None:
    twice = certificate_with(
        x509.SubjectAlternativeName([x509.DNSName("mx.example.org")]),
        x509.IssuerAlternativeName([x509.DNSName("mx.example.org")]),
    )
    # issuerAltName is 2.5.29.18, subjectAltName 2.5.29.17
    der = twice.replace(b"\x06\x03\x55\x1d\x12", b"\x06\x03\x55\x1d\x11")
    assert der != twice
    assert read(der).names == ()


def test_a_name_of_an_unheard_of_kind_is_no_reason_to_give_up() -> None:
    der = certificate_with(x509.SubjectAlternativeName([x509.DNSName("mx.example.org")]))
    # GeneralName [2] dNSName becomes [3] x400Address, which nobody reads
    odd = der.replace(b"\x82\x0emx.example.org", b"\xa3\x0emx.example.org")
    assert odd != der
    assert read(odd).names == ()


def test_a_certificate_beyond_the_bound_is_not_looked_at() -> None:
    assert read_certificate(b"\x30" * (MAX_CHAIN_OCTETS + 1)) is None


@given(st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_certificate_or_not(der: bytes) -> None:
    assert read_certificate(der) is None


@given(st.integers(0, len(LEAF.der) - 1), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
@pytest.mark.filterwarnings("ignore:.*serial number:Warning")
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_damaged_certificate_is_read_or_not(at: int, byte: int) -> None:
    damaged = bytearray(LEAF.der)
    damaged[at] = byte
    read_certificate(bytes(damaged))


TLS12 = b"\x0b\x00\x00\x0b" + b"\x00\x00\x08" + b"\x00\x00\x01a" + b"\x00\x00\x01b"
TLS13_HEAD = b"\x0b\x00\x00\x14\x02cc" + b"\x00\x00\x0e"
TLS13 = TLS13_HEAD + b"\x00\x00\x01a\x00\x02xx" + b"\x00\x00\x01b\x00\x00"


def test_a_chain_is_cut_out_of_its_message() -> None:
    assert certificates_of(TLS12, is_tls13=False) == [b"a", b"b"]
    assert certificates_of(TLS13, is_tls13=True) == [b"a", b"b"]


@pytest.mark.parametrize("length", range(len(TLS13)))
def test_a_chain_that_does_not_add_up_gives_what_could_be_read(length: int) -> None:
    whole = [b"a", b"b"]
    for message, is_tls13 in ((TLS12[:length], False), (TLS13[:length], True)):
        found = certificates_of(message, is_tls13=is_tls13)
        assert found == whole[: len(found)]


def test_a_chain_beyond_the_bound_is_not_looked_at() -> None:
    assert certificates_of(TLS12 + b"\0" * MAX_CHAIN_OCTETS, is_tls13=False) == []


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_message_is_read_to_its_end(message: bytes, is_tls13: bool) -> None:
    assert sum(map(len, certificates_of(message, is_tls13=is_tls13))) <= len(message)


def test_the_days_left_are_whole_days() -> None:
    found = read(LEAF.der)
    assert days_left(found, found.not_after - timedelta(days=3, hours=1)) == 3
    assert days_left(found, found.not_after + timedelta(hours=1)) == -1
