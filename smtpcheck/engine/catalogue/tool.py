"""Diagnoses of the tester itself: its clocks, limits and faults."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="tool.deadline",
        stage=None,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The test ran out of time"),
        cause=_(
            'The time for the test ran out at the step "{step}", which had taken {seconds} '
            "seconds by then; this does not prove that the account is at fault."
        ),
        remedy=(
            _("Test again with more time."),
            _("If this step is always slow, ask whoever runs the server."),
        ),
    ),
    Entry(
        id="tool.budget",
        stage=None,
        outcome=Outcome.REFUSED,
        owner=Owner.TESTER,
        title=_("Not tested now, to protect the account"),
        cause=_(
            "A limit on tests of this server or account is reached, so that tests do not "
            "lock the mailbox or overload the server."
        ),
        remedy=(
            _("Wait some minutes, then test again."),
            _(
                "A saved password that was refused is left alone by the schedule for a day: save "
                "the right one, or test by hand."
            ),
        ),
    ),
    Entry(
        id="tool.not-proven",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.SETTINGS,
        title=_("Not everything was tested"),
        cause=_(
            'The test ended at its goal, "{goal}", and got there; what comes after that is not '
            "proven."
        ),
        remedy=(
            _(
                "To prove the rest, set what it needs, such as user name, sender and test "
                "recipient, and test to the end."
            ),
        ),
    ),
    Entry(
        id="tool.interrupted",
        stage=None,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The test was interrupted"),
        cause=_(
            "The test ended before it was done, because the program was stopped or the "
            "caller hung up; this says nothing about the account."
        ),
        remedy=(_("Test again."),),
    ),
    Entry(
        id="tool.internal-error",
        stage=None,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The testing program itself failed"),
        cause=_("An unexpected error happened in this program, so the account was not judged."),
        remedy=(
            _("Test again."),
            _(
                "If it happens again, report it with the id of this result to whoever runs this "
                "program."
            ),
        ),
    ),
)
