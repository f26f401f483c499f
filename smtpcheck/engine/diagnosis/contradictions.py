"""Whether the words of a reply say the opposite of its code.

Knows replies only. Errs on the side of silence: words are free (RFC 5321 section 4.2.1), so only
those at the start of a line count, and a greeting or an EHLO line begins with a host's name.
"""

from __future__ import annotations

import re

from smtpcheck.engine.evidence import Reply
from smtpcheck.engine.stages import Stage

# RFC 2034 section 4: the class of an enhanced status code is the first digit of the reply code.
_ENHANCED = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?=\s|$)")
_BAD_WORDS = re.compile(
    r"(error|failed|failure|denied|rejected|refused|not accepted|unable to)\b(?![.-])",
    re.IGNORECASE,
)
_GOOD_WORDS = re.compile(r"(ok|okay|success(ful)?|accepted|queued)\W*$", re.IGNORECASE)


def contradicts_itself(stage: Stage, reply: Reply) -> bool:
    """Say whether a reply's text begins with the opposite of its code."""
    kind = reply.code // 100
    # A challenge and an invitation are neither good nor bad.
    if kind == 3:
        return False
    lines = reply.lines[:1] if stage is Stage.EHLO else reply.lines
    return any(_contradicts(kind, line, stage) for line in lines)


def _contradicts(kind: int, line: str, stage: Stage) -> bool:
    if match := _ENHANCED.match(line):
        return int(match[1]) != kind
    if stage in (Stage.GREETING, Stage.EHLO):
        return False
    opposite = _BAD_WORDS if kind == 2 else _GOOD_WORDS
    return bool(opposite.match(line))
