"""What the diagnoses mean, as lines for a person; needs no key, no database and no test."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from django.utils.translation import gettext as _

from smtpcheck.engine.stages import Stage
from smtpcheck.engine.telling.answer import facts, paragraph
from smtpcheck.engine.telling.ladder import padded
from smtpcheck.engine.telling.terminal import BLANK, Line, Span, Style
from smtpcheck.wording import (
    Explanation,
    diagnosis_ids,
    explain,
    needs_name,
    outcome_name,
    owner_name,
    stage_name,
)

# More suggestions than that are no help.
MAX_SUGGESTIONS = 5


def explanation_lines(found: Explanation, width: int | None) -> Iterator[Line]:
    """Title, cause and remedy of one diagnosis, and whose turn it is."""
    words = found.wording
    yield (Span(words.id, Style.STRONG), Span(f"  {words.title}"))
    yield BLANK
    yield from paragraph(words.cause, width)
    yield BLANK
    yield (Span(_("What to do"), Style.STRONG),)
    for number, step in enumerate(words.remedy, 1):
        yield from paragraph(step, width, first=f"  {number}. ")
    yield BLANK
    yield from facts(_facts_of(found), width)


def overview_lines() -> Iterator[Line]:
    """Every id with its title, the stages in their order and what belongs to none behind them."""
    found = [explanation for key in diagnosis_ids() if (explanation := explain(key))]
    widest = max(len(each.wording.id) for each in found)
    for stage in (*Stage, None):
        members = [each.wording for each in found if each.stage is stage]
        if not members:
            continue
        yield (Span(_heading(stage), Style.STRONG),)
        for words in members:
            yield (Span(f"  {padded(words.id, widest)}  {words.title}"),)
        yield BLANK
    yield (Span(_("manage.py test_smtp --explain ID tells what one of them means.")),)


def explanation_as_plain(found: Explanation) -> dict[str, object]:
    """One explanation as values that JSON can write."""
    words = found.wording
    return {
        "id": words.id,
        "stage": found.stage.value if found.stage else None,
        "outcome": found.outcome.value,
        "owner": found.owner.value,
        "title": words.title,
        "cause": words.cause,
        "remedy": list(words.remedy),
        "help_url": words.help_url,
        "needs": found.needs.value if found.needs else None,
    }


def overview_as_plain() -> list[dict[str, object]]:
    """All explanations as values that JSON can write."""
    found = (explain(diagnosis_id) for diagnosis_id in diagnosis_ids())
    return [explanation_as_plain(each) for each in found if each]


def near_ids(wanted: str) -> list[str]:
    """The ids that somebody may have meant: those with that word in them, then similar ones.

    >>> near_ids("auth.invald")[0]
    'auth.invalid'
    """
    known = diagnosis_ids()
    word = wanted.casefold().strip()
    containing = [key for key in known if word and word in key]
    similar = difflib.get_close_matches(word, known, n=MAX_SUGGESTIONS, cutoff=0.6)
    return list(dict.fromkeys([*containing, *similar]))[:MAX_SUGGESTIONS]


def _heading(stage: Stage | None) -> str:
    return f"{stage_name(stage)}: {stage}" if stage else _("Any stage, or none")


def _facts_of(found: Explanation) -> Iterator[tuple[str, str]]:
    yield _("Verdict"), outcome_name(found.outcome, found.owner)
    yield _("Stage"), _heading(found.stage)
    yield _("Whose turn"), owner_name(found.owner)
    if found.wording.help_url:
        yield _("More"), found.wording.help_url
    if found.needs:
        yield (
            _("Not found yet"),
            _("this version lacks %(what)s") % {"what": needs_name(found.needs)},
        )
