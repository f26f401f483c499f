"""Diagnoses of services that are not SMTP, and servers that bend its rules."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="proto.tls-port-spoken-plain",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The port wants TLS from the start"),
        cause=_(
            "Port {port} expects encryption from the first byte, but the account begins "
            "unencrypted."
        ),
        remedy=(
            _("Set the security to TLS on connect."),
            _("Or use port 587 with STARTTLS."),
        ),
    ),
    Entry(
        id="proto.plain-port-spoken-tls",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The port does not start with TLS"),
        cause=_("Port {port} begins unencrypted, but the account starts TLS at once."),
        remedy=(
            _("Set the security to STARTTLS."),
            _("Or use port 465 with TLS on connect."),
        ),
    ),
    Entry(
        id="proto.tls-alert-bytes",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The port takes encrypted connections only"),
        cause=_(
            "The server answered with a TLS alert instead of a greeting, so port {port} "
            "takes encrypted connections only."
        ),
        remedy=(_("Set the security to TLS on connect."),),
    ),
    Entry(
        id="proto.http",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This is a web server"),
        cause=_("A web server answers on port {port}, not a mail server."),
        remedy=(_("Check server name and port; outgoing mail usually uses port 587 or 465."),),
    ),
    Entry(
        id="proto.ssh",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This is an SSH server"),
        cause=_("A server for remote logins (SSH) answers on port {port}, not a mail server."),
        remedy=(_("Correct the port; outgoing mail usually uses port 587 or 465."),),
    ),
    Entry(
        id="proto.imap",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This is an IMAP server for incoming mail"),
        cause=_("The server on port {port} speaks IMAP, which reads mail and cannot send it."),
        remedy=(
            _("Enter the outgoing server (SMTP) of your provider, usually with port 587 or 465."),
        ),
    ),
    Entry(
        id="proto.pop3",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This is a POP3 server for incoming mail"),
        cause=_("The server on port {port} speaks POP3, which fetches mail and cannot send it."),
        remedy=(
            _("Enter the outgoing server (SMTP) of your provider, usually with port 587 or 465."),
        ),
    ),
    Entry(
        id="proto.ftp",
        stage=Stage.EHLO,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This is a file server (FTP)"),
        cause=_("The server on port {port} speaks FTP, which moves files and cannot send mail."),
        remedy=(_("Check server name and port; outgoing mail usually uses port 587 or 465."),),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="proto.lmtp",
        stage=Stage.EHLO,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This is a local delivery service (LMTP)"),
        cause=_(
            "The service on port {port} speaks LMTP: it puts mail into mailboxes and does "
            "not send it."
        ),
        remedy=(_("Use the SMTP port of the server, usually 587 or 465."),),
    ),
    Entry(
        id="proto.unknown",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Something other than a mail server answers"),
        cause=_(
            "The service on port {port} does not speak SMTP; it began with these bytes: "
            "{first_bytes}."
        ),
        remedy=(
            _("Check server name and port; outgoing mail usually uses port 587 or 465."),
            _("Ask whoever runs the server what listens on this port."),
        ),
    ),
    Entry(
        id="proto.slow-banner",
        stage=Stage.GREETING,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The greeting comes late"),
        cause=_(
            "The server took {seconds} seconds to greet, so programs with a short timeout "
            "will fail."
        ),
        remedy=(
            _("Give the sending application a longer timeout."),
            _(
                "Give the address of the sending machine a name in reverse DNS, as a failing "
                "lookup of it often costs this time."
            ),
            _("Ask whoever runs the server whether it is overloaded or slows down strangers."),
        ),
    ),
    Entry(
        id="proto.endless-reply",
        stage=Stage.EHLO,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server never finishes its answer"),
        cause=_(
            "The server kept sending lines without ever ending its answer, so the test "
            "stopped reading."
        ),
        remedy=(
            _("Check that server name and port belong to a mail server."),
            _("Report it to whoever runs the server."),
        ),
    ),
    Entry(
        id="proto.line-too-long",
        stage=None,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server sends over-long lines"),
        cause=_(
            "A line of the server's answer was longer than any mail program has to accept, "
            "so the test stopped reading."
        ),
        remedy=(
            _("Check that server name and port belong to a mail server."),
            _("Report it to whoever runs the server."),
        ),
    ),
    Entry(
        id="proto.bare-lf",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The server ends its lines in the wrong way"),
        cause=_(
            "The server ends lines with a line feed alone; tolerant programs accept that, "
            "strict ones fail."
        ),
        remedy=(_("Report it to whoever runs the server."),),
    ),
    Entry(
        id="proto.mysql",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This is a database server"),
        cause=_("A MySQL or MariaDB database answers on port {port}, not a mail server."),
        remedy=(_("Check server name and port; outgoing mail usually uses port 587 or 465."),),
    ),
    Entry(
        id="proto.telnet",
        stage=Stage.GREETING,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("This is a Telnet service"),
        cause=_("A Telnet service answers on port {port}, not a mail server."),
        remedy=(_("Check server name and port; outgoing mail usually uses port 587 or 465."),),
    ),
    Entry(
        id="proto.text-contradicts-code",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The server's words contradict its code"),
        cause=_(
            'The answer "{reply}" says one thing by its code and another by its words; mail '
            "programs go by the code, and so did this test."
        ),
        remedy=(
            _("Look in the server's log for what really happened to the mail."),
            _("Report the answer to whoever runs the server."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="proto.slow-reply",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("{step}: the server is slow"),
        cause=_(
            'The server took {seconds} seconds for the step "{step}"; programs with a shorter '
            "timeout will fail."
        ),
        remedy=(
            _("Raise the timeout of the application that sends."),
            _("Ask whoever runs the server why this step takes so long."),
        ),
    ),
    Entry(
        id="proto.pipelining-broken",
        stage=None,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The server fails on grouped commands"),
        cause=_(
            "The server says that it takes commands in groups (PIPELINING), but it fails "
            "when they come so."
        ),
        remedy=(_("Ask whoever runs the server to repair PIPELINING or to stop offering it."),),
        confidence=Confidence.PROBABLE,
    ),
)
