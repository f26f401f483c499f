"""Handing over the envelope and the mail, in a group or command by command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from smtpcheck.engine.capabilities import Capabilities
from smtpcheck.engine.evidence import Fault, FaultKind, Reply
from smtpcheck.engine.message import Message, dot_stuffed
from smtpcheck.engine.plan import Plan
from smtpcheck.engine.session.effects import Begin, Read, Script, Send, StageFailed
from smtpcheck.engine.session.steps import PROVEN, expect, perform, read, rung
from smtpcheck.engine.stages import Goal, Stage


def without_groups(plan: Plan) -> Plan:
    """The same plan, to be carried out command by command."""
    return replace(plan, past=plan.past._replace(refuses_groups=True))


def submit(plan: Plan, message: Message, capabilities: Capabilities) -> Script[None]:
    """Hand over the envelope, and the mail where the goal wants it (RFC 5321 section 3.3)."""
    commands = envelope(plan, capabilities)
    if takes_groups(plan, capabilities):
        refusal = yield from group(plan, sends(commands))
        if refusal is not None:
            raise StageFailed(refusal.fault)
    else:
        for stage, command in commands.items():
            yield from rung(stage, perform(stage, command))
        if plan.goal is Goal.RECIPIENT:
            yield RESET
            yield Read(Stage.RCPT, optional=True)
    if plan.goal is Goal.CONTENT:
        yield from rung(Stage.CONTENT, content(message))


def takes_groups(plan: Plan, capabilities: Capabilities) -> bool:
    """Whether commands may go in one flight (RFC 2920)."""
    return "PIPELINING" in capabilities and not plan.past.refuses_groups


def envelope(plan: Plan, capabilities: Capabilities) -> dict[Stage, str]:
    """The commands from MAIL to where the goal is; DATA is never opened to be given up."""
    commands = {
        Stage.MAIL: f"MAIL FROM:<{plan.sender.address}>{_mail_parameters(plan, capabilities)}",
        Stage.RCPT: f"RCPT TO:<{plan.recipient.address}>",
    }
    if plan.goal is Goal.CONTENT:
        commands[Stage.DATA] = "DATA"
    return commands


def _mail_parameters(plan: Plan, capabilities: Capabilities) -> str:
    """SMTPUTF8 (RFC 6531 section 3.4) only when an address needs it and the server has it."""
    if not (plan.sender.needs_smtputf8 or plan.recipient.needs_smtputf8):
        return ""
    if "SMTPUTF8" not in capabilities:
        raise StageFailed(Fault(stage=Stage.MAIL, kind=FaultKind.NOT_OFFERED, detail="SMTPUTF8"))
    return " SMTPUTF8"


RESET = Send(b"RSET\r\n", ("RSET",))


def sends(commands: Mapping[Stage, str]) -> dict[Stage, Send]:
    """The commands as they are sent and shown."""
    return {
        stage: Send(f"{command}\r\n".encode(), (command,)) for stage, command in commands.items()
    }


class Refusal(NamedTuple):
    """The first refusal in a group; ``in_step``: all replies behind it came, and none is a 354."""

    fault: Fault
    in_step: bool


def group(plan: Plan, commands: Mapping[Stage, Send]) -> Script[Refusal | None]:
    """Send commands in one flight, then take their replies one by one.

    RFC 2920 section 3.1: DATA may only be the last of a group, RSET may be anywhere in it. The
    first refusal is the one to tell; what follows it are its consequences, read as evidence. A
    354 behind one gets no content and no dot: the connection is to be closed.
    """
    for stage in commands:
        yield Begin(stage, grouped=True)
    resets = [RESET] if plan.goal is Goal.RECIPIENT else []
    flight = [*commands.values(), *resets]
    yield Send(
        b"".join(each.octets for each in flight),
        tuple(line for each in flight for line in each.shown),
    )
    stages = iter(commands)
    for stage in stages:
        reply = yield from read(stage)
        try:
            expect(stage, reply)
        except StageFailed as failure:
            behind = [*stages, *(Stage.RCPT for _ in resets)]
            return (yield from _refused(failure.fault, behind))
        yield PROVEN[stage]
    for _ in resets:
        yield Read(Stage.RCPT, optional=True)
    return None


def _refused(fault: Fault, behind: Iterable[Stage]) -> Script[Refusal]:
    """Read what the server says to the commands behind a refused one, as far as it does."""
    in_step = True
    for stage in behind:
        reply = yield Read(stage, optional=True)
        in_step = in_step and isinstance(reply, Reply) and reply.code not in (354, 421)
    return Refusal(fault, in_step)


def content(message: Message) -> Script[None]:
    """Send the mail with its final dot, behind a 354."""
    octets = dot_stuffed(message.octets)
    yield Send(octets, (f"(the test mail, {len(message.octets)} octets)", "."))
    reply = yield from read(Stage.CONTENT)
    expect(Stage.CONTENT, reply)
