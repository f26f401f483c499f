"""Explains what is wrong with the certificates a server showed: every defect, worst first.

Knows X.509, the name that was asked for and OpenSSL's number, and nothing of connections. OpenSSL
alone decides whether a server is trusted; it stops at the first objection, and this module finds
the others, so that a person need not mend one to be told the next. Nothing named in a certificate
is fetched.

To add a defect: its place in ``IMPORTANCE``, a function that looks for it, and a certificate that
shows it in the tests.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from smtpcheck.engine.certificates.plain import MAX_NAMES, MINIMUM_RSA_BITS, read_plain
from smtpcheck.engine.evidence import Defect
from smtpcheck.engine.grammar import is_ip_literal

if TYPE_CHECKING:
    from cryptography import x509

# Real chains have 1 to 5 certificates. Without a bound a hostile one could cost much to walk.
MAX_CERTIFICATES = 16

# What OpenSSL at its security level 2 refuses (SSL_CTX_set_security_level(3)), besides weak RSA.
MINIMUM_EC_BITS = 224
WEAK_HASHES = frozenset({"md5", "sha1"})

_NEVER = datetime.min.replace(tzinfo=UTC)

# OpenSSL's verdict on a chain that it trusts: X509_V_OK.
TRUSTED = 0

# OpenSSL's X509_V_ERR_* numbers (openssl/x509_vfy.h). 79, an issuer that is no authority, is a
# matter of trust and none of form; 80 to 94 come in strict mode only.
VERIFY_CODES: dict[str, tuple[int, ...]] = {
    "tls.cert-not-yet-valid": (9,),
    "tls.cert-expired": (10,),
    "tls.cert-self-signed": (18,),
    "tls.cert-private-root-sent": (19,),
    "tls.cert-unknown-ca": (2, 20, 21, 27),
    "tls.cert-revoked": (23,),
    "tls.cert-purpose": (26,),
    "tls.cert-hostname": (62,),
    "tls.cert-ip-literal": (64,),
    "tls.cert-weak": (66, 67, 68),
    "tls.cert-strict-profile": tuple(range(80, 95)),
}

# Worst first. On top is what makes everything below it void: a device in between shows a
# certificate of its own. Then what only a new certificate mends, and soon, whatever else is done:
# withdrawn, out of its dates. Then the name, because the others may be the troubles of a server
# that is not meant at all. Then who vouches for it, from the plainest cause to the least certain.
# Last what a server may have been used with for years: purpose, strength, form.
IMPORTANCE = (
    "tls.interception",
    "tls.cert-revoked",
    "tls.cert-expired",
    "tls.cert-not-yet-valid",
    "tls.cert-hostname",
    "tls.cert-ip-literal",
    "tls.cert-cn-only",
    "tls.cert-self-signed",
    "tls.cert-private-root-sent",
    "tls.cert-missing-intermediate",
    "tls.cert-unknown-ca",
    "tls.cert-other",
    "tls.cert-purpose",
    "tls.cert-weak",
    "tls.cert-strict-profile",
)

_UNTRUSTED_ISSUER = frozenset(VERIFY_CODES["tls.cert-unknown-ca"])
# OpenSSL compares the name before it looks at the dates: of these two the name is right.
_DATES = frozenset({9, 10})
# A leaf's weak key is what it sees first, before it has looked for an issuer.
_WEAK_LEAF = 66
# So here nobody has said that a certificate which vouches for itself is trusted for itself.
_SELF_SIGNED = _UNTRUSTED_ISSUER | {None, 18, _WEAK_LEAF}
_NAME_DEFECTS = frozenset({"tls.cert-hostname", "tls.cert-ip-literal", "tls.cert-cn-only"})

# Makers of devices and programs that open encrypted connections, as they call their authorities.
_INSPECTORS = (
    "avast", "avg web/mail shield", "barracuda", "bitdefender", "blue coat", "bluecoat",
    "check point", "cisco umbrella", "eset ssl filter", "forcepoint", "fortigate", "fortinet",
    "kaspersky", "mcafee web gateway", "netskope", "palo alto networks", "sonicwall", "sophos",
    "symantec web security", "untangle", "watchguard", "websense", "zscaler",
)  # fmt: skip


class _Shown(NamedTuple):
    """What is judged: certificates, the name asked for, the moment, OpenSSL's verdict.

    ``path`` is the leaf and those of its issuers that were sent, from one to the next.
    """

    path: tuple[x509.Certificate, ...]
    host: str
    now: datetime
    verdict: int | None

    @property
    def leaf(self) -> x509.Certificate:
        return self.path[0]


def defects_of(
    ders: Sequence[bytes], host: str, *, now: datetime, verdict: int | None
) -> tuple[Defect, ...]:
    """Return everything wrong with a chain (DER, leaf first) that was shown for a host.

    ``verdict`` is OpenSSL's: 0 (then only weakness and form are looked at), the number of its
    first objection, or None where it was not asked, because a pin decides or nothing does.
    """
    if verdict == TRUSTED:
        return _defects_of_trusted(tuple(ders))
    found = _found(_LOOKS, _Shown(_path(ders), host, now, verdict))
    if verdict and not _is_explained(verdict, set(found)):
        objection = _id_of(verdict)
        found[objection] = Defect(id=objection, parameters={}, line="")
    return _worst_first(found)


# Accounts of one provider meet the same certificates, and here neither host nor moment counts.
@lru_cache(maxsize=64)
def _defects_of_trusted(ders: tuple[bytes, ...]) -> tuple[Defect, ...]:
    if all(read_plain(der) for der in ders[:MAX_CERTIFICATES]):
        return ()  # a plain certificate has nothing that these looks could find
    shown = _Shown(_path(ders), host="", now=_NEVER, verdict=TRUSTED)
    return _worst_first(_found(_LOOKS_AT_TRUSTED, shown))


def _found(looks: Sequence[_Look], shown: _Shown) -> dict[str, Defect]:
    """What a chain's looks find, the first of each kind; nothing in one that cannot be read."""
    found: dict[str, Defect] = {}
    for look in looks if shown.path else ():
        for defect in look(shown):
            found.setdefault(defect.id, defect)
    return found


def _worst_first(found: dict[str, Defect]) -> tuple[Defect, ...]:
    return tuple(sorted(found.values(), key=lambda defect: IMPORTANCE.index(defect.id)))


def names_host(names: Sequence[str], host: str) -> bool:
    """Say whether one of the DNS names of a certificate is a host's (RFC 9525 section 6.3).

    A star stands for the whole first label and for one label; below a single label ("*.com") it
    stands for nothing, as OpenSSL has it.

    >>> names_host(["*.example.org"], "mx.example.org")
    True
    >>> names_host(["*.example.org"], "a.mx.example.org")
    False
    """
    wanted = host.lower().rstrip(".")
    return any(_is_name_of(name.lower(), wanted) for name in names)


def _is_name_of(name: str, host: str) -> bool:
    if not name.startswith("*."):
        return name == host
    parent = name[2:]
    label, _, rest = host.partition(".")
    return bool(label) and rest == parent and "." in parent and "*" not in parent


def _is_explained(verdict: int, found: set[str]) -> bool:
    """Whether OpenSSL's own objection is among what was found, if under a closer name."""
    if verdict in _UNTRUSTED_ISSUER:
        return bool(found & {"tls.cert-missing-intermediate", "tls.cert-unknown-ca"})
    objection = _id_of(verdict)
    return objection in found or (objection in _NAME_DEFECTS and bool(found & _NAME_DEFECTS))


def _id_of(verdict: int) -> str:
    named = (name for name, codes in VERIFY_CODES.items() if verdict in codes)
    return next(named, "tls.cert-other")


# --- The chain ------------------------------------------------------------------------------------


def _path(ders: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """The leaf and its issuers as far as they were sent; empty if the leaf cannot be read.

    By name alone: whether the signatures are good is OpenSSL's to say.
    """
    parsed = [_parsed(der) for der in ders[:MAX_CERTIFICATES]]
    if not parsed or parsed[0] is None:
        return ()
    path = [parsed[0]]
    others = [each for each in parsed[1:] if each is not None]
    while not _vouches_for_itself(path[-1]):
        issuer = next((each for each in others if each.subject == path[-1].issuer), None)
        if issuer is None:
            break
        others.remove(issuer)
        path.append(issuer)
    return tuple(path)


@lru_cache(maxsize=64)
def _parsed(der: bytes) -> x509.Certificate | None:
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.subject, certificate.issuer  # noqa: B018 - read here, so that it fails here
    except (ValueError, x509.InvalidVersion):
        return None
    return certificate


def _vouches_for_itself(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


_Extension = TypeVar("_Extension", bound="x509.ExtensionType")


def _extension(
    certificate: x509.Certificate, kind: type[_Extension]
) -> x509.Extension[_Extension] | None:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind)
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        ValueError,
    ):
        return None


def _common_name(certificate: x509.Certificate) -> str:
    from cryptography.x509.oid import NameOID

    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[-1].value) if found else ""


def _of(shown: _Shown, certificate: x509.Certificate) -> str:
    """What tells an authority's certificate from the server's own in a line of evidence."""
    return "" if certificate is shown.leaf else f" ({certificate.subject.rfc4514_string()})"


# --- Dates ----------------------------------------------------------------------------------------


def _dates(shown: _Shown) -> Iterator[Defect]:
    # Of the issuers that were sent OpenSSL may have left one out for another that it knows.
    is_path_known = shown.verdict is None or shown.verdict in _DATES
    for certificate in shown.path if is_path_known else shown.path[:1]:
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if ends < shown.now:
            text = ends.isoformat()
            line = f"notAfter {text}{_of(shown, certificate)}"
            yield Defect(id="tls.cert-expired", parameters={"not_after": text}, line=line)
        if begins > shown.now:
            text = begins.isoformat()
            line = f"notBefore {text}{_of(shown, certificate)}"
            yield Defect(id="tls.cert-not-yet-valid", parameters={"not_before": text}, line=line)


# --- Names ----------------------------------------------------------------------------------------


def _names(shown: _Shown) -> Iterator[Defect]:
    if shown.verdict in _DATES:
        return
    hosts, addresses = _alternative_names(shown.leaf)
    if is_ip_literal(shown.host):
        is_named = _names_address(addresses, shown.host)
    else:
        is_named = names_host(hosts, shown.host)
    if is_named:
        return
    common_name = _common_name(shown.leaf)
    if hosts or addresses:
        names = ", ".join([*hosts, *addresses][:MAX_NAMES])
        line = f"subjectAltName {names}"
    else:
        names, line = common_name, f"no subjectAltName, common name {common_name or 'empty'}"
    is_old_way = not (hosts or addresses) and names_host([common_name], shown.host)
    yield Defect(
        id=_name_defect(shown.host, is_old_way=is_old_way),
        parameters={"names": names} if names else {},
        line=line,
    )


def _name_defect(host: str, *, is_old_way: bool) -> str:
    if is_ip_literal(host):
        return "tls.cert-ip-literal"
    return "tls.cert-cn-only" if is_old_way else "tls.cert-hostname"


def _alternative_names(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    from cryptography import x509

    extension = _extension(certificate, x509.SubjectAlternativeName)
    if extension is None:
        return [], []
    hosts = extension.value.get_values_for_type(x509.DNSName)
    return hosts, [str(each) for each in extension.value.get_values_for_type(x509.IPAddress)]


def _names_address(addresses: Sequence[str], host: str) -> bool:
    wanted = ipaddress.ip_address(host.partition("%")[0])
    return str(wanted) in addresses


# --- Who vouches ----------------------------------------------------------------------------------


def _trust(shown: _Shown) -> Iterator[Defect]:
    """Why no authority that is trusted stands behind the leaf; what OpenSSL said decides."""
    last = shown.path[-1]
    issuer = last.issuer.rfc4514_string()
    if _vouches_for_itself(shown.leaf) and shown.verdict in _SELF_SIGNED:
        line = f"issuer and subject {issuer}"
        yield Defect(id="tls.cert-self-signed", parameters={}, line=line)
    elif shown.verdict == 19:
        line = f"root {issuer} was sent and is not trusted"
        yield Defect(id="tls.cert-private-root-sent", parameters={"issuer": issuer}, line=line)
    elif shown.verdict in _UNTRUSTED_ISSUER:
        yield from _gap(shown, issuer)


def _gap(shown: _Shown, issuer: str) -> Iterator[Defect]:
    """A leaf alone looks the same whether its intermediate or its authority is what is missing."""
    parameters: dict[str, str | int] = {"issuer": issuer}
    line = f"issuer {issuer} was not sent and is not trusted"
    if len(shown.path) == 1:
        yield Defect(id="tls.cert-missing-intermediate", parameters=parameters, line=line)
    yield Defect(id="tls.cert-unknown-ca", parameters=parameters, line=line)


def _interception(shown: _Shown) -> Iterator[Defect]:
    """Only where the authority is not trusted: who trusts it has accepted the inspection."""
    if shown.verdict not in (19, *_UNTRUSTED_ISSUER):
        return
    for certificate in shown.path:
        issuer = certificate.issuer.rfc4514_string()
        if any(maker in issuer.lower() for maker in _INSPECTORS):
            line = f"issuer {issuer}"
            yield Defect(id="tls.interception", parameters={"issuer": issuer}, line=line)


# --- Purpose, strength, form ----------------------------------------------------------------------


def _purpose(shown: _Shown) -> Iterator[Defect]:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    extension = _extension(shown.leaf, x509.ExtendedKeyUsage)
    if extension is not None and ExtendedKeyUsageOID.SERVER_AUTH not in extension.value:
        purposes = ", ".join(_purpose_name(each) for each in extension.value)
        yield Defect(
            id="tls.cert-purpose", parameters={}, line=f"extendedKeyUsage {purposes or 'none'}"
        )


def _purpose_name(purpose: x509.ObjectIdentifier) -> str:
    named = {
        "1.3.6.1.5.5.7.3.2": "clientAuth",
        "1.3.6.1.5.5.7.3.3": "codeSigning",
        "1.3.6.1.5.5.7.3.4": "emailProtection",
        "2.5.29.37.0": "anyExtendedKeyUsage",
    }
    return named.get(purpose.dotted_string, purpose.dotted_string)


def _strength(shown: _Shown) -> Iterator[Defect]:
    # Of a chain that is trusted, OpenSSL may have left out what was sent beside the leaf.
    looked_at = shown.path[:1] if shown.verdict == TRUSTED else shown.path
    for certificate in looked_at:
        if weaknesses := [*_weak_key(certificate), *_weak_signature(certificate)]:
            text = ", ".join(weaknesses)
            yield Defect(
                id="tls.cert-weak",
                parameters={"detail": text},
                line=f"{text}{_of(shown, certificate)}",
            )


def _weak_key(certificate: x509.Certificate) -> Iterator[str]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return
    match key:
        case rsa.RSAPublicKey() if key.key_size < MINIMUM_RSA_BITS:
            yield f"RSA {key.key_size}"
        case dsa.DSAPublicKey():
            yield f"DSA {key.key_size}"
        case ec.EllipticCurvePublicKey() if key.key_size < MINIMUM_EC_BITS:
            yield f"EC {key.curve.name}"


def _weak_signature(certificate: x509.Certificate) -> Iterator[str]:
    """A certificate that vouches for itself is believed for itself, whatever its signature."""
    from cryptography.exceptions import UnsupportedAlgorithm

    if _vouches_for_itself(certificate):
        return
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return
    if algorithm and algorithm.name in WEAK_HASHES:
        yield f"signed with {algorithm.name.upper()}"


def _form(shown: _Shown) -> Iterator[Defect]:
    """What OpenSSL's strict mode refuses, which newer programs use and we do not (RFC 5280)."""
    for certificate in shown.path:
        for complaint in _complaints(certificate):
            yield Defect(
                id="tls.cert-strict-profile",
                parameters={"detail": complaint},
                line=f"{complaint}{_of(shown, certificate)}",
            )


def _complaints(certificate: x509.Certificate) -> Iterator[str]:
    from cryptography import x509

    identifier = _extension(certificate, x509.AuthorityKeyIdentifier)
    has_identifier = identifier is not None and identifier.value.key_identifier is not None
    if not has_identifier and not _vouches_for_itself(certificate):
        yield "no authority key identifier"
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.value.ca:
        return
    if not constraints.critical:
        yield "basic constraints not critical"
    if _extension(certificate, x509.SubjectKeyIdentifier) is None:
        yield "no subject key identifier"
    if _extension(certificate, x509.KeyUsage) is None:
        yield "an authority without key usage"


_Look = Callable[[_Shown], Iterator[Defect]]
_LOOKS_AT_TRUSTED: tuple[_Look, ...] = (_strength, _form)
_LOOKS: tuple[_Look, ...] = (
    _interception,
    _dates,
    _names,
    _trust,
    _purpose,
    *_LOOKS_AT_TRUSTED,
)
