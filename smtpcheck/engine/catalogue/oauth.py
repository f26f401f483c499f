"""Diagnoses of access tokens and the services that issue them."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Needs, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="oauth.endpoint",
        stage=Stage.OAUTH,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.NETWORK,
        title=_("The token service cannot be reached"),
        cause=_(
            "The service that issues access tokens could not be reached from the testing "
            "machine, so the mail server was not tested."
        ),
        remedy=(
            _(
                "Let the firewall or proxy allow HTTPS from the testing machine to the token "
                "address of the account."
            ),
            _("Test again."),
        ),
        needs=Needs.OAUTH,
    ),
    Entry(
        id="oauth.invalid-grant",
        stage=Stage.OAUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The permission to send has ended"),
        cause=_(
            "The provider no longer honours the permission given for {user}: it was "
            "withdrawn, it expired, or the password was changed."
        ),
        remedy=(_("Authorise the account again."),),
        needs=Needs.OAUTH,
    ),
    Entry(
        id="oauth.test-mode-expiry",
        stage=Stage.OAUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The Google project is still in test mode"),
        cause=_(
            "Permissions given to a Google project in test mode end after seven days, and "
            "this one has ended."
        ),
        remedy=(
            _("Publish the application in the Google Cloud console, or use a service account."),
            _("Then authorise the account again."),
        ),
        confidence=Confidence.PROBABLE,
        needs=Needs.OAUTH,
    ),
    Entry(
        id="oauth.invalid-client",
        stage=Stage.OAUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The client secret is wrong or has expired"),
        cause=_("The provider does not accept the client id and secret of the application."),
        remedy=(
            _("Create a new client secret at the provider and save it here."),
            _("Note its end date, so that it is renewed in time."),
        ),
        needs=Needs.OAUTH,
    ),
    Entry(
        id="oauth.scope",
        stage=Stage.OAUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("The token lacks the permission to send mail"),
        cause=_(
            "The access token was issued for another service or without the permission to "
            "send mail."
        ),
        remedy=(
            _("For Microsoft, request the permission SMTP.Send of outlook.office.com."),
            _("For Google, request the scope of mail.google.com."),
            _("Then authorise the account again."),
        ),
        needs=Needs.OAUTH,
    ),
    Entry(
        id="oauth.consent",
        stage=Stage.OAUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("An administrator must approve the application"),
        cause=_(
            "The organisation of {user} has not approved the application that asks for the token."
        ),
        remedy=(
            _("Ask an administrator of the organisation to grant consent to the application."),
        ),
        needs=Needs.OAUTH,
    ),
)
