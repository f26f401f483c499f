"""Every situation that an answer can show, played by a real server under the provider's name.

The resolver leads the name to loopback, and the sandbox's authority vouches for it, so nothing
about the engine is changed: it looks up, connects, encrypts and logs in as it would out there.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Sequence
from functools import cache

import pytest

from smtpcheck.engine.catalogue import CATALOGUE, entry
from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import Past
from smtpcheck.engine.policy import Address
from smtpcheck.engine.stages import Security, Stage, Verdict
from smtpcheck.sandbox import Authority
from tests.engine.situations import (
    AUTH,
    CONTENT,
    DATA,
    GREETING,
    MAIL,
    OFFICE,
    ONE_BY_ONE,
    RCPT,
    SITUATIONS,
    Situation,
)
from tests.engine.trials import IN_THE_CLEAR, diagnosis_of, plan_for, tried, warnings_in
from tests.peers.fixtures import USER
from tests.peers.honest import until
from tests.peers.scripted import Client, Script, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]
ContextOf = Callable[[str], ssl.SSLContext]

# What no socket on loopback can show is judged as evidence in diagnosis/test_situations.py.
NOT_ON_LOOPBACK = {
    "mail.auth-required at rcpt": "one of its signs is a port below 1024",
    "tls.starttls-required at mail": "played in the clear, below",
}
# Diagnoses that no peer plays at all, with the reason; diagnosis/ judges them as evidence.
EVIDENCE_ONLY = {
    "connect.timeout-port25": "loopback drops no packets, and port 25 is not ours to listen on",
    "connect.worker-resources": "it would take every file that this machine may open",
    "tls.cert-revoked": "nothing named in a certificate is fetched, so only OpenSSL could say so",
    "mail.null-sender": "a test never sends the null sender",
    "proto.slow-banner": "takes a server that waits for longer than a test should last",
    "proto.slow-reply": "takes a server that waits for longer than a test should last",
}
PLAYED = [row for row in SITUATIONS if not (row.port or row.id == "tls.starttls-required")]


async def to_loopback(_: str) -> Sequence[Address]:
    return [ipaddress.ip_address("127.0.0.1")]


@pytest.fixture(scope="module")
def context_of(authority: Authority) -> ContextOf:
    """A server's TLS context with a certificate for any name."""
    return cache(lambda name: authority.issue(name).server_context())


def greets(text: str, script: Script) -> Script:
    """The same server under another greeting."""

    def talk(client: Client) -> None:
        send = client.send

        def replace_once(data: str | bytes) -> None:
            client.send = send  # type: ignore[method-assign]
            send(text if data == "220 peer ESMTP" else data)

        client.send = replace_once  # type: ignore[method-assign]
        script(client)

    return talk


def says(text: str) -> Script:
    def script(client: Client) -> None:
        client.send(text)
        if text[0] == "5":  # to HELO behind EHLO as well
            client.read_line()
            client.send("500 5.5.1 No")
        client.drain()

    return script


def play(
    row: Situation,
    then: Script,
    peer: MakePeer,
    authority: Authority,
    context_of: ContextOf,
    *,
    security: Security = Security.STARTTLS,
    leads: bool = False,
) -> Report:
    """What comes of an account at a host whose server does this at the situation's stage."""
    script = until(
        row.stage.value,
        then,
        tls=context_of(row.host),
        is_implicit=security is Security.TLS,
        capabilities=(*GROUPS[leads], *row.capabilities[:-1], "AUTH PLAIN LOGIN XOAUTH2 EXTERNAL"),
    )
    server = peer(greets(row.greeting, script))
    plan = plan_for(
        server.port,
        host=row.host,
        trusted=authority,
        security=security,
        user=row.user,
        mechanism=row.mechanism,
        sender=USER,
        past=Past(login_passed=leads),
    )
    return tried(plan, resolver=to_loopback)


GROUPS = {True: ("PIPELINING",), False: ()}


@pytest.mark.parametrize("row", PLAYED, ids=str)
def test_each_situation_is_told_over_a_real_connection(
    row: Situation, peer: MakePeer, authority: Authority, context_of: ContextOf
) -> None:
    # An EHLO that is refused over STARTTLS never comes to TLS.
    security = Security.TLS if row.stage in (GREETING, Stage.EHLO) else Security.STARTTLS

    report = play(row, says(row.said[0]), peer, authority, context_of, security=security)

    assert diagnosis_of(report) == row.id
    listed = entry(row.id)
    assert report.verdict == (row.verdict or listed.outcome.value)
    assert report.owner is listed.owner
    assert report.stage is (listed.stage or row.stage)
    assert report.diagnosis is not None
    first_line = row.said[0].split("\n")[0]
    assert report.diagnosis.evidence_line.startswith(first_line[:3])
    assert first_line[4:] in report.diagnosis.evidence_line


CAN_LEAD = [row for row in PLAYED if row.stage in (AUTH, MAIL, RCPT, DATA)]
CAN_LEAD = [row for row in CAN_LEAD if row.user and row.mechanism in ("", "PLAIN")]


@pytest.mark.parametrize("row", CAN_LEAD, ids=str)
def test_each_is_told_the_same_behind_a_login_in_a_group(
    row: Situation, peer: MakePeer, authority: Authority, context_of: ContextOf
) -> None:
    report = play(row, answers(row), peer, authority, context_of, leads=True)

    assert diagnosis_of(report) == row.id
    listed = entry(row.id)
    assert report.verdict == (row.verdict or listed.outcome.value)
    assert report.stage is (listed.stage or row.stage)
    assert not report.evidence.refuses_groups or row.stage is AUTH


def answers(row: Situation) -> Script:
    """Says it to the command of its stage each time, and to what else is in the group."""

    def script(client: Client) -> None:
        client.send(row.said[0])
        while True:
            verb = client.read_line().partition(" ")[0]
            if verb == row.stage.value.upper():
                client.send(row.said[0])
            elif verb == "RSET" or (verb in ("MAIL", "RCPT") and row.stage is not AUTH):
                client.send("250 2.0.0 Ok")
            else:
                client.send("503 5.5.1 Bad sequence of commands")

    return script


def test_what_is_not_played_says_why() -> None:
    left_out = {str(row) for row in SITUATIONS if row not in PLAYED}
    assert left_out == set(NOT_ON_LOOPBACK)


def test_what_is_judged_as_evidence_only_is_in_no_situation_that_is_played() -> None:
    assert set(EVIDENCE_ONLY) <= set(CATALOGUE)
    assert not {row.id for row in PLAYED} & set(EVIDENCE_ONLY)


# Hosts and settings


def at(host: str, stage: Stage = AUTH, **settings: object) -> Situation:
    return Situation("", stage, (), host=host, **settings)  # type: ignore[arg-type]


def test_an_exchanger_that_offers_no_login_is_told_as_such(
    peer: MakePeer, context_of: ContextOf, authority: Authority
) -> None:
    host = "example-org.mail.protection.outlook.com"
    script = until("auth", Client.drain, tls=context_of(host), capabilities=("SIZE 100",))
    plan = plan_for(peer(script).port, host=host, trusted=authority)

    report = tried(plan, resolver=to_loopback)

    assert diagnosis_of(report) == "dns.mx-used-for-submission"
    assert (report.verdict, report.owner) == ("fails", "settings")
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line == "SIZE 100"


@pytest.mark.parametrize(("host", "user"), [("gmail.com", USER), ("example.org", "a@example.org")])
def test_a_bare_domain_where_nobody_listens_is_told_as_such(host: str, user: str) -> None:
    with ScriptedPeer(Client.drain) as closed:
        port = closed.port

    report = tried(plan_for(port, host=host, user=user), resolver=to_loopback)

    assert diagnosis_of(report) == "dns.bare-domain"
    assert report.diagnosis is not None
    assert "127.0.0.1" in report.diagnosis.evidence_line


def test_a_web_site_in_place_of_a_provider_is_told_by_its_certificate(
    peer: MakePeer, context_of: ContextOf, authority: Authority
) -> None:
    server = peer(until("auth", Client.drain, tls=context_of("www.gmail.com"), is_implicit=True))
    plan = plan_for(server.port, host="gmail.com", trusted=authority, security=Security.TLS)

    assert diagnosis_of(tried(plan, resolver=to_loopback)) == "dns.bare-domain"


@pytest.mark.parametrize(
    "secret", [" opensesame", "opensesame ", "open\u200bsesame", "abcd efgh ijkl"]
)
def test_a_pasted_password_explains_a_refused_login(
    secret: str, peer: MakePeer, authority: Authority, context_of: ContextOf
) -> None:
    script = until("auth", says("535 5.7.8 Error: authentication failed"), tls=context_of(OFFICE))
    plan = plan_for(peer(script).port, host=OFFICE, trusted=authority, password=secret)

    report = tried(plan, resolver=to_loopback)

    assert diagnosis_of(report) == "config.secret-whitespace"
    assert (report.verdict, report.owner) == ("fails", "settings")
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line.startswith("535 5.7.8 Error: authentication failed; ")


def test_a_pasted_password_that_works_is_left_alone(
    peer: MakePeer, authority: Authority, context_of: ContextOf
) -> None:
    script = until("", Client.drain, tls=context_of(OFFICE), capabilities=ONE_BY_ONE)
    plan = plan_for(peer(script).port, host=OFFICE, trusted=authority, password=" opensesame ")

    report = tried(plan, resolver=to_loopback)

    assert report.verdict is Verdict.WORKS
    assert "config.secret-whitespace" not in warnings_in(report)
    assert any(item.kind == "config.secret-whitespace" for item in report.evidence.oddities)


def masks(client: Client) -> None:
    client.send("220 ****************************")
    client.expect("EHLO")
    client.send("250-mx\n250-SIZE 100\n250 XXXXXXXA")
    client.drain()


def test_a_firewall_that_rewrites_the_dialogue_is_told(peer: MakePeer) -> None:
    report = tried(plan_for(peer(masks).port))

    assert (diagnosis_of(report), report.verdict) == ("connect.masked-banner", "inconclusive")
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line == "SIZE 100 | XXXXXXXA"


def test_an_end_behind_a_question_is_about_the_login(
    peer: MakePeer, authority: Authority, context_of: ContextOf
) -> None:
    report = play(
        at("mx.example.org", mechanism="LOGIN"), Client.close, peer, authority, context_of
    )

    assert (diagnosis_of(report), report.verdict) == ("auth.dropped", "fails")


@pytest.mark.parametrize(
    ("asked_for", "stage"), [(Security.STARTTLS, "greeting"), (Security.TLS, "tls")]
)
def test_a_port_that_is_for_the_other_way_to_encrypt_is_told(
    asked_for: Security, stage: str
) -> None:
    """The ports are those above 1024, on a loopback address that is free."""
    port = 2465 if asked_for is Security.STARTTLS else 2525

    def hang_up(client: Client) -> None:
        if asked_for is Security.TLS:
            client.read_client_hello()
        client.close()

    try:
        server = ScriptedPeer(hang_up, host="127.83.77.84", port=port)
    except OSError:
        pytest.skip(f"Port {port} cannot be had on this machine.")
    with server:
        report = tried(plan_for(port, host="127.83.77.84", security=asked_for))

    assert (diagnosis_of(report), report.verdict) == ("config.port-security-conflict", "fails")
    assert [rung.stage for rung in report.evidence.ladder if rung.state == "failed"] == [stage]
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line.endswith(f"port {port} with security {asked_for.value}")


@pytest.mark.parametrize(
    ("user", "stage", "said", "found"),
    [
        ("", MAIL, "530 5.7.0 Must issue a STARTTLS command first", "tls.starttls-required"),
        ("", MAIL, "451 5.7.3 STARTTLS is required to send mail", "tls.starttls-required"),
        (USER, AUTH, "530 5.7.0 Must issue a STARTTLS command first", "tls.starttls-required"),
        (USER, AUTH, "530 5.7.0 Encrypt first", "auth.needs-tls"),
        (USER, AUTH, "550 5.7.1 This server requires TLS", "auth.needs-tls"),
    ],
)
def test_a_server_that_wants_encryption_first_is_told(
    user: str, stage: Stage, said: str, found: str, peer: MakePeer
) -> None:
    server = peer(until(stage.value, says(said), capabilities=ONE_BY_ONE))
    plan = plan_for(server.port, security=Security.NONE, user=user, sender=USER)

    report = tried(plan, policy=IN_THE_CLEAR)

    assert (diagnosis_of(report), report.verdict, report.owner) == (found, "fails", "settings")
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line == said


def test_an_address_that_needs_smtputf8_is_told_where_it_is_not_offered(
    peer: MakePeer, authority: Authority, context_of: ContextOf
) -> None:
    script = until("mail", Client.drain, tls=context_of(OFFICE), capabilities=ONE_BY_ONE)
    plan = plan_for(peer(script).port, host=OFFICE, trusted=authority, sender="jörg@example.org")

    report = tried(plan, resolver=to_loopback)

    assert (diagnosis_of(report), report.verdict) == ("mail.smtputf8", "fails")


# Warnings beside "works"


def test_words_that_contradict_their_code_are_a_warning_beside_works(
    peer: MakePeer, authority: Authority, context_of: ContextOf
) -> None:
    for stage, text in ((MAIL, "250 5.1.8 Domain not found"), (CONTENT, "250 Error: no space")):

        def answer(client: Client, reply: str = text, at_stage: Stage = stage) -> None:
            client.send(reply)
            if at_stage is MAIL:
                for following in ("250 2.1.5 Ok", "354 go"):
                    client.read_line()
                    client.send(following)
                client.read_content()
                client.send("250 2.0.0 Ok")
            client.drain()

        report = play(at("mx.example.org", stage), answer, peer, authority, context_of)

        assert (report.verdict, diagnosis_of(report)) == ("works", "")
        (warning,) = (item for item in report.warnings if item.id == "proto.text-contradicts-code")
        assert (warning.stage, warning.evidence_line) == (stage, text)
