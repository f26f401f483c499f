"""Answers to a login that are known to be one provider's.

By its words where they are its own, else by its host and the code; the words come first, because
one provider says several things with one code.
"""

from __future__ import annotations

from smtpcheck.engine.catalogue import Outcome
from smtpcheck.engine.diagnosis.matcher import Rule, at, words
from smtpcheck.engine.stages import Stage

_LOGIN = at(Stage.AUTH)
_MICROSOFT = frozenset({"microsoft365", "outlook"})
_GOOGLE = frozenset({"gmail", "google-relay"})
_TOKENS = frozenset({"XOAUTH2", "OAUTHBEARER"})
# Status codes that Microsoft gives to reasons against a login (the last part is its own number).
_AT_MICROSOFT = ("5.7.139", "5.7.3")

MICROSOFT_LOGINS = (
    Rule(
        id="auth.ms365-tenant",
        stages=_LOGIN,
        codes=("5",),
        text=words(r"smtp ?client ?authentication is disabled for the tenant"),
    ),
    Rule(
        id="auth.ms365-mailbox",
        stages=_LOGIN,
        codes=("5",),
        text=words(r"smtp ?client ?authentication is disabled for the (mailbox|user)"),
    ),
    Rule(
        id="auth.ms365-security-defaults",
        stages=_LOGIN,
        codes=("5",),
        text=words(r"\bsecurity defaults\b"),
    ),
    Rule(
        id="auth.ms365-basic-off",
        stages=_LOGIN,
        codes=("5",),
        text=words(r"\bbasic auth(entication)? (is|has been) (disabled|not supported|blocked)"),
    ),
    Rule(id="auth.ms365-basic-off", stages=_LOGIN, codes=("550",), enhanced=("5.7.30",)),
    Rule(
        id="auth.ms365-conditional-access",
        stages=_LOGIN,
        codes=("5",),
        text=words(r"did not meet the criteria to be authenticated|conditional access"),
    ),
    Rule(
        id="auth.ms365-token-refused",
        stages=_LOGIN,
        codes=("535",),
        enhanced=_AT_MICROSOFT,
        providers=_MICROSOFT,
        mechanisms=_TOKENS,
    ),
    Rule(
        id="auth.ms365-wrong",
        stages=_LOGIN,
        codes=("535",),
        enhanced=("5.7.139",),
        text=words(r"credentials? (were|was|are) (incorrect|invalid|wrong)"),
    ),
)

GOOGLE_LOGINS = (
    Rule(
        id="auth.gmail-web-login",
        stages=_LOGIN,
        codes=("534", "535"),
        text=words(r"log in (via|with|through) (your|a) web browser|\bp=WebLoginRequired\b"),
    ),
    Rule(
        id="auth.gmail-app-password",
        stages=_LOGIN,
        codes=("534", "535"),
        text=words(r"application-specific password required"),
        providers=_GOOGLE,
    ),
    Rule(
        id="auth.gmail-app-password",
        stages=_LOGIN,
        codes=("534", "535"),
        text=words(r"\bp=InvalidSecondFactor\b"),
    ),
    Rule(
        id="auth.gmail-too-many",
        stages=_LOGIN,
        text=words(r"too many (login|auth)|\bp=TooManyLoginAttempts\b"),
        providers=_GOOGLE,
        outcome=Outcome.INCONCLUSIVE,
    ),
)

# Words by which other providers tell what is wrong with a login.
OTHER_LOGINS = (
    # Yahoo numbers its reasons, on the hosts of its partners too.
    Rule(
        id="auth.yahoo",
        stages=_LOGIN,
        codes=("535",),
        text=words(r"\(#(AUTH|MBR)[0-9]+\)"),
    ),
    Rule(
        id="auth.mailru",
        stages=_LOGIN,
        codes=("535",),
        text=words(r"parol.{0,3} prilozh?eniya|application password is required"),
        providers=frozenset({"mailru"}),
    ),
    Rule(
        id="auth.qq",
        stages=_LOGIN,
        codes=("535",),
        text=words(r"authori[sz]ation code|授权码|login fail"),
        providers=frozenset({"qq"}),
    ),
    Rule(
        id="auth.netease",
        stages=_LOGIN,
        codes=("535", "550"),
        text=words(r"authori[sz]ation code|授权码|authentication failed|user has no permission"),
        providers=frozenset({"netease"}),
    ),
    Rule(
        id="auth.brevo-ip",
        stages=_LOGIN,
        codes=("525", "535", "550"),
        text=words(r"unauthori[sz]ed ip"),
        providers=frozenset({"brevo"}),
    ),
    Rule(
        id="auth.yandex",
        stages=_LOGIN,
        codes=("535",),
        text=words(r"access rights to this service|application-specific password"),
        providers=frozenset({"yandex"}),
    ),
    # The credits of a plan are a quota: they say nothing against the login.
    Rule(
        id="auth.sendgrid",
        stages=_LOGIN,
        text=words(r"maximum credits exceeded"),
        providers=frozenset({"sendgrid"}),
        outcome=Outcome.INCONCLUSIVE,
    ),
)

# What a plain 535 most probably means at these hosts.
WRONG_LOGINS = (
    Rule(id="auth.ms365-wrong", stages=_LOGIN, codes=("535",), providers=_MICROSOFT),
    Rule(
        id="auth.gmail-invalid",
        stages=_LOGIN,
        codes=("535",),
        text=words(r"\bp=BadCredentials\b|username and password not accepted.*\bgsmtp\b"),
    ),
    Rule(id="auth.gmail-invalid", stages=_LOGIN, codes=("535",), providers=_GOOGLE),
    Rule(
        id="auth.yahoo",
        stages=_LOGIN,
        codes=("535",),
        providers=frozenset({"yahoo", "aol"}),
    ),
    Rule(id="auth.icloud", stages=_LOGIN, codes=("535",), providers=frozenset({"icloud"})),
    Rule(id="auth.ses", stages=_LOGIN, codes=("535",), providers=frozenset({"ses"})),
    Rule(id="auth.sendgrid", stages=_LOGIN, codes=("535",), providers=frozenset({"sendgrid"})),
    Rule(id="auth.gmx", stages=_LOGIN, codes=("535",), providers=frozenset({"gmx", "webde"})),
    Rule(id="auth.zoho-region", stages=_LOGIN, codes=("535",), providers=frozenset({"zoho"})),
)
