"""Results as one line for Nagios, Icinga and their kin, and the state they understand.

The line is by the plugin guidelines of the Monitoring Plugins project: a status, a text, a bar,
and performance data. Nothing that a server says can put a second bar or line into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from smtpcheck.engine.stages import RungState, Stage, Verdict
from smtpcheck.engine.telling.answer import address, proven_text
from smtpcheck.presentation import inert
from smtpcheck.wording import stage_name

# One result of `presentation.as_plain`.
Plain = Mapping[str, Any]

# What stands before the bar; old NRPE daemons cut a whole line at 1,024 octets.
MAX_TEXT_CHARACTERS = 400
# Accounts that are named one by one where many were tested.
MAX_NAMED = 5

# It only says that the goal was chosen below the whole test, which whoever monitors has decided.
BY_CHOICE = frozenset({"tool.not-proven"})


class State(IntEnum):
    """The state of a service; the value is the exit status."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


# The worst first, in the order that the monitoring plugins themselves use.
_SEVERITY = (State.CRITICAL, State.WARNING, State.UNKNOWN, State.OK)


def table() -> list[tuple[int, str]]:
    """Every exit status of ``--nagios`` with its meaning, as ``--help`` prints them."""
    return [
        (State.OK, _("OK: works")),
        (State.WARNING, _("WARNING: works, with warnings")),
        (State.CRITICAL, _("CRITICAL: fails")),
        (State.UNKNOWN, _("UNKNOWN: inconclusive, or nothing was tested")),
    ]


def state_of(results: Iterable[Plain]) -> State:
    """The state of one test, or the worst of many."""
    return min(map(_state, results), key=_SEVERITY.index, default=State.UNKNOWN)


def status_line(results: Sequence[Plain]) -> str:
    """The line for one test with the time of each stage; for many a summary with their numbers."""
    state = state_of(results)
    if len(results) == 1:
        return _line(state, _sentence(results[0]), _times(results[0]))
    return _line(state, _summary(results), _numbers(results))


def unknown_line(text: str) -> str:
    """The line for a call that tested nothing."""
    return _line(State.UNKNOWN, text, ())


def _line(state: State, text: str, figures: Iterable[str]) -> str:
    said = _harmless(text)
    data = " ".join(figures)
    return f"SMTP {state.name} - {said}" + (f"|{data}" if data else "")


def _harmless(text: str) -> str:
    """One short line without a bar: behind that monitoring systems read numbers."""
    line = inert(" ".join(text.split())).replace("|", "/")
    return line if len(line) <= MAX_TEXT_CHARACTERS else line[: MAX_TEXT_CHARACTERS - 1] + "…"


def _state(result: Plain) -> State:
    match result["verdict"]:
        case Verdict.WORKS:
            return State.WARNING if _warnings(result) else State.OK
        case Verdict.FAILS:
            return State.CRITICAL
        case _:
            return State.UNKNOWN


def _warnings(result: Plain) -> list[str]:
    """The titles of the warnings that somebody should act on."""
    return [each["title"] for each in result["warnings"] if each["id"] not in BY_CHOICE]


def _sentence(result: Plain) -> str:
    return f"{_name(result)}: {_told(result)}"


def _name(result: Plain) -> str:
    return str(result["account"]["name"]) if result["account"] else address(result["asked"])


def _told(result: Plain) -> str:
    """What a person needs first: the diagnosis, the warnings, or what is proven."""
    if diagnosis := result["diagnosis"]:
        return f"{stage_name(Stage(result['stage']))}: {diagnosis['title']} ({diagnosis['id']})"
    return "; ".join(_warnings(result)) or proven_text(result)


def _times(result: Plain) -> Iterator[str]:
    """The seconds of the whole test and of each stage that was reached."""
    yield _figure("total", result["took_ms"] or 0)
    labels: set[str] = set()
    for rung in result["ladder"] or ():
        if rung["took_ms"] is None or rung["state"] == RungState.SKIPPED:
            continue
        # Only EHLO comes twice, and the second time it is inside TLS.
        label = f"{rung['stage']}_tls" if rung["stage"] in labels else rung["stage"]
        labels.add(label)
        yield _figure(label, rung["took_ms"])


def _figure(label: str, milliseconds: int) -> str:
    return f"{label}={milliseconds / 1000:.3f}s;;;0"


def _summary(results: Sequence[Plain]) -> str:
    """How many accounts were tested, and those that are not well by name, the worst first."""
    ill = sorted(
        (each for each in results if _state(each) is not State.OK),
        key=lambda each: _SEVERITY.index(_state(each)),
    )
    tested = ngettext("%(count)d account tested", "%(count)d accounts tested", len(results))
    parts = [tested % {"count": len(results)}, *map(_sentence, ill[:MAX_NAMED])]
    if rest := ill[MAX_NAMED:]:
        parts.append(_("and %(count)d more") % {"count": len(rest)})
    return "; ".join(parts)


def _numbers(results: Sequence[Plain]) -> Iterator[str]:
    states = [_state(each) for each in results]
    for state in State:
        yield f"{state.name.lower()}={states.count(state)};;;0;{len(results)}"
    yield _figure("slowest", max(each["took_ms"] or 0 for each in results))
