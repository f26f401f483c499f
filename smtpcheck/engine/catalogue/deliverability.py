"""Diagnoses of how receivers judge mail of the sender's domain."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Entry, Needs, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="deliv.spf",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.SENDER_DOMAIN,
        title=_("The sending address is missing in SPF"),
        cause=_(
            "The server that sends the mail is not permitted by the SPF record of the sender "
            "domain, so receivers may distrust it."
        ),
        remedy=(_("Add the sending server or service to the SPF record of the domain."),),
        needs=Needs.DELIVERABILITY,
    ),
    Entry(
        id="deliv.spf-permerror",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.SENDER_DOMAIN,
        title=_("The SPF record is invalid"),
        cause=_(
            "The SPF record of the sender domain has an error or needs too many lookups, so "
            "receivers treat it as missing."
        ),
        remedy=(_("Keep a single SPF record, correct its spelling, and stay within ten lookups."),),
        needs=Needs.DELIVERABILITY,
    ),
    Entry(
        id="deliv.dkim",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The mail is not signed for the sender domain"),
        cause=_("The mail carries no DKIM signature of the sender domain."),
        remedy=(_("Switch on DKIM signing for this domain at the server or service that sends."),),
        needs=Needs.DELIVERABILITY,
    ),
    Entry(
        id="deliv.dmarc",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.SENDER_DOMAIN,
        title=_("DMARC does not pass"),
        cause=_(
            "The sender domain has no DMARC record, or neither SPF nor DKIM passes for it, "
            "so large receivers may refuse the mail or sort it out."
        ),
        remedy=(
            _("Make SPF or DKIM pass for the domain of the sender."),
            _("Publish a DMARC record for the domain."),
        ),
        needs=Needs.DELIVERABILITY,
    ),
    Entry(
        id="deliv.block-list",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The sending server is on a block list"),
        cause=_(
            "The server or the domain that sends the mail is on a public block list: {detail}."
        ),
        remedy=(
            _(
                "Ask whoever runs the sending server to have it removed, on the web page of the "
                "list."
            ),
        ),
        needs=Needs.DELIVERABILITY,
    ),
)
