"""What the demo prints: the table of its tests, and where to go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from django.utils.translation import gettext as _

from smtpcheck.engine.stages import Stage, Verdict
from smtpcheck.engine.telling.answer import VERDICT_STYLES
from smtpcheck.engine.telling.ladder import padded
from smtpcheck.engine.telling.terminal import BLANK, Line, Span, Style, columns
from smtpcheck.management.demonstration.asking import Outcome, curl_line
from smtpcheck.management.demonstration.login import Login
from smtpcheck.management.demonstration.ports import Ports
from smtpcheck.wording import stage_name, verdict_name


def table_lines(outcomes: Sequence[Outcome]) -> Iterator[Line]:
    """A row for each example: its name, verdict, stage and diagnosis."""
    head = (_("Account"), _("Verdict"), _("Stage"), _("Diagnosis"))
    rows = [head, *map(_cells, outcomes)]
    widths = [max(columns(row[index]) for row in rows) for index in range(len(head))]
    yield tuple(Span(text, Style.STRONG) for text in _aligned(head, widths))
    for outcome, row in zip(outcomes, rows[1:], strict=True):
        name, verdict, stage, title = _aligned(row, widths)
        yield (Span(name), Span(verdict, _style(outcome)), Span(f"{stage}{title}".rstrip()))
        if not outcome.is_expected:
            yield (Span("  " + _surprise(outcome), Style.BAD),)


def closing_lines(base_url: str, login: Login, ports: Ports, mails: Path) -> Iterator[Line]:
    """Where the mails are, where to click, the login, and a line to paste."""
    yield (Span(_("Mails that the sandbox took: %s") % mails),)
    yield (Span(_("Ctrl-C ends everything.")),)
    yield BLANK
    yield (Span(_("Click:  ")), Span(f"{base_url}/admin/", Style.STRONG))
    who = _("%(user)s, password %(password)s (kept in %(path)s)")
    known = {"user": login.username, "password": login.password, "path": login.path}
    yield (Span(_("Login:  ")), Span(who % known))
    yield (Span(_("Paste:")),)
    yield (Span(curl_line(base_url, login, ports), Style.STRONG),)


def _cells(outcome: Outcome) -> tuple[str, str, str, str]:
    stage = str(stage_name(Stage(outcome.stage))) if outcome.stage else ""
    return (outcome.example.name, _verdict_text(outcome), stage, outcome.title)


def _verdict_text(outcome: Outcome) -> str:
    known = outcome.verdict in list(Verdict)
    return str(verdict_name(Verdict(outcome.verdict))) if known else outcome.verdict


def _style(outcome: Outcome) -> Style:
    known = outcome.verdict in list(Verdict)
    return VERDICT_STYLES[Verdict(outcome.verdict)] if known else Style.BAD


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The cells with two blanks between them; none behind the last."""
    *most, last = row
    return [padded(text, width + 2) for text, width in zip(most, widths, strict=False)] + [last]


def _surprise(outcome: Outcome) -> str:
    wanted = outcome.example.expected or _("that it works")
    found = outcome.diagnosis_id or outcome.verdict
    sentence = _("Not as expected: it is there to show %(wanted)s, and the test said %(found)s.")
    return sentence % {"wanted": wanted, "found": found}
