"""Diagnoses of the recipient (RCPT TO)."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

_MICROSOFT_SENDING = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365"

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="rcpt.relay-denied",
        stage=Stage.RCPT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server does not forward mail for you"),
        cause=_(
            "The server does not forward mail to {recipient}: there was no login, it is the "
            "wrong server, or it does not trust the sending address."
        ),
        remedy=(
            _("Enter user name and password."),
            _("Use the outgoing server (SMTP) of your provider."),
            _(
                "For a relay without login, ask whoever runs it to allow the addresses of the "
                "testing machine and of your application."
            ),
        ),
    ),
    Entry(
        id="rcpt.google-relay",
        stage=Stage.RCPT,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The Google relay does not know you"),
        cause=_(
            "The Google Workspace relay does not know the sending address or the domain of "
            "{sender}."
        ),
        remedy=(
            _(
                "Ask a Workspace administrator to add the public address and the domain under "
                "Gmail, Routing, SMTP relay service."
            ),
            _("Or log in with a user of that domain."),
        ),
        help_url="https://support.google.com/a/answer/2956491",
    ),
    Entry(
        id="rcpt.greylist",
        stage=Stage.RCPT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.RECIPIENT,
        title=_("The recipient's server asks to try again"),
        cause=_(
            "The recipient's server asks unknown senders to come back later (greylisting); "
            "nothing is wrong with the account."
        ),
        remedy=(_("Test again in about ten minutes, with the same sender and recipient."),),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="rcpt.unknown",
        stage=Stage.RCPT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.RECIPIENT,
        title=_("The test recipient does not exist"),
        cause=_(
            "The server says that {recipient} does not exist or takes no mail; everything before "
            "that step worked."
        ),
        remedy=(
            _("Correct the test recipient, or choose another one."),
            _("Test again, because the steps after it are not proven."),
        ),
    ),
    Entry(
        id="rcpt.mailbox-full",
        stage=Stage.RCPT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.RECIPIENT,
        title=_("The mailbox of the test recipient is full"),
        cause=_("The mailbox {recipient} is full; everything before that step worked."),
        remedy=(
            _("Empty the mailbox, or choose another test recipient."),
            _("Test again, because the steps after it are not proven."),
        ),
    ),
    Entry(
        id="rcpt.too-many",
        stage=Stage.RCPT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.SETTINGS,
        title=_("Too many recipients"),
        cause=_(
            "The server accepts only a limited number of recipients for one message or in a "
            "given time."
        ),
        remedy=(
            _("Send to fewer recipients at a time."),
            _("Test again later."),
        ),
    ),
    Entry(
        id="rcpt.block-list",
        stage=Stage.RCPT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The testing machine is on a block list"),
        cause=_(
            "The server refuses the address of the testing machine because it is on a block "
            "list; this is not about the account."
        ),
        remedy=(
            _(
                "Read the server's own words: they usually name the list and the page to get off "
                "it."
            ),
            _(
                "Check whether your application sends from the same address; if not, test from "
                "there."
            ),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="rcpt.no-reverse-dns",
        stage=Stage.RCPT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The testing machine has no name in reverse DNS"),
        cause=_(
            "The server refuses addresses without a matching name in reverse DNS, and that "
            "of the testing machine has none; this is not about the account."
        ),
        remedy=(
            _(
                "Ask the hosting provider to set a reverse DNS name (PTR) that leads back to the "
                "same address."
            ),
            _("Check the same for the machine that sends your mail."),
        ),
    ),
    Entry(
        id="rcpt.delayed-reject",
        stage=Stage.RCPT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server objects to an earlier step"),
        cause=_(
            "The server refused at the recipient, but its words are about an earlier step: "
            "the introduction (EHLO), the sending address or the sender."
        ),
        remedy=(
            _("Read the server's own words to see which one it means."),
            _(
                "Correct the EHLO name or the sender in the settings, or ask whoever runs the "
                "server to allow the sending address."
            ),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="rcpt.ms-direct-send",
        stage=Stage.RCPT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Microsoft refuses mail without a login in your own name"),
        cause=_(
            "Your Microsoft 365 organisation does not accept mail from its own domains "
            "without a login (Direct Send)."
        ),
        remedy=(
            _("Send with a login through smtp.office365.com."),
            _("Or ask an Exchange administrator to set up a connector for the sending address."),
        ),
        help_url=_MICROSOFT_SENDING,
    ),
    Entry(
        id="rcpt.ms-tenant-attribution",
        stage=Stage.RCPT,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("No Microsoft 365 connector matches"),
        cause=_(
            "Microsoft 365 finds no connector for the sending address or certificate, so it "
            "does not forward the mail."
        ),
        remedy=(
            _(
                "Ask an Exchange administrator to correct the address or certificate in the "
                "inbound connector."
            ),
        ),
        help_url=_MICROSOFT_SENDING,
    ),
    Entry(
        id="rcpt.mailgun-sandbox",
        stage=Stage.RCPT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The Mailgun sandbox sends to approved recipients only"),
        cause=_(
            "The sandbox domain of Mailgun sends only to recipients that were approved "
            "before, and {recipient} is not one of them."
        ),
        remedy=(
            _("Approve the recipient in Mailgun."),
            _("Or send from a domain that you have verified there."),
        ),
        help_url="https://documentation.mailgun.com/",
    ),
    Entry(
        id="rcpt.sender-verify",
        stage=Stage.RCPT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server could not verify the sender"),
        cause=_(
            "The server checked the sender {sender} and could not confirm that it exists and "
            "takes mail."
        ),
        remedy=(_("Use a sender address that exists and takes mail."),),
    ),
    Entry(
        id="rcpt.null-mx",
        stage=Stage.RCPT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.RECIPIENT,
        title=_("The domain of the test recipient takes no mail"),
        cause=_(
            "The domain of {recipient} declares that it never receives mail; everything "
            "before that step worked."
        ),
        remedy=(_("Choose another test recipient, then test again."),),
    ),
)
