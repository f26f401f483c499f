"""What the exit status of `test_smtp` says; the numbers are public and never change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from smtpcheck.engine.stages import Stage, Verdict
from smtpcheck.engine.telling.language import gettext as _

WORKS = 0
INTERNAL = 1
USAGE = 2
INCONCLUSIVE = 3
FIRST_STAGE = 10
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


def of_stage(stage: Stage) -> int:
    """The status of a failure at a stage: 10 for config up to 23 for delivery."""
    return FIRST_STAGE + list(Stage).index(stage)


def of_document(result: Mapping[str, Any]) -> int:
    """The status that tells how one test ended, of a result of `document.as_document`."""
    if result["verdict"] == Verdict.WORKS:
        return WORKS
    if (result["diagnosis"] or {}).get("id") == "tool.internal-error":
        return INTERNAL
    if result["verdict"] == Verdict.FAILS:
        return of_stage(Stage(result["stage"]))
    return INCONCLUSIVE


def worst(statuses: Iterable[int]) -> int:
    """The one status of many tests: a failure first, of those the earliest stage."""
    return min(statuses, key=_severity, default=WORKS)


def _severity(status: int) -> tuple[bool, int]:
    """Sorts the worst first: 10 to 23, then 1, 3 and 0."""
    if status >= FIRST_STAGE:
        return (False, status)
    return (True, [INTERNAL, INCONCLUSIVE, WORKS].index(status))


def table() -> list[tuple[int, str]]:
    """Every status with its meaning, as `--help` prints them."""
    return [
        (WORKS, _("works: the goal is proven")),
        (INTERNAL, _("an error inside smtpcheck, or its database cannot be used")),
        (USAGE, _("the call or the settings of smtpcheck are wrong; nothing was tested")),
        (INCONCLUSIVE, _("inconclusive: the test proves nothing about the account; try later")),
        *((of_stage(stage), _("fails at %(stage)s") % {"stage": stage.value}) for stage in Stage),
        (INTERRUPTED, _("interrupted by Ctrl-C")),
    ]
