"""A certificate authority of the sandbox's own, made once and kept in a directory.

Certificates follow the profile of RFC 5280 closely enough for OpenSSL's strict mode
(``VERIFY_X509_STRICT``, the default of ``ssl.create_default_context`` from Python 3.13 on): key
identifiers, critical basicConstraints, keyUsage and extendedKeyUsage.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

try:
    import fcntl
except ImportError:  # Windows: two sandboxes that start at the same moment are not kept apart
    fcntl = None  # type: ignore[assignment]

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
AUTHORITY_DAYS = 3650
LEAF_DAYS = 365
RENEW_DAYS = 60  # more than the 30 days from which testers begin to warn of a certificate's end
CLOCK_SKEW = timedelta(hours=1)  # a client whose clock is behind must not see the future


class Kind(StrEnum):
    """The certificates that a listener can show."""

    GOOD = "good"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_HOST = "wrong-host"
    SELF_SIGNED = "self-signed"
    UNKNOWN_AUTHORITY = "unknown-authority"
    MISSING_INTERMEDIATE = "missing-intermediate"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A leaf certificate with its key and the intermediates that are sent with it."""

    leaf: x509.Certificate
    key: PrivateKey
    intermediates: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        """The leaf and its intermediates, as they are sent."""
        chain = (self.leaf, *self.intermediates)
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)

    @property
    def der(self) -> bytes:
        """The leaf alone, as it is hashed for a pin."""
        return self.leaf.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The private key, unencrypted."""
        return _key_pem(self.key)

    def alone(self) -> Certificate:
        """The same leaf from a server that forgets to send its intermediates."""
        return Certificate(self.leaf, self.key)

    def server_context(self) -> ssl.SSLContext:
        """A new TLS 1.2+ server context that shows this certificate; the caller may change it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.load_into(context)
        return context

    def load_into(self, context: ssl.SSLContext) -> None:
        """Make a context show this certificate (the ssl module reads only from files)."""
        with tempfile.TemporaryDirectory(prefix="sandbox-") as directory:
            path = Path(directory, "leaf.pem")
            _write(path, self.key_pem + self.pem)
            context.load_cert_chain(path)


class Authority:
    """Issues certificates for names and addresses; clients trust it through ``ca_pem``."""

    def __init__(
        self,
        certificate: x509.Certificate,
        key: PrivateKey,
        *,
        chain: tuple[x509.Certificate, ...] = (),
        directory: Path | None = None,
    ) -> None:
        self.certificate = certificate
        self.directory = directory
        self._key = key
        self._chain = chain

    @classmethod
    def create(cls, name: str = "Sandbox mail server authority") -> Authority:
        """A new authority in memory, which nobody trusts yet."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        builder = _builder(subject, key, *_span(days=AUTHORITY_DAYS))
        certificate = _as_authority(builder, path_length=1).issuer_name(subject)
        return cls(certificate.sign(key, hashes.SHA256()), key)

    @classmethod
    def load_or_create(cls, directory: Path) -> Authority:
        """The authority kept in a directory; made there first if none is, or its end is near.

        Files: ``ca.pem`` for clients to trust, ``ca.key`` readable by the owner only.
        """
        directory.mkdir(parents=True, exist_ok=True)
        with _only_one(directory):
            kept = _read_authority(directory)
            if kept:
                return cls(*kept, directory=directory)
            made = cls.create()
            made.save(directory)
            return made

    def save(self, directory: Path) -> None:
        """Write ``ca.pem`` and ``ca.key`` (0600), and keep from now on certificates there too."""
        _write(directory / "ca.key", _key_pem(self._key))
        _write(directory / "ca.pem", self.ca_pem, mode=0o644)
        self.directory = directory

    @property
    def ca_pem(self) -> bytes:
        """What a client has to trust."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def ca_file(self) -> Path:
        """Where ``ca_pem`` is kept; a ValueError for an authority that lives in memory."""
        if self.directory is None:
            raise ValueError("this authority lives in memory: it has no file")
        return self.directory / "ca.pem"

    def intermediate(self, name: str = "Sandbox mail server intermediate") -> Authority:
        """An authority below this one; what it issues carries the intermediate with it."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), key, *_span(days=AUTHORITY_DAYS))
        certificate = self._sign(_as_authority(builder, path_length=0))
        return Authority(certificate, key, chain=(certificate, *self._chain))

    def issue(
        self,
        *names: str,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        key: PrivateKey | None = None,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> Certificate:
        """A leaf for DNS names and IP addresses, valid from an hour ago for a year if not told."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        span = _span(not_before, not_after, days=LEAF_DAYS)
        builder = _as_leaf(_builder(_name(names[0]), key, *span), names, purpose)
        return Certificate(self._sign(builder), key, self._chain)

    def certificate_of(self, kind: Kind, names: Sequence[str] = LOCAL_NAMES) -> Certificate:
        """A leaf of one of the kinds that a listener can show, good or bad."""
        if kind is Kind.GOOD:
            return self._kept("server.pem", names)
        return _MAKERS[kind](self, names)

    def _kept(self, file_name: str, names: Sequence[str]) -> Certificate:
        # The same leaf at each start: a pin stays valid, and nobody notes a changed certificate.
        if self.directory is None:
            return self.issue(*names)
        path = self.directory / file_name
        with _only_one(self.directory):
            kept = _read_leaf(path)
            if kept and self._has_issued(kept.leaf) and _names_of(kept.leaf) == set(names):
                return kept
            made = self.issue(*names)
            _write(path, made.key_pem + made.pem)
            return made

    def _has_issued(self, leaf: x509.Certificate) -> bool:
        try:
            leaf.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        issuer_key_id = self.certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        ).value
        return (
            builder.issuer_name(self.certificate.subject)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_id),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )


def self_signed(*names: str) -> Certificate:
    """A leaf that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(names[0])
    builder = _as_leaf(_builder(subject, key, *_span(days=LEAF_DAYS)), names)
    return Certificate(builder.issuer_name(subject).sign(key, hashes.SHA256()), key)


_MAKERS: dict[Kind, Callable[[Authority, Sequence[str]], Certificate]] = {
    Kind.EXPIRED: lambda ca, names: ca.issue(
        *names, not_before=_from_now(days=-90), not_after=_from_now(days=-2)
    ),
    Kind.NOT_YET_VALID: lambda ca, names: ca.issue(
        *names, not_before=_from_now(days=2), not_after=_from_now(days=90)
    ),
    Kind.WRONG_HOST: lambda ca, _: ca.issue("mail.example.org", "smtp.example.org"),
    Kind.SELF_SIGNED: lambda _, names: self_signed(*names),
    # With its intermediate: a leaf alone could not be told from one whose intermediate is missing.
    Kind.UNKNOWN_AUTHORITY: lambda _, names: (
        Authority.create("An authority that nobody trusts").intermediate().issue(*names)
    ),
    Kind.MISSING_INTERMEDIATE: lambda ca, names: ca.intermediate().issue(*names).alone(),
}


def _from_now(*, days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def _span(
    not_before: datetime | None = None, not_after: datetime | None = None, *, days: int
) -> tuple[datetime, datetime]:
    return not_before or datetime.now(UTC) - CLOCK_SKEW, not_after or _from_now(days=days)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _builder(
    subject: x509.Name, key: PrivateKey, not_before: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _as_authority(builder: x509.CertificateBuilder, *, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_usage(signs_certificates=True), critical=True)


def _as_leaf(
    builder: x509.CertificateBuilder,
    names: Sequence[str],
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
) -> x509.CertificateBuilder:
    alternative = x509.SubjectAlternativeName([_general_name(name) for name in names])
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(alternative, critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_of(leaf: x509.Certificate) -> set[str]:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def _read_authority(directory: Path) -> tuple[x509.Certificate, PrivateKey] | None:
    kept = _read_pair(directory / "ca.pem", directory / "ca.key")
    return kept if kept and _is_fresh(kept[0]) else None


def _read_leaf(path: Path) -> Certificate | None:
    kept = _read_pair(path, path)
    return Certificate(*kept) if kept and _is_fresh(kept[0]) else None


def _read_pair(
    certificate_path: Path, key_path: Path
) -> tuple[x509.Certificate, PrivateKey] | None:
    """A certificate and its key, or None if they are missing, damaged or not a pair."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, PrivateKey) or key.public_key() != certificate.public_key():
        return None
    return certificate, key


def _is_fresh(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc > _from_now(days=RENEW_DAYS)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file in one step, so that no reader sees half of it or a key others can read."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Keep a second process out, which would make an authority of its own at the same moment."""
    if fcntl is None:
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
