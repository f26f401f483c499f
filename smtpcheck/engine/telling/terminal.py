"""What a terminal is told: lines of styled text that no server can turn into commands.

Text goes out only as spans, and every span is made inert on its way out, so a reply with escape
sequences in it is shown and never obeyed.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TextIO, cast

from smtpcheck.engine.telling.inert import inert


class Style(StrEnum):
    """How a piece of text is meant; the values are the parameters of the escape sequence (SGR)."""

    PLAIN = ""
    STRONG = "1"
    FAINT = "2"
    GOOD = "32"
    BAD = "31"
    UNSURE = "33"


class Span(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[Span, ...]

BLANK: Line = ()


def columns(text: str) -> int:
    """How many columns a text takes on a terminal."""
    return sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """The start of a text that fits into so many columns."""
    taken = 0
    for index, char in enumerate(text):
        taken += _columns_of(char)
        if taken > width:
            return text[:index]
    return text


def wrap(text: str, width: int) -> list[str]:
    """Break a text at its blanks into lines of at most ``width`` columns; longer words are cut."""
    lines = [""]
    for word in _pieces(text, width):
        longer = f"{lines[-1]} {word}"
        if not lines[-1]:
            lines[-1] = word
        elif columns(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _pieces(text: str, width: int) -> Iterator[str]:
    """The words of a text, with those cut up that are wider than a line."""
    for word in text.split():
        rest = word
        while columns(rest) > width:
            piece = cut(rest, width) or rest[0]  # a wide character in a one-column line
            yield piece
            rest = rest[len(piece) :]
        if rest:
            yield rest


@dataclass(slots=True)
class Terminal:
    """Where lines go: a person's terminal or a file.

    ``live`` says whether the current line may be drawn again, ``width`` the columns to wrap at,
    None for a file: there a sentence stays on one line, so that it can be searched for.
    """

    stream: TextIO
    live: bool = False
    colour: bool = False
    width: int | None = None
    _drawn: bool = False

    @classmethod
    def of(
        cls,
        stream: object,
        *,
        no_color: bool = False,
        force_color: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> Terminal:
        """Judge a stream: colours and redrawing only for a person who can see and wants them.

        ``NO_COLOR`` with any value but "" switches colours off (https://no-color.org).
        """
        text_stream = cast("TextIO", stream)
        is_terminal = text_stream.isatty()
        live = is_terminal and environ.get("TERM") != "dumb"
        refused = no_color or bool(environ.get("NO_COLOR"))
        return cls(
            text_stream,
            live=live,
            colour=force_color or (live and not refused),
            width=_width() if is_terminal else None,
        )

    @property
    def shows_symbols(self) -> bool:
        """True if the stream can show ✓ and ✗."""
        try:
            "✓✗–…".encode(self._encoding)
        except UnicodeEncodeError:
            return False
        return True

    def show(self, *lines: Line) -> None:
        """Write whole lines, in place of a line that was drawn before."""
        for line in lines:
            self._write(self._start() + self._painted(line) + "\n")
            self._drawn = False

    def draw(self, line: Line) -> None:
        """Draw the current line again, cut to the width; nothing happens where that cannot be."""
        if not self.live:
            return
        self._write(self._start() + self._painted(_cut_line(line, (self.width or 80) - 1)))
        self._drawn = True

    def clear(self) -> None:
        """Take away a drawn line."""
        if self._drawn:
            self._write(self._start())
            self._drawn = False

    @property
    def _encoding(self) -> str:
        return getattr(self.stream, "encoding", None) or "utf-8"

    def _start(self) -> str:
        return "\r\x1b[K" if self._drawn else ""

    def _painted(self, line: Line) -> str:
        return "".join(self._painted_span(span) for span in line)

    def _painted_span(self, span: Span) -> str:
        known = inert(span.text).encode(self._encoding, "backslashreplace")
        text = known.decode(self._encoding)
        if not (self.colour and span.style and text):
            return text
        return f"\x1b[{span.style}m{text}\x1b[0m"

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            # Who read our lines (`| head`) has gone. The test goes on and its exit status counts.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


def _width() -> int:
    import shutil  # loads every kind of compression, and a file has no width

    return max(20, shutil.get_terminal_size().columns)


def _cut_line(line: Line, width: int) -> Line:
    kept: list[Span] = []
    for span in line:
        text = cut(inert(span.text), width)
        kept.append(Span(text, span.style))
        width -= columns(text)
    return tuple(kept)
