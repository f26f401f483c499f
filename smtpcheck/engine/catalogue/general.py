"""The general diagnoses: what can go wrong at every step of the dialogue.

They say what happened and where, for everything that no more specific diagnosis explains, so eight
texts serve all steps. A step that differs in owner or outcome is a row of ``_EXCEPTIONS``.
"""

from __future__ import annotations

from typing import NamedTuple

from smtpcheck.engine.catalogue.entry import Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

PREFIXES: dict[Stage, str] = {
    Stage.GREETING: "greet",
    Stage.EHLO: "ehlo",
    Stage.STARTTLS: "starttls",
    Stage.AUTH: "auth",
    Stage.MAIL: "mail",
    Stage.RCPT: "rcpt",
    Stage.DATA: "data",
    Stage.CONTENT: "content",
}


class _Kind(NamedTuple):
    name: str
    outcome: Outcome
    title: str
    cause: str
    remedy: tuple[str, ...]


_KINDS: tuple[_Kind, ...] = (
    _Kind(
        name="rejected",
        outcome=Outcome.FAILS,
        title=_("{step}: refused for good"),
        cause=_('The server refused the step "{step}" for good.'),
        remedy=(
            _("Read the server's own words; they usually name the reason."),
            _("Correct the setting that they speak of."),
            _("If the words do not help, show this result to whoever runs the server."),
        ),
    ),
    _Kind(
        name="deferred",
        outcome=Outcome.INCONCLUSIVE,
        title=_("{step}: the server asks to come back later"),
        cause=_(
            'The server cannot deal with the step "{step}" right now and asks to come back later; '
            "this proves nothing about the account."
        ),
        remedy=(
            _("Test again in a few minutes, or after the time that the server names."),
            _("If it lasts, ask whoever runs the server."),
        ),
    ),
    _Kind(
        name="timeout",
        outcome=Outcome.INCONCLUSIVE,
        title=_("{step}: no answer in time"),
        cause=_('The server gave no complete answer at the step "{step}" within the time allowed.'),
        remedy=(
            _("Test again, with more time if the server is known to be slow."),
            _("Test from another network, to find out whether a filter in between is the cause."),
            _("If it lasts, ask whoever runs the server whether it is overloaded."),
        ),
    ),
    _Kind(
        name="closed",
        outcome=Outcome.FAILS,
        title=_("{step}: the server hung up"),
        cause=_('The server closed the connection at the step "{step}" without saying why.'),
        remedy=(
            _("Ask whoever runs the server to look in its log at the time of this test."),
            _("Look for a limit, a crash or a filter in between; these are the common causes."),
        ),
    ),
    _Kind(
        name="reset",
        outcome=Outcome.FAILS,
        title=_("{step}: the connection was cut"),
        cause=_(
            'The connection was reset at the step "{step}" by the server or by something in '
            "between, such as a firewall or a load balancer."
        ),
        remedy=(
            _("Look in the logs of the server and of any firewall in between for this time."),
            _("Test from another network, to find out where the connection is cut."),
        ),
    ),
    _Kind(
        name="too-much",
        outcome=Outcome.FAILS,
        title=_("{step}: the server sends without end"),
        cause=_(
            'The server sent more at the step "{step}" than any mail server needs to, so the test '
            "stopped reading."
        ),
        remedy=(
            _("Check that server name and port belong to a mail server."),
            _("If they do, report it to whoever runs the server."),
        ),
    ),
    _Kind(
        name="bad-reply",
        outcome=Outcome.FAILS,
        title=_("{step}: the answer is not valid SMTP"),
        cause=_('What the server answered at the step "{step}" does not follow the rules of SMTP.'),
        remedy=(
            _("Look for a mail proxy or a firewall in between that changes answers."),
            _("Report the answer to whoever runs the server."),
        ),
    ),
    _Kind(
        name="out-of-step",
        outcome=Outcome.FAILS,
        title=_("{step}: the server talks out of turn"),
        cause=_(
            'The server spoke at the step "{step}" without being asked, so its answers cannot be '
            "matched to questions any more."
        ),
        remedy=(
            _("Look for a mail proxy or a firewall in between; it is a likely cause."),
            _("Report it to whoever runs the server."),
        ),
    ),
)

# A refusal of the login or the sender is mostly cured in the settings, and so is a talker at the
# port that turns out to be no mail server. A server that never said a word is not just slow.
_EXCEPTIONS: dict[str, tuple[Outcome, Owner]] = {
    "greet.timeout": (Outcome.FAILS, Owner.PROVIDER),
    "greet.too-much": (Outcome.FAILS, Owner.SETTINGS),
    "ehlo.too-much": (Outcome.FAILS, Owner.SETTINGS),
    "auth.rejected": (Outcome.FAILS, Owner.SETTINGS),
    "mail.rejected": (Outcome.FAILS, Owner.SETTINGS),
}

# A refused EHLO is about the name that was given, so it has a text of its own.
_WORDED_ELSEWHERE = frozenset({"ehlo.rejected"})


def _entry_for(stage: Stage, kind: _Kind) -> Entry:
    id_ = f"{PREFIXES[stage]}.{kind.name}"
    outcome, owner = _EXCEPTIONS.get(id_, (kind.outcome, Owner.PROVIDER))
    return Entry(
        id=id_,
        stage=stage,
        outcome=outcome,
        owner=owner,
        title=kind.title,
        cause=kind.cause,
        remedy=kind.remedy,
    )


ENTRIES: tuple[Entry, ...] = tuple(
    entry
    for stage in PREFIXES
    for entry in (_entry_for(stage, kind) for kind in _KINDS)
    if entry.id not in _WORDED_ELSEWHERE
)
