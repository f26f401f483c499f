"""Diagnoses of the introduction (EHLO), and the name given in it."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="ehlo.not-fqdn",
        stage=Stage.EHLO,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The server wants a full host name as introduction"),
        cause=_(
            "The server wants to be greeted with a full host name (EHLO) and got "
            '"{ehlo_name}"; this is about the testing machine, not about the account.'
        ),
        remedy=(
            _(
                "Set the EHLO name to the full public name of the testing machine, such as "
                "mail.example.com."
            ),
            _("Set it in the sending application too."),
        ),
    ),
    Entry(
        id="ehlo.rejected",
        stage=Stage.EHLO,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The server refuses the name of this machine"),
        cause=_(
            'The server does not accept "{ehlo_name}" as introduction (EHLO); the server '
            "itself may bear that name, or it is on a block list or foreign to the address "
            "that uses it."
        ),
        remedy=(
            _("Set the EHLO name to the real public host name of the testing machine."),
            _("If it is right already, ask whoever runs the server why it refuses the name."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="ehlo.no-esmtp",
        stage=Stage.EHLO,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The server knows only the oldest form of SMTP"),
        cause=_(
            "The server does not understand EHLO, so it can offer neither encryption nor login."
        ),
        remedy=(
            _("Look for a firewall or filter in between that rewrites mail traffic."),
            _("Use another server if you need encryption or a login."),
        ),
    ),
    Entry(
        id="ehlo.google-relay-name",
        stage=Stage.EHLO,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("Google's relay wants a name from your domain"),
        cause=_(
            "The Google Workspace relay closes connections that introduce themselves as "
            'localhost or with a foreign name (EHLO); the name given here was "{ehlo_name}".'
        ),
        remedy=(
            _("Set the EHLO name to a host name in your Workspace domain."),
            _("Set it in the sending application too, then test again."),
        ),
        confidence=Confidence.PROBABLE,
        help_url="https://support.google.com/a/answer/2956491",
    ),
    Entry(
        id="ehlo.port-in-name",
        stage=Stage.EHLO,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The EHLO name holds a port number"),
        cause=_(
            'The name for the introduction (EHLO) is "{ehlo_name}", and a host name cannot '
            "hold a colon and a port."
        ),
        remedy=(_("Set the EHLO name to the host name alone, without the port."),),
    ),
    Entry(
        id="ehlo.capability-lost",
        stage=Stage.EHLO,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The server offers less than before"),
        cause=_("The server no longer offers what it offered at the last good test: {detail}."),
        remedy=(_("Ask whoever runs the server whether this is intended, before users notice."),),
    ),
)
