"""The engine alone against a real Exim: other words, other habits, and CRAM-MD5."""

from __future__ import annotations

import re
import time

import pytest

from smtpcheck.engine.sasl import MECHANISMS
from smtpcheck.engine.stages import Goal, Security, Stage, Verdict
from tests.engine.accounts import (
    ACCOUNT,
    TEXTS,
    assert_lies_there_as_sent,
    mail_of,
    plan_of,
)
from tests.engine.trials import diagnosis_of, plan_for, tried
from tests.servers import exim as configured
from tests.servers.exim import EximServer
from tests.servers.postfix import LOGINS

pytestmark = pytest.mark.exim

ENCRYPTED = [Security.STARTTLS, Security.TLS]
SPOKEN = [name for name in configured.MECHANISMS if name in MECHANISMS]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize(
    "security", [Security.NONE, Security.STARTTLS, Security.OPPORTUNISTIC, Security.TLS]
)
def test_a_good_account_works_and_its_mail_lies_there_byte_for_byte(
    exim: EximServer, security: Security, text: str
) -> None:
    plan = plan_of(exim, security, text=text)
    report = tried(plan)

    assert (report.verdict, report.stage, diagnosis_of(report)) == ("works", "content", "")
    mail = mail_of(exim, report)
    assert_lies_there_as_sent(mail, plan, report)
    final = report.evidence.reply_of(Stage.CONTENT)
    assert final is not None
    queued = re.fullmatch(r"OK id=(\S+)", final.text)
    assert queued is not None
    assert queued[1].encode() in mail  # in its Received line


def test_it_offers_every_mechanism_inside_tls(exim: EximServer) -> None:
    report = tried(plan_of(exim, Security.STARTTLS))

    offered = next(line for line in report.evidence.capabilities if line.startswith("AUTH"))
    assert offered.split()[1:] == list(configured.MECHANISMS)


@pytest.mark.parametrize("mechanism", SPOKEN)
@pytest.mark.parametrize("security", ENCRYPTED)
@pytest.mark.parametrize("user", LOGINS)
def test_every_login_passes(
    exim: EximServer, user: str, security: Security, mechanism: str
) -> None:
    report = tried(plan_of(exim, security, user=user, mechanism=mechanism, goal=Goal.RECIPIENT))

    assert (report.verdict, report.evidence.mechanism) == (Verdict.WORKS, mechanism)


@pytest.mark.parametrize("mechanism", ["", *SPOKEN])
@pytest.mark.parametrize("security", ENCRYPTED)
def test_a_wrong_password_is_one_attempt_in_the_servers_log(
    exim: EximServer, security: Security, mechanism: str
) -> None:
    logged = len(log_of(exim))

    report = tried(plan_of(exim, security, password="not-the-one", mechanism=mechanism))

    assert (diagnosis_of(report), report.verdict) == ("auth.invalid", "fails")
    assert attempts_in(exim, after=logged) == [f"(set_id={ACCOUNT})"]


def log_of(server: EximServer) -> str:
    """Exim's main log alone, which only grows at its end."""
    return (server.directory / "log/mainlog").read_text(errors="replace")


def attempts_in(server: EximServer, *, after: int, seconds: float = 5.0) -> list[str]:
    """The refused logins that Exim logged since its log was so long, after the session ended."""
    end = time.monotonic() + seconds
    while not (found := _refused(server, after)) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def _refused(server: EximServer, after: int) -> list[str]:
    return re.findall(
        r"authenticator failed for .*: 535 Incorrect authentication data (\S+)",
        log_of(server)[after:],
    )


@pytest.mark.parametrize(
    ("recipient", "diagnosis", "verdict"),
    [
        ("someone@example.com", "rcpt.relay-denied", "fails"),
        (configured.GREYLISTED_RECIPIENT, "rcpt.greylist", "inconclusive"),
        (configured.BUSY_RECIPIENT, "rcpt.deferred", "inconclusive"),
        (configured.UNKNOWN_RECIPIENT, "rcpt.unknown", "inconclusive"),
        (configured.FULL_RECIPIENT, "rcpt.mailbox-full", "inconclusive"),
        (configured.FULL_FOR_NOW_RECIPIENT, "rcpt.mailbox-full", "inconclusive"),
    ],
)
@pytest.mark.parametrize("security", [Security.NONE, *ENCRYPTED])
def test_a_refused_recipient_has_its_diagnosis(
    exim: EximServer, security: Security, recipient: str, diagnosis: str, verdict: str
) -> None:
    report = tried(plan_of(exim, security, recipient=recipient))

    assert (diagnosis_of(report), report.verdict) == (diagnosis, verdict)
    assert report.evidence.fault is not None
    assert report.evidence.fault.stage is Stage.RCPT


@pytest.mark.parametrize("security", ENCRYPTED)
def test_a_sender_that_the_login_does_not_own_is_told(exim: EximServer, security: Security) -> None:
    report = tried(plan_of(exim, security, sender=configured.NOT_OWNED_SENDER))

    assert (diagnosis_of(report), report.verdict) == ("mail.not-owned", "fails")


def test_without_a_login_submission_refuses(exim: EximServer) -> None:
    report = tried(plan_of(exim, Security.STARTTLS, user=""))

    assert (diagnosis_of(report), report.verdict) == ("mail.auth-required", "fails")


def test_a_port_without_tls_and_auth_gets_no_password(exim: EximServer) -> None:
    for security, diagnosis in (
        (Security.STARTTLS, "tls.starttls-not-offered"),
        (Security.OPPORTUNISTIC, "config.cleartext-secret"),
    ):
        report = tried(plan_for(exim.ports.plain, security=security, seconds=10))
        assert diagnosis_of(report) == diagnosis


def test_tls_on_connect_to_a_port_with_starttls_is_told(exim: EximServer) -> None:
    plan = plan_for(exim.ports.submission, security=Security.TLS, host=exim.host)

    assert diagnosis_of(tried(plan)) == "proto.plain-port-spoken-tls"


def test_its_authority_is_unknown_to_the_system(exim: EximServer) -> None:
    report = tried(plan_for(exim.ports.smtps, security=Security.TLS, host=exim.host))

    # Its certificate came alone, so what is missing is probably the one between.
    assert diagnosis_of(report) == "tls.cert-missing-intermediate"
