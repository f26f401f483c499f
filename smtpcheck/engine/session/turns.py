"""One conversation of several side by side, of which at most one goes on behind its last EHLO."""

from __future__ import annotations

from smtpcheck.engine.session.effects import Answer, Begin, Script, Send, Turn
from smtpcheck.engine.stages import Stage

# Where a test does more than look.
_BEHIND_HELLO = frozenset({Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.DATA})


def in_turn(script: Script[None]) -> Script[None]:
    """Run a script, but ask for the turn before its first command behind the last EHLO.

    The stages begin when it is given: what this server cannot do at all is still to be seen before.
    Without the turn the conversation ends politely (RFC 5321 section 4.1.1.10).
    """
    held: list[Begin] = []
    answer: Answer = None
    while True:
        try:
            effect = script.send(answer)
        except StopIteration:
            return
        answer = None
        if isinstance(effect, Begin) and effect.stage in _BEHIND_HELLO:
            held.append(effect)
        elif held and isinstance(effect, Send):
            break
        else:
            answer = yield effect
    if not (yield Turn()):
        yield Send(b"QUIT\r\n", ("QUIT",))
        return
    yield from held
    yield effect
    yield from script
