"""Logins against peers that misbehave: named, bounded, and never a second one refused."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from smtpcheck.engine.evidence import Report
from smtpcheck.engine.sasl import MECHANISMS, end_point
from smtpcheck.engine.stages import Security
from smtpcheck.sandbox import Authority, Certificate
from tests.engine.trials import IN_THE_CLEAR, diagnosis_of, plan_for, tried, warnings_in
from tests.peers.logins import Behaviour, Login, LoginPeer, honest_scram, scram_server
from tests.peers.scripted import ScriptedPeer

TOKEN = "ya29.a-token-of-some-length/+="
SCRAM = ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")
TOKENS = ("XOAUTH2", "OAUTHBEARER")


@dataclass
class Stand:
    """What it takes to try a login out."""

    peer: Callable[..., ScriptedPeer]
    authority: Authority
    certificate: Certificate
    context: ssl.SSLContext

    def log_in(
        self,
        *behaviours: Behaviour,
        mechanism: str = "",
        offered: tuple[str, ...] = (),
        is_clear: bool = False,
        seconds: float = 5.0,
        **of_plan: str,
    ) -> tuple[Report, LoginPeer]:
        """What comes of a login over STARTTLS, or in the clear where that is allowed."""
        logins = LoginPeer(*behaviours)
        names = offered or (mechanism or "PLAIN",)
        server = self.peer(logins.script(names, None if is_clear else self.context))
        plan = plan_for(
            server.port,
            trusted="" if is_clear else self.authority,
            security=Security.NONE if is_clear else Security.STARTTLS,
            mechanism=mechanism,
            seconds=seconds,
            **of_plan,  # type: ignore[arg-type]
        )
        report = tried(plan, policy=IN_THE_CLEAR) if is_clear else tried(plan)
        server.wait_until_idle()
        assert server.count == 1
        assert logins.judged <= 1
        assert_no_answer_is_shown(report, server)
        return report, logins


@pytest.fixture
def stand(
    peer: Callable[..., ScriptedPeer],
    authority: Authority,
    certificate: Certificate,
    server_context: ssl.SSLContext,
) -> Stand:
    return Stand(peer, authority, certificate, server_context)


def assert_no_answer_is_shown(report: Report, server: ScriptedPeer) -> None:
    """Nothing that we said in a login stands in the transcript."""
    shown = report.evidence.transcript
    for line in server.commands:
        said = line.rpartition(" ")[2] if line.startswith("AUTH ") else line
        is_answer = len(said) >= 8 and " " not in line.removeprefix("AUTH ").partition(" ")[2]
        if is_answer and not line.startswith(("EHLO", "STARTTLS", "MAIL", "RCPT")):
            assert said in MECHANISMS or said not in shown, line


def says(verdict: str) -> Behaviour:
    return lambda login: login.say(verdict)


def closes(login: Login) -> None:
    login.client.close()


def resets(login: Login) -> None:
    login.client.reset()


def stays_silent(login: Login) -> None:
    login.client.drain()


def asks(*challenges: str, verdict: str = "") -> Behaviour:
    """Sends these challenges, whatever is answered, then the verdict."""

    def behave(login: Login) -> None:
        for challenge in challenges:
            login.ask_raw(challenge)
            if login.is_cancelled:
                login.say("501 cancelled")
                return
        if verdict:
            login.say(verdict)
        else:
            login.client.drain()

    return behave


def asks_for_ever(challenge: str) -> Behaviour:
    def behave(login: Login) -> None:
        for _ in range(50):
            login.ask_raw(challenge)

    return behave


def asks_on_when_cancelled(login: Login) -> None:
    while True:
        login.ask_raw("no base64!")


MISBEHAVIOURS: dict[str, Behaviour] = {
    "refuses": says("535 5.7.8 wrong"),
    "refuses for now": says("454 4.7.0 later"),
    "is busy": says("421 4.7.0 bye"),
    "says yes of another command": says("250 ok"),
    "says no reply": says("what?"),
    "closes": closes,
    "resets": resets,
    "asks no base64": asks("no base64!"),
    "asks no base64 when cancelled": asks_on_when_cancelled,
    "asks nothing for ever": asks_for_ever(""),
    "asks something for ever": asks_for_ever("VXNlcm5hbWU6"),
    "asks JSON for ever": asks_for_ever(base64.b64encode(b'{"status":"400"}').decode()),
    "asks, then refuses": asks("", verdict="535 5.7.8 wrong"),
    "asks, then does not understand": asks("", verdict="504 5.5.4 what?"),
    "does not understand": says("504 5.5.4 what?"),
    "finds the syntax wrong": says("501 5.5.2 syntax"),
    "is out of step": says("503 5.5.1 bad sequence"),
}


@pytest.mark.parametrize("mechanism", ["", *MECHANISMS])
@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_no_misbehaviour_gets_a_second_login_to_refuse(
    stand: Stand, name: str, mechanism: str
) -> None:
    report, peer = stand.log_in(
        MISBEHAVIOURS[name],
        mechanism=mechanism,
        offered=tuple(MECHANISMS),
        password=TOKEN,
        seconds=2.0,
    )
    assert report.verdict != "works"
    assert not peer.has_mail
    not_understood = {"does not understand", "finds the syntax wrong", "is out of step"}
    assert len(peer.logins) <= (2 if name in not_understood else 1)
    assert not diagnosis_of(report).startswith("tool.")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "XOAUTH2"])
def test_silence_is_no_reason_to_try_again(stand: Stand, mechanism: str) -> None:
    report, peer = stand.log_in(stays_silent, mechanism=mechanism, seconds=1.0)
    assert diagnosis_of(report) == "auth.timeout"
    assert len(peer.logins) == 1


@pytest.mark.parametrize("first", ["500", "502", "503", "504"])
def test_of_two_exchanges_only_the_second_is_a_login(stand: Stand, first: str) -> None:
    report, peer = stand.log_in(
        says(f"{first} what?"), says("535 5.7.8 wrong"), offered=("PLAIN", "SCRAM-SHA-1")
    )
    assert diagnosis_of(report) == "auth.invalid"
    assert [login.mechanism for login in peer.logins] == ["PLAIN", "SCRAM-SHA-1"]
    assert peer.judged == 1


# Against another program's SCRAM


@pytest.mark.parametrize("mechanism", SCRAM)
def test_scram_lets_the_mail_through_and_tells_nothing(stand: Stand, mechanism: str) -> None:
    binding = end_point(stand.certificate.der) if mechanism.endswith("-PLUS") else b""
    server = scram_server(mechanism, binding=binding)
    report, peer = stand.log_in(honest_scram(server), mechanism=mechanism)
    assert (report.verdict, report.evidence.mechanism) == ("works", mechanism)
    assert peer.has_mail
    # With the proof a reader of the transcript could try passwords.
    proof = peer.logins[0].asked[-1]
    assert proof not in report.evidence.transcript
    assert not any(proof in str(item.reply) for item in report.evidence.replies)


@pytest.mark.parametrize("mechanism", SCRAM)
def test_scram_with_a_wrong_password_is_one_refused_login(stand: Stand, mechanism: str) -> None:
    binding = end_point(stand.certificate.der) if mechanism.endswith("-PLUS") else b""
    server = scram_server(mechanism, password="another", binding=binding)
    report, peer = stand.log_in(honest_scram(server), mechanism=mechanism)
    assert diagnosis_of(report) == "auth.invalid"
    assert (peer.judged, peer.has_mail) == (1, False)


def test_a_login_on_another_connection_is_told(stand: Stand) -> None:
    server = scram_server("SCRAM-SHA-256-PLUS", binding=b"\x02" * 32)
    report, peer = stand.log_in(honest_scram(server), mechanism="SCRAM-SHA-256-PLUS")
    assert report.verdict == "fails"
    assert report.diagnosis is not None
    assert "channel-binding" in str(report.diagnosis.parameters["detail"])
    assert peer.judged == 1


def test_the_most_rounds_pass(stand: Stand) -> None:
    server = scram_server("SCRAM-SHA-256", rounds=600_000)
    report, _ = stand.log_in(honest_scram(server), mechanism="SCRAM-SHA-256", seconds=20.0)
    assert report.verdict == "works"


def test_ten_million_rounds_cost_no_time(stand: Stand) -> None:
    began = time.monotonic()
    report, peer = stand.log_in(scram_asks(rounds="10000000"), mechanism="SCRAM-SHA-256")
    assert time.monotonic() - began < 2.0
    assert diagnosis_of(report) == "auth.scram-rounds"
    assert report.diagnosis is not None
    assert report.diagnosis.parameters["count"] == 10_000_000
    assert peer.judged == 0


def scram_asks(*, rounds: str = "4096", nonce: str = "", then: str = "") -> Behaviour:
    """A first message of choice; the proof that is sent gets the second one, or 235 at once."""

    def behave(login: Login) -> None:
        own = login.said_first().partition("r=")[2]
        login.ask(f"r={nonce or own + 'theirs'},s=c2FsdHNhbHQ=,i={rounds}")
        if then and not login.is_cancelled:
            login.ask(then)
        login.say("501 cancelled" if login.is_cancelled else "235 welcome")

    return behave


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize(
    ("behaviour", "diagnosis"),
    [
        (scram_asks(then="v=ZmFsc2U="), "auth.server-proof"),
        (scram_asks(then="v="), "auth.server-proof"),
        (scram_asks(then=""), "auth.server-proof"),
        (scram_asks(then="e=invalid-proof"), "auth.server-proof"),  # and yet a 235
        (says("235 welcome"), "auth.server-proof"),
        (scram_asks(nonce="of-somebody-else"), "auth.bad-challenge"),
        (scram_asks(rounds="0"), "auth.bad-challenge"),
        (scram_asks(rounds="9" * 5000), "auth.scram-rounds"),
    ],
)
def test_a_false_scram_server_gets_no_mail(
    stand: Stand, behaviour: Behaviour, diagnosis: str, mechanism: str
) -> None:
    report, peer = stand.log_in(behaviour, mechanism=mechanism)
    assert (report.verdict, diagnosis_of(report)) == ("fails", diagnosis)
    assert not peer.has_mail


def test_a_challenge_behind_the_proof_is_cancelled(stand: Stand) -> None:
    server = scram_server("SCRAM-SHA-256")

    def behave(login: Login) -> None:
        server.set_client_first(login.said_first())
        server.set_client_final(login.ask(server.get_server_first()).decode())
        login.ask(server.get_server_final())
        login.ask("more?")
        login.say("501 cancelled")

    report, peer = stand.log_in(behave, mechanism="SCRAM-SHA-256")
    assert diagnosis_of(report) == "auth.bad-challenge"
    assert not peer.has_mail


# In the clear


def test_in_the_clear_the_password_is_not_shown_if_there_is_a_way(stand: Stand) -> None:
    server = scram_server("SCRAM-SHA-1")
    report, peer = stand.log_in(
        honest_scram(server), offered=("PLAIN", "LOGIN", "SCRAM-SHA-1"), is_clear=True
    )
    assert report.verdict == "works"
    assert [login.mechanism for login in peer.logins] == ["SCRAM-SHA-1"]
    assert "auth.offered-in-clear" in warnings_in(report)


def test_too_few_rounds_end_a_login_in_the_clear(stand: Stand) -> None:
    report, peer = stand.log_in(scram_asks(rounds="1000"), mechanism="SCRAM-SHA-256", is_clear=True)
    assert diagnosis_of(report) == "auth.scram-rounds"
    assert peer.judged == 0


def test_over_tls_they_are_a_warning(stand: Stand) -> None:
    report, _ = stand.log_in(scram_asks(rounds="1000", then="v=x"), mechanism="SCRAM-SHA-256")
    assert "auth.scram-rounds-low" in warnings_in(report)


def test_a_binding_needs_tls(stand: Stand) -> None:
    report, peer = stand.log_in(
        says("235 ok"),
        mechanism="SCRAM-SHA-256-PLUS",
        offered=("SCRAM-SHA-256-PLUS", "PLAIN"),
        is_clear=True,
    )
    assert diagnosis_of(report) == "auth.mechanism-not-offered"
    assert peer.logins == []


# Tokens


def explains(reason: str, verdict: str = "535 5.7.8 refused") -> Behaviour:
    def behave(login: Login) -> None:
        login.said_first()
        login.ask(reason)
        login.say(verdict)

    return behave


@pytest.mark.parametrize("mechanism", TOKENS)
def test_a_refused_token_is_explained(stand: Stand, mechanism: str) -> None:
    reason = '{"status":"401","schemes":"bearer","scope":"https://mail.example/"}'
    report, peer = stand.log_in(explains(reason), mechanism=mechanism, password=TOKEN)
    assert diagnosis_of(report) == "auth.xoauth-334-json"
    assert report.diagnosis is not None
    said = report.diagnosis.parameters
    assert (said["status"], said["scope"]) == ("401", "https://mail.example/")
    assert said["detail"] == "status 401, scope https://mail.example/"
    assert peer.judged == 1


@pytest.mark.parametrize("mechanism", TOKENS)
def test_a_token_given_back_in_the_explanation_is_masked(stand: Stand, mechanism: str) -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in TOKEN)
    reason = f'{{"status":"{escaped}","scope":"mail"}}'
    report, _ = stand.log_in(explains(reason), mechanism=mechanism, password=TOKEN)
    assert diagnosis_of(report) == "auth.xoauth-334-json"
    assert report.diagnosis is not None
    assert report.diagnosis.parameters["scope"] == "mail"
    assert report.diagnosis.parameters["status"] == "***"


@pytest.mark.parametrize("mechanism", TOKENS)
def test_an_explanation_does_not_turn_later_into_never(stand: Stand, mechanism: str) -> None:
    behaviour = explains('{"status":"400"}', "454 4.7.0 later")
    report, _ = stand.log_in(behaviour, mechanism=mechanism, password=TOKEN)
    assert report.verdict == "inconclusive"


@pytest.mark.parametrize("mechanism", TOKENS)
@pytest.mark.parametrize("length", [100, 3000])
def test_a_token_of_any_length_passes(stand: Stand, mechanism: str, length: int) -> None:
    given: list[str] = []

    def behave(login: Login) -> None:
        given.append(login.said_first())
        login.say("235 welcome")

    token = "t" * length
    report, peer = stand.log_in(behave, mechanism=mechanism, password=token)
    assert report.verdict == "works"
    assert f"auth=Bearer {token}\x01\x01" in given[0]
    assert bool(peer.logins[0].initial) is (length == 100)


# What is offered


@pytest.mark.parametrize(
    ("mechanism", "offered", "diagnosis"),
    [
        ("CRAM-MD5", ("PLAIN", "LOGIN"), "auth.mechanism-not-offered"),
        ("XOAUTH2", ("PLAIN",), "auth.mechanism-not-offered"),
        ("SCRAM-SHA-256-PLUS", ("SCRAM-SHA-256",), "auth.mechanism-not-offered"),
        ("", TOKENS, "auth.oauth-only"),
        ("", ("EXTERNAL", "GSSAPI"), "auth.no-common-mechanism"),
    ],
)
def test_a_missing_mechanism_is_told_and_nothing_sent(
    stand: Stand, mechanism: str, offered: tuple[str, ...], diagnosis: str
) -> None:
    report, peer = stand.log_in(says("235 ok"), mechanism=mechanism, offered=offered)
    assert diagnosis_of(report) == diagnosis
    assert peer.logins == []
    assert report.diagnosis is not None
    assert report.diagnosis.parameters["mechanisms"] == " ".join(offered)
    assert report.diagnosis.parameters.get("mechanism", "") == mechanism


def test_external_needs_no_password(stand: Stand) -> None:
    report, peer = stand.log_in(says("235 welcome"), mechanism="EXTERNAL", user="", password="")
    assert report.verdict == "works"
    assert [login.initial for login in peer.logins] == ["="]
