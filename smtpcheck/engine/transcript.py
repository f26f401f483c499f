"""The dialogue of a test as text: bounded, and masked before anyone sees it.

Knows redaction and the stages. What we send comes with its masked form from whoever made it, so a
secret never gets here; what a server says is kept as its codes alone when it holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import add
from typing import NamedTuple

from smtpcheck.engine.evidence import Reply, StageReply, escape, visible
from smtpcheck.engine.redaction import MASK, Redactor
from smtpcheck.engine.stages import Stage

# Enough for the longest honest dialogue many times over; a history row holds one of these.
MAX_TRANSCRIPT_LENGTH = 16 * 1024
_MAX_LINE_LENGTH = 512
_CUT = "... the rest is left out"


# A note or a line of ours, bytes that were no reply, or a reply.
_Said = str | bytes | StageReply


class Dialogue(NamedTuple):
    """What was said so far, every word of it as it may be shown.

    ``is_harmless``: nothing that was searched needed a mask.
    """

    replies: tuple[StageReply, ...]
    text: str
    is_harmless: bool


class Transcript:
    """Collects what is said in one dialogue, each with the seconds since the test began.

    It is kept as it came: ``dialogue`` searches all of it for secrets at once, and each reply by
    itself only where there is something to be found.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._entries: list[tuple[float, str, _Said]] = []

    def note(self, at: float, text: str) -> None:
        """Add a line about something that happened outside the dialogue."""
        self._entries.append((at, "*", text))

    def sent(self, at: float, shown: str) -> None:
        """Add a line we sent, in the form that may be shown."""
        self._entries.append((at, ">", shown))

    def received(self, at: float, said: StageReply) -> None:
        """Add a reply as the server said it."""
        self._entries.append((at, "<", said))

    def unreadable(self, at: float, raw: bytes) -> None:
        """Add bytes that were no reply."""
        self._entries.append((at, "<", raw))

    def dialogue(self, beside: Iterable[str] = ()) -> Dialogue:
        """Return what was said so far; ``beside`` are more words of the server to be searched."""
        replies = [said for _, _, said in self._entries if isinstance(said, StageReply)]
        # Parted by what no word holds: as lines of one text they would be read another way.
        words = "\0".join([*beside, *("\n".join(item.reply.lines) for item in replies)])
        is_harmless = not (self._redactor.has_short_secret or self._redactor.holds_secret(words))
        if not is_harmless:
            replies = [StageReply(stage, self.safe_reply(stage, reply)) for stage, reply in replies]
        return Dialogue(tuple(replies), self._text(iter(replies)), is_harmless)

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

    def _text(self, safe: Iterator[StageReply]) -> str:
        """All lines up to the bound; ``safe`` are the replies in order."""
        heads: list[str] = []
        texts: list[str] = []
        for at, mark, said in self._entries:
            if isinstance(said, str):
                shown: tuple[str, ...] = (said,)
            elif isinstance(said, bytes):
                shown = (MASK if self._tells_secret(said) else escape(said),)
            else:
                shown = _lines_of(next(safe).reply)
            heads += ["%7.3f %s " % (at, mark)] * len(shown)  # noqa: UP031 - half of an f-string's time
            texts += shown
        # Nearly always all of it can be shown as it is, which is seen in three looks at the whole.
        if not "".join(texts).isprintable():
            texts = list(map(visible, texts))
        if max(map(len, texts), default=0) > _MAX_LINE_LENGTH:
            texts = list(map(_cut_short, texts))
        text = "\n".join(map(add, heads, texts))
        if len(text) < MAX_TRANSCRIPT_LENGTH - len(_CUT):
            return text
        kept = text[: MAX_TRANSCRIPT_LENGTH - len(_CUT)].rpartition("\n")[0]
        return f"{kept}\n{_CUT}"


def _lines_of(reply: Reply) -> tuple[str, ...]:
    code, lines = reply
    if len(lines) == 1:
        return (f"{code} {lines[0]}",)
    return (*(f"{code}-{line}" for line in lines[:-1]), f"{code} {lines[-1]}")


def _cut_short(text: str) -> str:
    return f"{text[:_MAX_LINE_LENGTH]} ..." if len(text) > _MAX_LINE_LENGTH else text


def _codes_only(reply: Reply, line: str) -> str:
    first = line.split(" ", 1)[0]
    return f"{first} {MASK}" if first == reply.enhanced else MASK
