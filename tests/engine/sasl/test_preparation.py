"""SASLprep as RFC 4013 section 3 shows it, and what becomes of text that it cannot take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scramp.utils import saslprep as by_scramp

from smtpcheck.engine.sasl.preparation import prepared

UNCHANGED = [
    "user",
    "USER",
    "\u0007",  # prohibited (ASCII control); the plan refuses it long before
    "\u0627\u0031",  # right-to-left that does not end so
    "a\u0627",  # both ways in one
    "\u0627a\u0628",
    "\u200bx\ue000",  # a private character
    "\u00ad",  # nothing is left of it
    "x\u2028",
    "\U000e0001x",
]


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("I\u00adX", "IX"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b\u3000c", "a b c"),
        ("a\u0308", "\u00e4"),
        ("\ufb01n", "fin"),
        ("\u0627\u0628", "\u0627\u0628"),
        *((text, text) for text in UNCHANGED),
    ],
)
@pytest.mark.parametrize("stored", [True, False])
def test_a_text_has_one_spelling(text: str, spelt: str, stored: bool) -> None:
    assert prepared(text, stored=stored) == spelt


def test_a_character_newer_than_the_standard_is_for_user_names_only() -> None:
    text = "a\u0308\U0001f600"
    assert prepared(text, stored=False) == "\u00e4\U0001f600"
    assert prepared(text, stored=True) == text


@given(st.text(min_size=1, max_size=8))
def test_another_program_prepares_the_same(text: str) -> None:
    try:
        spelt = by_scramp(text)
    except Exception:  # noqa: BLE001 - its own kinds of refusal do not matter here
        assert prepared(text, stored=True) == text
    else:
        assert prepared(text, stored=True) == (spelt or text)
