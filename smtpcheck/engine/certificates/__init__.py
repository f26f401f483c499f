"""Reads what a certificate says out of its DER.

Knows X.509 and nothing of connections. Those of the kind that nearly every server shows are read by
``plain``; for all others ``cryptography`` is loaded, which takes longer than a test.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from smtpcheck.engine.certificates.plain import MAX_NAMES, read_plain
from smtpcheck.engine.evidence import Certificate

if TYPE_CHECKING:
    from cryptography import x509

# What a chain may be before it is not looked at: real ones take 2 to 8 KiB.
MAX_CHAIN_OCTETS = 100 * 1024


def read_certificate(der: bytes) -> Certificate | None:
    """Return what a certificate says, or None if it cannot be parsed or is beyond the bound."""
    if len(der) > MAX_CHAIN_OCTETS:
        return None
    return read_plain(der) or read_any(der)


# A provider's accounts meet the same few certificates again and again.
@lru_cache(maxsize=64)
def read_any(der: bytes) -> Certificate | None:
    """Return the same as ``read_certificate`` by way of ``cryptography`` alone."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        parsed = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=parsed.subject.rfc4514_string(),
            issuer=parsed.issuer.rfc4514_string(),
            names=_names(parsed),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            serial=f"{parsed.serial_number:x}",
            fingerprint=parsed.fingerprint(SHA256()).hex(),
            key=_key(parsed),
            signature=_signature(parsed),
            self_signed=parsed.issuer == parsed.subject,
        )
    except (ValueError, x509.InvalidVersion):
        return None


def certificates_of(message: bytes, *, is_tls13: bool) -> list[bytes]:
    """Return the DER of each certificate in a TLS Certificate message, leaf first.

    RFC 8446 section 4.4.2 (``is_tls13``) or RFC 5246 section 7.4.2, with the handshake header. A
    message that does not add up gives what could be read of it; one beyond the bound gives none.
    """
    if len(message) > MAX_CHAIN_OCTETS:
        return []
    at = 4 + (1 + message[4] if is_tls13 and len(message) > 4 else 0) + 3
    found: list[bytes] = []
    while at + 3 <= len(message):
        begins = at + 3
        ends = begins + int.from_bytes(message[at:begins])
        if ends > len(message):
            break
        found.append(message[begins:ends])
        at = ends
        if is_tls13:
            at += 2 + int.from_bytes(message[ends : ends + 2])
    return found


def days_left(certificate: Certificate, now: datetime) -> int:
    """Whole days until a certificate ends; negative when it has ended."""
    return (certificate.not_after - now).days


def _names(parsed: x509.Certificate) -> tuple[str, ...]:
    """The names of the subjectAltName extension, host names first."""
    from cryptography import x509

    try:
        extension = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        ValueError,
    ):
        return ()
    hosts = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return (*hosts, *map(str, addresses))[:MAX_NAMES]


def _key(parsed: x509.Certificate) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    try:
        key = parsed.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return "unknown"
    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"EC {key.curve.name}"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case ed448.Ed448PublicKey():
            return "Ed448"
        case _:
            return type(key).__name__


def _signature(parsed: x509.Certificate) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        algorithm = parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "unknown"
    return algorithm.name if algorithm else "none"
