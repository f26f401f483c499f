"""Puts a diagnosis and the vocabulary of tests into words, in the language of the reader.

The words are the engine's; from the import of this module on they are in Django's active language.
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext, ngettext, override

from smtpcheck.engine.telling.language import Language, speak
from smtpcheck.engine.telling.wording import (
    MAX_REPLY_CHARACTERS,
    MAX_VALUE_CHARACTERS,
    Explanation,
    Wording,
    describe,
    diagnosis_ids,
    error_message,
    explain,
    goal_name,
    needs_name,
    outcome_name,
    owner_name,
    rung_state_name,
    security_name,
    stage_name,
    verdict_name,
)

__all__ = [
    "MAX_REPLY_CHARACTERS",
    "MAX_VALUE_CHARACTERS",
    "Explanation",
    "Wording",
    "describe",
    "diagnosis_ids",
    "error_message",
    "explain",
    "goal_name",
    "needs_name",
    "outcome_name",
    "owner_name",
    "rung_state_name",
    "security_name",
    "stage_name",
    "use_culture",
    "verdict_name",
]


# Whose way of writing dates is used where it is not that of the active language.
_culture: ContextVar[str] = ContextVar("culture", default="")


def use_culture(code: str) -> None:
    """Write dates from now on as people of a language or region do; "" as in the language."""
    _culture.set(code)


def _moment(when: datetime) -> str:
    with override(_culture.get() or get_language()):
        return date_format(localtime(when), "DATETIME_FORMAT")


speak(Language(gettext=gettext, ngettext=ngettext, moment=_moment))
