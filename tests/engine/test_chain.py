"""Every defect of a chain is found at once and told worst first, and OpenSSL agrees with each."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.chain import (
    IMPORTANCE,
    MAX_CERTIFICATES,
    TRUSTED,
    VERIFY_CODES,
    defects_of,
    names_host,
)
from smtpcheck.engine.evidence import Defect
from smtpcheck.engine.tls import HandshakeFailed, Trust
from smtpcheck.sandbox.authority import Authority, Certificate, self_signed
from tests.engine.test_tls import Server, channel, shake_hands

HOST = "mx.example.org"
NOW = datetime.now(UTC)
LONG_AGO, PAST, SOON, LATER = (NOW + timedelta(days=days) for days in (-90, -2, 2, 90))

ROOT = Authority.create("Example root")
BELOW = ROOT.intermediate("Example intermediate")
OTHER = Authority.create("Another root")
BUNDLE = ROOT.ca_pem.decode()
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
SERVER_AUTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
SMALL_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak is what it is for
SMALL_EC = ec.generate_private_key(ec.SECP192R1())


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def leaf(
    *extensions: x509.ExtensionType,
    subject: str = HOST,
    by: Authority = ROOT,
    key: Key | None = None,
    begins: datetime = LONG_AGO,
    ends: datetime = LATER,
    signed_with: Any = None,
    has_key_identifier: bool = True,
) -> Certificate:
    """A leaf of an authority that holds nothing but these extensions."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if has_key_identifier:
        identifier = by.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value),
            critical=False,
        )
    signed = builder.sign(by._key, signed_with or hashes.SHA256())
    return Certificate(signed, key, by._chain)


def named(*names: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([general_name(each) for each in names])


def general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def ders(certificate: Certificate, *more: x509.Certificate) -> list[bytes]:
    chain = (certificate.leaf, *certificate.intermediates, *more)
    return [each.public_bytes(serialization.Encoding.DER) for each in chain]


def verdict_on(
    certificate: Certificate, host: str = HOST, *, bundle: str = BUNDLE, strict: bool = False
) -> int:
    """What OpenSSL says of a chain: 0, or the number of its first objection."""
    trust = Trust(verifies=True, ca_bundle=bundle)
    client = channel(trust, host)
    if strict:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=bundle)
        context.hostname_checks_common_name = False
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.sslobject_class = type(client._object)
        client = type(client)(trust, context, host)
    try:
        shake_hands(client, Server(certificate, lax(certificate)))
    except HandshakeFailed as failed:
        return failed.verify_code or pytest.fail(f"no matter of trust: {failed.detail}")
    return TRUSTED


def lax(certificate: Certificate) -> ssl.SSLContext:
    """A server that does not mind how weak its own certificate is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    certificate.load_into(context)
    return context


def defects(
    certificate: Certificate, host: str = HOST, *, verdict: int | None = -1
) -> tuple[Defect, ...]:
    """What is found in a chain; the verdict is OpenSSL's own unless a test knows better."""
    said = verdict_on(certificate, host) if verdict == -1 else verdict
    return defects_of(ders(certificate), host, now=NOW, verdict=said)


def ids(found: Sequence[Defect]) -> list[str]:
    return [defect.id for defect in found]


# --- One defect alone -----------------------------------------------------------------------------

STRANGER = leaf(named(HOST), SERVER_AUTH, by=OTHER.intermediate("Another intermediate"))
ALONE: dict[str, tuple[Certificate, str, str]] = {
    "tls.cert-expired": (
        leaf(named(HOST), ends=PAST),
        HOST,
        f"notAfter {PAST.replace(microsecond=0).isoformat()}",
    ),
    "tls.cert-not-yet-valid": (
        leaf(named(HOST), begins=SOON),
        HOST,
        f"notBefore {SOON.replace(microsecond=0).isoformat()}",
    ),
    "tls.cert-hostname": (
        leaf(named("a.example", "192.0.2.1")),
        HOST,
        "subjectAltName a.example, 192.0.2.1",
    ),
    "tls.cert-ip-literal": (leaf(named(HOST)), "192.0.2.9", f"subjectAltName {HOST}"),
    "tls.cert-cn-only": (leaf(), HOST, f"no subjectAltName, common name {HOST}"),
    "tls.cert-self-signed": (self_signed(HOST), HOST, f"issuer and subject CN={HOST}"),
    "tls.cert-purpose": (
        leaf(named(HOST), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])),
        HOST,
        "extendedKeyUsage clientAuth",
    ),
    "tls.cert-weak": (leaf(named(HOST), key=SMALL_RSA), HOST, "RSA 1024"),
    "tls.cert-unknown-ca": (
        STRANGER,
        HOST,
        "issuer CN=Another root was not sent and is not trusted",
    ),
    "tls.cert-private-root-sent": (
        Certificate(STRANGER.leaf, STRANGER.key, (*STRANGER.intermediates, OTHER.certificate)),
        HOST,
        "root CN=Another root was sent and is not trusted",
    ),
}


@pytest.mark.parametrize("diagnosis_id", ALONE)
def test_a_single_defect_is_found_and_nothing_else(diagnosis_id: str) -> None:
    certificate, host, line = ALONE[diagnosis_id]
    (found,) = defects(certificate, host)
    assert (found.id, found.line) == (diagnosis_id, line)


@pytest.mark.parametrize("diagnosis_id", ALONE)
def test_openssl_objects_to_the_same(diagnosis_id: str) -> None:
    certificate, host, _ = ALONE[diagnosis_id]
    closer_name = {"tls.cert-cn-only": "tls.cert-hostname"}
    said = verdict_on(certificate, host)
    assert said in VERIFY_CODES[closer_name.get(diagnosis_id, diagnosis_id)]


def test_a_good_chain_has_no_defect() -> None:
    certificate = BELOW.issue(HOST)
    assert verdict_on(certificate) == TRUSTED
    assert defects(certificate) == ()
    assert defects(certificate, verdict=None) == ()


def test_a_leaf_alone_may_lack_its_intermediate_or_its_authority() -> None:
    found = defects(BELOW.issue(HOST).alone())
    assert ids(found) == ["tls.cert-missing-intermediate", "tls.cert-unknown-ca"]
    assert {each.parameters["issuer"] for each in found} == {"CN=Example intermediate"}


def test_a_leaf_sent_with_a_stranger_still_lacks_its_intermediate() -> None:
    certificate = BELOW.issue(HOST)
    astray = Certificate(certificate.leaf, certificate.key, (BELOW_OTHER.certificate,))
    assert ids(defects(astray))[0] == "tls.cert-missing-intermediate"


BELOW_OTHER = OTHER.intermediate("Another intermediate")


def test_a_trusted_self_signed_certificate_is_only_asked_for_its_name() -> None:
    own = self_signed("other.example")
    bundle = own.pem.decode()
    said = verdict_on(own, bundle=bundle)
    assert said == 62
    assert ids(defects(own, verdict=said)) == ["tls.cert-hostname"]


def test_an_intermediate_that_has_expired_is_named() -> None:
    old = Authority(*expired_authority())
    certificate = leaf(named(HOST), by=old)
    certificate = Certificate(certificate.leaf, certificate.key, (old.certificate,))
    found = defects(certificate)
    assert ids(found)[0] == "tls.cert-expired"
    assert found[0].line.endswith("(CN=Old intermediate)")


def expired_authority() -> tuple[x509.Certificate, Key]:
    key = ec.generate_private_key(ec.SECP256R1())
    root_key = ROOT.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    usage = BELOW.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    signed = (
        x509.CertificateBuilder()
        .subject_name(name("Old intermediate"))
        .issuer_name(ROOT.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(LONG_AGO)
        .not_valid_after(PAST)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_key.value),
            critical=False,
        )
        .add_extension(usage, critical=True)
        .sign(ROOT._key, hashes.SHA256())
    )
    return signed, key


def test_an_issuer_that_openssl_may_have_left_out_is_not_judged_by_its_dates() -> None:
    signed, _ = expired_authority()
    certificate = STRANGER
    chain = [*ders(certificate), signed.public_bytes(serialization.Encoding.DER)]
    assert ids(defects_of(chain, HOST, now=NOW, verdict=20)) == ["tls.cert-unknown-ca"]


# --- Several at once ------------------------------------------------------------------------------


def test_all_defects_are_told_at_once_and_the_worst_first() -> None:
    worst = leaf(
        named("other.example"),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]),
        by=OTHER,
        key=SMALL_RSA,
        ends=PAST,
        has_key_identifier=False,
    )
    assert ids(defects(worst, verdict=20)) == [
        "tls.cert-expired",
        "tls.cert-hostname",
        "tls.cert-missing-intermediate",
        "tls.cert-unknown-ca",
        "tls.cert-purpose",
        "tls.cert-weak",
        "tls.cert-strict-profile",
    ]


def test_behind_the_first_objection_of_openssl_the_others_are_found() -> None:
    certificate = leaf(named("other.example"), by=OTHER, ends=PAST)
    assert verdict_on(certificate) == 20
    assert ids(defects(certificate))[:3] == [
        "tls.cert-expired",
        "tls.cert-hostname",
        "tls.cert-missing-intermediate",
    ]


def test_a_weak_key_hides_from_openssl_that_nobody_else_vouches() -> None:
    key = SMALL_RSA
    own = x509.CertificateBuilder(
        issuer_name=name(HOST),
        subject_name=name(HOST),
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=LONG_AGO,
        not_valid_after=LATER,
        extensions=[x509.Extension(named(HOST).oid, critical=False, value=named(HOST))],
    )
    certificate = Certificate(own.sign(key, hashes.SHA256()), key)
    assert verdict_on(certificate) == 66
    assert ids(defects(certificate)) == ["tls.cert-self-signed", "tls.cert-weak"]


def test_where_openssl_was_not_asked_the_same_is_found_but_who_vouches() -> None:
    worst = leaf(named("other.example"), by=OTHER, key=SMALL_RSA, ends=PAST)
    assert ids(defects(worst, verdict=None)) == [
        "tls.cert-expired",
        "tls.cert-hostname",
        "tls.cert-weak",
    ]
    assert ids(defects(self_signed(HOST), verdict=None)) == ["tls.cert-self-signed"]


def test_of_a_trusted_chain_only_strength_and_form_are_told() -> None:
    worst = leaf(named("other.example"), key=SMALL_RSA, ends=PAST, has_key_identifier=False)
    assert ids(defects(worst, verdict=TRUSTED)) == ["tls.cert-weak", "tls.cert-strict-profile"]


def test_a_device_that_opens_the_connection_comes_before_all_its_certificate_lacks() -> None:
    device = Authority.create("FortiGate CA of Example Ltd")
    found = defects(device.issue("other.example"))
    assert ids(found)[:2] == ["tls.interception", "tls.cert-hostname"]
    assert found[0].parameters == {"issuer": "CN=FortiGate CA of Example Ltd"}


def test_a_device_whose_authority_is_trusted_is_no_defect() -> None:
    device = Authority.create("Zscaler Root CA")
    certificate = device.issue(HOST)
    said = verdict_on(certificate, bundle=device.ca_pem.decode())
    assert defects(certificate, verdict=said) == ()


# --- Strength and form ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text"),
    [(SMALL_RSA, "RSA 1024"), (SMALL_EC, "EC secp192r1")],
)
def test_a_weak_key_is_named(key: Key, text: str) -> None:
    (found,) = defects(leaf(named(HOST), key=key), verdict=66)
    assert (found.id, found.parameters) == ("tls.cert-weak", {"detail": text})


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP224R1())],
)
def test_a_key_at_the_bound_is_strong_enough(key: Key) -> None:
    assert defects(leaf(named(HOST), key=key), verdict=None) == ()


def test_a_dsa_key_is_weak() -> None:
    key: Any = dsa.generate_private_key(1024)  # noqa: S505 - weak is what it is for
    (found,) = defects(leaf(named(HOST), key=key), verdict=66)
    assert found.line == "DSA 1024"


# Whether the signature is good is not looked at, so the name of its method may be changed.
def test_a_signature_by_sha1_is_weak() -> None:
    der = bytearray(ders(leaf(named(HOST), by=RSA_ROOT))[0])
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    old = bytes(der).replace(sha256, sha1)
    (found,) = defects_of([old], HOST, now=NOW, verdict=68)
    assert (found.id, found.line) == ("tls.cert-weak", "signed with SHA1")


def rsa_root() -> Authority:
    made = Authority.create("Example RSA root")
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateBuilder(
        issuer_name=made.certificate.subject,
        subject_name=made.certificate.subject,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=LONG_AGO,
        not_valid_after=LATER,
        extensions=list(made.certificate.extensions),
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


RSA_ROOT = rsa_root()


@pytest.mark.parametrize("has_key_identifier", [True, False])
def test_what_strict_programs_refuse_is_told_and_no_more(*, has_key_identifier: bool) -> None:
    certificate = leaf(named(HOST), has_key_identifier=has_key_identifier)
    is_refused = verdict_on(certificate, strict=True) in VERIFY_CODES["tls.cert-strict-profile"]
    assert is_refused is not has_key_identifier
    assert ids(defects(certificate)) == ["tls.cert-strict-profile"] * is_refused


@pytest.mark.parametrize("lacking", ["nothing", "criticality", "identifier", "usage"])
def test_an_authority_without_the_forms_is_told(lacking: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    root_key = ROOT.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("Odd intermediate"))
        .issuer_name(ROOT.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(LONG_AGO)
        .not_valid_after(LATER)
        .add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=lacking != "criticality"
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_key.value),
            critical=False,
        )
    )
    if lacking != "identifier":
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if lacking != "usage":
        usage = BELOW.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        builder = builder.add_extension(usage, critical=True)
    odd = builder.sign(ROOT._key, hashes.SHA256())
    good = BELOW.issue(HOST)
    chain = [ders(leaf_below(odd))[0], odd.public_bytes(serialization.Encoding.DER)]
    found = defects_of(chain, HOST, now=NOW, verdict=TRUSTED)
    assert ids(found) == ["tls.cert-strict-profile"] * (lacking != "nothing")
    assert defects(good) == ()


def leaf_below(authority: x509.Certificate) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    signed = (
        x509.CertificateBuilder()
        .subject_name(name(HOST))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(8)
        .not_valid_before(LONG_AGO)
        .not_valid_after(LATER)
        .add_extension(named(HOST), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier(key_identifier=b"1" * 20, **NO_SERIAL), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return Certificate(signed, key)


NO_SERIAL: dict[str, Any] = {"authority_cert_issuer": None, "authority_cert_serial_number": None}


# --- Names ----------------------------------------------------------------------------------------

NAMES: list[tuple[tuple[str, ...], str, bool]] = [
    (("mx.example.org",), "mx.example.org", True),
    (("MX.Example.ORG",), "mx.example.org", True),
    (("a.example", "mx.example.org"), "mx.example.org", True),
    (("example.org",), "mx.example.org", False),
    (("*.example.org",), "mx.example.org", True),
    (("*.example.org",), "a.mx.example.org", False),
    (("*.example.org",), "example.org", False),
    (("*.org",), "example.org", False),
    (("m*.example.org",), "mx.example.org", False),
    (("*x.example.org",), "mx.example.org", False),
    (("mx.*.org",), "mx.example.org", False),
    (("*.*.org",), "mx.example.org", False),
    (("*",), "localhost", False),
    (("*.example.org",), "xn--mller-kva.example.org", True),
    (("192.0.2.1",), "192.0.2.1", True),
    (("192.0.2.2", "mx.example.org"), "192.0.2.1", False),
    (("2001:db8::1",), "2001:db8::1", True),
    (("192.0.2.1",), "mx.example.org", False),
]


@pytest.mark.parametrize(("names", "host", "is_named"), NAMES)
def test_a_name_is_one_by_the_same_rules_as_openssls(
    names: tuple[str, ...], host: str, *, is_named: bool
) -> None:
    certificate = leaf(named(*names), SERVER_AUTH)
    assert (verdict_on(certificate, host) == TRUSTED) is is_named
    assert (ids(defects(certificate, host, verdict=20))[0] in NAME_DEFECTS) is not is_named


NAME_DEFECTS = {"tls.cert-hostname", "tls.cert-ip-literal", "tls.cert-cn-only"}


def test_a_host_may_end_with_a_dot() -> None:
    assert names_host(["mx.example.org"], "mx.example.org.")


def test_an_address_in_a_host_name_is_none() -> None:
    certificate = leaf(x509.SubjectAlternativeName([x509.DNSName("192.0.2.1")]))
    assert ids(defects(certificate, "192.0.2.1")) == ["tls.cert-ip-literal"]


def test_the_names_to_choose_from_are_told() -> None:
    (found,) = defects(leaf(named("a.example", "b.example")))
    assert found.parameters == {"names": "a.example, b.example"}
    (found,) = defects(leaf(subject="c.example"))
    assert (found.id, found.parameters) == ("tls.cert-hostname", {"names": "c.example"})


def test_a_name_beyond_those_that_are_stored_counts() -> None:
    many = [f"host-{number}.example" for number in range(200)]
    assert defects(leaf(named(*many), SERVER_AUTH), "host-199.example") == ()
    (found,) = defects(leaf(named(*many), SERVER_AUTH))
    assert "host-199" not in found.line


# --- OpenSSL decides ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1, 7, 9, 10, 18, 19, 20, 21, 23, 24, 26, 62, 64, 66, 79, 85])
def test_what_openssl_objects_to_is_told_even_where_nothing_shows_it(code: int) -> None:
    good = ders(BELOW.issue(HOST))
    known = {number: name for name, numbers in VERIFY_CODES.items() for number in numbers}
    found = defects_of(good, HOST, now=NOW, verdict=code)
    assert ids(found) == [known.get(code, "tls.cert-other")]
    unreadable = defects_of([b"\x30\x03abc"], HOST, now=NOW, verdict=code)
    assert ids(unreadable) == [known.get(code, "tls.cert-other")]
    assert ids(defects_of([], HOST, now=NOW, verdict=code)) == ids(unreadable)


def test_without_a_chain_and_an_objection_there_is_nothing_to_tell() -> None:
    assert defects_of([], HOST, now=NOW, verdict=TRUSTED) == ()
    assert defects_of([], HOST, now=NOW, verdict=None) == ()


def test_every_defect_has_its_place_and_its_words() -> None:
    assert set(VERIFY_CODES) | {"tls.cert-other"} <= set(IMPORTANCE) <= set(CATALOGUE)
    codes = [code for numbers in VERIFY_CODES.values() for code in numbers]
    assert len(codes) == len(set(codes))


def test_a_chain_that_leads_in_circles_ends() -> None:
    one, two = leaf_between("A", "B"), leaf_between("B", "A")
    found = defects_of([one, two, one, two], HOST, now=NOW, verdict=20)
    assert "tls.cert-unknown-ca" in ids(found)


def leaf_between(subject: str, issuer: str) -> bytes:
    by = Authority.create(issuer)
    return ders(leaf(named(HOST), subject=subject, by=by))[0]


def test_of_a_very_long_chain_the_beginning_is_looked_at() -> None:
    first = ders(BELOW.issue(HOST).alone())
    filler = [leaf_between("A", "B")] * MAX_CERTIFICATES
    last = BELOW.certificate.public_bytes(serialization.Encoding.DER)
    found = defects_of([*first, *filler, last], HOST, now=NOW, verdict=20)
    assert ids(found)[0] == "tls.cert-missing-intermediate"


WHOLE = ders(BELOW.issue(HOST, "192.0.2.1"))


@given(
    at=st.integers(0, len(WHOLE[0]) - 1),
    byte=st.integers(0, 255),
    verdict=st.sampled_from([None, 0, 20, 62]),
)
@settings(max_examples=300, deadline=None)
@pytest.mark.filterwarnings("ignore:.*serial number:Warning")
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_damaged_certificate_is_judged_or_not(at: int, byte: int, verdict: int | None) -> None:
    damaged = bytearray(WHOLE[0])
    damaged[at] = byte
    found = defects_of([bytes(damaged), *WHOLE[1:]], HOST, now=NOW, verdict=verdict)
    assert set(ids(found)) <= set(IMPORTANCE)
