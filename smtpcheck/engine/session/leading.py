"""A login at the head of the group that hands over the envelope, and what to do where it breaks.

At most one login is refused or left without an answer, and what only the group broke is done again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from smtpcheck.engine.capabilities import Capabilities
from smtpcheck.engine.evidence import Fault, FaultKind
from smtpcheck.engine.message import Message
from smtpcheck.engine.plan import LoginPlan
from smtpcheck.engine.sasl import Exchange, Link, Mechanism, choose
from smtpcheck.engine.session.effects import (
    Again,
    Begin,
    GroupLost,
    Learned,
    Proven,
    Script,
    Send,
    StageFailed,
    Ungrouped,
)
from smtpcheck.engine.session.login import Ended, auth_command, conclude, exchange_again, login
from smtpcheck.engine.session.steps import read, rung
from smtpcheck.engine.session.submission import (
    RESET,
    Refusal,
    content,
    envelope,
    group,
    sends,
    submit,
    takes_groups,
    without_groups,
)
from smtpcheck.engine.stages import Goal, Stage


def log_in_and_submit(
    plan: LoginPlan, message: Message, capabilities: Capabilities, link: Link
) -> Script[None]:
    """Log in by itself, or at the head of the group where that is known to pass."""
    leading = _leading_login(plan, capabilities, link)
    if leading is not None:
        yield from _submit_behind_login(plan, message, capabilities, leading)
        return
    yield from rung(Stage.AUTH, login(plan.credentials, capabilities, link))
    if plan.goal is not Goal.LOGIN:
        yield from submit(plan, message, capabilities)


class _Leading(NamedTuple):
    """A login at the head of its group; its ``exchange`` has said all it has to say."""

    commands: dict[Stage, Send]
    exchange: Exchange
    mechanisms: list[Mechanism]
    link: Link


def _leading_login(plan: LoginPlan, capabilities: Capabilities, link: Link) -> _Leading | None:
    """The login as the head of the group, or None where it has to go alone.

    RFC 4954 section 4: only with its initial response, and by a mechanism that ends in one round
    trip. And only where the very secret passed last time: a wrong password would drag refused
    commands behind it into a server's ban list.
    """
    if not (plan.past.login_passed and takes_groups(plan, capabilities)):
        return None
    if plan.goal is Goal.LOGIN:
        return None
    named = plan.credentials.mechanism
    mechanisms = choose(capabilities.mechanisms, named, encrypted=link.encrypted)
    if not mechanisms or not mechanisms[0].ends_at_once:
        return None
    exchange = Exchange(mechanisms[0], plan.credentials, link)
    command = auth_command(mechanisms[0].name, exchange, inline=True)
    if exchange.initial_response is not None:  # the line would be too long with it
        return None
    try:
        commands = {Stage.AUTH: command, **sends(envelope(plan, capabilities))}
    except StageFailed:  # to be told when the login has passed
        return None
    return _Leading(commands=commands, exchange=exchange, mechanisms=mechanisms, link=link)


def _submit_behind_login(
    plan: LoginPlan, message: Message, capabilities: Capabilities, leading: _Leading
) -> Script[None]:
    """Log in and hand over the envelope in one flight; what only the group broke is done again."""
    yield Learned(mechanism=leading.mechanisms[0].name)
    refusal = yield from group(plan, leading.commands)
    if refusal is None:
        if plan.goal is Goal.CONTENT:
            yield from rung(Stage.CONTENT, content(message))
    elif refusal.fault.stage is Stage.AUTH:
        yield from _log_in_again(plan, leading, refusal)
        yield from submit(without_groups(plan), message, capabilities)
    else:
        yield from _submit_again(plan, message, capabilities, refusal)


def _log_in_again(plan: LoginPlan, leading: _Leading, refusal: Refusal) -> Script[None]:
    """Run the one more exchange that there is where the first one judged nothing."""
    fault, reply = refusal.fault, refusal.fault.reply
    assert reply is not None
    if reply.code == 334:  # the server has taken the next command of the group for the answer
        yield Ungrouped(fault)
        raise StageFailed(replace(fault, kind=FaultKind.BAD_CHALLENGE))
    ended = Ended(exchange=leading.exchange, reply=reply, challenges=0, was_inline=True)
    if not ended.judges_nothing:
        raise StageFailed(fault)
    yield Ungrouped(fault)
    if not (refusal.in_step and (yield from _has_reset(Stage.AUTH))):
        raise StageFailed(fault)
    yield Again(Stage.AUTH)
    yield Begin(Stage.AUTH)
    ended = yield from exchange_again(leading.mechanisms, plan.credentials, leading.link, ended)
    conclude(ended)
    yield Proven(Stage.AUTH)


def _submit_again(
    plan: LoginPlan, message: Message, capabilities: Capabilities, refusal: Refusal
) -> Script[None]:
    """Hand the envelope over command by command where the group may be what was refused."""
    fault = refusal.fault
    if fault.reply is None or fault.reply.code not in _MAY_MEAN_THE_GROUP:
        raise StageFailed(fault)
    yield Ungrouped(fault)
    if not (refusal.in_step and (yield from _has_reset(fault.stage))):
        raise GroupLost(fault)
    yield Again(Stage.MAIL)
    try:
        yield from submit(without_groups(plan), message, capabilities)
    except StageFailed as failure:
        if _are_the_same(failure.fault, fault):
            yield Ungrouped(None)
        raise


# What a server says behind a 235 that lost its step over the group: that it does not understand
# (RFC 5321 section 4.2.2), or that it wants the login that it has just taken (RFC 4954 section 6).
_MAY_MEAN_THE_GROUP = frozenset({500, 501, 502, 503, 504, 530})


def _are_the_same(one: Fault, other: Fault) -> bool:
    codes = {fault.reply.code if fault.reply else None for fault in (one, other)}
    return one.stage is other.stage and len(codes) == 1


def _has_reset(stage: Stage) -> Script[bool]:
    """Forget the envelope so far (RFC 5321 section 4.1.1.5); the clock is still the group's."""
    yield RESET
    return (yield from read(stage)).code == 250
