"""Answers to a login, whoever runs the server."""

from __future__ import annotations

from smtpcheck.engine.catalogue import Outcome
from smtpcheck.engine.diagnosis.matcher import Rule, at, by, words
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Stage

_AFTER_HELLO = at(Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.DATA)
_WRONG = words(
    r"^(?!.*(\btemporar|\bunavailable\b|\btoo many\b)).*("
    r"\b(invalid|incorrect|wrong|bad)\b.{0,30}\b(user(name)?|login|password|credentials?)\b"
    r"|\b(user ?name|login|password|credentials?)\b.{0,30}\b(invalid|incorrect|wrong|mismatch)\b)"
)
_EXPIRED = words(r"\bpasswords?\b.{0,30}\bexpired\b|\bexpired (user )?password\b")

LOGINS = (
    Rule(
        id="auth.not-offered",
        stages=at(Stage.AUTH),
        kinds=by(FaultKind.NOT_OFFERED),
        detail=words("^AUTH$"),
    ),
    Rule(
        id="auth.oauth-only",
        stages=at(Stage.AUTH),
        kinds=by(FaultKind.NOT_OFFERED),
        detail=words(r"^(XOAUTH2|OAUTHBEARER)( (XOAUTH2|OAUTHBEARER))*$"),
    ),
    Rule(
        id="auth.no-common-mechanism",
        stages=at(Stage.AUTH),
        kinds=by(FaultKind.NOT_OFFERED),
    ),
    Rule(id="auth.mechanism-not-offered", kinds=by(FaultKind.MECHANISM_NOT_OFFERED)),
    Rule(id="auth.scram-rounds", kinds=by(FaultKind.SCRAM_ROUNDS)),
    Rule(id="auth.server-proof", kinds=by(FaultKind.SERVER_PROOF)),
    Rule(id="auth.challenge-loop", kinds=by(FaultKind.CHALLENGE_LOOP)),
    Rule(id="auth.bad-challenge", kinds=by(FaultKind.BAD_CHALLENGE)),
    Rule(
        id="auth.xoauth-334-json",
        stages=at(Stage.AUTH),
        codes=("5",),
        detail=words("^token-refused$"),
    ),
    Rule(id="auth.needs-tls", stages=at(Stage.AUTH), codes=("538",)),
    Rule(id="auth.needs-tls", stages=at(Stage.AUTH), codes=("5",), enhanced=("5.7.10", "5.7.11")),
    Rule(
        id="tls.starttls-required",
        stages=_AFTER_HELLO,
        codes=("530",),
        text=words(r"\bstarttls\b"),
    ),
    # Microsoft says it with a 451, and no waiting helps.
    Rule(
        id="tls.starttls-required",
        stages=_AFTER_HELLO,
        text=words(r"\bstarttls (command )?(is )?(required|first)\b|\bissue a starttls\b"),
        encrypted=False,
    ),
    Rule(
        id="auth.needs-tls",
        stages=at(Stage.AUTH),
        codes=("530",),
        enhanced=("5.7.0",),
        encrypted=False,
    ),
    Rule(
        id="auth.needs-tls",
        stages=at(Stage.AUTH),
        codes=("5",),
        text=words(
            r"\b(encryption|tls|ssl|secure connection)\b.{0,20}\b(required|needed|first)\b"
            r"|\b(requires?|must use|needs?)\b.{0,20}\b(encryption|tls|ssl|a secure connection)\b"
        ),
        encrypted=False,
    ),
    # It came before the login was sent: nothing of ours made the server hang up.
    Rule(id="auth.deferred", stages=at(Stage.AUTH), codes=("421",), detail=words("^unasked$")),
    Rule(
        id="auth.too-many",
        stages=at(Stage.AUTH),
        text=words(
            r"\btoo many (\w+ ){0,2}"
            r"(log-?ins?|logons?|auth\w*|sign-?ins?|attempts|tries|failures)\b"
            r"|\btemporarily (locked|blocked)\b|\brate[ -]?limit|\brate exceeded\b"
            r"|\btry again (in|after) [0-9]+"
        ),
    ),
    # Some servers have one code for every refusal, and their words say that no waiting helps.
    Rule(
        id="auth.invalid", stages=at(Stage.AUTH), codes=("4",), text=_WRONG, outcome=Outcome.FAILS
    ),
    Rule(id="auth.temporary", stages=at(Stage.AUTH), codes=("454",)),
    Rule(
        id="auth.temporary",
        stages=at(Stage.AUTH),
        codes=("4",),
        text=words(
            r"\btemporary auth|\bunable to authenticate at (this (time|moment)|present)"
            r"|\bauth\w* (service|server|backend|system)?.{0,20}"
            r"\b(unavailable|not available|down)\b"
        ),
    ),
    Rule(id="auth.dropped", stages=at(Stage.AUTH), codes=("421",)),
    # Between a question of the server's and its answer, an end is about the login.
    Rule(
        id="auth.dropped",
        stages=at(Stage.AUTH),
        kinds=by(FaultKind.CLOSED),
        challenged=True,
    ),
    Rule(
        id="auth.password-transition",
        stages=at(Stage.AUTH),
        codes=("432",),
        enhanced=("4.7.12",),
    ),
    Rule(
        id="auth.password-transition",
        stages=at(Stage.AUTH),
        codes=("432",),
        text=words(r"\bpassword transition\b"),
    ),
    Rule(id="auth.mechanism-504", stages=at(Stage.AUTH), codes=("504",)),
    Rule(
        id="auth.mechanism-504",
        stages=at(Stage.AUTH),
        codes=("5",),
        text=words(
            r"\bunrecogni[sz]ed authentication (type|mechanism|method)\b"
            r"|\bno (authentication )?mechanism available\b"
            r"|\b(mechanism|authentication (type|method))\b.{0,20}"
            r"\bnot (supported|allowed|available|implemented)\b"
        ),
    ),
    Rule(id="auth.503-not-advertised", stages=at(Stage.AUTH), codes=("503",)),
    Rule(id="auth.line-too-long", stages=at(Stage.AUTH), codes=("5",), enhanced=("5.5.6",)),
    Rule(
        id="auth.line-too-long",
        stages=at(Stage.AUTH),
        codes=("500", "501"),
        text=words(r"\b(line|command|response|token)( is)? too long\b"),
    ),
    Rule(
        id="auth.password-expired",
        stages=at(Stage.AUTH),
        codes=("534", "535"),
        text=_EXPIRED,
    ),
    Rule(
        id="auth.password-expired",
        stages=at(Stage.AUTH),
        codes=("5",),
        enhanced=("5.7.13", "5.7.1"),
        text=_EXPIRED,
    ),
    Rule(
        id="auth.app-password",
        stages=at(Stage.AUTH),
        codes=("5",),
        text=words(
            r"\bapp(lication)?([- ]specific)?[- ]password( is)? (required|needed)\b"
            r"|\b(use|create|needs?|requires?|enter) (an? )?"
            r"app(lication)?([- ]specific)?[- ]password\b"
        ),
    ),
    Rule(
        id="auth.disabled-account",
        stages=at(Stage.AUTH),
        codes=("525", "535"),
        enhanced=("5.7.13",),
    ),
    Rule(
        id="auth.disabled-account",
        stages=at(Stage.AUTH),
        codes=("5",),
        text=words(
            r"\b(account|mailbox|user)\b.{0,20}\b"
            r"(disabled|suspended|blocked|locked|deactivated|inactive|not (yet )?activ(e|ated))\b"
        ),
    ),
    Rule(id="auth.too-weak", stages=at(Stage.AUTH), codes=("534",), enhanced=("5.7.9",)),
    Rule(
        id="auth.too-weak",
        stages=at(Stage.AUTH),
        codes=("534",),
        text=words(r"\bmechanism\b.*\btoo weak\b"),
    ),
)

# Behind what providers mean by it.
REFUSED_LOGINS = (
    # What Cyrus SASL says by way of Postfix when its own service cannot be reached.
    Rule(
        id="auth.temporary",
        stages=at(Stage.AUTH),
        codes=("5",),
        text=words(
            r"\bgeneric failure\b|\b(cannot|could not|unable to) connect to \w*auth"
            r"|\bunable to authenticate at (this|present)\b"
            r"|\bdatabase (error|failure|unavailable)\b"
        ),
    ),
    # No user name and no password were sent that could be wrong.
    Rule(
        id="auth.external-refused",
        stages=at(Stage.AUTH),
        codes=("535",),
        mechanisms=frozenset({"EXTERNAL"}),
    ),
    Rule(id="auth.invalid", stages=at(Stage.AUTH), codes=("535",)),
    Rule(id="auth.invalid", stages=at(Stage.AUTH), codes=("5",), enhanced=("5.7.8",)),
    Rule(id="auth.invalid", stages=at(Stage.AUTH), codes=("5",), text=_WRONG),
    Rule(
        id="auth.invalid",
        stages=at(Stage.AUTH),
        codes=("5",),
        text=words(r"\b(authentication|login) (has )?(failed|failure|unsuccessful)\b"),
    ),
    # A server without logins at this point does not know the command.
    Rule(id="auth.503-not-advertised", stages=at(Stage.AUTH), codes=("502",)),
    Rule(
        id="auth.503-not-advertised",
        stages=at(Stage.AUTH),
        codes=("500",),
        text=words(
            r"\b(unrecogni[sz]ed|unknown|invalid|not (recogni[sz]ed|implemented|supported))\b"
        ),
    ),
)
