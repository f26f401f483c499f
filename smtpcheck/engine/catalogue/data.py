"""Diagnoses of the message itself, from DATA to the final reply."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

_EXCHANGE_PERMISSIONS = "https://learn.microsoft.com/en-us/exchange/recipients/mailbox-permissions"

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="data.no-valid-recipients",
        stage=Stage.DATA,
        outcome=Outcome.FAILS,
        owner=Owner.RECIPIENT,
        title=_("No recipient was accepted"),
        cause=_("The server takes no message because it refused every recipient before."),
        remedy=(
            _("Look at the server's answer to the recipient: it names the real cause."),
            _("Correct the test recipient, then test again."),
        ),
    ),
    Entry(
        id="data.send-as",
        stage=Stage.CONTENT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The login may not send as this sender"),
        cause=_(
            "Exchange took the message and then refused it, because {user} may not send as "
            "{sender}."
        ),
        remedy=(
            _("Set the sender to the address of the login."),
            _(
                'Or ask an Exchange administrator to give the login the "Send as" permission for '
                "this sender."
            ),
        ),
        help_url=_EXCHANGE_PERMISSIONS,
    ),
    Entry(
        id="data.send-as-store",
        stage=Stage.CONTENT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The mailbox refuses this sender"),
        cause=_(
            "The mail store of Microsoft refused the message, because {user} may not send as "
            "{sender}."
        ),
        remedy=(
            _("Set the sender to the address of the login."),
            _(
                'Or ask an Exchange administrator to give the login the "Send as" permission for '
                "this sender."
            ),
            _(
                "For an application without a user, make sure that the token belongs to the "
                "mailbox of the sender."
            ),
        ),
        help_url=_EXCHANGE_PERMISSIONS,
    ),
    Entry(
        id="data.ms-concurrency",
        stage=Stage.CONTENT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.SETTINGS,
        title=_("Too many connections use this mailbox"),
        cause=_(
            "Microsoft 365 allows three SMTP connections at a time for a mailbox, and more "
            "are open."
        ),
        remedy=(
            _("Test again in a few minutes."),
            _("Let your applications queue their mail, or spread it over several mailboxes."),
        ),
        help_url="https://learn.microsoft.com/en-us/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits",
    ),
    Entry(
        id="data.ses-unverified",
        stage=Stage.CONTENT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Amazon SES has not verified this address"),
        cause=_(
            "The sender, or in the SES sandbox the recipient, is not verified in this AWS region."
        ),
        remedy=(
            _(
                "Verify the address or its domain in the SES console, in the region that the "
                "server's answer names."
            ),
            _("If the account is still in the sandbox, ask AWS for production access."),
        ),
        help_url="https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html",
    ),
    Entry(
        id="data.ses-throttle",
        stage=Stage.CONTENT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.SETTINGS,
        title=_("The Amazon SES quota is used up"),
        cause=_("The sending rate or the daily quota of Amazon SES is used up for now."),
        remedy=(
            _("Test again later."),
            _("Send more slowly, or ask AWS for a higher quota."),
        ),
        help_url="https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html",
    ),
    Entry(
        id="data.sendgrid-identity",
        stage=Stage.CONTENT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("SendGrid has not verified this sender"),
        cause=_("The sender {sender} does not match a verified sender identity in SendGrid."),
        remedy=(_("Verify the sender or its domain in SendGrid."),),
        help_url="https://www.twilio.com/docs/sendgrid/ui/sending-email/sender-verification",
    ),
    Entry(
        id="data.sparkpost-domain",
        stage=Stage.CONTENT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("SparkPost does not know the sender domain"),
        cause=_("The domain of {sender} is not set up in the SparkPost account."),
        remedy=(_("Add the domain in SparkPost and verify it."),),
    ),
    Entry(
        id="data.gmail-quota",
        stage=Stage.CONTENT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.SETTINGS,
        title=_("The daily sending limit of Google is reached"),
        cause=_("This mailbox has reached the number of mails that Google allows in a day."),
        remedy=(
            _("Wait until the limit resets, within 24 hours, then test again."),
            _("Use a relay service for large amounts of mail."),
        ),
        help_url="https://support.google.com/a/answer/166852",
    ),
    Entry(
        id="data.dmarc",
        stage=Stage.CONTENT,
        outcome=Outcome.FAILS,
        owner=Owner.SENDER_DOMAIN,
        title=_("The sender domain's own rules forbid this mail"),
        cause=_(
            "The mail did not pass the checks by SPF and DKIM for the domain of {sender}, and the"
            " policy of that domain or of the receiver has such mail refused or held back."
        ),
        remedy=(
            _("Add the sending server to the SPF record of the domain."),
            _("Switch on DKIM signing for this domain at the server or service that sends."),
        ),
        help_url="https://support.google.com/a/answer/81126",
    ),
    Entry(
        id="data.spam",
        stage=Stage.CONTENT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The test mail looks like spam to the server"),
        cause=_(
            "The server refused the test mail for its content or for the reputation of the "
            "sending address; this is not about the login."
        ),
        remedy=(
            _("Read the server's own words for the reason."),
            _("Check whether the sending address or domain is on a public block list."),
            _("Ask whoever runs the server to accept the test mail."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="data.bare-lf",
        stage=Stage.CONTENT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The server objects to line endings"),
        cause=_(
            "The server says that the message has wrong line endings, so either this program "
            "or something in between changed them; this is not about the account."
        ),
        remedy=(
            _("Look for a mail proxy or a firewall in between that rewrites messages."),
            _("Report it together with this result to whoever maintains this program."),
        ),
    ),
    Entry(
        id="data.headers",
        stage=Stage.CONTENT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The server objects to the headers of the test mail"),
        cause=_(
            "The server says that headers of the test mail are missing or doubled; this is "
            "not about the account."
        ),
        remedy=(
            _("Look for a mail proxy in between that changes headers."),
            _("Report it together with this result to whoever maintains this program."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="data.no-final-reply",
        stage=Stage.CONTENT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.PROVIDER,
        title=_("Nobody knows whether the mail was taken"),
        cause=_(
            "The whole test mail was sent, but the server never confirmed it; it may have "
            "been delivered all the same."
        ),
        remedy=(
            _("Look for the test mail in the mailbox of the test recipient before you test again."),
            _("If this happens often, ask whoever runs the server to look in its log."),
        ),
    ),
)
