"""Diagnoses of what is wrong with the settings themselves, before a packet is sent."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="config.host-is-url",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The server field is not a host name"),
        cause=_(
            "The server field holds a web address or other extra text, so there is no name "
            "to look up."
        ),
        remedy=(
            _(
                "Enter only the name of the server, such as smtp.example.com, without http://, "
                "smtp://, slashes or blanks."
            ),
            _("Put port, security, user name and password into their own fields."),
        ),
    ),
    Entry(
        id="config.label-invalid",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The server name is malformed"),
        cause=_(
            "No server can have this name: it has two dots in a row, a dot at the start, an "
            "over-long part or a character that is not allowed."
        ),
        remedy=(
            _("Correct the spelling of the server name."),
            _("Compare it with the name in the instructions of your mail provider."),
        ),
    ),
    Entry(
        id="config.port-range",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The port number does not exist"),
        cause=_("The port {port} does not exist; ports run from 1 to 65535."),
        remedy=(
            _(
                "Use 587 with STARTTLS or 465 with TLS on connect, unless your provider names "
                "another port."
            ),
        ),
    ),
    Entry(
        id="config.source-address-invalid",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.TESTER,
        title=_("The source address cannot be used"),
        cause=_(
            "The source address that tests should use is not an IP address, or not one of the IP "
            "version that was asked for, so nothing was tested."
        ),
        remedy=(
            _(
                "Enter one IPv4 or IPv6 address of the testing machine as the source address, or "
                "none."
            ),
        ),
    ),
    Entry(
        id="config.port-security-conflict",
        stage=Stage.CONFIG,
        outcome=Outcome.WARNING,
        owner=Owner.SETTINGS,
        title=_("Port and security rarely go together"),
        cause=_(
            'Port {port} is rarely used with the security setting "{security}", so the '
            "connection may stall or fail when encryption starts."
        ),
        remedy=(
            _(
                "If the test fails, use one of the usual pairs: 465 with TLS on connect, or 587 "
                "with STARTTLS."
            ),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="config.secret-whitespace",
        stage=Stage.CONFIG,
        outcome=Outcome.WARNING,
        owner=Owner.SETTINGS,
        title=_("The password holds blanks or invisible characters"),
        cause=_(
            "The password begins or ends with a blank or another invisible character, or has one "
            "inside, as often happens when it is copied and pasted."
        ),
        remedy=(
            _("If the login fails, type the password again without the blanks and save it."),
            _(
                "Leave out the gaps of an app password that the provider shows in groups of "
                "letters."
            ),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="config.secret-destination-changed",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The saved password belongs to another server"),
        cause=_(
            "The password was saved for another server, port, security setting or user, so "
            "it was not sent to this one."
        ),
        remedy=(
            _("Type the password again and save it together with the new settings."),
            _("Or restore the settings that the password was saved with."),
        ),
    ),
    Entry(
        id="config.destination-forbidden",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("Tests to this address are not allowed"),
        cause=_(
            "The rules of this installation do not allow connections to the address of this "
            "server, as is usual for private and internal networks."
        ),
        remedy=(
            _("Check the server name for a typing error."),
            _(
                "Ask an administrator to allow this network, or run the test on a machine inside "
                "it."
            ),
        ),
    ),
    Entry(
        id="config.cleartext-secret",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The password would travel unprotected"),
        cause=_(
            "Without a verified encrypted connection everybody on the way could read the "
            "password, so it was not sent."
        ),
        remedy=(
            _(
                "Set the security to STARTTLS (usually port 587) or TLS on connect (usually port "
                "465)."
            ),
            _("If the server offers no encryption, ask whoever runs it to add it."),
            _(
                "For a server in your own network, an administrator can allow unprotected logins "
                "to that network alone."
            ),
        ),
    ),
    Entry(
        id="config.uri-invalid",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The SMTP URI cannot be read"),
        cause=_("This part of the SMTP URI is malformed or unknown here: {part}."),
        remedy=(
            _(
                "Write smtps://user:password@host:465, or smtp://user:password@host:587 with "
                "?starttls=always at the end."
            ),
            _(
                "Encode special characters in user name and password: write @ as %40, : as %3A and "
                "/ as %2F."
            ),
        ),
    ),
    Entry(
        id="config.scheme",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The SMTP URI does not begin with smtp:// or smtps://"),
        cause=_("Only an address that begins with smtp:// or smtps:// names an SMTP server."),
        remedy=(
            _("Use smtps:// for TLS on connect (usually port 465)."),
            _(
                "Use smtp:// for a connection that switches to encryption with STARTTLS (usually "
                "port 587)."
            ),
        ),
    ),
    Entry(
        id="config.sender-missing",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("No sender address is set"),
        cause=_(
            "The test mail needs a From address, and neither the request nor the account gives one."
        ),
        remedy=(
            _(
                "Enter the From address that your application will use; a test with another one "
                "would prove little."
            ),
        ),
    ),
    Entry(
        id="config.sender-invalid",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The sender is not a valid mail address"),
        cause=_("The From address is not one complete mail address."),
        remedy=(
            _("Enter a single address such as name@example.com."),
            _("Write a display name, if you want one, in the form Name <name@example.com>."),
        ),
    ),
    Entry(
        id="config.recipient-invalid",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The test recipient is not a valid mail address"),
        cause=_("The test recipient is not one complete mail address."),
        remedy=(
            _(
                "Enter a single address such as name@example.com, or leave the field empty to use "
                "the default test recipient."
            ),
        ),
    ),
    Entry(
        id="config.control-character",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("A value holds a line break or an invisible character"),
        cause=_(
            'The value of the field "{field}" holds a line break or another control '
            "character, which could slip extra commands to the server."
        ),
        remedy=(_("Type the value again instead of pasting it."),),
    ),
    Entry(
        id="config.secret-not-found",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("No saved password fits"),
        cause=_(
            "No saved account with a password matches this server, port and user, so nothing "
            "was sent."
        ),
        remedy=(
            _("Compare server, port, security and user name with the saved account."),
            _(
                "Save the password with the account, or give the password with the request and "
                "leave UseStoredPassword off."
            ),
        ),
    ),
    Entry(
        id="config.secret-unreadable",
        stage=Stage.CONFIG,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("The saved password cannot be opened"),
        cause=_(
            "The password is stored encrypted, and the key that opens it (key id {key_id}) "
            "is not loaded; this says nothing about the account itself."
        ),
        remedy=(
            _("Load the key with this id on the testing machine and test again."),
            _("If the key is lost for good, type the password again and save it."),
        ),
    ),
    Entry(
        id="config.account-ambiguous",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("Several saved accounts match"),
        cause=_(
            "More than one saved account matches this server and user, so it is not clear "
            "whose password to use."
        ),
        remedy=(
            _("Add the user name if it is missing."),
            _("Test the account you mean by its own name, or delete the duplicates."),
        ),
    ),
    Entry(
        id="config.port-forbidden",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("Tests to this port are not allowed"),
        cause=_("The rules of this installation do not allow connections to port {port}."),
        remedy=(
            _("Use one of the usual mail ports: 587, 465, 25 or 2525."),
            _("If the server really listens on this port, ask an administrator to allow it."),
        ),
    ),
    Entry(
        id="config.proxy-unknown",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.TESTER,
        title=_("The proxy is not configured"),
        cause=_(
            "The test should go through the proxy {proxy}, but the settings of this program name "
            "none of that name, so nothing was sent."
        ),
        remedy=(
            _("Choose another proxy for the account, or none."),
            _("Or let an administrator add the proxy to the setting SMTPCHECK_PROXIES."),
        ),
    ),
    Entry(
        id="config.secret-missing",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The password is missing"),
        cause=_("A user name is set, but there is no password or token to log in with."),
        remedy=(
            _("Type the password and save it."),
            _("Remove the user name if the server needs no login."),
        ),
    ),
    Entry(
        id="config.ca-invalid",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The CA bundle cannot be read"),
        cause=_("The CA bundle of the account holds no certificate in PEM form."),
        remedy=(
            _(
                "Paste the certificate of the authority, from the line BEGIN CERTIFICATE to the "
                "line END CERTIFICATE."
            ),
            _("Empty the field to trust the authorities that the system trusts."),
        ),
    ),
    Entry(
        id="config.client-cert-invalid",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The client certificate cannot be used"),
        cause=_(
            "The client certificate or its key cannot be read, or the two do not belong together."
        ),
        remedy=(
            _("Provide the certificate and its own private key, both in PEM form."),
            _("Remove both if the server does not ask for a client certificate."),
        ),
    ),
    Entry(
        id="config.pin-invalid",
        stage=Stage.CONFIG,
        outcome=Outcome.REFUSED,
        owner=Owner.SETTINGS,
        title=_("The pinned fingerprint cannot be read"),
        cause=_(
            "The pinned fingerprint is not a SHA-256 fingerprint, which has 64 characters "
            "from 0 to 9 and A to F."
        ),
        remedy=(
            _("Copy the SHA-256 fingerprint of the server's certificate again."),
            _("Empty the field to let the certificate authorities decide."),
        ),
    ),
)
