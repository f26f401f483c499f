"""Diagnoses of looking up the name of the server, and what a wrong name leads to."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Needs, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="dns.nxdomain",
        stage=Stage.DNS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server name does not exist"),
        cause=_("The name {host} does not exist in DNS."),
        remedy=(
            _("Check the spelling of the server name."),
            _("Look up the outgoing server (SMTP) in the instructions of your mail provider."),
        ),
    ),
    Entry(
        id="dns.no-address",
        stage=Stage.DNS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server name has no address"),
        cause=_(
            "The name {host} exists, but no address belongs to it, so there is nothing to "
            "connect to."
        ),
        remedy=(
            _(
                "Use the full name of the outgoing server, such as smtp.example.com, instead of "
                "the bare mail domain."
            ),
        ),
    ),
    Entry(
        id="dns.no-address-of-family",
        stage=Stage.DNS,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The server has no address of this IP version"),
        cause=_(
            "The test was limited to {detail}, by request or by its source address, and {host} has "
            "no such address, so nothing was tested."
        ),
        remedy=(
            _("Test without that limit, or with a source address of the other version."),
            _("If programs should reach the server that way, add such an address to its name."),
        ),
    ),
    Entry(
        id="dns.temporary",
        stage=Stage.DNS,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.NETWORK,
        title=_("The name lookup failed for now"),
        cause=_(
            "The name servers gave no usable answer for {host}, so nothing could be tested; "
            "this says nothing about the account."
        ),
        remedy=(
            _("Test again in a few minutes."),
            _(
                "If it keeps failing, check the name servers that the testing machine or its "
                "container uses."
            ),
        ),
    ),
    Entry(
        id="dns.dnssec-bogus",
        stage=Stage.DNS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The DNS records of the server have a broken signature"),
        cause=_(
            "The DNSSEC signatures of {host} do not verify, so name servers that check them "
            "hide the name."
        ),
        remedy=(
            _("Ask whoever runs the domain to repair its DNSSEC signatures or its DS record."),
        ),
    ),
    Entry(
        id="dns.mx-used-for-submission",
        stage=Stage.DNS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This server only receives mail"),
        cause=_(
            "The server {host} takes incoming mail for its domain from other servers and "
            "lets nobody log in."
        ),
        remedy=(
            _(
                "Use the outgoing server of your provider instead, for example smtp.gmail.com or "
                "smtp.office365.com."
            ),
            _("Use port 587 with STARTTLS, or port 465 with TLS on connect."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="dns.bare-domain",
        stage=Stage.DNS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The domain leads to a web site"),
        cause=_(
            "The name {host} is that of a whole mail domain, which usually leads to its web site "
            "and not to its mail server."
        ),
        remedy=(
            _("Use the name of the outgoing server (SMTP) that your mail provider gives."),
            _('If you do not know it, try the domain with "smtp." or "mail." in front of it.'),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="dns.split-horizon",
        stage=Stage.DNS,
        outcome=Outcome.WARNING,
        owner=Owner.NETWORK,
        title=_("Inside and outside see different servers"),
        cause=_("The name {host} leads to other addresses here than on the public internet."),
        remedy=(_("Find out which of them your application reaches, and test from that network."),),
        needs=Needs.VANTAGE_POINTS,
    ),
    Entry(
        id="dns.null-mx-sender",
        stage=Stage.MAIL,
        outcome=Outcome.FAILS,
        owner=Owner.SENDER_DOMAIN,
        title=_("The sender domain accepts no mail"),
        cause=_(
            "The domain of the sender {sender} declares that it never receives mail, so "
            "other servers may refuse mail from it."
        ),
        remedy=(
            _("Use a sender address in a domain that receives mail."),
            _("Or have that declaration (the null MX record) removed from the DNS of the domain."),
        ),
    ),
)
