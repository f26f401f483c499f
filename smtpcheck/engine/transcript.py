"""The dialogue of a test as text: bounded, and masked where it is written.

Knows redaction and the stages. What we send comes with its masked form from whoever made it, so a
secret never gets here; what a server says is kept as its codes alone when it holds a secret.
"""

from __future__ import annotations

from smtpcheck.engine.evidence import Reply, escape, visible
from smtpcheck.engine.redaction import MASK, Redactor
from smtpcheck.engine.stages import Stage

# Enough for the longest honest dialogue many times over; a history row holds one of these.
MAX_TRANSCRIPT_LENGTH = 16 * 1024
_MAX_LINE_LENGTH = 512
_CUT = "... the rest is left out"


class Transcript:
    """Collects the lines of one dialogue, each with the seconds since the test began."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._lines: list[str] = []
        self._length = 0

    def note(self, at: float, text: str) -> None:
        """Add a line about something that happened outside the dialogue."""
        self._add(at, "*", text)

    def sent(self, at: float, shown: str) -> None:
        """Add a line we sent, in the form that may be shown."""
        self._add(at, ">", shown)

    def received(self, at: float, reply: Reply) -> None:
        """Add a reply, line by line, as ``safe_reply`` has let it through."""
        last = len(reply.lines) - 1
        for index, line in enumerate(reply.lines):
            self._add(at, "<", f"{reply.code}{' ' if index == last else '-'}{line}")

    def unreadable(self, at: float, raw: bytes) -> None:
        """Add bytes that were no reply."""
        self._add(at, "<", MASK if self._tells_secret(raw) else escape(raw))

    def safe_reply(self, stage: Stage, reply: Reply) -> Reply:
        """Return a reply without the words that would tell a secret.

        A secret too short to be searched for keeps the replies to AUTH to their codes (masking
        "ok" in "235 ok" would tell it).
        """
        if not self._tells(stage, "\n".join(reply.lines)):
            return reply
        return Reply(reply.code, tuple(_codes_only(reply, line) for line in reply.lines))

    def safe_text(self, stage: Stage, text: str) -> str:
        """Return a server's words, read out of a reply to a stage, or a mask, by the same rule."""
        return MASK if text and self._tells(stage, text) else text

    def _tells(self, stage: Stage, text: str) -> bool:
        is_too_short = stage is Stage.AUTH and self._redactor.has_short_secret
        return is_too_short or self._redactor.holds_secret(text)

    def safe_lines(self, lines: tuple[str, ...]) -> tuple[str, ...]:
        """Return lines of text, or as many masks where together they hold a secret."""
        return (MASK,) * len(lines) if self._redactor.holds_secret("\n".join(lines)) else lines

    def safe_bytes(self, raw: bytes) -> bytes:
        """Return bytes a server sent, or nothing of them where they hold a secret."""
        return MASK.encode() if self._tells_secret(raw) else raw

    def _tells_secret(self, raw: bytes) -> bool:
        return self._redactor.holds_secret(raw.decode("utf-8", "backslashreplace"))

    def __str__(self) -> str:
        return "\n".join(self._lines)

    def _add(self, at: float, mark: str, text: str) -> None:
        if self._length >= MAX_TRANSCRIPT_LENGTH:
            return
        shown = visible(text)
        if len(shown) > _MAX_LINE_LENGTH:
            shown = f"{shown[:_MAX_LINE_LENGTH]} ..."
        line = f"{at:7.3f} {mark} {shown}"
        if self._length + len(line) + 1 > MAX_TRANSCRIPT_LENGTH - len(_CUT):
            line, self._length = _CUT, MAX_TRANSCRIPT_LENGTH
        self._lines.append(line)
        self._length += len(line) + 1


def _codes_only(reply: Reply, line: str) -> str:
    first = line.split(" ", 1)[0]
    return f"{first} {MASK}" if first == reply.enhanced else MASK
