"""The grammar of host names and mail addresses, and the characters no value may hold.

Knows text only: no look-up, no setting. Every value that a person or caller gives passes here
once, before any packet; what is refused raises ``Refused`` with an id of the catalogue.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from smtpcheck.engine.errors import Refused

# RFC 1035 section 2.3.4, in octets of the name as it is looked up.
MAX_HOST_LENGTH = 253
MAX_LABEL_LENGTH = 63
# RFC 5321 sections 4.5.3.1.1 to 4.5.3.1.3; a path holds two angle brackets besides the address.
MAX_LOCAL_PART_OCTETS = 64
MAX_ADDRESS_OCTETS = 254

# RFC 1123 section 2.1, and the underscore that some internal networks use in spite of it.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
# RFC 5321 section 4.1.2: atext; RFC 6531 section 3.3 adds everything beyond ASCII.
# Told by what is not in it: a range up to the last character takes milliseconds to compile.
_ATEXT = r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f]'
_DOT_STRING = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_QUOTED_STRING = re.compile(r'"(?:[^\x00-\x1f"\\\x7f]|\\[ -~])*"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_NAME_AND_ADDRESS = re.compile(r"(?P<name>.*)<(?P<address>[^<>]*)>")
# RFC 5890 section 2.3.2.1: what follows is Punycode (RFC 3492).
_ACE_PREFIX = "xn--"
# A last label like this makes a resolver read the whole name as an odd spelling of an address.
_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*")


class Mailbox(NamedTuple):
    """One mail address, its domain as A-labels, and the display name it came with (or "")."""

    local: str
    domain: str
    display_name: str = ""

    @property
    def address(self) -> str:
        """The address as it goes on the wire; "" for NOBODY."""
        return f"{self.local}@{self.domain}" if self.domain else ""

    @property
    def needs_smtputf8(self) -> bool:
        """Whether the local part has characters that only SMTPUTF8 (RFC 6531) can carry."""
        return not self.local.isascii()


# Stands where a test that ends at the login has no need of an address.
NOBODY = Mailbox("", "")


def refuse_control_characters(field: str, value: str) -> None:
    """Raise config.control-character, naming the field, if a value could break a command line.

    Line breaks and NUL would smuggle commands into the dialogue; the other controls, and the
    separators that some programs take for line breaks, have no business in any setting.
    """
    if value.isprintable():  # the plain case, in one step
        return
    if any(unicodedata.category(character) in _CONTROL_CATEGORIES for character in value):
        raise Refused("config.control-character", field=field)


# Cc controls, Cs lone surrogates, Zl and Zp the line and paragraph separators.
_CONTROL_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def canonical_host(text: str) -> str:
    """Return a host in the one spelling that is stored, matched, dialled and verified.

    Names: lower case, A-labels, no trailing dot. Address literals: as ``ipaddress`` writes them,
    without brackets. Odd spellings of an address ("127.1", "0x7f000001") are refused, because
    programs disagree on what they mean.
    """
    return _canonical_host(text)


@lru_cache(maxsize=256)  # the same one is asked for several times in a test
def _canonical_host(text: str) -> str:
    refuse_control_characters("host", text)
    host = text.strip()
    if literal := _ip_literal(host):
        return literal
    if not host or any(character in host for character in "/@:?#\\ []%<>\"'\u00a0"):
        raise Refused("config.host-is-url")
    name = _to_a_labels(host).removesuffix(".")
    labels = name.split(".")
    if len(name) > MAX_HOST_LENGTH or not all(_is_label(label) for label in labels):
        raise Refused("config.label-invalid", host=name[:MAX_HOST_LENGTH])
    if _NUMBER.fullmatch(labels[-1]):
        raise Refused("config.label-invalid", host=name)
    return name


def is_ip_literal(host: str) -> bool:
    """Say whether a canonical host is an address rather than a name."""
    return _ip_literal(host) is not None


@lru_cache(maxsize=256)
def _ip_literal(host: str) -> str | None:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        # A zone id ("fe80::1%eth0") names a local interface: not something to test from afar.
        return str(ipaddress.ip_address(bare)) if "%" not in bare else None
    except ValueError:
        return None


def _is_label(label: str) -> bool:
    is_name = len(label) <= MAX_LABEL_LENGTH and _LABEL.fullmatch(label) is not None
    return is_name and (not label.startswith(_ACE_PREFIX) or bool(_u_label(label)))


def _u_label(label: str) -> str:
    """What an A-label stands for, or "" where it stands for nothing.

    Names that IDNA 2008 has given up, such as those with emoji, still exist and are looked up.
    """
    try:
        decoded = label.removeprefix(_ACE_PREFIX).encode("ascii").decode("punycode")
    except UnicodeError:
        return ""
    controls = any(unicodedata.category(each) in _CONTROL_CATEGORIES for each in decoded)
    return "" if controls or decoded.isascii() else decoded


def host_in_both_forms(host: str, port: int = 0) -> str:
    """Return a host for a person: "bücher.example:587 (xn--bcher-kva.example)"; port 0 is none.

    The name that is dialled always stands there too, because another script can look the same.
    An IPv6 address stands in brackets. A host without A-labels, or with one whose letters cannot
    be shown, stands there alone.
    """
    at = f":{port}" if port else ""
    if _ACE_PREFIX not in host:
        return f"[{host}]{at}" if ":" in host else f"{host}{at}"
    labels = [
        _u_label(label) if label.startswith(_ACE_PREFIX) else label for label in host.split(".")
    ]
    shown = ".".join(labels)
    # What has no width or turns the direction would make a text look like another.
    is_visible = all(labels) and shown.isprintable()
    return f"{shown}{at} ({host})" if is_visible else f"{host}{at}"


def _to_a_labels(host: str) -> str:
    if host.isascii():
        return host.lower()
    import idna  # loaded on first use: most hosts are ASCII and the tables cost start-up time

    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        raise Refused("config.label-invalid", host=host[:MAX_HOST_LENGTH]) from None


def parse_mailbox(text: str, field: str = "sender") -> Mailbox:
    """Return the one mailbox that a text names, with or without a display name around it.

    RFC 5321 section 4.1.2. ``field`` is "sender" or "recipient" and decides between
    config.sender-invalid and config.recipient-invalid.
    """
    refuse_control_characters(field, text)
    name, address = _split_name(text.strip())
    local, at, domain = address.rpartition("@")
    if not at or not _is_local_part(local) or len(address.encode()) > MAX_ADDRESS_OCTETS:
        raise Refused(f"config.{field}-invalid")
    try:
        return Mailbox(local, canonical_mail_domain(domain), name)
    except Refused:
        raise Refused(f"config.{field}-invalid") from None


def _split_name(text: str) -> tuple[str, str]:
    match = _NAME_AND_ADDRESS.fullmatch(text)
    if match is None:
        return "", text
    return _unquoted(match["name"].strip()), match["address"]


def _unquoted(name: str) -> str:
    """A display name without its quotes and the backslashes within (RFC 5322 section 3.2.4)."""
    if len(name) < 2 or not (name.startswith('"') and name.endswith('"')):
        return name
    return _QUOTED_PAIR.sub(r"\1", name[1:-1]).strip()


def _is_local_part(local: str) -> bool:
    return len(local.encode()) <= MAX_LOCAL_PART_OCTETS and bool(
        _DOT_STRING.fullmatch(local) or _QUOTED_STRING.fullmatch(local)
    )


def canonical_mail_domain(domain: str) -> str:
    """Return a domain, or an address literal in brackets (RFC 5321 section 4.1.3)."""
    if not domain.startswith("["):
        host = canonical_host(domain)
        if is_ip_literal(host) or domain != domain.strip():
            raise Refused("config.label-invalid", host=host)
        return host
    inner = domain.removeprefix("[").removesuffix("]")
    literal = _ip_literal(inner.removeprefix("IPv6:"))
    if literal is None or domain != f"[{inner}]" or (":" in literal) != inner.startswith("IPv6:"):
        raise Refused("config.label-invalid", host=domain)
    return f"[IPv6:{literal}]" if ":" in literal else f"[{literal}]"
