"""Diagnoses of reaching the server: ports, addresses, routes and proxies."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="connect.refused",
        stage=Stage.CONNECT,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The connection was refused"),
        cause=_(
            "Nothing accepts connections on port {port} of {host}: no mail server listens "
            "there, or a firewall rejects them."
        ),
        remedy=(
            _("Check server name and port; the usual ports are 587 and 465."),
            _(
                "Ask whoever runs the server whether its mail service is running and open to the "
                "testing machine."
            ),
        ),
    ),
    Entry(
        id="connect.timeout-port25",
        stage=Stage.CONNECT,
        outcome=Outcome.FAILS,
        owner=Owner.NETWORK,
        title=_("Outgoing port 25 is blocked"),
        cause=_(
            "Port 25 does not answer while other connections work, so the network of the "
            "testing machine most likely blocks outgoing port 25."
        ),
        remedy=(
            _("Use port 587 with STARTTLS or port 465 with TLS on connect, with a login."),
            _("If you need port 25, ask your hosting or internet provider to open it."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="connect.timeout-all",
        stage=Stage.CONNECT,
        outcome=Outcome.FAILS,
        owner=Owner.NETWORK,
        title=_("No mail port answers"),
        cause=_(
            "Nothing answers on any mail port of {host}: the name is wrong, a firewall drops "
            "the connections, or the server is down."
        ),
        remedy=(
            _("Check the server name."),
            _("Let the firewall allow connections from the testing machine to this server."),
            _("Test from another network, to tell a local block from a server that is down."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="connect.unreachable",
        stage=Stage.CONNECT,
        outcome=Outcome.FAILS,
        owner=Owner.NETWORK,
        title=_("There is no route to the server"),
        cause=_("The network of the testing machine knows no way to the address of {host}."),
        remedy=(
            _("Check network, routing and VPN of the testing machine."),
            _("Check that the server name leads to the right address."),
        ),
    ),
    Entry(
        id="connect.ipv6-broken",
        stage=Stage.CONNECT,
        outcome=Outcome.WARNING,
        owner=Owner.NETWORK,
        title=_("IPv6 does not work from here"),
        cause=_(
            "The server can be reached over IPv4 but not over IPv6, so programs without a "
            "fallback will wait or fail."
        ),
        remedy=(
            _("Repair IPv6 on the machine that sends your mail, or switch it off there."),
            _("Or let the sending application use IPv4 only."),
        ),
    ),
    Entry(
        id="connect.one-address-down",
        stage=Stage.CONNECT,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("One of the server's addresses is down"),
        cause=_(
            "The name {host} has several addresses, and at least one of them does not answer "
            "({address}), so sending fails now and then."
        ),
        remedy=(_("Report the address to whoever runs the server."),),
    ),
    Entry(
        id="connect.one-address-fails",
        stage=Stage.CONNECT,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("Not every address of the server works"),
        cause=_(
            "The name {host} has several addresses, and the test failed at some of them before a "
            "login ({address}), so sending fails now and then."
        ),
        remedy=(
            _("Read in the table of addresses where each of them failed."),
            _("Report the addresses and what failed there to whoever runs the server."),
        ),
    ),
    Entry(
        id="connect.reset",
        stage=Stage.CONNECT,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The connection was cut at once"),
        cause=_(
            "Something cut the connection before the server said a word: a block list, a ban "
            "after failed logins, a load balancer without a server, or a port that wants TLS "
            "at once."
        ),
        remedy=(
            _(
                "Check port and security; the usual pairs are 587 with STARTTLS and 465 with TLS "
                "on connect."
            ),
            _("Ask whoever runs the server whether it blocks the address of the testing machine."),
            _("Test from another network."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="connect.closed-before-banner",
        stage=Stage.CONNECT,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server hung up without a greeting"),
        cause=_(
            "The server took the connection and closed it without a word, often because the "
            "address is banned after failed logins or has too many connections open."
        ),
        remedy=(
            _(
                "Check port and security; the usual pairs are 587 with STARTTLS and 465 with TLS "
                "on connect."
            ),
            _("Wait some minutes and test again."),
            _("Ask whoever runs the server whether it blocks the address of the testing machine."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="connect.masked-banner",
        stage=Stage.GREETING,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.NETWORK,
        title=_("A firewall rewrites the mail traffic"),
        cause=_(
            "Parts of what the server says arrive as asterisks or as a row of X, the mark of "
            "a firewall that inspects SMTP and hides the offer of encryption."
        ),
        remedy=(
            _("Exempt this server from SMTP inspection on the firewall."),
            _("Or use port 465 with TLS on connect, which such a firewall cannot rewrite."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="connect.proxy-refused",
        stage=Stage.CONNECT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.NETWORK,
        title=_("The proxy refused the connection"),
        cause=_(
            "The outgoing proxy {proxy} did not open a connection to {host}, port {port} "
            "({detail}), so the mail server was not tested."
        ),
        remedy=(
            _("Allow this server and port on the proxy."),
            _("Check the address and the login of the proxy in the settings of this program."),
        ),
    ),
    Entry(
        id="connect.proxy-unreachable",
        stage=Stage.CONNECT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The proxy cannot be reached"),
        cause=_(
            "The testing machine could not connect to the outgoing proxy {proxy} ({detail}), so "
            "the mail server was not tested."
        ),
        remedy=(
            _("Check that the proxy runs, and its host and port in the settings of this program."),
            _("Let the firewall allow connections from the testing machine to the proxy."),
        ),
    ),
    Entry(
        id="connect.proxy-silent",
        stage=Stage.CONNECT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.NETWORK,
        title=_("The proxy does not answer in time"),
        cause=_(
            "The outgoing proxy {proxy} took the connection and did not say in time whether it "
            "leads to {host}, port {port} ({detail}): the mail server does not answer the proxy, "
            "or the proxy speaks another protocol."
        ),
        remedy=(
            _("Check server name and port; the usual ports are 587 and 465."),
            _("Look into the log of the proxy for what became of the connection."),
            _("Check in the settings of this program that the proxy speaks SOCKS5 or HTTP."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="connect.through-proxy",
        stage=Stage.CONNECT,
        outcome=Outcome.WARNING,
        owner=Owner.TESTER,
        title=_("This was seen through a proxy"),
        cause=_(
            "The test went through the outgoing proxy {proxy}, so the proxy or the network behind "
            "it can be the reason as well as the mail server."
        ),
        remedy=(
            _("Look into the log of the proxy for what became of the connection."),
            _("Test without the proxy if the server can be reached so."),
        ),
    ),
    Entry(
        id="connect.worker-resources",
        stage=None,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The testing machine ran out of resources"),
        cause=_(
            "The testing machine had no free sockets or files left, so the account was not tested."
        ),
        remedy=(
            _("Run fewer tests at a time, or raise the limit of open files."),
            _("Test again."),
        ),
    ),
    Entry(
        id="connect.source-address",
        stage=Stage.CONNECT,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The outgoing address is not on this machine"),
        cause=_(
            "The source address that tests should use does not exist on the testing machine, "
            "so nothing was tested."
        ),
        remedy=(_("Correct the source address, or test from the machine that has it."),),
    ),
    Entry(
        id="connect.timeout",
        stage=Stage.CONNECT,
        outcome=Outcome.FAILS,
        owner=Owner.NETWORK,
        title=_("The server does not answer"),
        cause=_(
            "Nothing answered on port {port} of {host}: server name or port is wrong, a "
            "firewall drops the connection, or the server is down."
        ),
        remedy=(
            _("Check server name and port; the usual ports are 587 and 465."),
            _("Let the firewall allow connections from the testing machine to this port."),
            _("Test from another network, to tell a local block from a server that is down."),
        ),
        confidence=Confidence.PROBABLE,
    ),
)
