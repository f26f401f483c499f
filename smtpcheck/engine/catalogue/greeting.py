"""Diagnoses of a server that turns a client away with its first words."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="greet.554",
        stage=Stage.GREETING,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The server turns this machine away"),
        cause=_(
            "The server refused the testing machine before anything else, usually because of the "
            "address it comes from; the account itself was not tested."
        ),
        remedy=(
            _("Check whether the address of the testing machine is on a public block list."),
            _("Test from the machine that will send the mail."),
            _("Ask whoever runs the server why it refuses this address."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="greet.521",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This server accepts no mail"),
        cause=_("The server declares that it never accepts mail from anybody."),
        remedy=(_("Use the outgoing server (SMTP) that your mail provider names."),),
    ),
    Entry(
        id="greet.421-too-many",
        stage=Stage.GREETING,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("Too many connections from this machine"),
        cause=_(
            "The server has seen too many connections from this address lately, perhaps from "
            "the tests themselves; the account was not tested."
        ),
        remedy=(
            _("Wait some minutes and test again."),
            _("Run fewer tests at a time against this server."),
        ),
    ),
    Entry(
        id="greet.421-ses",
        stage=Stage.GREETING,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.SETTINGS,
        title=_("Amazon SES limits parallel connections"),
        cause=_(
            "Too many SMTP connections to Amazon SES are open at the same time for this AWS "
            "account, so the test was turned away."
        ),
        remedy=(
            _("Test again in a few minutes."),
            _(
                "Let your applications use fewer connections at a time, or ask AWS for a higher "
                "limit."
            ),
        ),
        help_url="https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html",
    ),
    Entry(
        id="greet.421-unavailable",
        stage=Stage.GREETING,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.PROVIDER,
        title=_("The server is not available right now"),
        cause=_(
            "The server says that it is overloaded or going down; this says nothing about "
            "the account."
        ),
        remedy=(
            _("Test again in a few minutes."),
            _("If it lasts, ask whoever runs the server."),
        ),
    ),
)
