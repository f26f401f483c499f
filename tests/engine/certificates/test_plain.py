"""What is read without `cryptography` is what `cryptography` reads, or it is left to it."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcheck.engine import chain
from smtpcheck.engine.certificates import read_any, read_certificate
from smtpcheck.engine.certificates.plain import read_plain
from smtpcheck.engine.evidence import Certificate
from smtpcheck.sandbox.authority import Authority, self_signed

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Extensions = list[tuple[x509.ExtensionType, bool]]

RSA_2048 = rsa.generate_private_key(65537, 2048)
P_256, P_384 = (ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1()))
STRONG: list[Key] = [RSA_2048, rsa.generate_private_key(65537, 3072), P_256, P_384]

ROOT = Authority.create("Example authority")
BELOW = ROOT.intermediate("An intermediate, and more; of <Example>")
LEAF = ROOT.issue("mx.example.org", "*.example.net", "192.0.2.1", "2001:db8::1")
COMMON = {
    "of an authority": LEAF.der,
    "of an intermediate": BELOW.issue("mx.example.org").der,
    "with an RSA key": BELOW.issue("mx.example.org", key=RSA_2048).der,
    "an authority": ssl.PEM_cert_to_DER_cert(ROOT.ca_pem.decode()),
    "an intermediate": ssl.PEM_cert_to_DER_cert(BELOW.ca_pem.decode()),
    "self-signed": self_signed("mx.example.org").der,
}

USUAL_SUBJECT = [(NameOID.COMMON_NAME, "mx.example.org")]
ISSUER = [
    (NameOID.COUNTRY_NAME, "XX"),
    (NameOID.ORGANIZATION_NAME, "Example, Inc."),
    (NameOID.COMMON_NAME, "Example CA"),
]
AUTHORITY_KEY = x509.AuthorityKeyIdentifier.from_issuer_public_key(P_256.public_key())
SUBJECT_KEY = x509.SubjectKeyIdentifier.from_public_key(P_256.public_key())
KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
# RFC 8017 appendix A.2.4.
SHA_256_WITH_RSA = bytes.fromhex("2a864886f70d01010b")
SHA_1_WITH_RSA = bytes.fromhex("2a864886f70d010105")
AN_AUTHORITY = x509.BasicConstraints(ca=True, path_length=0)
NO_AUTHORITY = x509.BasicConstraints(ca=False, path_length=None)
USUAL_EXTENSIONS: Extensions = [
    (x509.SubjectAlternativeName([x509.DNSName("mx.example.org")]), False),
    (AUTHORITY_KEY, False),
    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
]


def name_of(attributes: list[tuple[ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])


def issued(
    *,
    subject: list[tuple[ObjectIdentifier, str]] = USUAL_SUBJECT,
    issuer: list[tuple[ObjectIdentifier, str]] = ISSUER,
    extensions: Extensions = USUAL_EXTENSIONS,
    key: Key = P_256,
    by: Key = P_256,
    serial: int = 0x1234,
    begins: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    ends: datetime = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC),
    hashed_by: hashes.HashAlgorithm = hashes.SHA256(),  # noqa: B008 - it holds nothing
) -> bytes:
    """A certificate; of the plain kind, unless it is asked to be otherwise."""
    builder = x509.CertificateBuilder(
        name_of(issuer), name_of(subject), key.public_key(), serial, begins, ends
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    algorithm = None if isinstance(by, ed25519.Ed25519PrivateKey) else hashed_by
    return builder.sign(by, algorithm).public_bytes(serialization.Encoding.DER)  # type: ignore[arg-type]


def flaws(der: bytes) -> set[str]:
    """What `chain` finds in a trusted certificate with the help of `cryptography`."""
    shown = chain._Shown(chain._path([der]), host="", now=chain._NEVER, verdict=chain.TRUSTED)
    return set(chain._found(chain._LOOKS_AT_TRUSTED, shown))


def agree(plain: Certificate, other: Certificate | None) -> bool:
    """Whether both readers say the same.

    But for what only one of them can know: that another extension is broken, which takes the names
    away, and that a point is not on its curve.
    """
    if other is None:
        return False
    key = plain.key if other.key == "unknown" else other.key
    return plain == other._replace(names=other.names or plain.names, key=key)


@pytest.mark.parametrize("der", COMMON.values(), ids=COMMON)
def test_the_certificates_of_everyday_are_plain(der: bytes) -> None:
    assert read_plain(der) is not None
    assert read_certificate(der) == read_plain(der) == read_any(der)
    assert flaws(der) == set()


def test_the_authorities_of_this_machine_are_read_alike() -> None:
    for der in ssl.create_default_context().get_ca_certs(binary_form=True):
        plain = read_plain(der)
        assert plain is None or (plain == read_any(der) and not flaws(der))


NAMES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                NameOID.COMMON_NAME,
                NameOID.LOCALITY_NAME,
                NameOID.STATE_OR_PROVINCE_NAME,
                NameOID.ORGANIZATION_NAME,
                NameOID.ORGANIZATIONAL_UNIT_NAME,
                NameOID.PSEUDONYM,
            ]
        ),
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
            st.text(' #\\"+,;<>=a', min_size=1, max_size=5),
        ),
    ),
    max_size=4,
)
ALTERNATIVES = st.lists(
    st.one_of(
        st.from_regex(r"[a-z*][a-z0-9.-]{0,20}", fullmatch=True).map(x509.DNSName),
        st.ip_addresses().map(x509.IPAddress),
    ),
    min_size=1,
    max_size=60,
)
# To the second, as certificates have it; before and after the years of two digits.
MOMENTS = st.integers(
    int(datetime(1950, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()),
).map(lambda second: datetime.fromtimestamp(second, UTC))


@given(
    NAMES,
    NAMES,
    ALTERNATIVES,
    st.integers(1, 2**159 - 1),
    st.tuples(MOMENTS, MOMENTS).map(sorted),
    st.sampled_from(STRONG),
    st.sampled_from(STRONG),
    st.sampled_from([hashes.SHA256(), hashes.SHA384(), hashes.SHA512()]),
)
@settings(max_examples=100, deadline=None)
def test_any_issued_certificate_is_read_alike_or_left(
    subject: list[tuple[ObjectIdentifier, str]],
    issuer: list[tuple[ObjectIdentifier, str]],
    alternatives: list[x509.GeneralName],
    serial: int,
    span: list[datetime],
    key: Key,
    by: Key,
    hashed_by: hashes.HashAlgorithm,
) -> None:
    der = issued(
        subject=subject,
        issuer=issuer,
        extensions=[(x509.SubjectAlternativeName(alternatives), False), *USUAL_EXTENSIONS[1:]],
        serial=serial,
        begins=span[0],
        ends=span[1],
        key=key,
        by=by,
        hashed_by=hashed_by,
    )
    plain = read_plain(der)
    assert plain is None or plain == read_any(der)
    assert plain is None or not flaws(der)


@given(
    st.sampled_from([*COMMON.values()]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=2)), max_size=3),
)
@settings(max_examples=500, deadline=None)
@pytest.mark.filterwarnings("ignore:.*serial number:Warning")
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_damaged_certificate_is_read_alike_or_left(
    der: bytes, damages: list[tuple[float, bytes]]
) -> None:
    """Each damage puts no octet, one or two in the place of one."""
    damaged = der
    for where, octets in damages:
        at = int(where * len(damaged))
        damaged = damaged[:at] + octets + damaged[at + 1 :]
    plain = read_plain(damaged)
    assert plain is None or agree(plain, read_any(damaged))


def with_extensions(*extensions: tuple[x509.ExtensionType, bool]) -> bytes:
    return issued(extensions=list(extensions))


UNUSUAL = {
    "a weak key": issued(key=rsa.generate_private_key(65537, 1024)),  # noqa: S505 - the subject
    "a key of another kind": issued(key=ed25519.Ed25519PrivateKey.generate()),
    "a key with another exponent": issued(key=rsa.generate_private_key(3, 2048)),
    "a curve that few use": issued(key=ec.generate_private_key(ec.SECP521R1())),
    "a signature of another kind": issued(by=ed25519.Ed25519PrivateKey.generate()),
    "a weak signature": issued(by=RSA_2048).replace(SHA_256_WITH_RSA, SHA_1_WITH_RSA),
    "an attribute that few use": issued(subject=[(NameOID.SERIAL_NUMBER, "1")]),
    "an attribute of another kind of text": issued(subject=[(NameOID.EMAIL_ADDRESS, "a@b.org")]),
    "a name that begins with a blank": issued(subject=[(NameOID.COMMON_NAME, " a")]),
    "a name that cannot be shown": issued(subject=[(NameOID.COMMON_NAME, "a\0b")]),
    "no key identifier of the authority": with_extensions(USUAL_EXTENSIONS[0]),
    "an empty key identifier of the authority": with_extensions(
        (x509.AuthorityKeyIdentifier(None, [x509.DNSName("a.example")], 1), False)
    ),
    "an authority that is not critical": with_extensions(
        (AUTHORITY_KEY, False), (AN_AUTHORITY, False), (SUBJECT_KEY, False), (KEY_USAGE, True)
    ),
    "an authority without a key identifier": with_extensions(
        (AUTHORITY_KEY, False), (AN_AUTHORITY, True), (KEY_USAGE, True)
    ),
    "an authority without key usage": with_extensions(
        (AUTHORITY_KEY, False), (AN_AUTHORITY, True), (SUBJECT_KEY, False)
    ),
    "a name of another kind": with_extensions(
        (AUTHORITY_KEY, False), (x509.SubjectAlternativeName([x509.RFC822Name("a@b.org")]), False)
    ),
    "a time in another form": LEAF.der.replace(b"Z\x17\x0d", b"z\x17\x0d"),
    "no extensions": with_extensions(),
}


@pytest.mark.parametrize("der", UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_unusual_is_left_to_cryptography(der: bytes) -> None:
    assert der not in COMMON.values()
    assert read_plain(der) is None
    assert read_certificate(der) == read_any(der)


USUAL = {
    "as it is": issued(),
    "a leaf that says so": with_extensions((AUTHORITY_KEY, False), (NO_AUTHORITY, False)),
    "an authority": with_extensions(
        (AUTHORITY_KEY, False), (AN_AUTHORITY, True), (SUBJECT_KEY, False), (KEY_USAGE, True)
    ),
    "no names": with_extensions((AUTHORITY_KEY, False)),
    "addresses": with_extensions(
        (AUTHORITY_KEY, False),
        (
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address(each)) for each in ("192.0.2.1", "::1")]
            ),
            True,
        ),
    ),
    "letters beyond ASCII": issued(subject=[(NameOID.ORGANIZATION_NAME, "Bücher & Söhne")]),
    "a long life": issued(ends=datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)),
    "an old beginning": issued(begins=datetime(1999, 12, 31, tzinfo=UTC)),
    "RSA by RSA": issued(key=RSA_2048, by=RSA_2048, hashed_by=hashes.SHA512()),
    "P-384 by P-384": issued(key=P_384, by=P_384, hashed_by=hashes.SHA384()),
}


@pytest.mark.parametrize("der", USUAL.values(), ids=USUAL)
def test_what_is_usual_is_read_as_cryptography_reads_it(der: bytes) -> None:
    assert read_plain(der) is not None
    assert read_plain(der) == read_any(der)
    assert flaws(der) == set()
