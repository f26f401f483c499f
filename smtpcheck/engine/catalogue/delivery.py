"""Diagnoses of the way of a mail after the server took it."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Entry, Needs, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="trip.not-arrived",
        stage=Stage.DELIVERY,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.PROVIDER,
        title=_("The test mail has not arrived"),
        cause=_(
            "The server took the test mail, but it was not in the mailbox within the given time."
        ),
        remedy=(
            _(
                "Look in the spam folder of the test mailbox, and for a bounce in the mailbox of "
                "the sender."
            ),
            _(
                "Ask whoever runs the server what became of the mail, with the queue id of its "
                "last answer."
            ),
        ),
        needs=Needs.DELIVERY,
    ),
    Entry(
        id="trip.spam-folder",
        stage=Stage.DELIVERY,
        outcome=Outcome.WARNING,
        owner=Owner.SENDER_DOMAIN,
        title=_("The test mail landed in the spam folder"),
        cause=_("The test mail was delivered, but it was sorted out as spam."),
        remedy=(
            _("Look at the results for SPF, DKIM and DMARC in the headers of the received mail."),
            _("Correct the records of the sender domain that failed there."),
        ),
        needs=Needs.DELIVERY,
    ),
    Entry(
        id="trip.slow",
        stage=Stage.DELIVERY,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The delivery is slow"),
        cause=_("The test mail arrived, but only after {seconds} seconds."),
        remedy=(
            _(
                "Ask whoever runs the slow server on its way, as the headers of the received mail "
                "show it."
            ),
        ),
        needs=Needs.DELIVERY,
    ),
    Entry(
        id="trip.bounce",
        stage=Stage.DELIVERY,
        outcome=Outcome.FAILS,
        owner=Owner.RECIPIENT,
        title=_("The test mail came back"),
        cause=_("A server further on refused the test mail after the first one had taken it."),
        remedy=(
            _("Read the bounce: it names the reason."),
            _("Correct the recipient, or ask whoever runs the server that refused it."),
        ),
        needs=Needs.DELIVERY,
    ),
    Entry(
        id="trip.rewritten",
        stage=Stage.DELIVERY,
        outcome=Outcome.WARNING,
        owner=Owner.SETTINGS,
        title=_("The sender was changed on the way"),
        cause=_("The mail arrived with another sender than {sender}."),
        remedy=(
            _("Register the sender as an address or alias of the login at the provider."),
            _("Or let your application expect the changed address."),
        ),
        needs=Needs.DELIVERY,
    ),
    Entry(
        id="trip.sink-down",
        stage=None,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The test mailbox cannot be read"),
        cause=_(
            "The mailbox that test mails go to could not be opened, so the delivery was not "
            "checked; this says nothing about the account."
        ),
        remedy=(
            _("Repair the access to the test mailbox."),
            _("Test again."),
        ),
        needs=Needs.DELIVERY,
    ),
)
