"""The situations that an answer of a server, or what it offers, can show: one table for two tests.

Each row names a diagnosis of the catalogue, the stage, several wordings of which every one must
lead to it, and the settings of the account. ``tests/engine/diagnosis/test_situations.py`` judges
all of them as evidence; ``tests/engine/test_situations.py`` plays the first wording of each over a
real socket.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtpcheck.engine.stages import Stage

GREETING, EHLO, AUTH = Stage.GREETING, Stage.EHLO, Stage.AUTH
MAIL, RCPT, DATA, CONTENT = Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT

ONE_BY_ONE = ("8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 1048576", "AUTH PLAIN LOGIN")


@dataclass(frozen=True)
class Situation:
    """What is said at a stage, of whom, and what comes of it.

    ``mechanism`` "" is automatic, ``user`` "" does not log in, ``port`` only holds where no socket
    is needed (the peers' ports are what the system gives them). ``verdict`` "" is the catalogue's.
    """

    id: str
    stage: Stage
    said: tuple[str, ...]
    host: str = "mx.example.org"
    user: str = "ann@sandbox.example"
    mechanism: str = ""
    greeting: str = "220 peer ESMTP"
    capabilities: tuple[str, ...] = ONE_BY_ONE
    port: int = 0
    verdict: str = ""

    def __str__(self) -> str:
        return f"{self.id} at {self.stage.value}"


def _row(id_: str, stage: Stage, *said: str, **settings: str | int) -> Situation:
    return Situation(id_, stage, said, **settings)  # type: ignore[arg-type]


OUTLOOK, OFFICE, GMAIL = "smtp-mail.outlook.com", "smtp.office365.com", "smtp.gmail.com"
RELAY, SES = "smtp-relay.gmail.com", "email-smtp.eu-central-1.amazonaws.com"
YAHOO, ICLOUD, ZOHO = "smtp.mail.yahoo.com", "smtp.mail.me.com", "smtp.zoho.eu"
SENDGRID, BREVO, QQ = "smtp.sendgrid.net", "smtp-relay.brevo.com", "smtp.qq.com"
NETEASE, YANDEX, MAILRU = "smtp.163.com", "smtp.yandex.com", "smtp.mail.ru"

GREETINGS = (
    _row("greet.521", GREETING, "521 no mail here", "521-mx\n521 mx.example.org does not accept"),
    _row(
        "greet.554",
        GREETING,
        "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.example",
        "554 No SMTP service here",
        "550 5.7.1 Your IP 192.0.2.9 is on our blacklist",
        "571 Client host rejected for poor reputation",
    ),
    _row(
        "greet.421-too-many",
        GREETING,
        "421 4.7.0 mx Error: too many connections from 192.0.2.9",
        "421 Connection rate exceeded, slow down",
        "451 4.7.1 Rate limit reached",
        "554 Too many concurrent connections",
        verdict="inconclusive",
    ),
    _row("greet.421-too-many", EHLO, "421 4.7.0 too many connections", "450 4.7.1 rate-limited"),
    _row(
        "greet.421-ses",
        GREETING,
        "421 Too many concurrent SMTP connections",
        "421 4.7.0 Too many connections, please slow down",
        host=SES,
    ),
    _row("greet.421-ses", GREETING, "421 Too many concurrent SMTP connections; please try again"),
    _row(
        "greet.421-unavailable",
        GREETING,
        "421 4.3.2 Service not available, closing transmission channel",
        "421 going down",
        "450 4.3.2 System not accepting network messages",
    ),
)

HELLOS = (
    _row(
        "ehlo.not-fqdn",
        EHLO,
        "504 5.5.2 <box>: Helo command rejected: need fully-qualified hostname",
        "504 bad name",
        "550 5.7.1 EHLO argument must be a FQDN",
        "450 4.7.1 need a fully qualified name",
    ),
    _row(
        "ehlo.rejected",
        EHLO,
        "550 5.7.1 you are not me",
        "554 5.7.1 <x>: Helo command rejected: Access denied",
        "450 4.7.1 <x>: Helo command rejected: Host not found",
    ),
    _row(
        "ehlo.google-relay-name",
        EHLO,
        "421-4.7.0 Try again later, closing connection. (EHLO)\n421 4.7.0 gsmtp",
        "421 4.7.0 Try again later, closing connection.",
        host=RELAY,
    ),
    *(
        _row(id_, stage, f"421 4.7.1 mx.example.org Error: {said}")
        for stage in (GREETING, EHLO)
        for id_, said in (
            ("tls.client-cert-required", "No client certificate presented"),
            ("tls.client-cert-rejected", "Client certificate not trusted"),
        )
    ),
    _row("ehlo.port-in-name", EHLO, "501 5.5.4 mail.example.org:8080 is not a name"),
    _row(
        "proto.ftp",
        EHLO,
        "530 Please login with USER and PASS.",
        "500 EHLO not understood",
        greeting="220 (vsFTPd 3.0.5)",
    ),
    _row("proto.ftp", EHLO, "530 Please login with USER and PASS", "503 Login with USER first"),
    _row(
        "proto.lmtp",
        EHLO,
        "500 5.5.1 Unknown command",
        "502 not here",
        greeting="220 mx Dovecot LMTP ready",
    ),
    _row("proto.lmtp", EHLO, "500 5.5.1 This is LMTP, use LHLO", "554 LHLO expected"),
    _row(
        "connect.masked-banner",
        EHLO,
        "500 5.5.1 Command unrecognized: XXXX",
        greeting="220 ***************************2**0*",
    ),
)

MICROSOFT = (
    _row(
        "auth.ms365-tenant",
        AUTH,
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
        "Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [AB1.example]",
        "550 5.7.139 SMTP client authentication is disabled for the tenant",
        host=OFFICE,
    ),
    _row(
        "auth.ms365-mailbox",
        AUTH,
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
        "Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.",
        "535-5.7.139 SmtpClientAuthentication is\n535 5.7.139 disabled for the mailbox.",
        host=OUTLOOK,
    ),
    _row(
        "auth.ms365-basic-off",
        AUTH,
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [AB1.example]",
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
        "550 5.7.30 not any more",
        host=OFFICE,
    ),
    _row(
        "auth.ms365-security-defaults",
        AUTH,
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security "
        "defaults policy. Contact your administrator.",
        "535 5.7.139 blocked by security defaults",
        host=OFFICE,
    ),
    _row(
        "auth.ms365-conditional-access",
        AUTH,
        "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be "
        "authenticated successfully. Contact your administrator.",
        "535 5.7.139 Blocked by Conditional Access",
        host=OFFICE,
    ),
    _row(
        "auth.ms365-wrong",
        AUTH,
        "535 5.7.3 Authentication unsuccessful [AB1PR01CA0001.example]",
        "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
        "535 5.7.139 another reason",
        host=OFFICE,
    ),
    _row(
        "auth.ms365-token-refused",
        AUTH,
        "535 5.7.3 Authentication unsuccessful [AB1PR01CA0001.example]",
        "535 5.7.139 Authentication unsuccessful",
        host=OFFICE,
        mechanism="XOAUTH2",
    ),
)

GOOGLE = (
    _row(
        "auth.gmail-app-password",
        AUTH,
        "534-5.7.9 Application-specific password required. For more information, go to\n"
        "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor x1 - gsmtp",
        "534 5.7.9 Application-specific password required",
        "535 5.7.8 see ?p=InvalidSecondFactor",
        host=GMAIL,
    ),
    _row(
        "auth.gmail-invalid",
        AUTH,
        "535-5.7.8 Username and Password not accepted. For more information, go to\n"
        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials x1 - gsmtp",
        "535 5.7.8 no",
        "535 5.7.1 Username and Password not accepted.",
        host=GMAIL,
    ),
    _row(
        "auth.gmail-invalid",
        AUTH,
        "535-5.7.8 Username and Password not accepted. For more information, go to\n"
        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials x1 - gsmtp",
        "535 5.7.8 Username and Password not accepted x1 - gsmtp",
    ),
    _row(
        "auth.gmail-web-login",
        AUTH,
        "534-5.7.14 <https://accounts.google.com/signin/continue?x=1> Please log in via your\n"
        "534-5.7.14 web browser and then try again.\n"
        "534 5.7.14  https://support.google.com/mail/answer/78754 x1 - gsmtp",
        "534-5.7.9 Please log in with your web browser and then try again.\n534 5.7.9 gsmtp",
        "535 5.7.1 https://support.google.com/mail/?p=WebLoginRequired",
        host=GMAIL,
    ),
    _row(
        "auth.gmail-too-many",
        AUTH,
        "454 4.7.0 Too many login attempts, please try again later. x1 - gsmtp",
        "421-4.7.0 Too many login attempts\n421 4.7.0 gsmtp",
        "454 4.7.0 see https://support.google.com/mail/?p=TooManyLoginAttempts",
        host=GMAIL,
    ),
)

OTHER_PROVIDERS = (
    _row(
        "auth.yahoo",
        AUTH,
        "535 5.7.0 (#AUTH005) Too many bad auth attempts.",
        "535 5.7.0 (#MBR1212) Incorrect username or password",
        "535 Authentication failed",
        host=YAHOO,
    ),
    _row("auth.yahoo", AUTH, "535 5.7.0 (#AUTH012) no", "535 5.7.8 no", host="smtp.aol.com"),
    _row("auth.yahoo", AUTH, "535 5.7.0 (#AUTH005) Too many bad auth attempts."),
    _row(
        "auth.icloud",
        AUTH,
        "535 5.7.8 Error: authentication failed: (generic failure)",
        "535 Authentication failed",
        host=ICLOUD,
    ),
    _row(
        "auth.mailru",
        AUTH,
        "535 5.7.0 NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security / "
        "Application password is REQUIRED",
        "535 5.7.0 application password is required",
        host=MAILRU,
    ),
    _row(
        "auth.qq",
        AUTH,
        "535 Login Fail. Please enter your authorization code to login. More information in "
        "https://service.mail.qq.com/",
        "535 Login fail. Account is abnormal, service is not open, password is incorrect, login "
        "frequency limited, or system is busy.",
        "535 Error: 请使用授权码登录",
        host=QQ,
    ),
    _row(
        "auth.netease",
        AUTH,
        "535 Error: authentication failed",
        "550 User has no permission",
        host=NETEASE,
    ),
    _row(
        "auth.brevo-ip",
        AUTH,
        "525 5.7.1 Unauthorized IP address",
        "535 5.7.1 Unauthorised IP address. Authorise it in your account",
        host=BREVO,
    ),
    _row(
        "auth.ses",
        AUTH,
        "535 Authentication Credentials Invalid",
        "535 5.7.8 no",
        host=SES,
    ),
    _row(
        "auth.sendgrid",
        AUTH,
        "535 Authentication failed: Bad username / password",
        "535 Authentication failed: The provided authorization grant is invalid",
        host=SENDGRID,
    ),
    _row(
        "auth.sendgrid",
        AUTH,
        "451 Authentication failed: Maximum credits exceeded",
        "451 4.7.1 maximum credits exceeded for this plan",
        host=SENDGRID,
        verdict="inconclusive",
    ),
    _row("auth.gmx", AUTH, "535 Authentication credentials invalid", "535 no", host="mail.gmx.net"),
    _row("auth.gmx", AUTH, "535 Authentication credentials invalid", host="smtp.web.de"),
    _row(
        "auth.yandex",
        AUTH,
        "535 5.7.8 Error: authentication failed: This user does not have access rights to this "
        "service",
        "535 5.7.8 Error: authentication failed: Application-specific password is required",
        host=YANDEX,
    ),
    _row("auth.zoho-region", AUTH, "535 Authentication Failed", "535 5.7.8 no", host=ZOHO),
)

LOGINS = (
    _row(
        "auth.invalid",
        AUTH,
        "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
        "535 Incorrect authentication data",
        "535 5.7.3 Authentication unsuccessful",
        "535 Authentication credentials invalid",
    ),
    _row(
        "auth.external-refused",
        AUTH,
        "535 Incorrect authentication data",
        "535 5.7.8 Error: authentication failed: no such certificate",
        mechanism="EXTERNAL",
    ),
    _row("auth.needs-tls", AUTH, "538 5.7.11 Encryption required for requested mechanism"),
    _row(
        "auth.temporary",
        AUTH,
        "454 4.7.0 Temporary authentication failure: Connection lost to authentication server",
        "435 Unable to authenticate at present",
        "451 4.3.0 Temporary authentication failure",
        "421 4.3.0 Authentication service is not available",
    ),
    _row(
        "auth.too-many",
        AUTH,
        "454 4.7.0 Too many login attempts, please try again later",
        "421 4.7.0 Too many failed logins from your address",
        "535 5.7.8 Too many authentication failures",
        "550 5.7.1 Account temporarily locked",
    ),
    _row("auth.dropped", AUTH, "421 4.7.0 mx Error: closing connection", "421 bye"),
    _row(
        "auth.password-transition",
        AUTH,
        "432 4.7.12 A password transition is needed",
        "432 Password transition needed",
    ),
    _row(
        "auth.mechanism-504",
        AUTH,
        "504 5.7.4 Unrecognized authentication type",
        "535 5.7.4 Unrecognised authentication mechanism",
        "550 Authentication type not supported",
        mechanism="PLAIN",
    ),
    _row(
        "auth.503-not-advertised",
        AUTH,
        "503 AUTH command used when not advertised",
        "503 5.5.1 Error: authentication not enabled",
        mechanism="PLAIN",
    ),
    _row(
        "auth.line-too-long",
        AUTH,
        "500 5.5.6 Authentication Exchange line is too long",
        "500 Line too long",
        mechanism="PLAIN",
    ),
    _row(
        "auth.password-expired",
        AUTH,
        "535 5.7.8 Your password has expired",
        "534 Expired password",
        "535 5.7.139 Authentication unsuccessful, the user password has expired",
        "550 5.7.13 Password of this user is expired",
    ),
    _row(
        "auth.app-password",
        AUTH,
        "534 5.7.9 Application-specific password required",
        "535 5.7.8 Please use an app password",
        "535 authentication failed: app-password is required",
    ),
    _row(
        "auth.disabled-account",
        AUTH,
        "525 5.7.13 User account disabled",
        "535 5.7.13 no",
        "535 5.7.8 Your account has been suspended",
        "550 5.7.1 The mailbox ann is blocked",
    ),
    _row(
        "auth.too-weak",
        AUTH,
        "534 5.7.9 Authentication mechanism is too weak",
        "534 The mechanism that you chose is too weak",
    ),
    _row("auth.rejected", AUTH, "550 5.7.1 Administrative prohibition", "571 no"),
    _row("auth.deferred", AUTH, "451 4.3.0 internal error", "432 4.3.0 not now"),
)

SENDERS = (
    _row(
        "mail.auth-required",
        MAIL,
        "530 5.7.1 Authentication required",
        "530 5.7.57 Client not authenticated to send mail. [AB1.example]",
        "530-5.5.1 Authentication Required. Learn more at\n530 5.5.1 x1 - gsmtp",
        "550 SMTP AUTH is required for message submission on port 587",
        "554 5.7.1 You must authenticate first",
        user="",
    ),
    _row(
        "mail.auth-required",
        RCPT,
        "550-Please turn on SMTP Authentication in your mail client\n550 relay not permitted",
    ),
    _row(
        "mail.auth-required",
        RCPT,
        "554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied",
        "554 5.7.1 <bob@sandbox.example>: Recipient address rejected: Access denied",
        user="",
        port=587,
    ),
    _row("tls.starttls-required", MAIL, "530 5.7.0 Must issue a STARTTLS command first", user=""),
    _row(
        "mail.not-owned",
        RCPT,
        "553 5.7.1 <ann@sandbox.example>: Sender address rejected: not owned by user bob",
        "553 5.7.1 Sender address rejected: not owned by auth user",
        "550 5.7.1 Sender address is not allowed",
        "501 mail from address must be same as authorization user",
        "550 You are not authorised to send mail as this address",
        "550 The sender does not match the authenticated user",
    ),
    _row("mail.not-owned", RCPT, "553 Sender address: not owned by user ann", user=""),
    _row(
        "mail.not-owned",
        MAIL,
        "553 5.7.1 <x@example.org>: Sender address rejected: not owned by user bob",
    ),
    _row(
        "mail.not-logged-in",
        RCPT,
        "553 5.7.1 <ann@sandbox.example>: Sender address rejected: not logged in",
        "550 5.7.1 Sender ann@sandbox.example is not logged in",
        user="",
    ),
    _row("mail.netease", MAIL, "553 Mail from must equal authorized user", host=NETEASE),
    _row("mail.zoho", MAIL, "553 Relaying disallowed as ann@sandbox.example", host=ZOHO),
    _row(
        "mail.icloud",
        MAIL,
        "550 5.7.0 From address is not one of your addresses.",
        "550 5.7.0 Sender address is not one of your addresses",
        host=ICLOUD,
    ),
    _row(
        "mail.domain-not-found",
        RCPT,
        "450 4.1.8 <a@nowhere.example>: Sender address rejected: Domain not found",
        "550 5.1.8 <a@nowhere.example>: Sender address rejected: Domain not found",
        "553 5.1.8 Domain of sender address a@nowhere.example does not exist",
        "550 Sender domain must resolve",
        "550 5.1.8 no",
        verdict="fails",
    ),
    _row(
        "mail.syntax",
        MAIL,
        "501 5.1.7 Bad sender address syntax",
        "555 5.5.4 Unsupported option: BODY=8BITMIME",
        "504 5.5.2 <root>: Sender address rejected: need fully-qualified address",
        "553 5.1.7 no",
    ),
    _row(
        "mail.size",
        MAIL,
        "552 5.3.4 Message size exceeds fixed limit",
        "552 Message exceeds maximum fixed size",
        "552-5.2.3 Your message exceeded Google's message size limits\n552 5.2.3 gsmtp",
    ),
    _row("mail.size", CONTENT, "552 5.3.4 Message too big", "554 Message is too large"),
    _row(
        "mail.storage",
        MAIL,
        "452 4.3.1 Insufficient system storage",
        "452 out of room",
        "552 5.3.1 Mail system full",
        "451 No space left on device",
        verdict="inconclusive",
    ),
    _row(
        "mail.smtputf8",
        MAIL,
        "553 5.6.7 Address needs SMTPUTF8",
        "550 5.6.7 not here",
    ),
    _row(
        "mail.rate",
        MAIL,
        "451 4.7.1 Rate limit exceeded, try later",
        "421 4.7.0 Too many messages from this account",
        "550 5.7.1 Daily sending limit reached",
        "550 Domain example.org has exceeded the max emails per hour (200/200 (100%)) allowed",
        verdict="inconclusive",
    ),
    _row(
        "mail.spf-refused",
        MAIL,
        "550 5.7.23 SPF validation failed",
        "550 5.7.1 Message rejected: SPF fail - not authorized, see http://www.openspf.org/",
        "554 5.7.1 <b@example.net>: Recipient address rejected: Please see SPF record",
    ),
    _row(
        "dns.null-mx-sender",
        MAIL,
        "550 5.7.27 Sender address has null MX",
        "550 5.7.1 Sender domain has a null MX",
    ),
)

RECIPIENTS = (
    _row(
        "rcpt.relay-denied",
        RCPT,
        "554 5.7.1 <b@example.net>: Relay access denied",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        "550 relay not permitted",
        "553 Relaying disallowed",
        "550-5.7.1 We do not relay\n550 5.7.1 for strangers",
        "551 5.7.1 not local",
        "550 5.7.54 no",
    ),
    _row(
        "rcpt.relay-denied",
        RCPT,
        "454 4.7.1 <b@example.net>: Relay access denied",
        "450 relaying denied",
        verdict="inconclusive",
    ),
    _row(
        "rcpt.google-relay",
        RCPT,
        "550-5.7.1 Invalid credentials for relay [192.0.2.9]. The IP address you've\n"
        "550 5.7.1 registered doesn't match x1 - gsmtp",
        "550 5.7.0 Mail relay denied [192.0.2.9]",
        host=RELAY,
    ),
    _row(
        "rcpt.greylist",
        RCPT,
        "450 4.2.0 <b@example.net>: Recipient address rejected: Greylisted, see postgrey",
        "451 4.7.1 Greylisting in action, please come back later",
        "451 gray-listed",
        "450 4.7.1 Please try again in 300 seconds",
    ),
    _row(
        "rcpt.unknown",
        RCPT,
        "550 5.1.1 <b@example.net>: Recipient address rejected: User unknown",
        "550 No such user here",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found",
        "553 sorry, that mailbox does not exist",
        "550 5.1.2 <b@x.example>: Recipient address rejected: Domain not found",
        "550-5.1.1 The email account that you tried to reach does not exist.\n550 5.1.1 gsmtp",
    ),
    _row(
        "rcpt.mailbox-full",
        RCPT,
        "452 4.2.2 The email account that you tried to reach is over quota",
        "552 5.2.2 Mailbox full",
        "552 <b@example.net>: mailbox is full",
        verdict="inconclusive",
    ),
    _row(
        "rcpt.too-many",
        RCPT,
        "452 4.5.3 Too many recipients",
        "550 5.5.3 Too many recipients",
        "452 Too many recipients received this hour",
        verdict="inconclusive",
    ),
    _row(
        "rcpt.block-list",
        RCPT,
        "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org; "
        "https://www.spamhaus.org/query/ip/192.0.2.9",
        "550 5.7.1 Your host is listed in bl.spamcop.net",
        "450 4.7.1 192.0.2.9 is on a DNSBL",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.9]",
        verdict="inconclusive",
    ),
    _row(
        "rcpt.no-reverse-dns",
        RCPT,
        "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.9]",
        "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.9]",
        "550-5.7.25 [192.0.2.9] The IP address sending this message does not have a\n"
        "550 5.7.25 PTR record setup",
        "554 5.7.1 No reverse DNS for 192.0.2.9",
        verdict="inconclusive",
    ),
    _row(
        "rcpt.delayed-reject",
        RCPT,
        "554 5.7.1 <ann@sandbox.example>: Sender address rejected: Access denied",
        "550 5.7.1 <ann@sandbox.example>: Sender address rejected: banned",
    ),
    _row(
        "rcpt.delayed-reject",
        RCPT,
        "554 5.7.1 <mx[192.0.2.9]>: Client host rejected: Access denied",
        "450 4.7.1 <ann@sandbox.example>: Sender address rejected: later",
        verdict="inconclusive",
    ),
    _row(
        "ehlo.not-fqdn",
        RCPT,
        "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
        "550 5.7.1 HELO must be fully qualified",
        "450 4.7.1 EHLO name is no FQDN",
    ),
    _row(
        "ehlo.rejected",
        RCPT,
        "550 5.7.1 <x.example>: Helo command rejected: Access denied",
        "450 4.7.1 <x.example>: Helo command rejected: Host not found",
        "550-Access denied - Invalid HELO name (See RFC2821 4.1.1.1)\n550 bye",
        verdict="inconclusive",
    ),
    _row(
        "rcpt.ms-direct-send",
        RCPT,
        "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from "
        "unauthorized sources",
        "550 5.7.1 Direct Send is not allowed",
    ),
    _row(
        "rcpt.ms-tenant-attribution",
        RCPT,
        "550 5.7.64 TenantAttribution; Relay Access Denied [AB1.example]",
        "550 5.7.64 no",
    ),
    _row(
        "rcpt.mailgun-sandbox",
        RCPT,
        "421 Free accounts are for test purposes only. Please upgrade or add the address",
        "550 5.7.1 Free accounts are for test purposes only.",
        verdict="fails",
        host="smtp.mailgun.org",
    ),
    _row(
        "rcpt.sender-verify",
        RCPT,
        "550-Verification failed for <ann@sandbox.example>\n550-No Such User Here\n"
        "550 Sender verify failed",
        "550 5.1.7 <a@b.example>: Sender address rejected: undeliverable address: host said no",
    ),
    _row(
        "rcpt.sender-verify",
        RCPT,
        "451 Could not complete sender verify callout",
        "450 4.1.7 <a@b.example>: Sender address rejected: unverified address",
        verdict="inconclusive",
    ),
    _row(
        "rcpt.null-mx",
        RCPT,
        "556 5.1.10 Recipient address has null MX",
        "556 nobody here takes mail",
        "550 5.1.10 Domain has a null MX",
    ),
    _row("rcpt.rejected", RCPT, "550 5.7.1 no", "571 Delivery not authorized"),
)

MESSAGES = (
    _row(
        "data.no-valid-recipients",
        DATA,
        "554 5.5.1 Error: no valid recipients",
        "503 valid RCPT command must precede DATA",
        "503 5.5.1 Error: need RCPT command",
    ),
    _row(
        "data.send-as",
        CONTENT,
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "554 5.7.1 Client has no permission to send on behalf of this sender",
        host=OFFICE,
    ),
    _row(
        "data.send-as-store",
        CONTENT,
        "554 5.2.252 SendAsDenied; ann@sandbox.example not allowed to send as bob@sandbox.example; "
        "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
        "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException",
        "554 5.2.252 no",
        host=OFFICE,
    ),
    _row(
        "data.ms-concurrency",
        CONTENT,
        "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending",
        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        "421 4.3.2 concurrent connection limit exceeded",
        host=OFFICE,
    ),
    _row(
        "data.ms-concurrency",
        AUTH,
        "432 4.3.2 Concurrent connections limit exceeded",
        host=OFFICE,
    ),
    _row(
        "data.ses-unverified",
        CONTENT,
        "554 Message rejected: Email address is not verified. The following identities failed the "
        "check in region EU-CENTRAL-1: ann@sandbox.example",
        "554 Message rejected: Email addresses are not verified.",
        host=SES,
    ),
    _row(
        "data.ses-throttle",
        CONTENT,
        "454 Throttling failure: Maximum sending rate exceeded.",
        "454 Throttling failure: Daily message quota exceeded.",
        host=SES,
    ),
    _row(
        "data.sendgrid-identity",
        CONTENT,
        "550 The from address does not match a verified Sender Identity. Mail cannot be sent",
        "403 The from address does not match a verified Sender Identity.",
        host=SENDGRID,
    ),
    _row(
        "data.sparkpost-domain",
        CONTENT,
        "550 5.7.1 Unconfigured Sending Domain <sandbox.example>",
        "550 relay: unconfigured sending domain",
        host="smtp.sparkpostmail.com",
    ),
    _row(
        "data.gmail-quota",
        CONTENT,
        "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\n"
        "550 5.4.5 sending limits go to https://support.google.com/a/answer/166852 - gsmtp",
        "550 5.4.5 Daily SMTP relay limit exceeded for user",
        "452 4.5.4 Daily sending quota exceeded",
        host=GMAIL,
    ),
    _row("data.gmail-quota", CONTENT, "550 5.4.5 Daily sending quota exceeded x1 - gsmtp"),
    _row(
        "data.dmarc",
        CONTENT,
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n"
        "550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.\n"
        "550 5.7.26 x1 - gsmtp",
        "550 5.7.1 Unauthenticated email is not accepted due to domain's DMARC policy",
    ),
    _row(
        "data.spam",
        CONTENT,
        "550 5.7.1 Message rejected as spam",
        "554 DT:SPM 163 smtp1,x1",
        "550-5.7.1 Our system has detected that this message is likely unsolicited mail.\n"
        "550 5.7.1 x1 - gsmtp",
        "554 5.7.1 Message blocked due to its low reputation",
        "552 5.7.0 content rejected",
        verdict="inconclusive",
    ),
    _row(
        "rcpt.block-list",
        CONTENT,
        "550 5.7.1 Unfortunately, messages from [192.0.2.9] weren't sent. Please contact your "
        "provider since part of their network is on our block list (S3140)",
        "554 5.7.1 Your IP is listed at a black list",
        verdict="inconclusive",
    ),
    _row(
        "data.bare-lf",
        CONTENT,
        "521 5.5.2 mx Error: bare <LF> received",
        "550 5.5.2 Bare LF in message body",
        "451 See https://example.org: bare newlines",
        "550 5.6.11 bare line feeds are illegal",
    ),
    _row(
        "data.headers",
        CONTENT,
        "550-5.7.1 Messages missing a valid address in From: header, or having no\n"
        "550 5.7.1 From: header, are not accepted. x1 - gsmtp",
        "550 5.7.1 This message is not RFC 5322 compliant",
        "554 5.6.0 Duplicate Message-ID header",
        "550 5.7.1 Date header is missing",
    ),
    _row("content.rejected", CONTENT, "554 5.6.0 no", "550 Administrative prohibition"),
    _row("content.deferred", CONTENT, "451 4.3.0 later", "450 come back"),
)

SITUATIONS: tuple[Situation, ...] = (
    *GREETINGS,
    *HELLOS,
    *MICROSOFT,
    *GOOGLE,
    *OTHER_PROVIDERS,
    *LOGINS,
    *SENDERS,
    *RECIPIENTS,
    *MESSAGES,
)
