"""Reads the certificates of the kind that nearly every server shows, without ``cryptography``.

To load that package takes longer than the whole rest of a test, and such a certificate is a few
values in a row. Knows RFC 5280 section 4.1 and takes a strict choice of it: every other certificate
is for ``cryptography`` to read, so nothing here guesses. Nothing here decides on trust either; by
then OpenSSL has, and what is read is shown to a person.

A plain certificate has nothing that ``chain`` objects to where the chain is trusted: its key and
signature are strong, and it has the extensions that OpenSSL's strict mode asks for. The extensions
that are not shown may hold anything, and nobody checks that a point lies on its curve.
"""

from __future__ import annotations

import hashlib
import ipaddress
import string
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from smtpcheck.engine.certificates.der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    PRINTABLE_STRING,
    SEQUENCE,
    SET,
    UTC_TIME,
    UTF8_STRING,
    Part,
    parts_of,
)
from smtpcheck.engine.evidence import Certificate

# A shared certificate can name hundreds of hosts; these are stored with every result.
MAX_NAMES = 50

# RFC 5280 section 4.1: [0] before the version and [3] before the extensions.
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_VERSION_3 = Part(INTEGER, b"\x02")
# RFC 5280 section 4.2.1.6: dNSName and iPAddress of a GeneralName.
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
# RFC 5280 section 4.2.1.1: keyIdentifier of an authority key identifier.
_KEY_IDENTIFIER = 0x80

# What OpenSSL at its security level 2 demands (SSL_CTX_set_security_level(3)).
MINIMUM_RSA_BITS = 2048
_USUAL_EXPONENT = 65537
# SEC 1 section 2.3.3: what an uncompressed point begins with.
_UNCOMPRESSED = b"\x04"

# Object identifiers as they stand in the DER. RFC 4519 section 2, by their names of RFC 4514.
_ATTRIBUTES = {
    b"\x55\x04\x03": "CN",
    b"\x55\x04\x06": "C",
    b"\x55\x04\x07": "L",
    b"\x55\x04\x08": "ST",
    b"\x55\x04\x0a": "O",
    b"\x55\x04\x0b": "OU",
}
# RFC 5280 section 4.2.1.
_SUBJECT_KEY = b"\x55\x1d\x0e"
_KEY_USAGE = b"\x55\x1d\x0f"
_ALTERNATIVE_NAMES = b"\x55\x1d\x11"
_BASIC_CONSTRAINTS = b"\x55\x1d\x13"
_AUTHORITY_KEY = b"\x55\x1d\x23"

# Algorithms with their parameters. RFC 4055 section 5 and RFC 5758 section 3.2.
_SIGNATURES = {
    bytes.fromhex("06092a864886f70d01010b0500"): "sha256",
    bytes.fromhex("06092a864886f70d01010c0500"): "sha384",
    bytes.fromhex("06092a864886f70d01010d0500"): "sha512",
    bytes.fromhex("06082a8648ce3d040302"): "sha256",
    bytes.fromhex("06082a8648ce3d040303"): "sha384",
    bytes.fromhex("06082a8648ce3d040304"): "sha512",
}
# RFC 3279 section 2.3.1, RFC 5480 section 2.1.1.
_RSA = bytes.fromhex("06092a864886f70d0101010500")


class _Curve(NamedTuple):
    name: str
    point_octets: int


_CURVES = {
    bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107"): _Curve("secp256r1", 65),
    bytes.fromhex("06072a8648ce3d020106052b81040022"): _Curve("secp384r1", 97),
}

# X.680 section 41.4.
_PRINTABLE = frozenset(string.ascii_letters + string.digits + " '()+,-./:=?")
# RFC 4514 section 2.4.
_ESCAPED = str.maketrans({special: f"\\{special}" for special in '\\"+,;<>'})

_TRUE = Part(BOOLEAN, b"\xff")


class _Extension(NamedTuple):
    critical: bool
    value: bytes


# A provider's accounts meet the same few certificates again and again.
@lru_cache(maxsize=64)
def read_plain(der: bytes) -> Certificate | None:
    """Return what a plain certificate says, in the words of ``read_certificate``, else None."""
    try:
        return _read(der)
    except (ValueError, KeyError):  # not of this shape, or not in these tables
        return None


def _read(der: bytes) -> Certificate:
    (whole,) = parts_of(der)
    body, algorithm, signature = whole.parts(SEQUENCE)
    # No version is an old one; the unique identifiers of issuer and subject, nobody uses.
    version, serial, signed_by, issuer, validity, subject, key, last = body.parts(SEQUENCE)
    if version.parts(_VERSION) != [_VERSION_3] or signed_by != algorithm:
        raise ValueError("another version, or two algorithms")
    _whole_octets(signature)
    not_before, not_after = map(_moment, validity.parts(SEQUENCE))
    issued_by, named = _name(issuer), _name(subject)
    extensions = _extensions(last)
    _demand_form(extensions, vouches_for_itself=issued_by == named)
    return Certificate(
        subject=named,
        issuer=issued_by,
        names=_names(extensions),
        not_before=not_before,
        not_after=not_after,
        serial=f"{_positive(serial):x}",
        fingerprint=hashlib.sha256(der).hexdigest(),
        key=_key(key),
        signature=_SIGNATURES[algorithm.holding(SEQUENCE)],
        self_signed=issued_by == named,
    )


def _identifier(part: Part) -> bytes:
    """X.690 section 8.19: numbers of seven bits an octet, whose last one is below 0x80."""
    octets = part.holding(OBJECT_IDENTIFIER)
    ends = -1
    for at, octet in enumerate(octets):
        if octet == 0x80 and ends == at - 1:
            raise ValueError("a number that begins with zeros")
        if octet < 0x80:
            ends = at
    if not octets or ends != len(octets) - 1:
        raise ValueError("no object identifier")
    return octets


def _positive(part: Part) -> int:
    octets = part.holding(INTEGER)
    number = int.from_bytes(octets, signed=True)
    if number <= 0 or len(octets) != number.bit_length() // 8 + 1:
        raise ValueError("not positive, or not in the shortest form")
    return number


def _whole_octets(part: Part) -> bytes:
    """The content of a bit string that leaves no bit of its last octet unused."""
    octets = part.holding(BIT_STRING)
    if octets[:1] != b"\0":
        raise ValueError("bits that are no octets")
    return octets[1:]


def _moment(part: Part) -> datetime:
    """RFC 5280 section 4.1.2.5: years of two digits up to 2049, of four from then on."""
    text = part.content.decode("ascii")
    if part.tag == UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    elif part.tag != GENERALIZED_TIME or text < "2050":
        raise ValueError("another kind of time")
    digits = text.removesuffix("Z")
    if not (digits.isdigit() and len(digits) == 14 and text.endswith("Z")):
        raise ValueError("another form of time")
    return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}Z")


def _name(part: Part) -> str:
    """A name as RFC 4514 writes it: the closest attribute first."""
    shown = []
    for relative in part.parts(SEQUENCE):
        (attribute,) = relative.parts(SET)
        kind, value = attribute.parts(SEQUENCE)
        shown.append(f"{_ATTRIBUTES[kind.holding(OBJECT_IDENTIFIER)]}={_text(value)}")
    return ",".join(reversed(shown))


def _text(part: Part) -> str:
    if part.tag not in (UTF8_STRING, PRINTABLE_STRING):
        raise ValueError("another kind of text")
    text = part.content.decode("utf-8")
    if not text.isprintable() or text.strip(" ") != text or text[:1] in ("", "#"):
        raise ValueError("a text of unusual characters")
    if part.tag == PRINTABLE_STRING and not _PRINTABLE.issuperset(text):
        raise ValueError("characters that this kind of text cannot have")
    return text.translate(_ESCAPED)


def _key(part: Part) -> str:
    algorithm, bits = part.parts(SEQUENCE)
    named, octets = algorithm.holding(SEQUENCE), _whole_octets(bits)
    if named != _RSA:
        curve = _CURVES[named]
        if octets[:1] != _UNCOMPRESSED or len(octets) != curve.point_octets:
            raise ValueError("another form of point")
        return f"EC {curve.name}"
    (numbers,) = parts_of(octets)
    modulus, exponent = map(_positive, numbers.parts(SEQUENCE))
    if exponent != _USUAL_EXPONENT or modulus.bit_length() < MINIMUM_RSA_BITS or modulus % 2 == 0:
        raise ValueError("an unusual RSA key")
    return f"RSA {modulus.bit_length()}"


def _extensions(part: Part) -> dict[bytes, _Extension]:
    """The extensions by their identifiers, each once."""
    (listed,) = part.parts(_EXTENSIONS)
    found: dict[bytes, _Extension] = {}
    for extension in listed.parts(SEQUENCE):
        kind, *flags, value = extension.parts(SEQUENCE)
        name = _identifier(kind)
        if name in found or flags not in ([], [_TRUE]):
            raise ValueError("an extension that stands twice, or a flag in a longer form")
        found[name] = _Extension(bool(flags), value.holding(OCTET_STRING))
    return found


def _names(extensions: dict[bytes, _Extension]) -> tuple[str, ...]:
    """The names of the subjectAltName extension, host names first."""
    if _ALTERNATIVE_NAMES not in extensions:
        return ()
    (listed,) = parts_of(extensions[_ALTERNATIVE_NAMES].value)
    hosts, addresses = [], []
    for name in listed.parts(SEQUENCE):
        if name.tag == _DNS_NAME:
            hosts.append(name.content.decode("ascii"))
        else:
            addresses.append(str(ipaddress.ip_address(name.holding(_IP_ADDRESS))))
    return (*hosts, *addresses)[:MAX_NAMES]


def _demand_form(extensions: dict[bytes, _Extension], *, vouches_for_itself: bool) -> None:
    """What OpenSSL's strict mode asks for; raises ValueError or KeyError where it is not there."""
    if not vouches_for_itself:
        (identifiers,) = parts_of(extensions[_AUTHORITY_KEY].value)
        if not any(part.tag == _KEY_IDENTIFIER for part in identifiers.parts(SEQUENCE)):
            raise ValueError("no authority key identifier")
    if _BASIC_CONSTRAINTS not in extensions:
        return
    is_critical, value = extensions[_BASIC_CONSTRAINTS]
    (constraints,) = parts_of(value)
    if constraints.parts(SEQUENCE) and not (
        is_critical and _SUBJECT_KEY in extensions and _KEY_USAGE in extensions
    ):
        raise ValueError("an authority of unusual form")
