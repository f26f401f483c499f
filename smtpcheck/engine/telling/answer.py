"""The answer of a test as lines for a person, made from the same values that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import host_in_both_forms
from smtpcheck.engine.stages import Goal, Owner, RungState, Security, Stage, Verdict
from smtpcheck.engine.telling.inert import inert
from smtpcheck.engine.telling.ladder import duration, padded, rung_name
from smtpcheck.engine.telling.language import gettext as _
from smtpcheck.engine.telling.language import gettext_noop, ngettext
from smtpcheck.engine.telling.terminal import BLANK, Line, Span, Style, columns, wrap
from smtpcheck.engine.telling.wording import (
    goal_name,
    owner_name,
    security_name,
    stage_name,
    verdict_name,
)
from smtpcheck.engine.uri import parse_uri

# One result of `document.as_document`.
Plain = Mapping[str, Any]

VERDICT_STYLES = {
    Verdict.WORKS: Style.GOOD,
    Verdict.FAILS: Style.BAD,
    Verdict.INCONCLUSIVE: Style.UNSURE,
}

# What is certain is not said.
_CONFIDENCES = {"probable": gettext_noop("probable"), "possible": gettext_noop("possible")}


def heading_line(asked: Plain, *, account: str = "") -> Line:
    """What is tested: the account's name, the target, and how far the test goes."""
    target = address(asked)
    details = [str(security_name(Security(asked["security"])))] if asked.get("security") else []
    if asked.get("username"):
        details.append(_("as %(user)s") % {"user": asked["username"]})
    if asked.get("goal"):
        details.append(_("goal: %(goal)s") % {"goal": goal_name(Goal(asked["goal"]))})
    title = f"{account}  {target}" if account else target
    return (Span(title, Style.STRONG), Span("  " + ", ".join(details), Style.FAINT))


def heading_of_uri(uri: str, goal: Goal) -> Line | None:
    """The same for a URI; None if it cannot be read, as the test will say."""
    try:
        named = parse_uri(uri)
    except Refused:
        return None
    what = {name: getattr(named, name) for name in ("host", "port", "security", "username")}
    return heading_line({**what, "goal": goal})


def address(asked: Plain) -> str:
    """Host and port as one word; an IPv6 address stands in brackets."""
    return host_in_both_forms(str(asked["host"]) or _("(no host)"), int(asked["port"] or 0))


def answer_lines(result: Plain, width: int | None) -> list[Line]:
    """Everything a person needs after the ladder, wrapped at ``width`` columns (None: never)."""
    return [*_not_reached(result, width), BLANK, verdict_line(result), *_sections(result, width)]


def verdict_line(result: Plain, *, name: str = "") -> Line:
    """Verdict, where, and the diagnosis in a few words; with the account's name where many are."""
    verdict = Verdict(result["verdict"])
    parts = [Span(str(verdict_name(verdict)), VERDICT_STYLES[verdict])]
    if name:
        parts.append(Span(f"  {name}", Style.STRONG))
    diagnosis = result.get("diagnosis")
    if diagnosis:
        parts.append(Span(f"  {stage_name(Stage(result['stage']))}: {diagnosis['title']}"))
    else:
        parts.append(Span("  " + proven_text(result)))
    return tuple(parts)


def proven_text(result: Plain) -> str:
    """What a test that works has shown, and how long it took."""
    asked = result["asked"]
    proven = {
        Goal.LOGIN: _("The login was accepted."),
        Goal.RECIPIENT: _("Sender and recipient %(recipient)s were accepted."),
        Goal.CONTENT: _("A test mail to %(recipient)s was accepted."),
    }
    sentence = proven[Goal(asked["goal"])] % {"recipient": asked.get("recipient") or ""}
    took = result.get("took_ms")
    return f"{sentence} ({duration(took)})" if took is not None else sentence


def _not_reached(result: Plain, width: int | None) -> Iterator[Line]:
    """All stages that the test did not come to: what it cannot say anything of."""
    names = [
        rung_name(Stage(rung["stage"]), is_encrypted=rung["encrypted"])
        for rung in result.get("ladder") or ()
        if rung["state"] == RungState.NOT_REACHED
    ]
    if names:
        yield from paragraph("; ".join(names), width, first="  " + _("not reached:") + " ")


def _sections(result: Plain, width: int | None) -> Iterator[Line]:
    yield from _diagnosis(result.get("diagnosis") or {}, result, width)
    yield from _warnings(result.get("warnings") or (), width)
    yield from _addresses(result.get("evidence") or {}, width)
    yield BLANK
    yield from facts(_small_facts(result), width)


def _diagnosis(diagnosis: Plain, result: Plain, width: int | None) -> Iterator[Line]:
    if not diagnosis:
        return
    yield BLANK
    yield from paragraph(diagnosis["cause"], width)
    remedy = diagnosis.get("remedy") or ()
    if remedy:
        yield BLANK
        yield (Span(_("What to do"), Style.STRONG),)
    for number, step in enumerate(remedy, 1):
        yield from paragraph(step, width, first=f"  {number}. ")
    yield BLANK
    yield from facts(_decisive_facts(diagnosis, result), width)


def _decisive_facts(diagnosis: Plain, result: Plain) -> Iterator[tuple[str, str]]:
    """The server's own words and what else led to the diagnosis."""
    reply = reply_text(result)
    if reply:
        yield _("Server said"), reply
    evidence = str(diagnosis.get("evidence") or "")
    if evidence and evidence != reply:
        yield _("Decided by"), evidence
    if confidence := _CONFIDENCES.get(str(diagnosis.get("confidence"))):
        yield _("Certainty"), _(confidence)
    if result.get("owner"):
        yield _("Whose turn"), str(owner_name(Owner(result["owner"])))
    if diagnosis.get("help_url"):
        yield _("More"), diagnosis["help_url"]
    yield _("Diagnosis"), diagnosis["id"]


def reply_text(result: Plain) -> str:
    """The server's reply with its codes, or ""."""
    reply = result.get("reply") or {}
    code, enhanced, text = reply.get("code"), reply.get("enhanced") or "", reply.get("text") or ""
    if enhanced and text.startswith(enhanced):
        enhanced = ""
    return " ".join(str(part) for part in (code, enhanced, text) if part)


def _warnings(warnings: Sequence[Plain], width: int | None) -> Iterator[Line]:
    if not warnings:
        return
    yield BLANK
    yield (Span(_("Warnings"), Style.UNSURE),)
    for warning in warnings:
        yield from paragraph(f"{warning['title']}: {warning['cause']}", width, first="  - ")
        for step in warning.get("remedy") or ():
            yield from paragraph(step, width, first="    ")


def _addresses(evidence: Plain, width: int | None) -> Iterator[Line]:
    if not (every_address := evidence.get("every_address")):
        return
    from smtpcheck.engine.telling.addresses import address_rows  # few tests ask all of them

    rows = address_rows(every_address)
    yield BLANK
    yield (Span(_("Addresses"), Style.STRONG),)
    told = ((row.address, "; ".join(filter(None, (row.outcome, row.differences)))) for row in rows)
    yield from facts(told, width)


def _small_facts(result: Plain) -> Iterator[tuple[str, str]]:
    """What is worth a line on success too."""
    if not result.get("diagnosis") and (reply := reply_text(result)):
        yield _("Server said"), reply
    tls = result.get("tls")
    if tls:
        yield _("TLS"), _tls_text(tls)
    if result["id"]:
        yield _("Result"), str(result["id"])


def _tls_text(tls: Plain) -> str:
    text = f"{tls['version']}, {tls['cipher']}"
    days = tls.get("days_left")
    return text if days is None else f"{text}, {_days_text(days)}"


def _days_text(days: int) -> str:
    if days < 0:
        ended = ngettext(
            "certificate ended %(days)d day ago", "certificate ended %(days)d days ago", -days
        )
        return ended % {"days": -days}
    left = ngettext(
        "certificate valid for %(days)d day", "certificate valid for %(days)d days", days
    )
    return left % {"days": days}


def facts(named: Iterator[tuple[str, str]], width: int | None) -> Iterator[Line]:
    """Lines of a name and a text each, the texts under each other."""
    pairs = list(named)
    widest = max((columns(name) for name, _text in pairs), default=0)
    for name, text in pairs:
        yield from paragraph(text, width, first=padded(name, widest) + "  ", style=Style.FAINT)


def paragraph(
    text: str, width: int | None, *, first: str = "", style: Style = Style.PLAIN
) -> Iterator[Line]:
    """A text with something before its first line; its further lines are indented as far."""
    indent = " " * columns(first)
    room = max(20, (width or 0) - columns(first))
    lines = [text] if width is None else wrap(inert(text), room)
    for index, line in enumerate(lines):
        yield (Span(indent if index else first, style), Span(line))
