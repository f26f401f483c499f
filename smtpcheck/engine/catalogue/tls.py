"""Diagnoses of TLS handshakes that fail, and what they demand."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="tls.version",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server's TLS is too old"),
        cause=_(
            "The server and this program share no version of TLS that is still safe (TLS 1.2 "
            "or newer)."
        ),
        remedy=(
            _("Ask whoever runs the server to enable TLS 1.2 or 1.3."),
            _("Until then, send through another server."),
        ),
    ),
    Entry(
        id="tls.cipher",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server's encryption methods are too old"),
        cause=_("The server and this program share no method of encryption (cipher suite)."),
        remedy=(
            _("Ask whoever runs the server to enable modern cipher suites."),
            _("Until then, send through another server."),
        ),
    ),
    Entry(
        id="tls.client-cert-required",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server demands a client certificate"),
        cause=_("The server talks only to programs that show a certificate of their own."),
        remedy=(
            _("Add the client certificate and its key to the account."),
            _("If you have none, ask whoever runs the server for them."),
        ),
    ),
    Entry(
        id="tls.client-cert-rejected",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server does not accept the client certificate"),
        cause=_("The server asked for a certificate, got the one of the account, and refused it."),
        remedy=(
            _("Check that the client certificate is the one for this server and has not expired."),
            _(
                "Ask whoever runs the server which authorities it accepts, and whether the "
                "intermediate certificates have to be sent along."
            ),
        ),
    ),
    Entry(
        id="tls.handshake-eof",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server hung up on TLS"),
        cause=_(
            "The server closed the connection as soon as TLS began: the port does not speak "
            "TLS, the server does not know this name, or it blocks the testing machine."
        ),
        remedy=(
            _(
                "Check port and security; the usual pairs are 465 with TLS on connect and 587 with "
                "STARTTLS."
            ),
            _("Use the server name that your provider gives."),
            _("Ask whoever runs the server whether it blocks the address of the testing machine."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="tls.handshake-timeout",
        stage=Stage.TLS,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.PROVIDER,
        title=_("The server does not answer the start of TLS"),
        cause=_(
            "The port takes connections but did not answer the start of encryption in time; "
            "it may wait for another kind of connection, or be overloaded."
        ),
        remedy=(
            _(
                "Check port and security; the usual pairs are 465 with TLS on connect and 587 with "
                "STARTTLS."
            ),
            _("Test again in a few minutes."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="tls.sni",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server has no certificate for this name"),
        cause=_(
            "The server chooses its certificate by the name it is called by, and it does not "
            "know {host}."
        ),
        remedy=(
            _("Use the server name that your provider gives."),
            _("If the server is your own, add this name to its configuration."),
        ),
    ),
    Entry(
        id="tls.dh-small",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server's key exchange is too weak"),
        cause=_(
            "The server uses a key exchange (Diffie-Hellman) with numbers too small to be safe."
        ),
        remedy=(
            _("Ask whoever runs the server to enable ECDHE, or a group of at least 2048 bits."),
        ),
    ),
    Entry(
        id="tls.server-error",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("Encryption failed because of an error in the server"),
        cause=_(
            "While encryption (TLS) started, the server reported an internal error and gave up. "
            "Often it cannot use its private key, or its mail software does not fit the TLS "
            "library that it runs with."
        ),
        remedy=(
            _(
                "Ask whoever runs the server to look in its log at the time of this test; it "
                "names the error. No setting of the account can help."
            ),
            _(
                "If the server is your own, check that certificate and private key belong "
                "together, and update the mail software. OpenSMTPD 6.8, as in Debian 12, cannot "
                "use any key: it needs version 7 or newer."
            ),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="tls.handshake-failed",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The start of encryption failed"),
        cause=_(
            "The server and this program could not agree on an encrypted connection: {detail}."
        ),
        remedy=(
            _("Ask whoever runs the server to look in its log at the time of this test."),
            _("Check that its TLS versions and cipher suites are up to date."),
        ),
    ),
    Entry(
        id="tls.reset",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The connection was cut while encryption started"),
        cause=_("The connection was reset during the start of encryption (TLS)."),
        remedy=(
            _(
                "Ask whoever runs the server, a firewall or a load balancer in between to look in "
                "its log at the time of this test."
            ),
            _("Test from another network, to find out where the connection is cut."),
        ),
    ),
    Entry(
        id="tls.too-much",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server sent too much while encryption started"),
        cause=_(
            "The server sent more data at the start of encryption than TLS allows, so the "
            "test stopped reading."
        ),
        remedy=(_("Check that server name and port belong to a mail server."),),
    ),
    Entry(
        id="tls.legacy-renegotiation",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server's TLS software is outdated"),
        cause=_(
            "The server knows only an old, unsafe form of TLS renegotiation, which modern "
            "programs refuse."
        ),
        remedy=(_("Ask whoever runs the server to update its TLS software."),),
    ),
)
