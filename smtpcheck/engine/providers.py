"""Well-known mail providers: by which names they are reached, and how they take mail for sending.

Knows public facts only; nothing here is looked up or dialled. A provider stands here if its own
help pages name these servers and ports, and the first port is the one to recommend.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from smtpcheck.engine.stages import Security

_TLS_465 = (465, Security.TLS)
_STARTTLS_587 = (587, Security.STARTTLS)
_STARTTLS_25 = (25, Security.STARTTLS)
_STARTTLS_2525 = (2525, Security.STARTTLS)
_TLS_2465 = (2465, Security.TLS)
_STARTTLS_2587 = (2587, Security.STARTTLS)
_BOTH = (_STARTTLS_587, _TLS_465)

# One data centre each; a login works in its own only.
_ZOHO_REGIONS = (
    "zoho.com",
    "zoho.eu",
    "zoho.in",
    "zoho.com.au",
    "zoho.com.cn",
    "zoho.jp",
    "zoho.sa",
    "zohocloud.ca",
)


class Provider(NamedTuple):
    """One provider of outgoing mail.

    ``hosts``, ``inbound_hosts`` and ``mail_domains`` are patterns: a plain name matches itself, a
    label ``*`` matches any one label, and a leading dot matches every name below. ``hosts`` take
    mail for sending, ``inbound_hosts`` are mail exchangers that let nobody log in, and
    ``mail_domains`` are the domains of its mail addresses. ``submission_host`` is the name to use,
    empty where it depends on region or customer. ``notes`` are for the people who keep the table.
    """

    id: str
    name: str
    hosts: tuple[str, ...]
    submission: tuple[tuple[int, Security], ...]
    submission_host: str = ""
    inbound_hosts: tuple[str, ...] = ()
    mail_domains: tuple[str, ...] = ()
    help_url: str = ""
    notes: str = ""


PROVIDERS: tuple[Provider, ...] = (
    Provider(
        id="gmail",
        name="Gmail",
        hosts=("smtp.gmail.com", "smtp.googlemail.com"),
        submission=_BOTH,
        submission_host="smtp.gmail.com",
        inbound_hosts=(
            "aspmx.l.google.com",
            "*.aspmx.l.google.com",
            "gmail-smtp-in.l.google.com",
            "*.gmail-smtp-in.l.google.com",
            "aspmx2.googlemail.com",
            "aspmx3.googlemail.com",
            "aspmx4.googlemail.com",
            "aspmx5.googlemail.com",
            "smtp.google.com",
        ),
        mail_domains=("gmail.com", "googlemail.com"),
        help_url="https://support.google.com/mail/answer/7126229",
        notes="Also Google Workspace. Takes app passwords and OAuth2, no normal passwords.",
    ),
    Provider(
        id="google-relay",
        name="Google Workspace SMTP relay",
        hosts=("smtp-relay.gmail.com",),
        submission=(_STARTTLS_587, _TLS_465, _STARTTLS_25),
        submission_host="smtp-relay.gmail.com",
        help_url="https://support.google.com/a/answer/2956491",
        notes="Trusts registered addresses or a login; wants an EHLO name of the domain.",
    ),
    Provider(
        id="microsoft365",
        name="Microsoft 365",
        hosts=("smtp.office365.com", "outlook.office365.com"),
        submission=(_STARTTLS_587,),
        submission_host="smtp.office365.com",
        inbound_hosts=(".mail.protection.outlook.com", ".mx.microsoft"),
        mail_domains=("*.onmicrosoft.com",),
        help_url="https://learn.microsoft.com/en-us/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission",
        notes="Three connections at a time for a mailbox.",
    ),
    Provider(
        id="outlook",
        name="Outlook.com",
        hosts=("smtp-mail.outlook.com", "smtp.live.com"),
        submission=(_STARTTLS_587,),
        submission_host="smtp-mail.outlook.com",
        inbound_hosts=(".olc.protection.outlook.com",),
        mail_domains=(
            "outlook.com",
            "outlook.*",
            "hotmail.com",
            "hotmail.*",
            "live.com",
            "msn.com",
        ),
        help_url="https://support.microsoft.com/en-us/office/pop-imap-and-smtp-settings-for-outlook-com-d088b986-291d-42b8-9564-9c414e2aa040",
        notes="OAuth2 only.",
    ),
    Provider(
        id="azure-communication",
        name="Azure Communication Services",
        hosts=("smtp.azurecomm.net",),
        submission=(_STARTTLS_587,),
        submission_host="smtp.azurecomm.net",
    ),
    Provider(
        id="yahoo",
        name="Yahoo Mail",
        hosts=("smtp.mail.yahoo.com",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="smtp.mail.yahoo.com",
        inbound_hosts=(".yahoodns.net",),
        mail_domains=("yahoo.com", "yahoo.*", "ymail.com", "rocketmail.com"),
        help_url="https://help.yahoo.com/kb/SLN15241.html",
        notes="App passwords only.",
    ),
    Provider(
        id="aol",
        name="AOL Mail",
        hosts=("smtp.aol.com",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="smtp.aol.com",
        mail_domains=("aol.com",),
        notes="App passwords only.",
    ),
    Provider(
        id="icloud",
        name="iCloud Mail",
        hosts=("smtp.mail.me.com",),
        submission=(_STARTTLS_587,),
        submission_host="smtp.mail.me.com",
        inbound_hosts=(".mail.icloud.com",),
        mail_domains=("icloud.com", "me.com", "mac.com"),
        help_url="https://support.apple.com/en-us/102525",
        notes="App-specific passwords only.",
    ),
    Provider(
        id="ses",
        name="Amazon SES",
        hosts=(
            "email-smtp.*.amazonaws.com",
            "email-smtp-fips.*.amazonaws.com",
            "email-smtp.*.amazonaws.com.cn",
        ),
        submission=(_STARTTLS_587, _TLS_465, _STARTTLS_2587, _TLS_2465, _STARTTLS_25),
        inbound_hosts=("inbound-smtp.*.amazonaws.com",),
        help_url="https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",
        notes="The second label is the region, and credentials are valid in one region only.",
    ),
    Provider(
        id="sendgrid",
        name="Twilio SendGrid",
        hosts=("smtp.sendgrid.net", "smtp.eu.sendgrid.net"),
        submission=(_STARTTLS_587, _TLS_465, _STARTTLS_2525, _STARTTLS_25),
        inbound_hosts=("mx.sendgrid.net",),
        help_url="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/getting-started-smtp",
        notes="The user name is the word apikey.",
    ),
    Provider(
        id="mailgun",
        name="Mailgun",
        hosts=("smtp.mailgun.org", "smtp.eu.mailgun.org"),
        submission=(_STARTTLS_587, _TLS_465, _STARTTLS_2525, _STARTTLS_25),
        inbound_hosts=(
            "mxa.mailgun.org",
            "mxb.mailgun.org",
            "mxa.eu.mailgun.org",
            "mxb.eu.mailgun.org",
        ),
        help_url="https://documentation.mailgun.com/",
        notes="Domains of the European region log in at smtp.eu.mailgun.org only.",
    ),
    Provider(
        id="mailjet",
        name="Mailjet",
        hosts=("in-v3.mailjet.com", "in.mailjet.com"),
        submission=(_STARTTLS_587, _TLS_465, _STARTTLS_2525, _STARTTLS_25),
        submission_host="in-v3.mailjet.com",
        notes="User name and password are API key and secret key.",
    ),
    Provider(
        id="postmark",
        name="Postmark",
        hosts=("smtp.postmarkapp.com", "smtp-broadcasts.postmarkapp.com"),
        submission=(_STARTTLS_587, _STARTTLS_2525, _STARTTLS_25),
        submission_host="smtp.postmarkapp.com",
        inbound_hosts=("inbound.postmarkapp.com",),
        help_url="https://postmarkapp.com/developer/user-guide/send-email-with-smtp",
        notes="STARTTLS on every port; 465 is not served.",
    ),
    Provider(
        id="sparkpost",
        name="SparkPost",
        hosts=("smtp.sparkpostmail.com", "smtp.eu.sparkpostmail.com"),
        submission=(_STARTTLS_587, _STARTTLS_2525),
        notes="The user name is SMTP_Injection; the password is an API key.",
    ),
    Provider(
        id="brevo",
        name="Brevo",
        hosts=("smtp-relay.brevo.com", "smtp-relay.sendinblue.com"),
        submission=(_STARTTLS_587, _TLS_465, _STARTTLS_2525),
        submission_host="smtp-relay.brevo.com",
        help_url="https://help.brevo.com/",
    ),
    Provider(
        id="mandrill",
        name="Mailchimp Transactional (Mandrill)",
        hosts=("smtp.mandrillapp.com",),
        submission=(_STARTTLS_587, _TLS_465, _STARTTLS_2525, _STARTTLS_25),
        submission_host="smtp.mandrillapp.com",
    ),
    Provider(
        id="smtp2go",
        name="SMTP2GO",
        hosts=("mail.smtp2go.com", "mail-eu.smtp2go.com"),
        submission=(_STARTTLS_587, _STARTTLS_2525, _TLS_465, _STARTTLS_25),
        submission_host="mail.smtp2go.com",
    ),
    Provider(
        id="resend",
        name="Resend",
        hosts=("smtp.resend.com",),
        submission=(_STARTTLS_587, _TLS_465, _STARTTLS_2587, _TLS_2465, _STARTTLS_25),
        submission_host="smtp.resend.com",
        help_url="https://resend.com/docs/send-with-smtp",
        notes="The user name is the word resend; the password is an API key.",
    ),
    Provider(
        id="mailersend",
        name="MailerSend",
        hosts=("smtp.mailersend.net",),
        submission=(_STARTTLS_587, _STARTTLS_2525),
        submission_host="smtp.mailersend.net",
    ),
    Provider(
        id="mailtrap",
        name="Mailtrap",
        hosts=("live.smtp.mailtrap.io", "bulk.smtp.mailtrap.io", "sandbox.smtp.mailtrap.io"),
        submission=(_STARTTLS_587, _STARTTLS_2525),
        notes="The sandbox host keeps mail and never delivers it.",
    ),
    Provider(
        id="elastic-email",
        name="Elastic Email",
        hosts=("smtp.elasticemail.com",),
        submission=(_STARTTLS_2525, _STARTTLS_587, _TLS_465, _STARTTLS_25),
        submission_host="smtp.elasticemail.com",
    ),
    Provider(
        id="zoho",
        name="Zoho Mail",
        hosts=(
            *(f"smtp.{ending}" for ending in _ZOHO_REGIONS),
            *(f"smtppro.{ending}" for ending in _ZOHO_REGIONS),
        ),
        submission=(_TLS_465, _STARTTLS_587),
        inbound_hosts=tuple(
            f"{name}.{ending}" for name in ("mx", "mx2", "mx3") for ending in _ZOHO_REGIONS
        ),
        mail_domains=("zohomail.com", "zohomail.eu", "zohomail.in"),
        help_url="https://www.zoho.com/mail/help/zoho-smtp.html",
        notes="The ending is the data centre; smtppro is for paid domains.",
    ),
    Provider(
        id="fastmail",
        name="Fastmail",
        hosts=("smtp.fastmail.com",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="smtp.fastmail.com",
        inbound_hosts=(".messagingengine.com",),
        mail_domains=("fastmail.com", "fastmail.fm"),
        notes="App passwords only.",
    ),
    Provider(
        id="proton",
        name="Proton Mail",
        hosts=("smtp.protonmail.ch",),
        submission=(_STARTTLS_587,),
        submission_host="smtp.protonmail.ch",
        inbound_hosts=("mail.protonmail.ch", "mailsec.protonmail.ch"),
        mail_domains=("proton.me", "protonmail.com", "pm.me"),
        help_url="https://proton.me/support/smtp-submission",
        notes="Needs an SMTP token; else Proton Mail Bridge, which listens on loopback.",
    ),
    Provider(
        id="gmx",
        name="GMX",
        hosts=("mail.gmx.net", "mail.gmx.com"),
        submission=_BOTH,
        inbound_hosts=("mx00.gmx.net", "mx01.gmx.net"),
        mail_domains=("gmx.net", "gmx.de", "gmx.com", "gmx.at", "gmx.ch"),
        notes="Access by mail programs has to be switched on in the mailbox first.",
    ),
    Provider(
        id="webde",
        name="WEB.DE",
        hosts=("smtp.web.de",),
        submission=(_STARTTLS_587,),
        submission_host="smtp.web.de",
        inbound_hosts=("mx-ha02.web.de", "mx-ha03.web.de"),
        mail_domains=("web.de",),
        notes="Access by mail programs has to be switched on in the mailbox first.",
    ),
    Provider(
        id="ionos",
        name="IONOS",
        hosts=(
            "smtp.ionos.com",
            "smtp.ionos.de",
            "smtp.ionos.co.uk",
            "smtp.ionos.es",
            "smtp.ionos.fr",
            "smtp.ionos.it",
            "smtp.1und1.de",
            "smtp.1and1.com",
        ),
        submission=(_TLS_465, _STARTTLS_587),
        inbound_hosts=(
            "mx00.ionos.com",
            "mx01.ionos.com",
            "mx00.ionos.de",
            "mx01.ionos.de",
            "mx00.kundenserver.de",
            "mx01.kundenserver.de",
        ),
    ),
    Provider(
        id="strato",
        name="STRATO",
        hosts=("smtp.strato.de", "smtp.strato.com"),
        submission=(_TLS_465, _STARTTLS_587),
        inbound_hosts=("smtpin.rzone.de",),
    ),
    Provider(
        id="t-online",
        name="Telekom (T-Online)",
        hosts=("securesmtp.t-online.de",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="securesmtp.t-online.de",
        mail_domains=("t-online.de", "magenta.de"),
        notes="Wants the separate password for mail programs.",
    ),
    Provider(
        id="posteo",
        name="Posteo",
        hosts=("posteo.de",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="posteo.de",
        mail_domains=("posteo.de", "posteo.net"),
        notes="The bare domain is the mail server, so it is no bare-domain mistake.",
    ),
    Provider(
        id="mailbox-org",
        name="mailbox.org",
        hosts=("smtp.mailbox.org",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="smtp.mailbox.org",
        mail_domains=("mailbox.org",),
    ),
    Provider(
        id="ovh",
        name="OVHcloud",
        hosts=("ssl0.ovh.net", "smtp.mail.ovh.net"),
        submission=(_TLS_465, _STARTTLS_587),
        inbound_hosts=(
            "mx0.mail.ovh.net",
            "mx1.mail.ovh.net",
            "mx2.mail.ovh.net",
            "mx3.mail.ovh.net",
            "mx4.mail.ovh.net",
        ),
    ),
    Provider(
        id="infomaniak",
        name="Infomaniak",
        hosts=("mail.infomaniak.com",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="mail.infomaniak.com",
        mail_domains=("ik.me", "ikmail.com", "etik.com"),
    ),
    Provider(
        id="gandi",
        name="Gandi",
        hosts=("mail.gandi.net",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="mail.gandi.net",
        inbound_hosts=("spool.mail.gandi.net", "fb.mail.gandi.net"),
    ),
    Provider(
        id="yandex",
        name="Yandex Mail",
        hosts=("smtp.yandex.ru", "smtp.yandex.com", "smtp.ya.ru"),
        submission=(_TLS_465, _STARTTLS_587),
        inbound_hosts=("mx.yandex.ru", "mx.yandex.net"),
        mail_domains=("yandex.ru", "yandex.com", "ya.ru"),
        notes="App passwords only.",
    ),
    Provider(
        id="mailru",
        name="Mail.ru",
        hosts=("smtp.mail.ru",),
        submission=(_TLS_465,),
        submission_host="smtp.mail.ru",
        inbound_hosts=("mxs.mail.ru", "emx.mail.ru"),
        mail_domains=("mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru"),
        notes="App passwords only.",
    ),
    Provider(
        id="qq",
        name="QQ Mail",
        hosts=("smtp.qq.com", "smtp.exmail.qq.com"),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="smtp.qq.com",
        inbound_hosts=("mx1.qq.com", "mx2.qq.com", "mx3.qq.com"),
        mail_domains=("qq.com", "foxmail.com"),
        notes="Wants an authorization code instead of the password.",
    ),
    Provider(
        id="netease",
        name="NetEase (163, 126, yeah.net)",
        hosts=("smtp.163.com", "smtp.126.com", "smtp.yeah.net"),
        submission=(_TLS_465,),
        inbound_hosts=(".mxmail.netease.com",),
        mail_domains=("163.com", "126.com", "yeah.net"),
        notes="Wants an authorization code; the sender must be the login.",
    ),
    Provider(
        id="domeneshop",
        name="Domeneshop",
        hosts=("smtp.domeneshop.no",),
        submission=_BOTH,
        submission_host="smtp.domeneshop.no",
        inbound_hosts=("mx.domeneshop.no",),
    ),
    Provider(
        id="one-com",
        name="one.com",
        hosts=("send.one.com",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="send.one.com",
    ),
    Provider(
        id="loopia",
        name="Loopia",
        hosts=("mailcluster.loopia.se",),
        submission=(_STARTTLS_587, _TLS_465),
        submission_host="mailcluster.loopia.se",
        inbound_hosts=("mx1.loopia.se", "mx2.loopia.se"),
    ),
    Provider(
        id="simply",
        name="Simply.com",
        hosts=("smtp.simply.com",),
        submission=(_STARTTLS_587,),
        submission_host="smtp.simply.com",
        inbound_hosts=("mx.simply.com",),
    ),
    Provider(
        id="seznam",
        name="Seznam",
        hosts=("smtp.seznam.cz",),
        submission=(_TLS_465,),
        submission_host="smtp.seznam.cz",
        mail_domains=("seznam.cz", "email.cz", "post.cz"),
    ),
    Provider(
        id="runbox",
        name="Runbox",
        hosts=("smtp.runbox.com", "mail.runbox.com"),
        submission=(_TLS_465, _STARTTLS_587),
        mail_domains=("runbox.com",),
    ),
    Provider(
        id="godaddy",
        name="GoDaddy",
        hosts=("smtpout.secureserver.net",),
        submission=(_TLS_465, _STARTTLS_587),
        submission_host="smtpout.secureserver.net",
        inbound_hosts=("smtp.secureserver.net", "mailstore1.secureserver.net"),
    ),
)


@lru_cache(maxsize=1024)  # asked of every test, and most go to the same few servers
def provider_of(host: str) -> Provider | None:
    """The provider whose outgoing mail server has this name, or None."""
    return _best(host, ((item, item.hosts) for item in PROVIDERS))


def provider_of_exchanger(host: str) -> Provider | None:
    """The provider whose incoming mail exchanger has this name, or None.

    Such a server takes mail for its own domains only and lets nobody log in.
    """
    if provider_of(host) is not None:
        return None
    return _best(host, ((item, item.inbound_hosts) for item in PROVIDERS))


@lru_cache(maxsize=1024)
def provider_of_domain(domain: str) -> Provider | None:
    """The provider of mail addresses in this domain, or None."""
    return _best(domain, ((item, item.mail_domains) for item in PROVIDERS))


def _best(host: str, candidates: Iterable[tuple[Provider, tuple[str, ...]]]) -> Provider | None:
    labels = _labels(host)
    matches = list(_matches(labels, candidates))
    return max(matches, key=lambda match: match[0])[1] if matches else None


def _matches(
    labels: list[str], candidates: Iterable[tuple[Provider, tuple[str, ...]]]
) -> Iterator[tuple[tuple[int, int], Provider]]:
    for provider, patterns in candidates:
        for pattern in patterns:
            if _fits(pattern, labels):
                yield _weight(pattern), provider


def _fits(pattern: str, labels: list[str]) -> bool:
    """Compare label by label from the end, so that `smtp.gmail.com.evil.example` is not Gmail."""
    wanted = _labels(pattern.removeprefix("."))
    if pattern.startswith("."):
        labels = labels[-len(wanted) :] if len(labels) > len(wanted) else []
    return len(wanted) == len(labels) and all(
        one in ("*", other) for one, other in zip(wanted, labels, strict=True)
    )


def _weight(pattern: str) -> tuple[int, int]:
    """Longer patterns win, and among equals the one with fewer stars."""
    return pattern.count(".") - pattern.startswith("."), -pattern.count("*")


def _labels(name: str) -> list[str]:
    return name.strip().rstrip(".").lower().split(".")
