"""How often a test waits for the server, counted by the server and not by a clock.

TCP's own handshake is one; then each answer is one, however many commands it answers. QUIT is not
waited for, so it is not counted.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import Past
from smtpcheck.engine.stages import Goal, Security
from smtpcheck.sandbox import Authority, Certificate
from tests.engine.trials import IN_THE_CLEAR, LOOPBACK, plan_for, tried
from tests.peers.fixtures import PASSWORD, USER
from tests.peers.logins import Behaviour, Login, honest_scram, scram_server
from tests.peers.scripted import Client, Script, ScriptedPeer

PLAIN, STARTTLS, TLS = Security.NONE, Security.STARTTLS, Security.TLS
LOGIN, RECIPIENT, CONTENT = Goal.LOGIN, Goal.RECIPIENT, Goal.CONTENT
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = {TLS_1_2: "TLSv1.2", TLS_1_3: "TLSv1.3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A test and what its server can do; ``mechanism`` "" does not log in.

    ``leads``: the login passed last time, so that it may lead the group.
    """

    security: Security
    mechanism: str = "PLAIN"
    goal: Goal = CONTENT
    pipelining: bool = True
    leads: bool = False
    version: ssl.TLSVersion = TLS_1_3

    def __str__(self) -> str:
        words = [self.security.value, self.mechanism or "no login", self.goal.value]
        words += [] if self.security is PLAIN else [self.version.name]
        words += ["pipelining"] if self.pipelining else []
        return " ".join([*words, *(["leads"] if self.leads else [])])


def way(security: Security, mechanism: str = "PLAIN", **settings: object) -> Way:
    return Way(security=security, mechanism=mechanism, **settings)  # type: ignore[arg-type]


# TCP, greeting and EHLO are 3; TLS on connect adds 1, STARTTLS with its second EHLO 3. Behind the
# last EHLO: AUTH; MAIL, RCPT and DATA; the mail.
TABLE: dict[Way, int] = {
    # The goals of the design: AUTH by itself, and AUTH in the group.
    way(PLAIN): 6,
    way(STARTTLS): 9,
    way(TLS): 7,
    way(PLAIN, leads=True): 5,
    way(STARTTLS, leads=True): 8,
    way(TLS, leads=True): 6,
    # One command at a time.
    way(PLAIN, pipelining=False): 8,
    way(STARTTLS, pipelining=False): 11,
    way(TLS, pipelining=False): 9,
    way(TLS, pipelining=False, leads=True): 9,
    # In TLS 1.2 EHLO has to wait for the server's Finished; a greeting comes right behind it.
    way(STARTTLS, version=TLS_1_2): 10,
    way(TLS, version=TLS_1_2): 7,
    way(STARTTLS, leads=True, version=TLS_1_2): 9,
    way(TLS, leads=True, version=TLS_1_2): 6,
    way(TLS, pipelining=False, version=TLS_1_2): 9,
    # Other mechanisms ask, and never lead.
    way(TLS, "LOGIN"): 9,
    way(TLS, "LOGIN", leads=True): 9,
    way(STARTTLS, "LOGIN"): 11,
    way(TLS, "CRAM-MD5"): 8,
    way(TLS, "CRAM-MD5", leads=True): 8,
    way(TLS, "SCRAM-SHA-256"): 9,
    way(TLS, "SCRAM-SHA-256", leads=True): 9,
    way(TLS, "XOAUTH2"): 7,
    way(TLS, "XOAUTH2", leads=True): 7,
    way(TLS, "EXTERNAL"): 7,
    way(TLS, "EXTERNAL", leads=True): 6,
    # Without a login.
    way(PLAIN, ""): 5,
    way(STARTTLS, ""): 8,
    way(TLS, ""): 6,
    way(TLS, "", pipelining=False): 8,
    # The login alone.
    way(PLAIN, goal=LOGIN): 4,
    way(STARTTLS, goal=LOGIN): 7,
    way(TLS, goal=LOGIN): 5,
    way(TLS, goal=LOGIN, leads=True): 5,
    way(TLS, "LOGIN", goal=LOGIN): 7,
    # The recipient: RSET goes with the envelope where groups are taken, else its reply is awaited.
    way(TLS, goal=RECIPIENT): 6,
    way(TLS, goal=RECIPIENT, leads=True): 5,
    way(TLS, goal=RECIPIENT, pipelining=False): 8,
    way(STARTTLS, goal=RECIPIENT, leads=True): 7,
}


def asks(count: int) -> Behaviour:
    """Takes any login after so many questions."""

    def behave(login: Login) -> None:
        for _ in range(count):
            login.ask_raw("PHF1ZXN0aW9uPg==")
        login.say("235 2.7.0 welcome")

    return behave


QUESTIONS = {"PLAIN": 0, "LOGIN": 2, "CRAM-MD5": 1, "XOAUTH2": 0, "EXTERNAL": 0}
REPLIES = {"MAIL": "250 ok", "RCPT": "250 ok", "RSET": "250 ok", "DATA": "354 go"}


def server_for(of: Way, context: ssl.SSLContext) -> Script:
    """An honest server that does not say goodbye, so that its last words are the last needed."""
    offered = [*(["PIPELINING"] if of.pipelining else []), f"AUTH {of.mechanism or 'PLAIN'}"]

    def talk(client: Client) -> None:
        if of.security is TLS:
            client.start_tls(context)
        client.send("220 peer ESMTP")
        while True:
            verb, _, rest = client.read_line().partition(" ")
            if verb == "EHLO":
                clear = of.security is STARTTLS and not client.tls_version
                words = ["peer", *(["STARTTLS"] if clear else offered)]
                client.send("\n".join([*(f"250-{word}" for word in words), "250 SIZE"]))
            elif verb == "STARTTLS":
                client.send("220 go")
                client.start_tls(context)
            elif verb == "AUTH":
                name, _, initial = rest.partition(" ")
                take(Login(client, name, initial))
            elif verb == "QUIT":
                client.drain()
                client.reset()
                return
            else:
                client.send(REPLIES[verb])
                if verb == "DATA":
                    client.read_content()
                    client.send("250 taken")

    return talk


def take(login: Login) -> None:
    if login.mechanism in QUESTIONS:
        asks(QUESTIONS[login.mechanism])(login)
    else:
        honest_scram(scram_server(login.mechanism))(login)


@pytest.mark.parametrize(("of", "expected"), TABLE.items(), ids=map(str, TABLE))
def test_the_server_is_waited_for_no_more_often_than_need_be(
    of: Way,
    expected: int,
    peer: Callable[..., ScriptedPeer],
    authority: Authority,
    certificate: Certificate,
) -> None:
    context = certificate.server_context()
    context.minimum_version = context.maximum_version = of.version
    server = peer(server_for(of, context))
    report = hold(of, server, authority)
    assert report.verdict == "works"
    server.wait_until_idle()
    (client,) = server.clients
    assert 1 + client.turns == expected
    assert client.commands[-1] == "QUIT"
    assert client.tls_version == ("" if of.security is PLAIN else VERSIONS[of.version])
    assert not report.evidence.refuses_groups


def hold(of: Way, server: ScriptedPeer, authority: Authority) -> Report:
    plan = plan_for(
        server.port,
        trusted="" if of.security is PLAIN else authority,
        security=of.security,
        user=USER if of.mechanism else "",
        password="" if of.mechanism == "EXTERNAL" else PASSWORD,
        mechanism=of.mechanism,
        goal=of.goal,
        sender=USER,
        past=Past(login_passed=of.leads),
    )
    return tried(plan, policy=IN_THE_CLEAR if of.security is PLAIN else LOOPBACK)
