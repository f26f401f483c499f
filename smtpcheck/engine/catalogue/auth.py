"""Diagnoses of logins, whoever runs the server."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="auth.invalid",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Wrong user name or password"),
        cause=_(
            "The server refused the login of {user}: user name or password is wrong, or this "
            "mailbox may not send through SMTP."
        ),
        remedy=(
            _(
                "Type the password again; some providers want an app password instead of the usual "
                "one."
            ),
            _("Check the user name; most providers want the full mail address."),
            _("Check in the provider's settings that the mailbox may send through SMTP."),
            _(
                "Test only after you have changed something, because repeated wrong logins can "
                "lock the mailbox."
            ),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="auth.not-offered",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server offers no login here"),
        cause=_(
            'The server accepts no login on port {port} with the security setting "{security}".'
        ),
        remedy=(
            _("Use port 587 with STARTTLS or port 465 with TLS on connect."),
            _(
                "If the server trusts your network and wants no login, remove user name and "
                "password from the account."
            ),
        ),
    ),
    Entry(
        id="auth.no-common-mechanism",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("No common login method"),
        cause=_(
            "The server offers only login methods that this program does not know: {mechanisms}."
        ),
        remedy=(
            _(
                "Ask whoever runs the server to allow a login with user name and password (PLAIN "
                "or LOGIN) over an encrypted connection."
            ),
            _("On Exchange, enable basic authentication over TLS on the receive connector."),
        ),
    ),
    Entry(
        id="auth.oauth-only",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server wants a token instead of a password"),
        cause=_(
            "The server takes logins with an OAuth2 token only; no password will work, not "
            "even a right one."
        ),
        remedy=(
            _("Set the account to OAuth2."),
            _("Or send through another server that takes a password."),
        ),
    ),
    Entry(
        id="auth.needs-tls",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server wants encryption before the login"),
        cause=_("The server allows a login only after the connection is encrypted."),
        remedy=(
            _(
                "Set the security to STARTTLS (usually port 587) or TLS on connect (usually port "
                "465)."
            ),
        ),
    ),
    Entry(
        id="auth.mechanism-504",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server does not accept this login method"),
        cause=_("The server does not accept the login method {mechanism}."),
        remedy=(
            _("Set the login method of the account to automatic."),
            _("Otherwise choose one of the methods that the server offers: {mechanisms}."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="auth.503-not-advertised",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The server did not expect a login here"),
        cause=_(
            "The server refused the login command because it offers no login at this point, "
            "often because the connection is not encrypted yet."
        ),
        remedy=(
            _(
                "Set the security to STARTTLS (usually port 587) or TLS on connect (usually port "
                "465)."
            ),
            _("Ask whoever runs the server whether logins are switched on for this port."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="auth.temporary",
        stage=Stage.AUTH,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.PROVIDER,
        title=_("The server cannot check logins right now"),
        cause=_(
            "The server has a problem with its own login service; this does not mean that "
            "the password is wrong."
        ),
        remedy=(
            _("Test again in a few minutes, without changing the password."),
            _("If it lasts, ask whoever runs the server."),
        ),
    ),
    Entry(
        id="auth.dropped",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server hung up during the login"),
        cause=_(
            "The server closed the connection instead of answering the login: too many "
            "failed logins, a blocked address, or a crash."
        ),
        remedy=(
            _("Wait at least some minutes before the next test, so that a ban can end."),
            _("Ask whoever runs the server whether the address of the testing machine is blocked."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="auth.password-transition",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The mailbox must log in once in another way"),
        cause=_(
            "The server has to convert the stored password and needs one login with a plain "
            "method over an encrypted connection."
        ),
        remedy=(
            _(
                "Set the login method of the account to PLAIN and log in once, with STARTTLS or "
                "TLS on connect."
            ),
            _("Then set the login method back to automatic."),
        ),
    ),
    Entry(
        id="auth.too-weak",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The login method is too weak for this mailbox"),
        cause=_("The server demands a stronger login method for {user} than {mechanism}."),
        remedy=(
            _("Set the login method of the account to automatic, or choose a stronger one."),
            _("Use OAuth2 if the provider offers it."),
        ),
    ),
    Entry(
        id="auth.line-too-long",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The login data is too long for the server"),
        cause=_("The token or password is longer than the server reads."),
        remedy=(
            _("Request a token with fewer permissions, which makes it shorter."),
            _("Ask whoever runs the server to raise the limit."),
        ),
    ),
    Entry(
        id="auth.nonascii",
        stage=Stage.AUTH,
        outcome=Outcome.WARNING,
        owner=Owner.SETTINGS,
        title=_("User name or password has special characters"),
        cause=_(
            "User name or password holds characters outside ASCII, such as umlauts, which "
            "many mail programs cannot send."
        ),
        remedy=(
            _("If the login works, be ready for other programs to fail with it."),
            _("Choose a password of letters, digits and common signs to be safe."),
        ),
    ),
    Entry(
        id="auth.offered-in-clear",
        stage=Stage.AUTH,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("Logins are offered without encryption"),
        cause=_(
            "The server offers login methods that show the password ({mechanisms}) before the "
            "connection is encrypted, so a mail program that is set up carelessly sends it where "
            "others can read it."
        ),
        remedy=(
            _("Ask whoever runs the server to offer logins only after encryption has started."),
            _("Use STARTTLS or TLS on connect for this account; then its password is protected."),
        ),
    ),
    Entry(
        id="auth.scram-rounds-low",
        stage=Stage.AUTH,
        outcome=Outcome.WARNING,
        owner=Owner.PROVIDER,
        title=_("The server computes too little to protect passwords"),
        cause=_(
            "In the login method {mechanism} the server uses fewer rounds than the 4,096 that the "
            "standard asks for, so whoever steals its password file guesses passwords faster."
        ),
        remedy=(_("Ask whoever runs the server to set a usual number of rounds, such as 10,000."),),
    ),
    Entry(
        id="auth.disabled-account",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The mailbox is blocked or not active"),
        cause=_(
            "The provider does not let {user} log in or send: the mailbox is blocked, suspended "
            "or not activated yet."
        ),
        remedy=(
            _(
                "Log in to the provider's web site and follow its steps to unblock or activate "
                "the mailbox."
            ),
            _(
                "Change the password there if the block came after abuse, then save the new one "
                "here."
            ),
        ),
    ),
    Entry(
        id="auth.lockout-risk",
        stage=Stage.AUTH,
        outcome=Outcome.WARNING,
        owner=Owner.SETTINGS,
        title=_("More tries may lock the mailbox"),
        cause=_(
            "The server has refused this password several times (count: {count}); further "
            "tries may lock the mailbox."
        ),
        remedy=(
            _("Do not test again before the password or the provider's settings have changed."),
        ),
    ),
    Entry(
        id="auth.xoauth-334-json",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The access token is expired or lacks a permission"),
        cause=_("The server refused the OAuth2 token and explains it so: {detail}."),
        remedy=(
            _("Request a fresh token."),
            _(
                "Make sure that the token has the permission to send mail through SMTP and belongs "
                "to {user}."
            ),
        ),
    ),
    Entry(
        id="auth.challenge-loop",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The login never comes to an end"),
        cause=_(
            "The server kept asking for more and never decided on the login, so the test stopped."
        ),
        remedy=(
            _("Report it to whoever runs the server."),
            _("Try another login method."),
        ),
    ),
    Entry(
        id="auth.bad-challenge",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server's login question is malformed"),
        cause=_(
            "The server asked for something in the login ({mechanism}) that is not allowed "
            "there, so the test stopped."
        ),
        remedy=(
            _("Try another login method."),
            _("Report it to whoever runs the server."),
        ),
    ),
    Entry(
        id="auth.server-proof",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server could not prove that it knows the password"),
        cause=_(
            "In this login method ({mechanism}) the server must prove that it knows the "
            "password too, and it did not: it may not be the real server. No mail was sent."
        ),
        remedy=(
            _("Check that the server name is right."),
            _("Report it to whoever runs the server, and do not log in until it is explained."),
        ),
    ),
    Entry(
        id="auth.scram-rounds",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("The server's login demands are out of bounds"),
        cause=_(
            "The server asks for an unreasonable amount of computing in the login, or for "
            "too little to be safe (rounds: {count})."
        ),
        remedy=(
            _("Ask whoever runs the server to set a usual number of rounds, such as 10,000."),
            _("Or choose another login method for the account."),
        ),
    ),
    Entry(
        id="auth.password-expired",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The password has expired"),
        cause=_("The server says that the password of {user} has expired."),
        remedy=(
            _("Set a new password at the provider."),
            _("Save the new password here, then test again."),
        ),
    ),
    Entry(
        id="auth.too-many",
        stage=Stage.AUTH,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("Too many logins for now"),
        cause=_(
            "The server has seen too many logins or failed logins lately and takes no more for "
            "now; this login was not judged."
        ),
        remedy=(
            _("Wait at least half an hour, then test once."),
            _("Look for a program that keeps logging in with an old password."),
        ),
    ),
    Entry(
        id="auth.app-password",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The provider wants an app password"),
        cause=_("The provider does not take the normal password of {user} from mail programs."),
        remedy=(
            _("Create an app password in the security settings of the mailbox."),
            _("Save it here, without the blanks between its groups."),
        ),
    ),
    Entry(
        id="auth.mechanism-not-offered",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The chosen login method is not offered"),
        cause=_(
            "The account asks for the login method {mechanism}, but the server offers: "
            "{mechanisms}."
        ),
        remedy=(
            _("Set the login method of the account to automatic, or choose one of those offered."),
            _(
                "If it is EXTERNAL, check the client certificate: servers offer that method only "
                "to a program whose certificate they accept."
            ),
        ),
    ),
    Entry(
        id="auth.external-refused",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The client certificate does not log in"),
        cause=_(
            "The login by client certificate (EXTERNAL) was refused: the server took the "
            "certificate of the account but knows no mailbox that belongs to it, or that mailbox "
            "may not send."
        ),
        remedy=(
            _("Check that the client certificate is the one for this mailbox."),
            _("Ask whoever runs the server to which mailbox the certificate belongs."),
        ),
        confidence=Confidence.PROBABLE,
    ),
)
