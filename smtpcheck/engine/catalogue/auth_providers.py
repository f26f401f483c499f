"""Diagnoses of logins at well-known providers, each known by its own words."""

from __future__ import annotations

from smtpcheck.engine.catalogue.entry import Confidence, Entry, Outcome
from smtpcheck.engine.catalogue.entry import gettext_noop as _
from smtpcheck.engine.stages import Owner, Stage

_MICROSOFT_SMTP_LOGIN = "https://learn.microsoft.com/en-us/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission"
_GOOGLE_APP_PASSWORDS = "https://support.google.com/accounts/answer/185833"

ENTRIES: tuple[Entry, ...] = (
    Entry(
        id="auth.ms365-tenant",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("SMTP login is off for the whole organisation"),
        cause=_(
            "Your Microsoft 365 organisation has switched off logins through SMTP, so the "
            "password could not even be judged."
        ),
        remedy=(
            _(
                "Ask an Exchange administrator to enable authenticated SMTP for this mailbox; the "
                "setting of the mailbox wins over that of the organisation."
            ),
            _("Or send through a connector or another relay."),
        ),
        help_url=_MICROSOFT_SMTP_LOGIN,
    ),
    Entry(
        id="auth.ms365-mailbox",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("SMTP login is off for this mailbox"),
        cause=_(
            "Microsoft has switched off logins through SMTP for the mailbox {user}; the "
            "password may be right."
        ),
        remedy=(
            _(
                'In the Microsoft 365 admin center, open the user, then Mail, then "Manage email '
                'apps", and tick "Authenticated SMTP".'
            ),
            _("For a private Outlook.com mailbox, allow POP and IMAP access in its web settings."),
            _("Wait some minutes, then test again."),
        ),
        help_url=_MICROSOFT_SMTP_LOGIN,
    ),
    Entry(
        id="auth.ms365-basic-off",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Microsoft takes no passwords here any more"),
        cause=_(
            "Microsoft accepts only OAuth2 tokens for this mailbox; no password works, and "
            "neither does an app password."
        ),
        remedy=(
            _("Set the account to OAuth2."),
            _("Or send through a connector, Azure Communication Services or another relay."),
        ),
        help_url="https://learn.microsoft.com/en-us/exchange/clients-and-mobile-in-exchange-online/deprecation-of-basic-authentication-exchange-online",
    ),
    Entry(
        id="auth.ms365-security-defaults",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Security defaults forbid the login"),
        cause=_(
            "The security defaults of your Microsoft 365 organisation block logins with a "
            "password through SMTP."
        ),
        remedy=(
            _("Set the account to OAuth2."),
            _(
                "Or ask an administrator to replace the security defaults by conditional access "
                "rules with an exception for this mailbox."
            ),
        ),
        help_url="https://learn.microsoft.com/en-us/entra/fundamentals/security-defaults",
    ),
    Entry(
        id="auth.ms365-conditional-access",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.PROVIDER,
        title=_("A conditional access rule blocks the login"),
        cause=_(
            "A rule of your Microsoft 365 organisation about place, device or second factor "
            "blocks this login; the password may be right."
        ),
        remedy=(
            _(
                "Ask an administrator to look up the blocked sign-in in the sign-in log of "
                "Microsoft Entra, which names the rule."
            ),
            _("Have the sending address exempted from that rule, or set the account to OAuth2."),
        ),
        confidence=Confidence.PROBABLE,
        help_url="https://learn.microsoft.com/en-us/entra/identity/conditional-access/overview",
    ),
    Entry(
        id="auth.ms365-wrong",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Microsoft refuses user name or password"),
        cause=_(
            "Microsoft 365 says that the login data of {user} is wrong: another password, or "
            "a user name that is not the sign-in name."
        ),
        remedy=(
            _("Sign in with the same user name and password at outlook.office.com."),
            _("Use the sign-in name of the user, which may differ from the mail address."),
            _("Save the right password here, then test once."),
        ),
        confidence=Confidence.PROBABLE,
        help_url=_MICROSOFT_SMTP_LOGIN,
    ),
    Entry(
        id="auth.ms365-token-refused",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Microsoft refuses the token"),
        cause=_("Microsoft 365 does not accept the OAuth2 token for the mailbox {user}."),
        remedy=(
            _("Check that the token is for outlook.office.com and has the permission SMTP.Send."),
            _(
                "Check that the user name is the address of the mailbox that the token may send "
                "from."
            ),
            _(
                "For an application without a user, check that it is registered in Exchange Online "
                "and has access to this mailbox."
            ),
            _("Check that authenticated SMTP is enabled for the mailbox."),
        ),
        confidence=Confidence.PROBABLE,
        help_url="https://learn.microsoft.com/en-us/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth",
    ),
    Entry(
        id="auth.gmail-app-password",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Google wants an app password"),
        cause=_(
            "Two-step verification is on for {user}, so Google does not take the normal "
            "password from mail programs."
        ),
        remedy=(
            _(
                "Create an app password in the security settings of the Google account, and save "
                "it here without blanks."
            ),
            _("Or set the account to OAuth2."),
        ),
        help_url=_GOOGLE_APP_PASSWORDS,
    ),
    Entry(
        id="auth.gmail-invalid",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Google refuses user name or password"),
        cause=_(
            "Google does not accept the login of {user}; for mail programs it usually takes "
            "only app passwords, never the normal one."
        ),
        remedy=(
            _(
                "Turn on two-step verification, create a new app password and save it here without "
                "blanks."
            ),
            _("Use the full mail address as user name."),
            _(
                "In Google Workspace, ask the administrator whether mail programs may log in with "
                "a password."
            ),
        ),
        confidence=Confidence.PROBABLE,
        help_url=_GOOGLE_APP_PASSWORDS,
    ),
    Entry(
        id="auth.gmail-web-login",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Google wants the login confirmed in a browser"),
        cause=_("Google finds the login of {user} suspicious and wants it confirmed."),
        remedy=(
            _("Sign in to this Google account in a browser and confirm the security question."),
            _("Use an app password or OAuth2, then test again."),
        ),
        confidence=Confidence.PROBABLE,
        help_url=_GOOGLE_APP_PASSWORDS,
    ),
    Entry(
        id="auth.gmail-too-many",
        stage=Stage.AUTH,
        outcome=Outcome.INCONCLUSIVE,
        owner=Owner.TESTER,
        title=_("Google has seen too many logins"),
        cause=_(
            "Google has seen too many logins of this mailbox in a short time and refuses "
            "more for now."
        ),
        remedy=(
            _("Wait at least an hour, then test again."),
            _("Test less often, and send over fewer connections at a time."),
        ),
        help_url="https://support.google.com/a/answer/3726730",
    ),
    Entry(
        id="auth.yahoo",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Yahoo or AOL wants an app password"),
        cause=_(
            "Yahoo and AOL refuse the normal password of {user} in mail programs, and they "
            "count the tries."
        ),
        remedy=(
            _("Create an app password in the account security settings and save it here."),
            _("Wait some minutes, then test once."),
        ),
        confidence=Confidence.PROBABLE,
        help_url="https://help.yahoo.com/kb/SLN15241.html",
    ),
    Entry(
        id="auth.icloud",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("iCloud wants an app-specific password"),
        cause=_(
            "Apple refuses the login of {user}; iCloud takes only app-specific passwords from "
            "mail programs."
        ),
        remedy=(
            _("Create an app-specific password at account.apple.com and save it here."),
            _("Use the full iCloud address as user name."),
        ),
        confidence=Confidence.PROBABLE,
        help_url="https://support.apple.com/en-us/102654",
    ),
    Entry(
        id="auth.mailru",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Mail.ru wants an app password"),
        cause=_("Mail.ru does not take the normal password of {user} from mail programs."),
        remedy=(
            _(
                "Create a password for external applications in the security settings of Mail.ru "
                "and save it here."
            ),
        ),
        help_url="https://help.mail.ru/mail/security/protection/external/",
    ),
    Entry(
        id="auth.qq",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("QQ Mail wants its authorization code"),
        cause=_(
            "QQ Mail takes an authorization code from mail programs, not the password of the "
            "account."
        ),
        remedy=(
            _("Switch on SMTP in the web settings of QQ Mail."),
            _("Save the authorization code that it shows as the password here."),
        ),
    ),
    Entry(
        id="auth.netease",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("NetEase wants its authorization code"),
        cause=_(
            "NetEase (163, 126, yeah.net) refuses the login of {user}: it takes an authorization "
            "code from mail programs, and only after SMTP was switched on."
        ),
        remedy=(
            _("Switch on SMTP in the web settings of the mailbox."),
            _("Save the authorization code that it shows as the password here."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="auth.brevo-ip",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Brevo does not allow this sending address"),
        cause=_(
            "Brevo knows the login, but the IP address of the testing machine is not on its "
            "list of allowed addresses."
        ),
        remedy=(
            _(
                "Add the addresses of the testing machine and of your application to the "
                "authorised IPs in the security settings of Brevo."
            ),
        ),
        help_url="https://help.brevo.com/hc/en-us/articles/5740111683858",
    ),
    Entry(
        id="auth.ses",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("These are not Amazon SES SMTP credentials"),
        cause=_(
            "Amazon SES refuses the login: an AWS access key is not an SMTP password, and "
            "SMTP credentials are valid in one region only."
        ),
        remedy=(
            _("Create SMTP credentials in the SES console, in the same region as the server name."),
            _("Save user name and password exactly as shown there."),
        ),
        help_url="https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",
    ),
    Entry(
        id="auth.sendgrid",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("SendGrid refuses the login"),
        cause=_(
            'SendGrid wants the word "apikey" as user name and an API key as password, and '
            "it refuses logins when the credits of the plan are used up."
        ),
        remedy=(
            _("Enter the word apikey as user name and the API key as password."),
            _(
                "If the server's answer speaks of credits, raise the plan or wait for the next "
                "period."
            ),
        ),
        help_url="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/getting-started-smtp",
    ),
    Entry(
        id="auth.gmx",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Mail programs are not allowed for this mailbox"),
        cause=_(
            "GMX and WEB.DE refuse mail programs until the access is switched on in the "
            "mailbox, so the password may be right."
        ),
        remedy=(
            _(
                "Log in to the mailbox in a browser, and allow access through POP3 and IMAP in its "
                "settings; this covers SMTP too."
            ),
            _("If two-factor login is on, create an app password and save it here."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="auth.yandex",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Yandex does not allow mail programs for this mailbox"),
        cause=_(
            "Yandex refuses the login of {user} because mail programs are not switched on "
            "for the mailbox, or because it wants an app password."
        ),
        remedy=(
            _("Switch on access by mail programs in the settings of Yandex Mail."),
            _("Create an app password for mail and save it here."),
        ),
        confidence=Confidence.PROBABLE,
    ),
    Entry(
        id="auth.zoho-region",
        stage=Stage.AUTH,
        outcome=Outcome.FAILS,
        owner=Owner.SETTINGS,
        title=_("Zoho refuses the login"),
        cause=_(
            "Zoho refuses the login of {user}: the mailbox may live in another Zoho region "
            "than this server, or it wants an app password."
        ),
        remedy=(
            _(
                "Use the server of your region, such as smtp.zoho.eu or smtp.zoho.in; it has the "
                "same ending as the address of your Zoho web login."
            ),
            _("If two-factor login is on, create an app password and save it here."),
        ),
        confidence=Confidence.PROBABLE,
        help_url="https://www.zoho.com/mail/help/zoho-smtp.html",
    ),
)
