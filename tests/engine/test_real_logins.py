"""Every mechanism that needs a password or a token against a real Postfix with Dovecot.

Dovecot 2.3 binds no login to its channel (SCRAM-SHA-256-PLUS comes with 2.4), and Postfix 3.7 tells
it nothing of client certificates: EXTERNAL is tried with Exim (test_real_certificates.py).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.plan import Plan
from smtpcheck.engine.stages import Goal, Security
from tests.engine.trials import IN_THE_CLEAR, diagnosis_of, plan_for, tried
from tests.servers.postfix import LOGINS, PostfixServer
from tests.servers.tokens import access_token

pytestmark = pytest.mark.postfix

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
TOKEN_MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
AWKWARD = {
    **LOGINS,
    "jörg@mail.test": "Größe 1, 100 %",
    "a=b,c@mail.test": "=2C,=3D",
    "emoji@mail.test": "\U0001f511 \U0001f600",
    "longer@mail.test": "x" * 400,
}


@pytest.fixture(scope="module")
def server(usable_postfix: None) -> Iterator[PostfixServer]:
    """A Postfix of this module's own, which offers more than the others need."""
    names = [name.lower() for name in (*MECHANISMS, *TOKEN_MECHANISMS)]
    with PostfixServer(logins=AWKWARD, mechanisms=names, takes_logins_in_the_clear=True) as running:
        yield running


def plan_of(
    server: PostfixServer,
    user: str,
    *,
    mechanism: str,
    password: str = "",
    goal: Goal = Goal.LOGIN,
    security: Security = Security.STARTTLS,
) -> Plan:
    return plan_for(
        server.ports.smtps if security is Security.TLS else server.ports.submission,
        trusted=server.ca_file.read_text(),
        security=security,
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


@pytest.mark.parametrize("user", AWKWARD)
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_in_the_clear_every_login_passes_where_the_policy_allows_it(
    server: PostfixServer, mechanism: str, user: str
) -> None:
    report = tried(in_the_clear(server, user, mechanism), policy=IN_THE_CLEAR)

    assert (report.verdict, report.evidence.mechanism) == ("works", mechanism)
    assert report.evidence.tls is None


def in_the_clear(server: PostfixServer, user: str, mechanism: str = "") -> Plan:
    """A login on the plain port."""
    return plan_for(
        server.ports.plain,
        security=Security.NONE,
        user=user,
        password=AWKWARD[user],
        mechanism=mechanism,
        goal=Goal.LOGIN,
        seconds=15.0,
    )


def test_in_the_clear_the_password_itself_goes_last(server: PostfixServer) -> None:
    report = tried(in_the_clear(server, "account@mail.test"), policy=IN_THE_CLEAR)

    assert (report.verdict, report.evidence.mechanism) == ("works", "SCRAM-SHA-256")


@pytest.mark.parametrize("mechanism", ["", *MECHANISMS])
def test_in_the_clear_no_login_is_sent_without_the_policys_leave(
    server: PostfixServer, mechanism: str
) -> None:
    report = tried(in_the_clear(server, "account@mail.test", mechanism))

    assert diagnosis_of(report) == "config.cleartext-secret"
    assert "> AUTH" not in report.evidence.transcript


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_after_every_mechanism_the_mail_is_taken(
    server: PostfixServer, mechanism: str, security: Security
) -> None:
    report = tried(
        plan_of(
            server,
            "account@mail.test",
            mechanism=mechanism,
            goal=Goal.CONTENT,
            security=security,
        )
    )

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


@pytest.mark.parametrize("size", [0, 2500])  # a long one does not fit the AUTH line
@pytest.mark.parametrize("mechanism", TOKEN_MECHANISMS)
def test_a_good_token_passes_and_the_mail_is_taken(
    server: PostfixServer, mechanism: str, size: int
) -> None:
    token = access_token("account@mail.test", padding="x" * size)

    report = tried(
        plan_of(server, "account@mail.test", mechanism=mechanism, password=token, goal=Goal.CONTENT)
    )

    assert (report.verdict, report.evidence.mechanism) == ("works", mechanism)
    message_id = report.evidence.message_id.encode()
    assert server.wait_for_mail("inbox@mail.test", containing=message_id, timeout_seconds=10)


EXPIRED = access_token("account@mail.test", seconds=-30)


@pytest.mark.parametrize(
    ("mechanism", "token", "reason", "told"),
    [
        ("XOAUTH2", EXPIRED, "has expired", "status 401, scope mail"),
        ("OAUTHBEARER", EXPIRED, "has expired", "status invalid_token"),
        (
            "OAUTHBEARER",
            access_token("someone@mail.test"),
            "did not match 'someone@mail.test'",
            "status invalid_token",
        ),
        (
            "XOAUTH2",
            access_token("account@mail.test", key=b"forged"),
            "Incorrect JWT signature",
            "status 401, scope mail",
        ),
        ("XOAUTH2", "correct-horse", "Not a JWT token", "status 401, scope mail"),
    ],
    ids=["expired", "expired too", "of someone else", "forged", "a password"],
)
def test_a_refused_token_is_one_attempt_and_its_reason_is_told(
    server: PostfixServer, mechanism: str, token: str, reason: str, told: str
) -> None:
    logged, judged = len(log_of(server)), len(judgements(server))

    report = tried(plan_of(server, "account@mail.test", mechanism=mechanism, password=token))

    assert (diagnosis_of(report), report.verdict) == ("auth.xoauth-334-json", "fails")
    assert report.diagnosis is not None
    assert report.diagnosis.parameters["detail"] == told
    [counted] = failed_sessions(server, after=logged)
    assert "auth=0/1" in counted.split()
    assert reason in judgements(server)[judged:]


def judgements(server: PostfixServer) -> str:
    """Dovecot's own log."""
    return (server.directory / "dovecot/dovecot.log").read_text(errors="replace")


@pytest.mark.parametrize(
    ("user", "password"), [("account@mail.test", "a\0b"), ("account\0@mail.test", "correct-horse")]
)
def test_nul_in_a_login_is_refused_before_any_packet(
    server: PostfixServer, user: str, password: str
) -> None:
    logged = len(log_of(server))

    with pytest.raises(Refused) as refused:
        plan_of(server, user, mechanism="", password=password)

    assert refused.value.diagnosis_id == "config.control-character"
    assert log_of(server)[logged:] == ""


def test_a_password_without_a_user_name_stays_here(server: PostfixServer) -> None:
    plan = plan_of(server, "", mechanism="", password="correct-horse", goal=Goal.CONTENT)

    report = tried(plan)

    assert report.verdict == "fails"  # on port 587 it would be told as a missing login
    assert "AUTH PLAIN" in "\n".join(report.evidence.capabilities)
    assert "> AUTH" not in report.evidence.transcript


def test_automatic_takes_what_mail_programs_take(server: PostfixServer) -> None:
    report = tried(plan_of(server, "account@mail.test", mechanism=""))

    assert report.evidence.mechanism == "PLAIN"


def test_a_mechanism_that_it_does_not_offer_is_told(server: PostfixServer) -> None:
    report = tried(plan_of(server, "account@mail.test", mechanism="SCRAM-SHA-256-PLUS"))

    assert diagnosis_of(report) == "auth.mechanism-not-offered"
    assert report.diagnosis is not None
    offered = str(report.diagnosis.parameters["mechanisms"]).split()
    assert sorted(offered) == sorted((*MECHANISMS, *TOKEN_MECHANISMS))
