"""The engine alone against a real Postfix: what a user would see of a real server."""

from __future__ import annotations

import re
import time

import pytest

from smtpcheck.engine.stages import Goal, Security, Stage, Verdict
from tests.engine.accounts import (
    ACCOUNT,
    INBOX,
    TEXTS,
    assert_lies_there_as_sent,
    mail_of,
    plan_of,
)
from tests.engine.trials import IN_THE_CLEAR, diagnosis_of, plan_for, tried
from tests.servers.postfix import (
    FULL_FOR_NOW_RECIPIENT,
    FULL_RECIPIENT,
    GREYLISTED_RECIPIENT,
    LOGINS,
    NOT_OWNED_SENDER,
    UNKNOWN_RECIPIENT,
    PostfixServer,
)

pytestmark = pytest.mark.postfix


@pytest.mark.parametrize(
    "security", [Security.NONE, Security.STARTTLS, Security.OPPORTUNISTIC, Security.TLS]
)
def test_a_good_account_works_and_its_mail_is_in_the_mailbox(
    postfix: PostfixServer, security: Security
) -> None:
    report = tried(plan_of(postfix, security))

    assert (report.verdict, report.stage, diagnosis_of(report)) == ("works", "content", "")
    nonce = report.evidence.message_id[1:].partition(".")[0].encode()
    mail = mail_of(postfix, report)
    assert mail.count(nonce) >= 2  # in the Message-ID and in the body
    assert b"\nAuto-Submitted: auto-generated\n" in mail
    assert f"\nDelivered-To: {INBOX}\n".encode() in mail
    final = report.evidence.reply_of(Stage.CONTENT)
    assert final is not None
    queued = re.search(r"queued as (\w+)", final.text)
    assert queued is not None
    assert queued[1].encode() in mail  # in its Received line


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("security", [Security.NONE, Security.STARTTLS, Security.TLS])
def test_the_mail_lies_there_byte_for_byte_as_sent(
    postfix: PostfixServer, security: Security, text: str
) -> None:
    plan = plan_of(postfix, security, text=text)
    report = tried(plan)

    assert report.verdict is Verdict.WORKS
    assert_lies_there_as_sent(mail_of(postfix, report), plan, report)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
@pytest.mark.parametrize("user", LOGINS)
def test_every_login_passes(
    postfix: PostfixServer, user: str, security: Security, mechanism: str
) -> None:
    report = tried(plan_of(postfix, security, user=user, mechanism=mechanism, goal=Goal.RECIPIENT))

    assert (report.verdict, report.evidence.mechanism) == (Verdict.WORKS, mechanism)


def test_commands_go_in_one_group(postfix: PostfixServer) -> None:
    report = tried(plan_of(postfix, Security.STARTTLS))

    rungs = {rung.stage: rung for rung in report.evidence.ladder}
    assert all(rungs[stage].grouped for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA))
    assert report.evidence.tls is not None
    assert report.evidence.tls.version == "TLSv1.3"


def log_of(server: PostfixServer) -> str:
    """Postfix's own log, without Dovecot's behind it."""
    return (server.directory / "postfix.log").read_text(errors="replace")


def failed_sessions(server: PostfixServer, *, after: int, seconds: float = 5.0) -> list[str]:
    """What Postfix counted in sessions without a good login, since its log was so long."""
    end = time.monotonic() + seconds
    while True:
        found = re.findall(r"disconnect from \S+ (.*auth=0/.*)", log_of(server)[after:])
        if found or time.monotonic() > end:
            return found
        time.sleep(0.02)


@pytest.mark.parametrize("mechanism", ["", "PLAIN", "LOGIN"])
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_wrong_password_is_one_attempt_in_the_servers_log(
    postfix: PostfixServer, security: Security, mechanism: str
) -> None:
    logged = len(log_of(postfix))

    report = tried(plan_of(postfix, security, password="not-the-one", mechanism=mechanism))

    assert (diagnosis_of(report), report.verdict) == ("auth.invalid", "fails")
    [counted] = failed_sessions(postfix, after=logged)
    assert "auth=0/1" in counted.split()  # none passed of one
    assert "quit=1" in counted.split()
    assert log_of(postfix)[logged:].count("authentication failed") == 1


@pytest.mark.parametrize(
    ("sender", "recipient", "diagnosis", "verdict"),
    [
        (ACCOUNT, "someone@example.com", "rcpt.relay-denied", "fails"),
        (ACCOUNT, GREYLISTED_RECIPIENT, "rcpt.greylist", "inconclusive"),
        (ACCOUNT, UNKNOWN_RECIPIENT, "rcpt.unknown", "inconclusive"),
        (ACCOUNT, FULL_RECIPIENT, "rcpt.mailbox-full", "inconclusive"),
        (ACCOUNT, FULL_FOR_NOW_RECIPIENT, "rcpt.mailbox-full", "inconclusive"),
        (NOT_OWNED_SENDER, INBOX, "mail.not-owned", "fails"),
    ],
)
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_refusal_has_its_diagnosis(
    postfix: PostfixServer,
    security: Security,
    sender: str,
    recipient: str,
    diagnosis: str,
    verdict: str,
) -> None:
    report = tried(plan_of(postfix, security, sender=sender, recipient=recipient))

    assert (diagnosis_of(report), report.verdict) == (diagnosis, verdict)
    assert report.evidence.fault is not None
    assert report.evidence.fault.stage is Stage.RCPT  # where Postfix says what it holds against it


@pytest.mark.parametrize(
    ("recipient", "diagnosis", "verdict"),
    [
        ("someone@example.com", "rcpt.relay-denied", "fails"),
        (GREYLISTED_RECIPIENT, "rcpt.greylist", "inconclusive"),
        (UNKNOWN_RECIPIENT, "rcpt.unknown", "inconclusive"),
        (FULL_RECIPIENT, "rcpt.mailbox-full", "inconclusive"),
        (FULL_FOR_NOW_RECIPIENT, "rcpt.mailbox-full", "inconclusive"),
    ],
)
def test_a_refusal_in_the_clear_has_the_same_diagnosis(
    postfix: PostfixServer, recipient: str, diagnosis: str, verdict: str
) -> None:
    report = tried(plan_of(postfix, Security.NONE, recipient=recipient))

    assert (diagnosis_of(report), report.verdict) == (diagnosis, verdict)


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_without_a_login_submission_refuses(postfix: PostfixServer, security: Security) -> None:
    report = tried(plan_of(postfix, security, user=""))

    assert report.verdict is Verdict.FAILS
    assert report.evidence.fault is not None
    assert report.evidence.fault.stage is Stage.RCPT


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_the_sender_of_a_login_needs_one(postfix: PostfixServer, security: Security) -> None:
    report = tried(plan_of(postfix, security, user="", sender=NOT_OWNED_SENDER))

    assert (diagnosis_of(report), report.verdict) == ("mail.not-logged-in", "fails")


def test_a_port_without_tls_and_auth_gets_no_password(postfix: PostfixServer) -> None:
    port = postfix.ports.plain
    for security, policy, diagnosis in (
        (Security.STARTTLS, None, "tls.starttls-not-offered"),
        (Security.OPPORTUNISTIC, None, "config.cleartext-secret"),
        (Security.NONE, IN_THE_CLEAR, "auth.not-offered"),
    ):
        plan = plan_for(port, security=security, seconds=10)
        report = tried(plan, policy=policy) if policy else tried(plan)
        assert diagnosis_of(report) == diagnosis


def test_its_authority_is_unknown_to_the_system(postfix: PostfixServer) -> None:
    report = tried(plan_for(postfix.ports.smtps, security=Security.TLS, host=postfix.host))

    # Its certificate came alone, so what is missing is probably the one between.
    assert diagnosis_of(report) == "tls.cert-missing-intermediate"
