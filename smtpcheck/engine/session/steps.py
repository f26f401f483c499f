"""The steps that every part of a conversation is made of: a rung, a command, a reply."""

from __future__ import annotations

from smtpcheck.engine.evidence import Fault, FaultKind, Reply
from smtpcheck.engine.session.effects import (
    PROVING_CODES,
    Answer,
    Begin,
    Proven,
    Read,
    Script,
    Send,
    StageFailed,
    T,
)
from smtpcheck.engine.stages import Stage

# A conversation yields dozens of these; of each stage they are all the same.
_BEGIN = {stage: Begin(stage) for stage in Stage}
PROVEN = {stage: Proven(stage) for stage in Stage}
_READ = {stage: Read(stage) for stage in Stage}


def rung(stage: Stage, script: Script[T]) -> Script[T]:
    """Climb one rung of the ladder: start its clock, run its script, and say that it is proven."""
    yield _BEGIN[stage]
    result = yield from script
    yield PROVEN[stage]
    return result


def perform(stage: Stage, command: str) -> Script[Reply]:
    """Say a command and take the reply that proves its stage."""
    reply = yield from ask(stage, command)
    expect(stage, reply)
    return reply


def ask(stage: Stage, command: str) -> Script[Reply]:
    """Say a command and take its reply, whatever it is."""
    yield Send(f"{command}\r\n".encode(), (command,))
    return _come(stage, (yield _READ[stage]))


def read(stage: Stage, *, veiled: bool = False) -> Script[Reply]:
    """Take a reply that must come; see ``Read``."""
    return _come(stage, (yield Read(stage, veiled=True) if veiled else _READ[stage]))


def _come(stage: Stage, answer: Answer) -> Reply:
    if not isinstance(answer, Reply):  # the driver ends the script instead; the type stays honest
        raise StageFailed(Fault(stage=stage, kind=FaultKind.CLOSED))
    return answer


def expect(stage: Stage, reply: Reply) -> None:
    """Raise StageFailed unless a reply proves its stage."""
    if reply.code in PROVING_CODES[stage]:
        return
    refused = reply.code >= 400
    kind = FaultKind.REPLY if refused else FaultKind.BAD_REPLY
    raise StageFailed(Fault(stage=stage, kind=kind, reply=reply))
