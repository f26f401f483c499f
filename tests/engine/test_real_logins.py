"""Every mechanism that needs a password against a real Postfix with Dovecot."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from smtpcheck.engine.plan import Plan
from smtpcheck.engine.stages import Goal, Security
from tests.engine.trials import diagnosis_of, plan_for, tried
from tests.servers.postfix import LOGINS, PostfixServer

pytestmark = pytest.mark.postfix

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
AWKWARD = {
    **LOGINS,
    "jörg@mail.test": "Größe 1, 100 %",
    "a=b,c@mail.test": "=2C,=3D",
    "emoji@mail.test": "\U0001f511 \U0001f600",
    "long@mail.test": "x" * 400,
}


@pytest.fixture(scope="module")
def server(usable_postfix: None) -> Iterator[PostfixServer]:
    """A Postfix of this module's own, which offers more than the others need."""
    names = [name.lower() for name in MECHANISMS]
    with PostfixServer(logins=AWKWARD, mechanisms=names) as running:
        yield running


def plan_of(
    server: PostfixServer, user: str, *, mechanism: str, password: str = "", goal: Goal = Goal.LOGIN
) -> Plan:
    return plan_for(
        server.ports.submission,
        trusted=server.ca_file.read_text(),
        security=Security.STARTTLS,
        host=server.host,
        user=user,
        password=password or AWKWARD[user],
        sender="account@mail.test",
        recipient="inbox@mail.test",
        mechanism=mechanism,
        goal=goal,
        seconds=15.0,
    )


@pytest.mark.parametrize("user", AWKWARD)
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_login_passes_by_every_mechanism(
    server: PostfixServer, mechanism: str, user: str
) -> None:
    report = tried(plan_of(server, user, mechanism=mechanism))

    assert (report.verdict, report.evidence.mechanism) == ("works", mechanism)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_after_every_mechanism_the_mail_is_taken(server: PostfixServer, mechanism: str) -> None:
    report = tried(plan_of(server, "account@mail.test", mechanism=mechanism, goal=Goal.CONTENT))

    assert report.verdict == "works"
    message_id = report.evidence.message_id.encode()
    assert server.wait_for_mail("inbox@mail.test", containing=message_id, timeout_seconds=10)


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


@pytest.mark.parametrize("mechanism", ["", *MECHANISMS])
def test_a_wrong_password_is_one_attempt_in_the_servers_log(
    server: PostfixServer, mechanism: str
) -> None:
    logged = len(log_of(server))

    report = tried(
        plan_of(server, "account@mail.test", mechanism=mechanism, password="not-the-one")
    )

    assert (diagnosis_of(report), report.verdict) == ("auth.invalid", "fails")
    [counted] = failed_sessions(server, after=logged)
    assert "auth=0/1" in counted.split()  # none passed of one
    assert log_of(server)[logged:].count("authentication failed") == 1


def test_automatic_takes_what_mail_programs_take(server: PostfixServer) -> None:
    report = tried(plan_of(server, "account@mail.test", mechanism=""))

    assert report.evidence.mechanism == "PLAIN"


def test_a_mechanism_that_it_does_not_offer_is_told(server: PostfixServer) -> None:
    report = tried(plan_of(server, "account@mail.test", mechanism="SCRAM-SHA-256-PLUS"))

    assert diagnosis_of(report) == "auth.mechanism-not-offered"
    assert report.diagnosis is not None
    offered = str(report.diagnosis.parameters["mechanisms"]).split()
    assert sorted(offered) == sorted(MECHANISMS)
