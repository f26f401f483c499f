from __future__ import annotations

import io
import os

import pytest

from smtpcheck.engine.telling.terminal import Span, Style, Terminal, columns, cut, wrap
from smtpcheck.presentation import inert

HOSTILE = [
    ("\x1b[2Jgone", "\\x1b[2Jgone"),
    ("two\r\nlines", "two\\x0d\\x0alines"),
    ("bell\x07 nul\x00", "bell\\x07 nul\\x00"),
    ("\x9b31m", "\\x9b31m"),  # the one-byte form of ESC [
    ("\u202egnp.exe", "\\u202egnp.exe"),
    ("\u2066isolated\u2069", "\\u2066isolated\\u2069"),
    ("zero\u200bwidth", "zero\\u200bwidth"),
    ("\u2028line", "\\u2028line"),
    ("\ud800", "\\ud800"),
    ("\U000e0041tag", "\\U000e0041tag"),
]


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_what_a_terminal_could_obey_is_escaped(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_letters_of_any_script_stay() -> None:
    assert inert("Größe 日本 שלום") == "Größe 日本 שלום"


@pytest.mark.parametrize(("text", "_shown"), HOSTILE)
def test_no_span_reaches_the_stream_as_it_came(text: str, _shown: str) -> None:
    stream = io.StringIO()
    Terminal(stream, colour=True).show((Span(text, Style.BAD),))
    written = stream.getvalue().removeprefix("\x1b[31m").removesuffix("\x1b[0m\n")
    assert written.isprintable()


def test_text_that_the_stream_cannot_encode_is_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "ascii")
    Terminal(stream).show((Span("Größe"),))
    assert raw.getvalue() == b"Gr\\xf6\\xdfe\n"


def test_a_file_gets_neither_colours_nor_redrawing_nor_a_width() -> None:
    stream = io.StringIO()
    terminal = Terminal.of(stream, environ={"TERM": "xterm"})
    terminal.draw((Span("running"),))
    terminal.show((Span("done", Style.GOOD),))
    terminal.clear()
    assert (stream.getvalue(), terminal.width) == ("done\n", None)


@pytest.mark.parametrize(
    ("environ", "no_color", "colour"),
    [
        ({"TERM": "xterm"}, False, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, False, True),
        ({"TERM": "xterm"}, True, False),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_colours_are_for_a_terminal_that_wants_them(
    environ: dict[str, str], no_color: bool, colour: bool
) -> None:
    assert Terminal.of(FakeTerminal(), no_color=no_color, environ=environ).colour is colour


def test_a_dumb_terminal_is_not_redrawn() -> None:
    stream = FakeTerminal()
    Terminal.of(stream, environ={"TERM": "dumb"}).draw((Span("running"),))
    assert stream.getvalue() == ""


def test_a_drawn_line_is_replaced_by_the_next() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream, live=True, width=40)
    terminal.draw((Span("one"),))
    terminal.draw((Span("two"),))
    terminal.show((Span("done"),))
    terminal.show((Span("next"),))
    assert stream.getvalue() == "one\r\x1b[Ktwo\r\x1b[Kdone\nnext\n"


def test_a_drawn_line_never_wraps() -> None:
    stream = io.StringIO()
    Terminal(stream, live=True, width=10).draw((Span("0123456"), Span("789abc")))
    assert stream.getvalue() == "012345678"


def test_a_reader_that_leaves_does_not_stop_the_writer() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        terminal = Terminal(stream)
        terminal.show((Span("one"),))
        terminal.show((Span("two"),))


def test_wide_letters_count_twice_and_accents_not_at_all() -> None:
    assert (columns("日本"), columns("e\u0301"), cut("日本語", 5)) == (4, 1, "日本")


def test_text_wraps_at_blanks_and_long_words_are_cut() -> None:
    assert wrap("a bb ccc dddddddd", 5) == ["a bb", "ccc", "ddddd", "ddd"]


def test_a_letter_wider_than_the_line_does_not_hang() -> None:
    assert wrap("日本", 1) == ["日", "本"]


def test_an_empty_text_is_one_empty_line() -> None:
    assert wrap("", 10) == [""]
