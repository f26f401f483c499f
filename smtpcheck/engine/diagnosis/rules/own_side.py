"""The tester's own limits."""

from __future__ import annotations

from smtpcheck.engine.diagnosis.matcher import Rule, at, by, words
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Stage

OWN_SIDE = (
    Rule(id="tool.deadline", kinds=by(FaultKind.DEADLINE)),
    Rule(id="tool.internal-error", kinds=by(FaultKind.INTERNAL)),
    Rule(
        id="proto.line-too-long",
        kinds=by(FaultKind.TOO_MUCH),
        detail=words("^line$"),
    ),
    Rule(
        id="proto.endless-reply",
        kinds=by(FaultKind.TOO_MUCH),
        detail=words("^(lines|reply|session)$"),
        stages=at(Stage.EHLO),
    ),
)
