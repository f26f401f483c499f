"""The engine alone against a real OpenSMTPD, whose TLS is broken in Debian 12."""

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
from tests.engine.trials import diagnosis_of, tried
from tests.servers import opensmtpd as configured
from tests.servers.opensmtpd import OpenSmtpdServer

pytestmark = pytest.mark.opensmtpd


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_good_account_works_and_its_mail_lies_there_byte_for_byte(
    opensmtpd: OpenSmtpdServer, text: str
) -> None:
    plan = plan_of(opensmtpd, Security.NONE, text=text)
    report = tried(plan)

    assert (report.verdict, report.stage, diagnosis_of(report)) == ("works", "content", "")
    mail = mail_of(opensmtpd, report)
    assert_lies_there_as_sent(mail, plan, report)
    final = report.evidence.reply_of(Stage.CONTENT)
    assert final is not None
    queued = re.search(r"(\w{8}) Message accepted for delivery", final.text)
    assert queued is not None
    assert queued[1].encode() in mail  # in its Received line


@pytest.mark.parametrize(
    ("sender", "recipient", "diagnosis", "verdict"),
    [
        (ACCOUNT, configured.UNKNOWN_RECIPIENT, "rcpt.unknown", "inconclusive"),
        # Other servers say "relay denied"; this one does not tell the two apart.
        (ACCOUNT, "someone@example.com", "rcpt.unknown", "inconclusive"),
        (ACCOUNT, configured.GREYLISTED_RECIPIENT, "rcpt.greylist", "inconclusive"),
        (ACCOUNT, configured.FULL_RECIPIENT, "rcpt.mailbox-full", "inconclusive"),
        (ACCOUNT, configured.FULL_FOR_NOW_RECIPIENT, "rcpt.mailbox-full", "inconclusive"),
        (configured.NOT_OWNED_SENDER, INBOX, "mail.not-owned", "fails"),
    ],
)
def test_a_refusal_has_its_diagnosis(
    opensmtpd: OpenSmtpdServer, sender: str, recipient: str, diagnosis: str, verdict: str
) -> None:
    report = tried(plan_of(opensmtpd, Security.NONE, sender=sender, recipient=recipient))

    assert (diagnosis_of(report), report.verdict) == (diagnosis, verdict)


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.OPPORTUNISTIC, Security.TLS])
def test_its_broken_tls_is_told_and_no_password_is_sent(
    opensmtpd: OpenSmtpdServer, security: Security
) -> None:
    logged = len(opensmtpd.log())

    report = tried(plan_of(opensmtpd, security))

    assert (diagnosis_of(report), report.verdict) == ("tls.server-error", Verdict.FAILS)
    assert report.evidence.fault is not None
    assert report.evidence.fault.stage is Stage.TLS
    assert "INTERNAL_ERROR" in report.evidence.fault.detail
    assert "missing private key" in log_of_session(opensmtpd, after=logged)
    assert "AUTH" not in report.evidence.transcript


def log_of_session(server: OpenSmtpdServer, *, after: int, seconds: float = 5.0) -> str:
    """What it logged since its log was so long, up to the end of a session."""
    end = time.monotonic() + seconds
    while "disconnected" not in server.log()[after:] and time.monotonic() < end:
        time.sleep(0.02)
    return server.log()[after:]


def test_its_certificate_is_shown_although_the_handshake_failed(
    opensmtpd: OpenSmtpdServer,
) -> None:
    report = tried(plan_of(opensmtpd, Security.TLS, goal=Goal.LOGIN))

    assert report.evidence.tls is None
    assert report.evidence.chain
