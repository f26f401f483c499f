"""Every wording of every situation is recognised, and what only looks like one is left alone."""

from __future__ import annotations

import pytest

from smtpcheck.engine.catalogue import Outcome, entry
from smtpcheck.engine.evidence import Evidence
from smtpcheck.engine.stages import Stage, Verdict
from tests.engine.diagnosis.evidences import (
    ANSWERS,
    BLANK,
    CONFLICT,
    NOT_SAID,
    PASSPHRASE,
    WORDINGS,
    evidence_of,
    lost,
)
from tests.engine.diagnosis.sightings import SEALED, diagnosis_of, fault, judged, seen
from tests.engine.situations import (
    AUTH,
    CONTENT,
    DATA,
    EHLO,
    GMAIL,
    GREETING,
    MAIL,
    MAILRU,
    OFFICE,
    RCPT,
    RELAY,
    SITUATIONS,
    Situation,
)

VERDICTS = {Outcome.FAILS: Verdict.FAILS, Outcome.INCONCLUSIVE: Verdict.INCONCLUSIVE}


@pytest.mark.parametrize(("row", "said"), WORDINGS, ids=lambda item: str(item)[:60])
def test_every_wording_is_recognised(row: Situation, said: str) -> None:
    report = judged(evidence_of(row, said))

    assert report.diagnosis is not None
    assert report.diagnosis.id == row.id
    listed = entry(row.id)
    assert report.verdict == (row.verdict or VERDICTS[listed.outcome])
    assert report.owner is listed.owner
    assert report.diagnosis.evidence_line.startswith(said[:3])


def test_every_situation_but_general_ones_has_a_second_wording_or_another_row() -> None:
    alone = [
        row.id
        for row in SITUATIONS
        if len(row.said) == 1 and sum(other.id == row.id for other in SITUATIONS) == 1
    ]
    assert alone == [
        "ehlo.port-in-name",
        "connect.masked-banner",
        "auth.needs-tls",  # one code, which means nothing else
        "tls.starttls-required",
        "mail.netease",
        "mail.zoho",
    ]


def other(stage: Stage, said: str, host: str = "mx.example.org", **changes: object) -> Evidence:
    return seen(fault(stage, said), **({"host": host, "tls": SEALED} | changes))


NEAR_MISSES: list[tuple[Evidence, str]] = [
    # one provider's words at another
    (other(AUTH, "535 Authentication credentials invalid", GMAIL), "auth.gmail-invalid"),
    (other(AUTH, "525 5.7.1 Unauthorized IP address"), "auth.rejected"),
    (other(AUTH, "535 Login Fail."), "auth.invalid"),
    (other(AUTH, "535 5.7.8 no access rights to this service"), "auth.invalid"),
    (other(AUTH, "451 Maximum credits exceeded"), "auth.deferred"),
    (other(AUTH, "454 4.7.0 Too many login attempts"), "auth.too-many"),
    (other(MAIL, "553 Mail from must equal authorized user"), "mail.not-owned"),
    (other(MAIL, "553 Relaying disallowed as a@b.example"), "mail.not-owned"),
    (other(MAIL, "550 From address is not one of your addresses"), "mail.not-owned"),
    (other(RCPT, "550 5.7.0 Mail relay denied"), "rcpt.relay-denied"),
    (other(CONTENT, "550 5.4.5 message quota exceeded"), "mail.rate"),
    (other(EHLO, "421 4.7.0 Try again later, closing connection"), "ehlo.deferred"),
    (other(GREETING, "421 Too many connections", OFFICE), "greet.421-too-many"),
    # a provider's host, and words that say something else
    (other(AUTH, "535 5.7.13 disabled", GMAIL), "auth.disabled-account"),
    (other(AUTH, "454 4.7.0 Temporary failure", GMAIL), "auth.temporary"),
    (other(AUTH, "535 5.7.139 password expired", OFFICE), "auth.password-expired"),
    (other(AUTH, "550 5.7.1 no", OFFICE), "auth.rejected"),
    (other(AUTH, "535 5.7.8 Invalid user or password", "smtp.yandex.com"), "auth.invalid"),
    (other(RCPT, "550 5.1.1 who?", RELAY), "rcpt.unknown"),
    (other(AUTH, "535 no", f"{GMAIL}.evil.example"), "auth.invalid"),
    # codes that begin alike
    (other(RCPT, "550 5.7.606 Access denied"), "rcpt.rejected"),
    (other(AUTH, "535 5.7.30 no"), "auth.invalid"),
    (other(RCPT, "550 5.1.16 no"), "rcpt.rejected"),
    (other(AUTH, "432 no"), "auth.deferred"),
    # words inside words
    (other(CONTENT, "550 see spammers.example"), "content.rejected"),
    (other(CONTENT, "554 rejected by hotspamx"), "content.rejected"),
    (other(RCPT, "550 no such thing as SPFX"), "rcpt.rejected"),
    (other(RCPT, "550 5.7.1 ptrace failed"), "rcpt.rejected"),
    (other(CONTENT, "550 the domain unspf.example"), "content.rejected"),
    (other(AUTH, "535 passwordless logins expired"), "auth.invalid"),
    # what is about the sender is not about the recipient
    (other(RCPT, "550 5.1.8 Sender address rejected: Domain not found"), "mail.domain-not-found"),
    (other(MAIL, "550 5.1.1 who?"), "mail.rejected"),
    (other(MAIL, "501 5.5.4 Invalid"), "mail.syntax"),
    (other(RCPT, "501 5.1.3 Bad recipient address syntax"), "rcpt.rejected"),
    (other(RCPT, "452 no"), "rcpt.deferred"),
    # a list in the answer to a mail may be one of links or words
    (other(CONTENT, "554 5.7.1 a link in it is on a blocklist"), "content.rejected"),
    (other(DATA, "451 later"), "data.deferred"),
    # not only what is encrypted already
    (other(AUTH, "530 5.7.0 Authentication required"), "auth.rejected"),
    (other(AUTH, "530 5.7.0 Authentication required", tls=None), "auth.needs-tls"),
    (other(AUTH, "550 this account requires TLS", tls=None), "auth.needs-tls"),
    (other(MAIL, "451 5.7.3 STARTTLS is required to send mail", tls=None), "tls.starttls-required"),
    (other(MAIL, "451 5.7.3 STARTTLS is required to send mail"), "mail.deferred"),
    # no user: nobody is not the owner
    (other(RCPT, "550 sender is not allowed", username=""), "rcpt.rejected"),
    (
        other(RCPT, "554 5.7.1 <h>: Client host rejected: Access denied", username="", port=25),
        "rcpt.delayed-reject",
    ),
    # an empty sender
    (other(MAIL, "553 5.1.7 no", sender=""), "mail.null-sender"),
    (other(MAIL, "550 <>: not here", sender=""), "mail.null-sender"),
    (other(MAIL, "550 <>: not here"), "mail.rejected"),
]


NOT_DECIDED: list[tuple[Evidence, str]] = [
    # the exchanger without a login, or that has one after all
    (lost("aspmx.l.google.com", username="", sender=""), "connect.timeout"),
    (lost("aspmx.l.google.com", port=25), "connect.timeout"),
    (other(AUTH, "535 no", "aspmx.l.google.com"), "auth.invalid"),
    (lost("smtp.gmail.com"), "connect.timeout"),
    # a provider whose mail server bears the name of the domain, and other people's domains
    (lost("posteo.de", username="ann@posteo.de"), "connect.timeout"),
    (lost("mx.example.org", username="ann@example.org"), "connect.timeout"),
    (lost("example.org", username="ann@example.org", probes=(ANSWERS,)), "connect.timeout"),
    (other(AUTH, "535 no", "example.org", username="ann@example.org"), "auth.invalid"),
    # notes
    (other(AUTH, "535 no", oddities=(PASSPHRASE,)), "auth.invalid"),
    (other(AUTH, "454 no", oddities=(BLANK,)), "auth.temporary"),
    (other(AUTH, "535 5.7.13 no", oddities=(BLANK,)), "auth.disabled-account"),
    (
        other(AUTH, "535 Application password is REQUIRED", MAILRU, oddities=(BLANK,)),
        "auth.mailru",
    ),
    (other(AUTH, "535 no", oddities=(CONFLICT,)), "auth.invalid"),
    (other(EHLO, "550 no", oddities=(CONFLICT,)), "ehlo.rejected"),
]


@pytest.mark.parametrize(
    ("evidence", "diagnosis_id"), NEAR_MISSES, ids=lambda item: item if type(item) is str else ""
)
def test_what_only_looks_like_a_situation_is_left_alone(
    evidence: Evidence, diagnosis_id: str
) -> None:
    assert diagnosis_of(evidence) == diagnosis_id


@pytest.mark.parametrize(
    ("evidence", "diagnosis_id"), NOT_SAID, ids=lambda item: item if type(item) is str else ""
)
def test_what_no_answer_tells_is_recognised(evidence: Evidence, diagnosis_id: str) -> None:
    assert diagnosis_of(evidence) == diagnosis_id


@pytest.mark.parametrize(
    ("evidence", "diagnosis_id"), NOT_DECIDED, ids=lambda item: item if type(item) is str else ""
)
def test_a_note_or_a_name_alone_decides_nothing(evidence: Evidence, diagnosis_id: str) -> None:
    assert diagnosis_of(evidence) == diagnosis_id
