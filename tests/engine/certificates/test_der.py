"""DER is taken apart by its strict rules, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcheck.engine.certificates.der import INTEGER, OCTET_STRING, SEQUENCE, Part, parts_of


def written(part: Part) -> bytes:
    """The one way to write a value."""
    length = len(part.content)
    if length < 0x80:
        return bytes([part.tag, length]) + part.content
    digits = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([part.tag, 0x80 + len(digits)]) + digits + part.content


PARTS = st.builds(
    Part,
    st.integers(0, 255).filter(lambda tag: tag & 0x1F != 0x1F),
    st.one_of(st.binary(max_size=300), st.sampled_from([b"x" * 0x7F, b"x" * 0x80, b"x" * 0x10000])),
)


@given(st.lists(PARTS, max_size=5))
def test_what_was_written_is_found(parts: list[Part]) -> None:
    assert parts_of(b"".join(map(written, parts))) == parts


@given(st.binary(max_size=40))
def test_octets_are_read_in_one_way_or_not_at_all(octets: bytes) -> None:
    try:
        parts = parts_of(octets)
    except ValueError:
        return
    assert b"".join(map(written, parts)) == octets


@pytest.mark.parametrize(
    "octets",
    [
        b"\x02",
        b"\x02\x01",
        b"\x02\x02\x01",
        b"\x02\x01\x01\x02",
        b"\x1f\x01\x01",  # a tag of several octets
        b"\x02\x80\x01\x00\x00",  # a length that is told by an end
        b"\x02\x81\x01\x01",  # which fits into one octet
        b"\x02\x82\x00\x80" + b"\x01" * 0x80,  # which begins with zeros
        b"\x02\x84\x01\x00\x00\x00",  # beyond all certificates
        b"\x02\xff\x01",
        b"\x02\x82\x01",
    ],
)
def test_what_is_not_der_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parts_of(octets)


def test_a_value_is_taken_for_what_its_tag_says() -> None:
    (outer,) = parts_of(b"\x30\x06\x02\x01\x07\x04\x01x")
    assert outer.parts(SEQUENCE) == [Part(INTEGER, b"\x07"), Part(OCTET_STRING, b"x")]
    assert outer.parts(SEQUENCE)[0].holding(INTEGER) == b"\x07"
    with pytest.raises(ValueError, match="0x30"):
        outer.holding(INTEGER)
