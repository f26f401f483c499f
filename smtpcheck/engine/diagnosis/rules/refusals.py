"""Refusals that are not about the step at which they are told.

Postfix puts off what it has against client, EHLO name and sender until RCPT, other servers until
the mail has been sent; Microsoft and Google judge sender and address at any of these steps. So
these rules go by the words and the enhanced code, and hold at every step of the envelope and mail.
"""

from __future__ import annotations

from smtpcheck.engine.catalogue import Outcome
from smtpcheck.engine.diagnosis.matcher import Rule, at, words
from smtpcheck.engine.diagnosis.rules.turned_away import LISTED, MACHINE_LISTED, NO_REVERSE_NAME
from smtpcheck.engine.stages import Stage

_ENVELOPE = at(Stage.MAIL, Stage.RCPT, Stage.DATA)
_SUBMISSION = at(Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT)
_SUBMISSION_PORTS = frozenset({465, 587, 2465, 2525, 2587})
_GOOGLE = frozenset({"gmail", "google-relay"})

_NEEDS_LOGIN = words(
    r"\bclient (was )?not authenticated\b"
    r"|\bauthentication (is )?required\b|\bauth(entication)? first\b|\bsmtp auth (is )?required\b"
    r"|\b(must|need to|have to|please) (first )?(be )?(authenticated?|log(ged)? ?in)\b"
    r"|\b(please )?turn on smtp authentication\b|\brequires? (smtp )?auth(entication)?\b"
    r"|\bunauthenticated (sender|client|user)s?\b.{0,20}\bnot (allowed|permitted|accepted)\b"
)
_NOT_THE_LOGINS_SENDER = words(
    r"\bnot owned by (the )?(auth|user|sasl|login)"
    r"|\bsender (address )?(is )?not allowed\b"
    r"|\b(mail )?from (address )?must (be|equal|match)\b|\brelaying disallowed as\b"
    r"|\b(from|sender) (address )?(is )?not one of your\b"
    r"|\bsender\b.{0,40}\b(must|does not|doesn't) match\b.{0,40}\b(auth|log ?in|user|account)"
    r"|\bnot (allowed|authori[sz]ed|permitted) to (send|use)\b.{0,20}\b(as|from|sender|address)\b"
)
_UNVERIFIED = words(
    r"\bsender verif"
    r"|\bsender address\b.{0,60}\b(un(deliverable|verified) address|user unknown|does not exist)\b"
)
_SENDER_REJECTED = r"\bsender address (\[[^\]]*\] )?(rejected|blocked)\b"
_TOO_MUCH_MAIL = words(
    r"\brate[ -]?limit|\bthrottl(ed|ing)\b|\btoo (fast|quickly)\b"
    r"|\btoo (many|much) (messages|mails?|e-?mails?|connections|sessions)\b"
    r"|\bun(usual|expected) (\w+ ){0,2}(activity|rate|volume)\b|QuotaExceeded"
    r"|\b(sending|hourly|daily|message|mail|relay|submission) (rate |sending )?(limit|quota)\b"
    r"|\bexceeded\b.{0,40}\b(limit|quota|per (hour|day|minute))\b"
    r"|\b(limit|quota)\b.{0,30}\b(exceeded|reached)\b"
)

# One provider's own words, or a code at one provider.
PROVIDERS_OWN = (
    Rule(
        id="data.send-as-store",
        stages=_SUBMISSION,
        codes=("5",),
        text=words("SendAsDenied"),
    ),
    Rule(id="data.send-as-store", stages=_SUBMISSION, codes=("554",), enhanced=("5.2.252",)),
    Rule(
        id="data.send-as",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\bpermissions? to send (as|on behalf of) this sender\b"),
    ),
    Rule(id="data.send-as", stages=_SUBMISSION, codes=("550",), enhanced=("5.7.60",)),
    Rule(
        id="data.ms-concurrency",
        stages=at(Stage.AUTH) | _SUBMISSION,
        codes=("4",),
        text=words(r"concurrent connections? limit|sender thread limit|STOREDRV\.ClientSubmit"),
    ),
    Rule(id="rcpt.ms-direct-send", stages=_SUBMISSION, codes=("5",), enhanced=("5.7.68",)),
    Rule(
        id="rcpt.ms-direct-send",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\bdirect send (is )?not allowed\b"),
    ),
    Rule(
        id="rcpt.ms-tenant-attribution",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\bTenantAttribution\b"),
    ),
    Rule(id="rcpt.ms-tenant-attribution", stages=_SUBMISSION, codes=("5",), enhanced=("5.7.64",)),
    Rule(
        id="rcpt.google-relay",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\binvalid credentials for relay\b"),
    ),
    Rule(
        id="rcpt.google-relay",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\brelay(ing)? denied\b"),
        providers=_GOOGLE,
    ),
    Rule(
        id="data.gmail-quota",
        stages=_SUBMISSION,
        enhanced=("5.4.5", "4.4.5", "4.5.4"),
        providers=_GOOGLE,
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="data.gmail-quota",
        stages=_SUBMISSION,
        text=words(r"\bdaily (user )?(sending|smtp relay) (quota|limit)\b.*(\bgsmtp\b|google)"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="rcpt.mailgun-sandbox",
        stages=_SUBMISSION,
        codes=("5", "4"),
        text=words(r"\bfree accounts are for test purposes only\b|\bsandbox (sub)?domains? are\b"),
    ),
    Rule(
        id="data.ses-unverified",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(
            r"\bemail address(es)? (is|are) not verified\b|\bidentit(y|ies) failed the check"
        ),
    ),
    Rule(
        id="data.ses-throttle",
        stages=_SUBMISSION,
        text=words(r"\bthrottling failure\b"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="data.sendgrid-identity",
        stages=_SUBMISSION,
        codes=("403", "5"),
        text=words(r"\bverified sender identity\b"),
    ),
    Rule(
        id="data.sparkpost-domain",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\bunconfigured sending domain\b"),
    ),
    Rule(
        id="mail.netease",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\bmail from must equal authori[sz]ed user\b"),
        providers=frozenset({"netease"}),
    ),
    Rule(
        id="mail.zoho",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\brelaying disallowed as\b|\bsender is not allowed to relay"),
        providers=frozenset({"zoho"}),
    ),
    Rule(
        id="mail.icloud",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\b(from|sender) address is not one of your addresses\b"),
        providers=frozenset({"icloud"}),
    ),
)

# What was said before, and is refused only now: the name given in EHLO, and this machine.
PUT_OFF = (
    Rule(
        id="ehlo.not-fqdn",
        stages=_SUBMISSION,
        text=words(r"\b(helo|ehlo)\b.*(fully[- ]qualified|\bfqdn\b)"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="ehlo.rejected",
        stages=_SUBMISSION,
        text=words(
            r"\b(helo|ehlo) (command |name |argument )?(\[[^\]]*\] )?(is |was )?"
            r"(rejected|refused|invalid|blocked)\b"
            r"|\b(invalid|bad|forged|fake) (helo|ehlo)\b"
        ),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="rcpt.no-reverse-dns",
        stages=_SUBMISSION,
        enhanced=("4.7.25", "5.7.25"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="rcpt.no-reverse-dns",
        stages=_SUBMISSION,
        text=NO_REVERSE_NAME,
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(id="rcpt.block-list", stages=_ENVELOPE, text=LISTED, outcome=Outcome.INCONCLUSIVE),
    Rule(
        id="rcpt.block-list",
        stages=at(Stage.CONTENT),
        text=MACHINE_LISTED,
        outcome=Outcome.INCONCLUSIVE,
    ),
)

# The sender: who it is, whether the login may use it, and what its domain says.
SENDERS = (
    # First of all, because a domain's sender is told to "authenticate" by these, which is no login.
    Rule(
        id="data.dmarc",
        stages=_SUBMISSION,
        codes=("5",),
        enhanced=("5.7.20", "5.7.21", "5.7.22", "5.7.26", "5.7.509", "5.7.515"),
    ),
    Rule(id="data.dmarc", stages=_SUBMISSION, codes=("5",), text=words(r"\b(DMARC|DKIM)\b")),
    # Google lets such mail wait before it refuses it.
    Rule(
        id="data.dmarc",
        stages=_SUBMISSION,
        codes=("4",),
        enhanced=("4.7.26", "4.7.30", "4.7.32"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(id="mail.spf-refused", stages=_SUBMISSION, codes=("5",), enhanced=("5.7.23",)),
    Rule(
        id="mail.spf-refused",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\bSPF\b|\bsender policy framework\b|\bopenspf\b"),
    ),
    # Of the standard (RFC 7505); with the same code Google speaks of SPF.
    Rule(id="dns.null-mx-sender", stages=_SUBMISSION, codes=("5",), enhanced=("5.7.27",)),
    Rule(
        id="dns.null-mx-sender",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\bsender\b.*\bnull ?MX\b"),
    ),
    Rule(
        id="mail.not-owned",
        stages=_SUBMISSION,
        codes=("5",),
        text=_NOT_THE_LOGINS_SENDER,
        has_login=True,
    ),
    Rule(
        id="mail.not-owned",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\bnot owned by (user|auth)"),
    ),
    Rule(
        id="mail.not-logged-in",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\bsender\b.*\bnot logged in\b"),
    ),
    Rule(id="mail.auth-required", stages=_SUBMISSION, codes=("530",)),
    # Who has logged in is told by the same words that it takes more than that.
    Rule(
        id="rcpt.relay-denied",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\brelay(ing)? (access )?denied\b"),
        has_login=True,
    ),
    Rule(id="mail.auth-required", stages=_SUBMISSION, codes=("5",), text=_NEEDS_LOGIN),
    # So Postfix refuses who has not logged in on a port for those who do.
    Rule(
        id="mail.auth-required",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(r"\b(client host|recipient address) rejected: access denied\b"),
        ports=_SUBMISSION_PORTS,
        has_login=False,
    ),
    Rule(
        id="mail.domain-not-found",
        stages=_SUBMISSION,
        enhanced=("4.1.8", "5.1.8"),
        text=words(r"\bdomain\b|\bnot found\b|\bresolve\b|\bdns\b"),
    ),
    # Microsoft and Zoho say with this code that they have blocked the mailbox itself.
    Rule(
        id="mail.domain-not-found",
        stages=_SUBMISSION,
        codes=("5",),
        enhanced=("5.1.8",),
        text=words(r"^(?!.*\b(outbound|outgoing|blocked|denied)\b)"),
    ),
    Rule(
        id="mail.domain-not-found",
        stages=_SUBMISSION,
        codes=("5",),
        text=words(
            r"\bsender\b.{0,60}\b(domain (not found|must (exist|resolve)|does not (exist|resolve))"
            r"|nonexistent domain)|\bdomain of sender address\b.*\bdoes not (exist|resolve)"
        ),
    ),
    # A server that could not ask, or asks again later, has not said that the sender is bad.
    Rule(
        id="rcpt.sender-verify",
        stages=_SUBMISSION,
        codes=("4",),
        text=_UNVERIFIED,
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="rcpt.sender-verify",
        stages=_SUBMISSION,
        codes=("5",),
        text=_UNVERIFIED,
    ),
)

# What there may be too much of: it ends by itself.
LIMITS = (
    Rule(
        id="mail.storage",
        stages=_SUBMISSION,
        enhanced=("4.3.1", "5.3.1"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="mail.storage",
        stages=_SUBMISSION,
        text=words(
            r"\b(insufficient|not enough) (system |disk )?(storage|space)\b|\bdisk (is )?full\b"
            r"|\bno space left\b"
        ),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(id="mail.size", stages=_SUBMISSION, codes=("552", "554"), enhanced=("5.3.4", "5.2.3")),
    Rule(
        id="mail.size",
        stages=_SUBMISSION,
        codes=("552", "554", "550"),
        text=words(
            r"\b(message|mail)\b.{0,30}"
            r"\b(too (large|big)|exceed(s|ed)\b.{0,30}\b(size|maximum|limit))"
            r"|\bmessage size limit\b"
        ),
    ),
    Rule(
        id="rcpt.too-many",
        stages=at(Stage.RCPT, Stage.DATA),
        enhanced=("4.5.3", "5.5.3"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="rcpt.too-many",
        stages=_SUBMISSION,
        text=words(r"\btoo many recipients\b"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(id="rcpt.mailbox-full", stages=at(Stage.RCPT, Stage.CONTENT), enhanced=("4.2.2", "5.2.2")),
    Rule(
        id="rcpt.mailbox-full",
        stages=at(Stage.RCPT),
        text=words(
            r"\bmailbox (is )?(over)?full\b|\bover ?quota\b|\bmailbox\b.{0,30}\bquota\b"
            r"|\bexceeded storage allocation\b"
        ),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="rcpt.greylist",
        stages=_SUBMISSION,
        codes=("4",),
        text=words(
            r"\bgr[ea]y-? ?list|\bpostgrey\b"
            r"|\bnot yet authori[sz]ed to deliver\b"  # greylistd, Debian's for Exim
        ),
    ),
    Rule(id="mail.rate", stages=_SUBMISSION, text=_TOO_MUCH_MAIL, outcome=Outcome.INCONCLUSIVE),
    Rule(
        id="rcpt.greylist",
        stages=_SUBMISSION,
        codes=("4",),
        text=words(r"\btry again in [0-9]+ ?(s|m)"),
    ),
    # Bare, RFC 5321 section 4.2.3 means storage; at RCPT it means too many recipients as well.
    Rule(id="mail.storage", stages=at(Stage.MAIL), codes=("452",)),
)

# Last, what Postfix names only by what it rejects, and what says little more than "no" or "later".
UNEXPLAINED = (
    Rule(
        id="rcpt.delayed-reject",
        stages=at(Stage.RCPT, Stage.DATA),
        codes=("4",),
        text=words(r"\bclient host rejected\b|" + _SENDER_REJECTED),
        outcome=Outcome.INCONCLUSIVE,
    ),
    # Nothing here is about the account: it is this machine that is refused.
    Rule(
        id="rcpt.delayed-reject",
        stages=at(Stage.RCPT, Stage.DATA),
        text=words(r"\bclient host rejected\b"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="rcpt.delayed-reject",
        stages=at(Stage.RCPT, Stage.DATA),
        codes=("5",),
        text=words(_SENDER_REJECTED),
    ),
    # What many greylists say, and no more.
    Rule(
        id="rcpt.greylist",
        stages=_SUBMISSION,
        codes=("4",),
        enhanced=("4.2.0", "4.7.1"),
        text=words(
            r"^(?!.*\b((un|not )available|temporary|system)\b)"
            r".*\b((try|come) (again|back)|retry)\b"
        ),
    ),
)
