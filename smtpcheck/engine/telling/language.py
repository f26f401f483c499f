"""The language that texts for people are put into: English, until a framework brings its own.

The names are those of GNU gettext, so the tools that collect texts for translation find them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from smtpcheck.engine.catalogue.entry import gettext_noop

__all__ = ["Language", "gettext", "gettext_noop", "moment", "ngettext", "speak"]

# Abbreviated as the Associated Press does, which is what Django's English has too.
_MONTHS = "Jan. Feb. March April May June July Aug. Sept. Oct. Nov. Dec.".split()  # noqa: SIM905


def _english_plural(singular: str, plural: str, number: int) -> str:
    return singular if number == 1 else plural


def _english_moment(when: datetime) -> str:
    """A moment in UTC, such as "Nov. 3, 2026, 6:05 p.m."; full hours without minutes."""
    if when.tzinfo is None:
        raise ValueError("a moment without its time zone")
    when = when.astimezone(UTC)
    return f"{_MONTHS[when.month - 1]} {when.day}, {when.year}, {_english_time(when)}"


def _english_time(when: datetime) -> str:
    if when.minute == 0 and when.hour in {0, 12}:
        return "noon" if when.hour else "midnight"
    minutes = f":{when.minute:02}" if when.minute else ""
    return f"{when.hour % 12 or 12}{minutes} {'p.m.' if when.hour >= 12 else 'a.m.'}"


class Language(NamedTuple):
    """How texts are translated and moments written, for whoever reads right now."""

    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]
    moment: Callable[[datetime], str]


ENGLISH = Language(gettext=str, ngettext=_english_plural, moment=_english_moment)

_spoken = ENGLISH


def speak(language: Language) -> None:
    """Put all texts into this language from now on, in the whole process."""
    global _spoken  # noqa: PLW0603 - one per process, set as it starts
    _spoken = language


def gettext(message: str) -> str:
    """Translate a text."""
    return _spoken.gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Translate a text that counts something."""
    return _spoken.ngettext(singular, plural, number)


def moment(when: datetime) -> str:
    """A moment as its reader writes it, in the reader's time zone.

    Raises ValueError if it names no time zone itself.
    """
    return _spoken.moment(when)
