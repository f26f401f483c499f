"""Replies are read however their bytes arrive, and no server can send without end."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcheck.engine.evidence import FaultKind, Reply
from smtpcheck.engine.replies import (
    MAX_LINE_OCTETS,
    MAX_OPENING_OCTETS,
    MAX_REPLY_LINES,
    MAX_REPLY_OCTETS,
    MAX_SESSION_OCTETS,
    ReplyReader,
    Unreadable,
)

Outcome = list[Reply | tuple[FaultKind, str]]
bounded = settings()  # of the profile: see tests/conftest.py


def read(pieces: Iterable[bytes], reader: ReplyReader | None = None) -> Outcome:
    """Everything a reader makes of bytes in these pieces, up to the first it cannot read."""
    reader = reader or ReplyReader()
    outcome: Outcome = []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (reply := reader.next_reply()) is not None:
                outcome.append(reply)
    except Unreadable as error:
        outcome.append((error.kind, error.detail))
    return outcome


def one_by_one(data: bytes) -> Iterable[bytes]:
    return (data[index : index + 1] for index in range(len(data)))


def same_in_any_pieces(data: bytes) -> Outcome:
    whole = read([data])
    assert read(one_by_one(data)) == whole
    return whole


@pytest.mark.parametrize(
    ("data", "replies"),
    [
        (b"220 mx ready\r\n", [Reply(220, ("mx ready",))]),
        (b"250\r\n", [Reply(250, ("",))]),
        (b"250 \r\n", [Reply(250, ("",))]),
        (b"250-\r\n250\r\n", [Reply(250, ("", ""))]),
        (b"250-mx\r\n250-SIZE 1\r\n250 HELP\r\n", [Reply(250, ("mx", "SIZE 1", "HELP"))]),
        (b"250-mx\r\n250\r\n", [Reply(250, ("mx", ""))]),
        (b"250 a\r\n354 b\r\n", [Reply(250, ("a",)), Reply(354, ("b",))]),
        (b"250 a\n", [Reply(250, ("a",))]),
        (b"250-a\n250 b\r\n", [Reply(250, ("a", "b"))]),
        (b"535-5.7.8 no\r\n535 5.7.8 way\r\n", [Reply(535, ("5.7.8 no", "5.7.8 way"))]),
        ("250 grüß\r\n".encode(), [Reply(250, ("grüß",))]),
        ("250 grüß\r\n".encode("latin-1"), [Reply(250, ("gr\\xfc\\xdf",))]),
        (b"250 a\0b\x1b[31m\r\n", [Reply(250, ("a\\x00b\\x1b[31m",))]),
        (b"250 a\rb\r\n", [Reply(250, ("a\\x0db",))]),
        (b"250-SIZE\t1\r\n250  two blanks\r\n", [Reply(250, ("SIZE\t1", " two blanks"))]),
        (b"599 x\r\n", [Reply(599, ("x",))]),
        (b"250 not yet", []),
        (b"250-more to come\r\n", []),
        (b"", []),
    ],
)
def test_replies_are_read(data: bytes, replies: Outcome) -> None:
    assert same_in_any_pieces(data) == replies


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"\n",
        b"hello\r\n",
        b"25\r\n",
        b"2500 x\r\n",
        b"250x\r\n",
        b"250\tx\r\n",
        b"150 x\r\n",
        b"600 x\r\n",
        b"099 x\r\n",
        b" 250 x\r\n",
        "２５０ x\r\n".encode(),
        b"\xff\xfb\x01\r\n",
        b"250-a\r\nnothing\r\n",
    ],
)
def test_a_line_that_is_no_reply_is_unreadable(data: bytes) -> None:
    assert same_in_any_pieces(data) == [(FaultKind.BAD_REPLY, "not a reply")]


def test_lines_that_disagree_on_the_code_are_unreadable() -> None:
    data = b"250-mx\r\n550 no\r\n"
    assert same_in_any_pieces(data) == [(FaultKind.BAD_REPLY, "250 and 550 mixed")]


def test_what_was_unreadable_stays_so() -> None:
    reader = ReplyReader()
    reader.feed(b"garbage\r\n250 ok\r\n")
    for _ in range(3):
        with pytest.raises(Unreadable, match="not a reply"):
            reader.next_reply()


def test_the_line_that_could_not_be_read_is_shown() -> None:
    reader = ReplyReader()
    reader.feed(b"SSH-2.0-OpenSSH\r\n")
    with pytest.raises(Unreadable) as caught:
        reader.next_reply()
    assert caught.value.raw == b"SSH-2.0-OpenSSH"


def test_a_line_without_a_carriage_return_is_odd() -> None:
    reader = ReplyReader()
    read([b"250 a\r\n"], reader)
    assert reader.oddities == set()
    read([b"250 a\n"], reader)
    assert reader.oddities == {"proto.bare-lf"}


LONGEST = b"250 " + b"x" * (MAX_LINE_OCTETS - 5)


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (LONGEST + b"\r\n", 1),
        (LONGEST + b"xx\r\n", (FaultKind.TOO_MUCH, "line")),
        (LONGEST + b"xx", (FaultKind.TOO_MUCH, "line")),
        (b"x" * (MAX_LINE_OCTETS + 1), (FaultKind.TOO_MUCH, "line")),
        (b"250-x\r\n" * (MAX_REPLY_LINES - 1) + b"250 x\r\n", 1),
        (b"250-x\r\n" * MAX_REPLY_LINES + b"250 x\r\n", (FaultKind.TOO_MUCH, "lines")),
        (
            (LONGEST.replace(b" ", b"-") + b"\r\n") * (MAX_REPLY_OCTETS // MAX_LINE_OCTETS + 1),
            (FaultKind.TOO_MUCH, "reply"),
        ),
        (b"250 x\r\n" * (MAX_SESSION_OCTETS // 7), MAX_SESSION_OCTETS // 7),
        (b"250 x\r\n" * (MAX_SESSION_OCTETS // 7 + 1), (FaultKind.TOO_MUCH, "session")),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_a_server_cannot_send_without_end(
    data: bytes, outcome: int | tuple[FaultKind, str]
) -> None:
    for step in (1000, 65536):
        found = read(data[start : start + step] for start in range(0, len(data), step))
        assert (len(found) if isinstance(outcome, int) else found[-1]) == outcome


def test_memory_stays_flat_while_an_endless_line_arrives() -> None:
    reader = ReplyReader()
    assert read((b"x" * 1000 for _ in range(1000)), reader) == [(FaultKind.TOO_MUCH, "line")]
    assert len(reader.pending) <= MAX_LINE_OCTETS + 1000


def test_the_first_bytes_are_kept_as_they_came() -> None:
    reader = ReplyReader()
    data = b"220 \xff" + b"x" * 100
    read(one_by_one(data), reader)
    assert reader.first_bytes == data


def test_the_first_bytes_are_bounded() -> None:
    reader = ReplyReader()
    read([b"220-", *[b"x" * 4000] * 10], reader)
    assert len(reader.first_bytes) <= MAX_OPENING_OCTETS


def test_the_first_bytes_end_with_the_first_reply() -> None:
    reader = ReplyReader()
    assert read([b"220-hello\r\n", b"220 mx\r\n", b"535 hunter22 is wrong\r\n"], reader)
    assert reader.first_bytes == b"220-hello\r\n220 mx\r\n"


def test_what_comes_with_the_first_reply_is_not_among_the_first_bytes() -> None:
    reader = ReplyReader()
    assert read([b"220 mx\r\n535 hunt"], reader)
    assert reader.first_bytes == b"220 mx\r\n"


def test_a_reply_half_read_is_told() -> None:
    reader = ReplyReader()
    assert not reader.is_inside_reply
    for piece in (b"25", b"0-a\r\n", b"250"):
        reader.feed(piece)
        assert reader.next_reply() is None
        assert reader.is_inside_reply
    reader.feed(b" b\r\n")
    assert reader.next_reply() == Reply(250, ("a", "b"))
    assert not reader.is_inside_reply


def test_what_came_in_the_clear_is_forgotten_when_tls_starts() -> None:
    reader = ReplyReader()
    reader.feed(b"250-injected\r\n250")
    assert reader.next_reply() is None
    reader.restart()
    assert reader.pending == b""
    reader.feed(b"220 new\r\n")
    assert reader.next_reply() == Reply(220, ("new",))


lines = st.one_of(
    st.sampled_from([b"250 ok", b"250-more", b"250", b"354 go", b"550-no", b"421 bye", b""]),
    st.binary(max_size=12),
)
dialogues = st.lists(
    st.tuples(lines, st.sampled_from([b"\r\n", b"\n", b"\r", b""])), max_size=12
).map(lambda parts: b"".join(line + end for line, end in parts))


@given(st.one_of(dialogues, st.binary(max_size=200)), st.lists(st.integers(0, 200), max_size=6))
@bounded
def test_any_bytes_in_any_pieces_are_read_alike(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert read(pieces) == same_in_any_pieces(data)


@given(st.lists(st.one_of(dialogues, st.binary(max_size=3000)), max_size=200))
@bounded
def test_any_bytes_end_in_replies_or_unreadable_with_little_kept(pieces: list[bytes]) -> None:
    reader = ReplyReader()
    read(pieces, reader)
    assert len(reader.pending) <= MAX_LINE_OCTETS + max(map(len, pieces), default=0)
    assert len(reader.first_bytes) <= MAX_OPENING_OCTETS
