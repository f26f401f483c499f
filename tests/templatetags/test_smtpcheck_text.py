"""Text of a server, made harmless for the eye."""

from __future__ import annotations

import pytest

from smtpcheck.templatetags.smtpcheck_text import inert_lines, seconds
from smtpcheck.templatetags.smtpcheck_text import inert_text as inert


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("250 Grüße, 東京", "250 Grüße, 東京"),
        ("a\r\nb\tc\x00", "a\\x0d\\x0ab\\x09c\\x00"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("pay\u202egnp.exe", "pay\\u202egnp.exe"),
        ("zero\u200bwidth\u2028line", "zero\\u200bwidth\\u2028line"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("half \ud800", "half \\ud800"),
        (None, ""),
        (25, "25"),
    ],
)
def test_what_could_deceive_the_eye_is_escaped(text: object, shown: str) -> None:
    assert inert(text) == shown


def test_a_dialogue_keeps_its_lines_and_tabs_and_nothing_else() -> None:
    assert inert_lines("S: 220 a\r\nS:\tb\x1b\rc\n") == "S: 220 a\nS:\tb\\x1b\\x0dc\n"


@pytest.mark.parametrize(
    ("milliseconds", "shown"), [(None, ""), (0, "0 ms"), (999, "999 ms"), (1250, "1.25 s")]
)
def test_times_are_short(milliseconds: int | None, shown: str) -> None:
    assert seconds(milliseconds) == shown
