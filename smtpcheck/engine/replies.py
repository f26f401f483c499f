"""Reads SMTP replies out of bytes, however they arrive, and bounds what a server may send.

Knows RFC 5321 section 4.2 and nothing of sockets: ``feed`` takes bytes, ``next_reply`` gives a
reply when a whole one is there. What is not by the book but can be read is kept as an oddity;
what cannot be read raises ``Unreadable`` once and for all.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.evidence import FaultKind, Reply, visible

# RFC 5321 section 4.5.3.1.5 asks for 512 octets; real servers exceed it, none needs this much.
MAX_LINE_OCTETS = 8 * 1024
# The longest EHLO replies seen have some 30 lines; banners with policy texts about as many.
MAX_REPLY_LINES = 128
MAX_REPLY_OCTETS = 64 * 1024
# All text of one session: about a hundred times what a whole test mail takes.
MAX_SESSION_OCTETS = 256 * 1024

# Enough to name any service from its first bytes, and short enough to show on one line.
FIRST_BYTES = 64
# What is kept of them until it is searched for secrets: a secret cut in two is not found, and the
# longest login in its longest spelling takes 12 KiB.
MAX_OPENING_OCTETS = 16 * 1024

_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


class Unreadable(EngineError):
    """What came is no SMTP reply, or more than a reply may be.

    ``raw`` is the line as it came: who shows it looks for secrets first and cuts it then, because
    a secret cut in two is not found.
    """

    def __init__(self, kind: FaultKind, detail: str, raw: bytes) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.raw = raw


@dataclass(slots=True)
class _Unfinished:
    """The reply being read."""

    code: int
    lines: list[str]
    octets: int


class ReplyReader:
    """The receiving half of an SMTP conversation, without any I/O.

    Attributes: ``first_bytes``, what came first, up to the end of the first whole reply: who shows
    it looks for secrets first and cuts it then; ``oddities``, ids of the catalogue for what was
    read although it is not by the book.
    """

    def __init__(self) -> None:
        self.first_bytes = b""
        self.oddities: set[str] = set()
        self._lines: deque[bytes] = deque()  # whole, without their LF, and not yet read
        self._rest = b""  # a line whose end has not come
        self._unfinished: _Unfinished | None = None
        self._session_octets = 0
        self._has_replied = False
        self._unreadable: Unreadable | None = None

    @property
    def pending(self) -> bytes:
        """Bytes that came and belong to no reply read so far."""
        return b"\n".join((*self._lines, self._rest))

    @property
    def is_inside_reply(self) -> bool:
        """Whether part of a reply has come but not its end."""
        return self._unfinished is not None or bool(self._lines or self._rest)

    def feed(self, data: bytes) -> None:
        """Take bytes as they came. Raises Unreadable past the bound on a session's text."""
        # Nothing later: an answer to a login can hold the password, and a cut through the middle of
        # one leaves a part that no search for the whole finds.
        if not self._has_replied and len(self.first_bytes) < MAX_OPENING_OCTETS:
            self.first_bytes += data[: MAX_OPENING_OCTETS - len(self.first_bytes)]
        self._session_octets += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(whole)
        if self._session_octets > MAX_SESSION_OCTETS:
            raise self._too_much("session")

    def restart(self) -> None:
        """Forget what was learned in the clear; what is read from now on came through TLS."""
        self._lines.clear()
        self._rest = b""
        self._unfinished = None

    def next_reply(self) -> Reply | None:
        """Return the next whole reply, or None if more bytes are needed.

        Raises Unreadable for lines that are no reply, replies whose lines disagree on the code,
        and replies beyond the bounds.
        """
        if self._unreadable is not None:
            raise self._unreadable
        try:
            while self._lines:
                if reply := self._take(self._bare(self._lines.popleft())):
                    return reply
            if len(self._rest) > MAX_LINE_OCTETS:
                raise self._too_much("line")
        except Unreadable as error:
            self._unreadable = error
            raise
        return None

    def _take(self, line: bytes) -> Reply | None:
        """Read one line; the reply that ends with it, or None."""
        code, goes_on, text = _parted(line)
        begun = self._unfinished
        if begun is None:
            if not goes_on:  # as most replies are
                return self._whole(Reply(code, (text,)))
            begun = self._unfinished = _Unfinished(code, [], 0)
        if code != begun.code:
            raise Unreadable(FaultKind.BAD_REPLY, f"{begun.code} and {code} mixed", line)
        begun.lines.append(text)
        begun.octets += len(line) + 2
        if len(begun.lines) > MAX_REPLY_LINES:
            raise self._too_much("lines")
        if begun.octets > MAX_REPLY_OCTETS:
            raise self._too_much("reply")
        if goes_on:
            return None
        self._unfinished = None
        return self._whole(Reply(code, tuple(begun.lines)))

    def _bare(self, line: bytes) -> bytes:
        """A line without its CR."""
        if len(line) > MAX_LINE_OCTETS:
            raise self._too_much("line")
        if line[-1:] == b"\r":
            return line[:-1]
        self.oddities.add("proto.bare-lf")
        return line

    def _whole(self, reply: Reply) -> Reply:
        if not self._has_replied:
            self._has_replied = True
            self.first_bytes = self.first_bytes[: self._session_octets - len(self.pending)]
        return reply

    def _too_much(self, limit: str) -> Unreadable:
        return Unreadable(FaultKind.TOO_MUCH, limit, self.first_bytes)


def _parted(line: bytes) -> tuple[int, bool, str]:
    r"""The code of a line, whether the reply goes on behind it, and its text to be shown.

    What is not UTF-8 and controls are shown as ``\xNN``, never an error.
    """
    match = _REPLY_LINE.fullmatch(line)
    if match is None:
        raise Unreadable(FaultKind.BAD_REPLY, "not a reply", line or b"\n")
    code, separator, text = match.groups()
    shown = (text or b"").decode("utf-8", "backslashreplace")
    return int(code), separator == b"-", shown if shown.isprintable() else visible(shown)
