"""DER, the octets that certificates are written in (X.690 section 10): the parts of a value.

Knows lengths and tags of one octet, nothing of what they mean. Strict: whatever could be written in
another way, or goes on behind its end, raises ValueError.
"""

from __future__ import annotations

from typing import NamedTuple

# X.690 section 8 and RFC 5280: the tags of a certificate's parts.
BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

# A tag whose number does not fit into the octet says so by these bits.
_LONG_TAG = 0x1F
# Three octets of length reach 16 MiB, far beyond any certificate that is looked at.
_MAX_LENGTH_OCTETS = 3


class Part(NamedTuple):
    """One value: its tag and what it holds."""

    tag: int
    content: bytes

    def holding(self, tag: int) -> bytes:
        """What it holds, if it has this tag; raises ValueError for another one."""
        if self.tag != tag:
            raise ValueError(f"tag {self.tag:#x} in place of {tag:#x}")
        return self.content

    def parts(self, tag: int) -> list[Part]:
        """The values that it consists of, if it has this tag."""
        return parts_of(self.holding(tag))


def parts_of(octets: bytes) -> list[Part]:
    """Return the values that stand one behind the other in some octets."""
    found: list[Part] = []
    at = 0
    while at < len(octets):
        begins, ends = _content_of(octets, at)
        found.append(Part(octets[at], octets[begins:ends]))
        at = ends
    return found


def _content_of(octets: bytes, at: int) -> tuple[int, int]:
    """Where the content of the value at a place begins and ends."""
    begins = at + 2
    tag, *rest = octets[at:begins]
    if tag & _LONG_TAG == _LONG_TAG or not rest:
        raise ValueError("no tag and length")
    length = rest[0]
    if length >= 0x80:  # so many octets of length follow
        digits = octets[begins : begins + length - 0x80]
        begins += length - 0x80
        length = int.from_bytes(digits)
        is_shortest = digits[:1] > b"\0" and length >= 0x80
        if not is_shortest or len(digits) > _MAX_LENGTH_OCTETS:
            raise ValueError("a length that could be written shorter, or is too long")
    ends = begins + length
    if ends > len(octets):
        raise ValueError("a value that goes on behind the end")
    return begins, ends
