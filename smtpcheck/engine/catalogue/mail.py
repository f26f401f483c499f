"""Diagnoses of the sender (MAIL FROM)."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="mail.auth-required",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server wants a login first"),
        cause=_(
            "The server takes no mail from {sender} without a login, and it sees none in this "
            "session."
        ),
        remedy=(
            _("Enter user name and password."),
            _("Check that your application sends with the same settings as this test."),
        ),
    ),
    Entry(
        id="mail.not-owned",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The login may not use this sender"),
        cause=_("The server does not let the login {user} send as {sender}."),
        remedy=(
            _("Set the sender to the address of the login."),
            _(
                "Or ask whoever runs the server to allow this sender for the login, for example as "
                "an alias."
            ),
        ),
    ),
    Entry(
        id="mail.netease",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("NetEase wants the login address as sender"),
        cause=_("The sender must be exactly the address of the login {user}; here it is {sender}."),
        remedy=(_("Set the sender to the address of the login."),),
    ),
    Entry(
        id="mail.zoho",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Zoho does not know this sender for the login"),
        cause=_("Zoho does not let the login {user} send as {sender}."),
        remedy=(
            _("Set the sender to the address of the login."),
            _("Or add the address as an alias in Zoho Mail."),
        ),
        help_url="https://www.zoho.com/mail/help/zoho-smtp.html",
    ),
    Entry(
        id="mail.icloud",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("iCloud does not know this sender"),
        cause=_("The sender {sender} is not one of the addresses of this Apple account."),
        remedy=(
            _("Use the iCloud address or an alias of the account as sender."),
            _("Or add your domain to iCloud Mail as a custom domain."),
        ),
        help_url="https://support.apple.com/en-us/102525",
    ),
    Entry(
        id="mail.not-logged-in",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This sender needs a login"),
        cause=_(
            "The sender {sender} belongs to a mailbox of this server, and the session was "
            "not logged in."
        ),
        remedy=(
            _("Enter user name and password of this mailbox."),
            _("Or use another sender."),
        ),
    ),
    Entry(
        id="mail.domain-not-found",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The sender domain does not exist"),
        cause=_("The server finds no mail domain in DNS for the sender {sender}."),
        remedy=(
            _("Correct the sender address."),
            _("If the domain is new, make sure that it has an MX or address record."),
        ),
    ),
    Entry(
        id="mail.syntax",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server does not accept how the sender is written"),
        cause=_(
            "The server finds the sender address {sender} malformed, or does not know an "
            "option sent with it."
        ),
        remedy=(_("Check the sender address for a typing error, blanks and unusual characters."),),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="mail.null-sender",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server wants a sender address"),
        cause=_(
            "The mail was announced with an empty sender, and the server does not accept that."
        ),
        remedy=(_("Set the sender to the address that your application sends from."),),
    ),
    Entry(
        id="mail.size",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The message is too large for the server"),
        cause=_("The server does not accept a message of this size (limit: {limit})."),
        remedy=(
            _("Send smaller messages, or links instead of attachments."),
            _("Ask whoever runs the server to raise the limit."),
        ),
    ),
    Entry(
        id="mail.storage",
        stage=Stage.MAIL,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.PROVIDER,
        title=_("The server has no space left"),
        cause=_(
            "The server cannot take mail for lack of disk space right now; this says nothing "
            "about the account."
        ),
        remedy=(
            _("Tell whoever runs the server."),
            _("Test again later."),
        ),
    ),
    Entry(
        id="mail.smtputf8",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server cannot carry this address"),
        cause=_(
            "An address holds characters outside ASCII, and the server does not support that "
            "(SMTPUTF8)."
        ),
        remedy=(
            _("Use an address of plain letters and digits."),
            _("Or use a server that supports internationalised addresses."),
        ),
    ),
    Entry(
        id="mail.rate",
        stage=Stage.MAIL,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.SETTINGS,
        title=_("A sending limit is reached"),
        cause=_(
            "The server limits how much this login or address may send, and the limit is "
            "reached for now."
        ),
        remedy=(
            _("Test again later."),
            _("Send less at a time, or ask the provider for a higher limit."),
        ),
    ),
    Entry(
        id="mail.spf-refused",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SENDER_DOMAIN,
        title=_("The sender domain does not allow this server"),
        cause=_("The SPF record of the domain of {sender} does not permit this way of sending."),
        remedy=(
            _("Add the sending server to the SPF record of the domain."),
            _("Or use a sender in a domain that permits it."),
        ),
    ),
)
