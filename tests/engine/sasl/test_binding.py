"""The digest of a certificate that ties a login to its connection."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from scramp.core import CBindData

from smtpcheck.engine.sasl import end_point

NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.example.org")])
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def certificate(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    algorithm: hashes.HashAlgorithm | None,
) -> bytes:
    builder = x509.CertificateBuilder(NAME, NAME, key.public_key(), 1, NOW, NOW)
    signed = builder.sign(key, algorithm)  # type: ignore[arg-type]
    return signed.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_it_is_made_by_the_hash_of_the_signature(algorithm: hashes.HashAlgorithm) -> None:
    der = certificate(ec.generate_private_key(ec.SECP256R1()), algorithm)
    assert end_point(der) == hashlib.new(algorithm.name, der).digest()
    assert end_point(der) == bytes(CBindData.from_der(der))


def test_a_signature_without_a_hash_has_none() -> None:
    assert end_point(certificate(ed25519.Ed25519PrivateKey.generate(), None)) == b""


@pytest.mark.parametrize("der", [b"", b"\x30\x03\x02\x01\x01", b"x" * 50])
def test_what_is_no_certificate_has_none(der: bytes) -> None:
    assert end_point(der) == b""
