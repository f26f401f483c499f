"""Diagnoses of certificates that do not vouch for the server."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="tls.cert-expired",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server's certificate has expired"),
        cause=_(
            "The certificate of {host}, or one that it depends on, was valid until {not_after}, "
            "so the server cannot be told from an impostor."
        ),
        remedy=(
            _("Ask whoever runs the server to renew its certificate."),
            _("Do not send a password to this server before that is done."),
        ),
    ),
    Entry(
        id="tls.cert-not-yet-valid",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.TESTER,
        title=_("The server's certificate is not valid yet"),
        cause=_(
            "The certificate of {host}, or one that it depends on, becomes valid on {not_before},"
            " unless the clock of the testing machine is wrong."
        ),
        remedy=(
            _("Check date and time of the testing machine."),
            _("If they are right, ask whoever runs the server to install a valid certificate."),
        ),
    ),
    Entry(
        id="tls.cert-hostname",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The certificate belongs to another server name"),
        cause=_("The certificate is not for {host}; the names on it are: {names}."),
        remedy=(
            _("If one of these names is your provider's, enter it as server name."),
            _(
                "Otherwise ask whoever runs the server to install a certificate for the name you "
                "use."
            ),
        ),
    ),
    Entry(
        id="tls.cert-ip-literal",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The certificate does not cover the IP address"),
        cause=_(
            "The account names its server by an IP address, and the certificate vouches for "
            "host names only."
        ),
        remedy=(
            _(
                "Enter the host name of the server instead of its IP address; the names on the "
                "certificate are: {names}."
            ),
        ),
    ),
    Entry(
        id="tls.cert-self-signed",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server vouches for itself"),
        cause=_(
            "The certificate of {host} is signed by itself, so nobody else confirms that "
            "this is the real server."
        ),
        remedy=(
            _("Ask whoever runs the server to install a certificate from a public authority."),
            _(
                "If the server is your own, compare the fingerprint {fingerprint} on the server "
                "itself, then pin it for this account."
            ),
        ),
    ),
    Entry(
        id="tls.cert-private-root-sent",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The certificate comes from a private authority"),
        cause=_(
            "The certificate leads to the authority {issuer}, which the testing machine does "
            "not trust."
        ),
        remedy=(
            _(
                "If this is the authority of your organisation, add its certificate to the CA "
                "bundle of the account."
            ),
            _(
                "If it belongs to a firewall or security product, have mail connections exempted "
                "from its inspection."
            ),
        ),
    ),
    Entry(
        id="tls.cert-missing-intermediate",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server sends an incomplete certificate chain"),
        cause=_(
            "The server sent its own certificate without the one of its issuer ({issuer}), "
            "so the way to a trusted authority has a gap; some programs fill it, many fail."
        ),
        remedy=(
            _(
                "Ask whoever runs the server to install the full chain of certificates (often a "
                "file named fullchain.pem)."
            ),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="tls.cert-unknown-ca",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The certificate comes from an unknown authority"),
        cause=_(
            "The certificate of {host} was issued by {issuer}, an authority that the testing "
            "machine does not know."
        ),
        remedy=(
            _("If you trust this authority, add its certificate to the CA bundle of the account."),
            _("Update the list of trusted authorities on the testing machine."),
            _(
                "Otherwise ask whoever runs the server to install a certificate from a public "
                "authority."
            ),
        ),
    ),
    Entry(
        id="tls.cert-strict-profile",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The certificate breaks formal rules"),
        cause=_(
            "The certificate lacks details that newer programs insist on, even though older "
            "ones accept it: {detail}."
        ),
        remedy=(
            _(
                "Ask whoever issued the certificate for a new one that follows today's rules (RFC "
                "5280)."
            ),
        ),
    ),
    Entry(
        id="tls.cert-cn-only",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The certificate names its server in an outdated way"),
        cause=_(
            "The certificate gives the host name only in the old common-name field, which "
            "today's programs do not accept."
        ),
        remedy=(
            _(
                "Ask whoever runs the server to install a certificate that lists {host} as a "
                "subject alternative name."
            ),
        ),
    ),
    Entry(
        id="tls.cert-weak",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The certificate is too weak"),
        cause=_(
            "The key or the signature of the certificate is too weak by today's standards: "
            "{detail}."
        ),
        remedy=(
            _(
                "Ask whoever runs the server to install a certificate with an RSA key of at least "
                "2048 bits or a P-256 key, signed with SHA-256."
            ),
        ),
    ),
    Entry(
        id="tls.cert-revoked",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The certificate was withdrawn"),
        cause=_("The authority that issued the certificate of {host} has revoked it."),
        remedy=(
            _("Ask whoever runs the server to replace the certificate now."),
            _("Do not send a password to this server before that is done."),
        ),
    ),
    Entry(
        id="tls.cert-expiring",
        stage=Stage.TLS,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The certificate expires soon"),
        cause=_(
            "A certificate of {host} is valid only until {not_after} (days left: {days}); "
            "after that, sending stops."
        ),
        remedy=(
            _("Ask whoever runs the server to renew the certificate in time."),
            _("Make sure that the mail server loads the renewed certificate."),
        ),
    ),
    Entry(
        id="tls.cert-changed",
        stage=Stage.TLS,
        outcome=Outcome.WARNING,
        owner=Owner.SETTINGS,
        title=_("The certificate has changed"),
        cause=_("The server shows another certificate than at the last test."),
        remedy=(
            _("If a renewal was planned, nothing needs to be done."),
            _("If not, ask whoever runs the server before you trust it."),
        ),
    ),
    Entry(
        id="tls.interception",
        stage=Stage.TLS,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.NETWORK,
        title=_("Something on the way opens the encrypted connection"),
        cause=_(
            "The certificate was issued by {issuer}, a security product or firewall that "
            "opens encrypted connections, so the real server was not seen."
        ),
        remedy=(
            _("Have mail connections to this server exempted from inspection."),
            _(
                "If your organisation wants the inspection, add its authority to the CA bundle of "
                "this account."
            ),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="tls.dane",
        stage=Stage.TLS,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The certificate does not match its published fingerprint"),
        cause=_(
            "The fingerprint published in DNS (TLSA record) does not match the certificate, "
            "so servers that check it will refuse to deliver."
        ),
        remedy=(
            _(
                "Ask whoever runs the domain to publish the TLSA record of the new certificate, "
                "and from now on before each change of certificate."
            ),
        ),
    ),
    Entry(
        id="tls.cert-purpose",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The certificate is not meant for a server"),
        cause=_("The certificate was issued for another purpose than to identify a server."),
        remedy=(
            _("Ask whoever runs the server to install a certificate for server authentication."),
        ),
    ),
    Entry(
        id="tls.cert-other",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The certificate was not accepted"),
        cause=_("The certificate of {host} could not be verified: {detail}."),
        remedy=(
            _("Ask whoever runs the server to replace the certificate, and show them this result."),
        ),
    ),
    Entry(
        id="tls.pin-mismatch",
        stage=Stage.TLS,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The certificate is not the one pinned for this account"),
        cause=_(
            "The server shows another certificate than the one pinned for this account, so "
            "no password was sent."
        ),
        remedy=(
            _("Ask whoever runs the server whether the certificate was replaced."),
            _("If it was, pin the new fingerprint {fingerprint}."),
            _("If it was not, do not log in: someone may be intercepting the connection."),
        ),
    ),
)
