"""Answers to the mail itself."""

from __future__ import annotations

from smtpcheck.engine.diagnosis.matcher import Rule, at, by, words
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Stage

_MAIL = at(Stage.DATA, Stage.CONTENT)

MESSAGES = (
    Rule(
        id="data.no-final-reply",
        stages=at(Stage.CONTENT),
        kinds=by(FaultKind.TIMEOUT, FaultKind.CLOSED, FaultKind.RESET, FaultKind.DEADLINE),
    ),
    Rule(
        id="data.bare-lf",
        stages=_MAIL,
        text=words(r"\bbare (<?(LF|CR)\b|line ?feeds?|newlines?|carriage)|\bline endings?\b"),
    ),
    Rule(
        id="data.headers",
        stages=_MAIL,
        codes=("5",),
        text=words(
            r"\b(missing|duplicate|multiple|more than one|invalid|no|not have)\b.{0,40}"
            r"(\b(from|date|message-id|subject|to)['\"]?:? ?(header|field)|\bheaders?\b)"
            r"|\bheaders? (fails?|failed|syntax)\b"
            r"|\b(from|date|message-id|header)\b['\"]?:? ?(header |field )?(is )?"
            r"(missing|invalid|duplicated?)|\bnot RFC ?(2822|5322|822)[ -]compliant\b"
        ),
    ),
    Rule(
        id="data.spam",
        stages=_MAIL,
        text=words(
            r"\bspam(my)?\b|\bOutboundSpam|\bDT:SPM\b"
            r"|\bunsolicited\b|\bjunk (mail|e-?mail)\b|\bbulk mail\b"
            r"|\breputation\b|\b(content|message) (was |is |has been )?"
            r"(rejected|blocked|refused) (by|due to|for|because of) (content|filter|policy filter)"
            r"|\bpotential security (issue|threat|risk)\b"
            r"|\b(uri|sur)bl\b"
            r"|\b(suspicious|malicious|dangerous) content\b|\bcontent (filter|rejected|denied)"
        ),
    ),
)
