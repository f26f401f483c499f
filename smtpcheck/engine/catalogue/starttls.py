"""Diagnoses of the switch to encryption by STARTTLS."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="tls.starttls-not-offered",
        stage=Stage.STARTTLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server offers no encryption on this port"),
        cause=_(
            "The server does not offer STARTTLS on port {port}, or something in between "
            "removed the offer."
        ),
        remedy=(
            _("Use port 465 with TLS on connect, or port 587 with STARTTLS."),
            _("Look for a firewall in between that inspects mail traffic."),
            _(
                "For a relay in your own network that really has no encryption, ask an "
                "administrator to allow clear text to that network alone."
            ),
        ),
    ),
    Entry(
        id="tls.starttls-required",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server demands encryption first"),
        cause=_("The server does not go on until the connection is encrypted."),
        remedy=(_("Set the security to STARTTLS (usually port 587)."),),
    ),
    Entry(
        id="tls.starttls-454",
        stage=Stage.STARTTLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("Encryption is out of order on the server"),
        cause=_(
            "The server offers STARTTLS but cannot start it, usually because its own "
            "certificate or key is not set up right."
        ),
        remedy=(
            _("Ask whoever runs the server to repair its certificate and key."),
            _("Do not log in without encryption in the meantime."),
        ),
    ),
    Entry(
        id="tls.starttls-plaintext",
        stage=Stage.STARTTLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server went on unencrypted"),
        cause=_("The server agreed to switch to encryption and then kept sending clear text."),
        remedy=(
            _("Report it to whoever runs the server."),
            _("Look for a mail proxy or a firewall in between."),
        ),
    ),
    Entry(
        id="tls.starttls-eof",
        stage=Stage.STARTTLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server hung up when encryption started"),
        cause=_(
            "The server agreed to switch to encryption and then closed the connection, often "
            "because of a missing certificate or a crashed process."
        ),
        remedy=(
            _("Ask whoever runs the server to look in its log at the time of this test."),
            _("Try port 465 with TLS on connect."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="tls.starttls-injection",
        stage=Stage.STARTTLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The start of encryption was tampered with"),
        cause=_(
            "Clear text arrived between the switch to encryption and its start, which is how "
            "attackers slip in their own answers; the test stopped there and sent no "
            "password."
        ),
        remedy=(
            _("Treat this as a security problem, and do not log in over this connection."),
            _("Report it to whoever runs the server."),
            _("Test from another network, to find out where the text comes from."),
        ),
    ),
)
