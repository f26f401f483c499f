"""Answers to sender and recipient."""

from __future__ import annotations

from smtpcheck.engine.catalogue import Outcome
from smtpcheck.engine.diagnosis.matcher import Rule, at, by, words
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Stage

_ENVELOPE = at(Stage.MAIL, Stage.RCPT, Stage.DATA)
_SUBMISSION = at(Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT)
# Some servers look for the recipient only when they have the mail.
_TO_RECIPIENT = at(Stage.RCPT, Stage.DATA, Stage.CONTENT)
_ADDRESSES = at(Stage.MAIL, Stage.RCPT)
_RELAY_DENIED = words(
    r"\brelay(ing)? (access )?(is )?"
    r"(denied|disallowed|not (permitted|allowed)|prohibited|rejected)\b"
    r"|\b(unable|not (allowed|permitted|authori[sz]ed)) to relay\b|\bdo(es)? not relay\b"
    r"|\bno relaying\b|\bnot (an )?open relay\b|\brcpthosts\b"
    r"|\bdelivery is not allowed to this address\b"
)

ENVELOPES = (
    Rule(id="mail.smtputf8", stages=at(Stage.MAIL), kinds=by(FaultKind.NOT_OFFERED)),
    Rule(id="mail.smtputf8", stages=_ADDRESSES, codes=("5",), enhanced=("5.6.7",)),
    Rule(id="mail.null-sender", stages=at(Stage.MAIL), codes=("550", "553"), has_sender=False),
    Rule(id="mail.syntax", stages=_ENVELOPE, codes=("5",), enhanced=("5.1.7",)),
    Rule(
        id="mail.syntax",
        stages=_ENVELOPE,
        codes=("5",),
        text=words(r"\bsender address rejected: need fully[- ]qualified\b"),
    ),
    Rule(id="mail.syntax", stages=at(Stage.MAIL), codes=("501", "555")),
    Rule(id="rcpt.null-mx", stages=_TO_RECIPIENT, codes=("556",)),
    Rule(
        id="rcpt.null-mx",
        stages=_SUBMISSION,
        codes=("5",),
        enhanced=("5.1.10",),
        text=words(r"\bnull ?MX\b|\b(domain|host) does not accept mail\b"),
    ),
    # Postfix says it with a 454 until its owner makes it a 554; then it may be put right meanwhile.
    Rule(
        id="rcpt.relay-denied",
        stages=_SUBMISSION,
        codes=("4",),
        text=_RELAY_DENIED,
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(id="rcpt.relay-denied", stages=_SUBMISSION, codes=("5",), text=_RELAY_DENIED),
    Rule(id="rcpt.relay-denied", stages=_ENVELOPE, codes=("550",), enhanced=("5.7.54",)),
    Rule(id="rcpt.relay-denied", stages=at(Stage.RCPT), codes=("551",)),
    Rule(
        id="rcpt.unknown",
        stages=_TO_RECIPIENT,
        codes=("5",),
        enhanced=("5.1.1", "5.1.2", "5.1.6", "5.1.10", "5.2.1"),
    ),
    # So Exchange Online says that its directory does not have this one.
    Rule(
        id="rcpt.unknown",
        stages=_TO_RECIPIENT,
        codes=("5",),
        enhanced=("5.4.1",),
        text=words(r"\brecipient address rejected\b"),
    ),
    Rule(
        id="rcpt.unknown",
        stages=at(Stage.RCPT),
        codes=("4",),
        enhanced=("4.1.1", "4.1.2"),
        text=words(r"\bunknown\b|\bnot found\b|\bdoes not exist\b"),
    ),
    # Some providers begin every refusal with "mailbox unavailable", so it must be all there is.
    Rule(
        id="rcpt.unknown",
        stages=at(Stage.RCPT),
        codes=("5",),
        text=words(
            r"^(?!.*\bsender\b).*("
            r"\b(user|recipient|mailbox|account|address)( is)? unknown\b"
            r"|\bunknown (user|recipient|mailbox|account|address)\b"
            r"|\bno such (user|mailbox|recipient|person|account|address)\b"
            r"|\b(user|mailbox|recipient|account|address)\b.{0,30}\b(does not exist|not found)\b"
            r"|\b(user|recipient)\b.{0,20}\bdoes(n't| not) have\b"
            r"|\b(invalid|unrouteable|undeliverable) (recipient|mailbox|address)\b"
            r"|\bno mailbox here\b|\binactive mailbox\b|\bmailbox (is )?unavailable\W*$)"
        ),
    ),
    # So OpenSMTPD says that its table of virtual users does not have this one.
    Rule(id="rcpt.unknown", stages=at(Stage.RCPT), codes=("5",), enhanced=("5.2.4",)),
    Rule(
        id="data.no-valid-recipients",
        stages=at(Stage.DATA),
        codes=("5",),
        text=words(r"\bno valid recipients?\b|\bvalid RCPT\b.{0,20}\bmust precede\b|\bneed RCPT\b"),
    ),
)
