"""The conversation, effect by effect: what is said, when, and what is never said."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from smtpcheck.engine.capabilities import Capabilities, parse_capabilities
from smtpcheck.engine.evidence import Fault, FaultKind, Reply
from smtpcheck.engine.message import dot_stuffed
from smtpcheck.engine.plan import Credentials, Plan
from smtpcheck.engine.redaction import MASK
from smtpcheck.engine.sasl import Derive, Exchange, Link, Mechanism, Script
from smtpcheck.engine.session import (
    Answer,
    Begin,
    Effect,
    Handshake,
    Leaf,
    Learned,
    Odd,
    Proven,
    Read,
    Send,
    Skip,
    StageFailed,
    Terms,
    Turn,
    converse,
    hello,
    in_turn,
    login,
    starttls,
    submit,
)
from smtpcheck.engine.session import Script as Conversation
from smtpcheck.engine.session.login import (
    MAX_AUTH_LINE_OCTETS,
    MAX_CHALLENGES,
    auth_command,
    run_exchange,
)
from smtpcheck.engine.stages import Goal, Security, Stage
from tests.engine.plans import PASSWORD, USER, credentials, mail, plan

BLOB = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
USER_64 = base64.b64encode(USER.encode()).decode()
PASSWORD_64 = base64.b64encode(PASSWORD.encode()).decode()
TERMS = Terms("probe.example")
LINK = Link(host="mx.example.org", port=587, nonce="nonce", encrypted=True)
CLEARTEXT = Terms("probe.example", cleartext_allowed=True)

READY = "220 mx ready"
HELLO = "250-mx\n250-STARTTLS\n250 SIZE"
SECURE_HELLO = "250-mx\n250 AUTH PLAIN LOGIN"
GROUPING_HELLO = "250-mx\n250-PIPELINING\n250 AUTH PLAIN"
OK, LOGGED_IN, GO_AHEAD = "250 ok", "235 2.7.0 welcome", "354 go ahead"


def reply_of(text: str) -> Reply:
    lines = text.split("\n")
    return Reply(int(lines[0][:3]), tuple(line[4:] for line in lines))


@dataclass
class Played:
    """What a script did with the answers it was given."""

    effects: list[Effect] = field(default_factory=list)
    result: object = None
    fault: Fault | None = None
    left: list[str | None] = field(default_factory=list)

    @property
    def sent(self) -> list[str]:
        """What went over the wire, flight by flight."""
        return [item.octets.decode() for item in self.effects if isinstance(item, Send)]

    @property
    def commands(self) -> list[str]:
        return [line for flight in self.sent for line in flight.splitlines()]

    @property
    def shown(self) -> list[str]:
        return [line for item in self.effects if isinstance(item, Send) for line in item.shown]

    @property
    def proven(self) -> list[Stage]:
        return [item.stage for item in self.effects if isinstance(item, Proven)]


def play(script: Conversation[object], answers: Iterable[str | None]) -> Played:
    """Drive a script, giving each Read the next answer; None stands for one that never comes."""
    played = Played(left=list(answers))
    answer: Answer = None
    while True:
        try:
            effect = script.send(answer)
        except StopIteration as end:
            played.result = end.value
            break
        except StageFailed as failure:
            played.fault = failure.fault
            break
        played.effects.append(effect)
        answer = None
        if isinstance(effect, Read):
            assert played.left, f"nothing is left to answer {effect}"
            text = played.left.pop(0)
            assert text is not None or effect.optional
            answer = None if text is None else reply_of(text)
        elif isinstance(effect, Derive):
            answer = effect.key()
        elif isinstance(effect, Leaf):
            answer = b""
    assert not played.left, f"never read: {played.left}"
    assert not any(PASSWORD in line or PASSWORD_64 in line for line in played.shown)
    assert not any(BLOB in line for line in played.shown)
    return played


def talk(of: Plan, *answers: str | None, terms: Terms = TERMS) -> Played:
    return play(converse(of, mail(of), terms), answers)


def log_in(who: Credentials, offered: str, *answers: str | None) -> Played:
    capabilities = parse_capabilities(Reply(250, ("mx", offered)))
    return play(login(who, capabilities, LINK), answers)


def plain_plan(goal: Goal = Goal.CONTENT) -> Plan:
    return plan(Security.NONE, goal=goal)


# -- whole conversations


def test_a_conversation_in_the_clear_goes_step_by_step() -> None:
    made = plain_plan()
    played = talk(made, READY, "250 mx", OK, OK, GO_AHEAD, OK)
    sender, recipient = "MAIL FROM:<alice@example.org>", "RCPT TO:<bob@example.net>"
    content = dot_stuffed(mail(made).octets)
    assert played.effects == [
        Begin(Stage.GREETING),
        Read(Stage.GREETING),
        Proven(Stage.GREETING),
        Begin(Stage.EHLO),
        Send(b"EHLO probe.example\r\n", ("EHLO probe.example",)),
        Read(Stage.EHLO),
        Learned(capabilities=Capabilities({}, ())),
        Proven(Stage.EHLO),
        Begin(Stage.MAIL),
        Send(f"{sender}\r\n".encode(), (sender,)),
        Read(Stage.MAIL),
        Proven(Stage.MAIL),
        Begin(Stage.RCPT),
        Send(f"{recipient}\r\n".encode(), (recipient,)),
        Read(Stage.RCPT),
        Proven(Stage.RCPT),
        Begin(Stage.DATA),
        Send(b"DATA\r\n", ("DATA",)),
        Read(Stage.DATA),
        Proven(Stage.DATA),
        Begin(Stage.CONTENT),
        Send(content, (f"(the test mail, {len(mail(made).octets)} octets)", ".")),
        Read(Stage.CONTENT),
        Proven(Stage.CONTENT),
        Send(b"QUIT\r\n", ("QUIT",)),
    ]
    assert played.fault is None


def test_starttls_comes_before_the_login_and_is_followed_by_a_second_ehlo() -> None:
    made = plan(Security.STARTTLS, login=credentials(), goal=Goal.LOGIN)
    played = talk(made, READY, HELLO, "220 go", SECURE_HELLO, LOGGED_IN)
    assert played.commands == [
        "EHLO probe.example",
        "STARTTLS",
        "EHLO probe.example",
        f"AUTH PLAIN {BLOB}",
        "QUIT",
    ]
    assert f"AUTH PLAIN {MASK}" in played.shown
    handshake = played.effects.index(Handshake())
    assert isinstance(played.effects[handshake - 1], Begin)
    assert played.effects[handshake + 1] == Proven(Stage.TLS)
    assert played.proven == ["greeting", "ehlo", "starttls", "tls", "ehlo", "auth"]


def test_on_tls_from_the_start_the_greeting_is_awaited_inside() -> None:
    made = plan(Security.TLS, login=credentials(), goal=Goal.LOGIN)
    played = talk(made, READY, SECURE_HELLO, LOGGED_IN)
    assert played.effects[:5] == [
        Begin(Stage.TLS),
        Handshake(),
        Proven(Stage.TLS),
        Begin(Stage.GREETING),
        Read(Stage.GREETING),
    ]
    assert played.proven == ["tls", "greeting", "ehlo", "auth"]


def test_where_groups_are_taken_the_envelope_goes_in_one_flight() -> None:
    made = plan(Security.TLS)
    played = talk(made, READY, GROUPING_HELLO, OK, OK, GO_AHEAD, OK)
    assert (
        played.sent[1] == "MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n"
    )
    begun = [item for item in played.effects if isinstance(item, Begin)]
    assert [item.stage for item in begun if item.grouped] == ["mail", "rcpt", "data"]
    assert played.proven[-4:] == ["mail", "rcpt", "data", "content"]
    assert played.commands[-2:] == [".", "QUIT"]


def test_the_login_never_leads_a_group() -> None:
    made = plan(Security.TLS, login=credentials())
    played = talk(made, READY, GROUPING_HELLO, LOGGED_IN, OK, OK, GO_AHEAD, OK)
    assert played.sent[1] == f"AUTH PLAIN {BLOB}\r\n"


@pytest.mark.parametrize("greeting", [HELLO.replace("STARTTLS", "X"), "250-mx\n250 PIPELINING"])
def test_the_recipient_is_proven_without_ever_opening_data(greeting: str) -> None:
    played = talk(plain_plan(Goal.RECIPIENT), READY, greeting, OK, OK, OK)
    assert played.commands[-2:] == ["RSET", "QUIT"]
    assert not any(command.startswith("DATA") for command in played.commands)
    assert played.proven[-1] is Stage.RCPT


def test_a_missing_reply_to_rset_changes_nothing() -> None:
    played = talk(plain_plan(Goal.RECIPIENT), READY, "250 mx", OK, OK, None)
    assert played.fault is None
    assert played.commands[-1] == "QUIT"


def test_the_reply_to_quit_is_not_waited_for() -> None:
    played = talk(plain_plan(Goal.LOGIN), READY, "250 mx")
    assert played.effects[-1] == Send(b"QUIT\r\n", ("QUIT",))


def test_what_was_offered_in_the_clear_is_void_after_starttls() -> None:
    clear = "250-mx\n250-STARTTLS\n250-PIPELINING\n250 AUTH PLAIN"
    made = plan(Security.STARTTLS, login=credentials())
    played = talk(made, READY, clear, "220 go", "250 mx")
    assert played.fault == Fault(stage=Stage.AUTH, kind=FaultKind.NOT_OFFERED, detail="AUTH")
    assert not any("AUTH" in command for command in played.commands)


# -- refusals


@pytest.mark.parametrize("code", [400, 421, 450, 500, 521, 554, 599])
@pytest.mark.parametrize(
    ("before", "stage"),
    [
        ([], Stage.GREETING),
        ([READY, HELLO], Stage.STARTTLS),
        ([READY, HELLO, "220 go", SECURE_HELLO, LOGGED_IN], Stage.MAIL),
        ([READY, HELLO, "220 go", SECURE_HELLO, LOGGED_IN, OK], Stage.RCPT),
        ([READY, HELLO, "220 go", SECURE_HELLO, LOGGED_IN, OK, OK], Stage.DATA),
        ([READY, HELLO, "220 go", SECURE_HELLO, LOGGED_IN, OK, OK, GO_AHEAD], Stage.CONTENT),
    ],
)
def test_a_refusal_ends_its_stage_and_nothing_more_is_said(
    before: list[str], stage: Stage, code: int
) -> None:
    made = plan(Security.STARTTLS, login=credentials())
    played = talk(made, *before, f"{code} no")
    assert played.fault == Fault(stage=stage, kind=FaultKind.REPLY, reply=Reply(code, ("no",)))
    assert isinstance(played.effects[-1], Read)
    assert played.commands[-1:] != ["QUIT"]


@pytest.mark.parametrize(
    ("before", "stage", "wrong"),
    [
        ([], Stage.GREETING, "250 hello"),
        ([READY], Stage.EHLO, "220 again"),
        ([READY, "250 mx"], Stage.MAIL, "354 go"),
        ([READY, "250 mx", OK], Stage.RCPT, "220 hm"),
        ([READY, "250 mx", OK, OK], Stage.DATA, "250 ok"),
        ([READY, "250 mx", OK, OK, GO_AHEAD], Stage.CONTENT, "354 more"),
    ],
)
def test_a_success_code_of_another_command_proves_nothing(
    before: list[str], stage: Stage, wrong: str
) -> None:
    played = talk(plain_plan(), *before, wrong)
    assert played.fault is not None
    assert (played.fault.stage, played.fault.kind) == (stage, FaultKind.BAD_REPLY)


@pytest.mark.parametrize("code", [251, 252])
def test_a_recipient_taken_with_a_remark_is_taken(code: int) -> None:
    assert talk(plain_plan(Goal.RECIPIENT), READY, "250 mx", OK, f"{code} well", OK).fault is None


@pytest.mark.parametrize(
    ("replies", "stage"),
    [
        (["550 not you", "503 no", "503 no"], Stage.MAIL),
        ([OK, "550 unknown", "503 no"], Stage.RCPT),
        ([OK, "450 later", "554 no valid recipients"], Stage.RCPT),
        (["550 not you", None, None], Stage.MAIL),
        ([OK, "550 unknown", None], Stage.RCPT),
        ([OK, OK, "451 later"], Stage.DATA),
    ],
)
def test_the_first_refusal_in_a_group_is_the_one_to_tell(
    replies: list[str | None], stage: Stage
) -> None:
    played = talk(plain_plan(), READY, GROUPING_HELLO, *replies)
    assert played.fault is not None
    refusal = next(text for text in replies if text not in (OK, None))
    assert (played.fault.stage, played.fault.reply) == (stage, reply_of(refusal or ""))


@pytest.mark.parametrize("replies", [["550 no", OK, GO_AHEAD], [OK, "550 no", GO_AHEAD]])
def test_a_354_after_a_refusal_gets_not_a_byte(replies: list[str]) -> None:
    played = talk(plain_plan(), READY, GROUPING_HELLO, *replies)
    assert played.fault is not None
    assert played.fault.kind is FaultKind.REPLY
    assert played.commands[-1] == "DATA"


# -- hello


def test_helo_is_said_to_a_server_that_knows_only_that() -> None:
    played = play(hello("probe"), ["502 what?", "250 mx"])
    assert played.commands == ["EHLO probe", "HELO probe"]
    assert played.result == Capabilities()
    (odd,) = [item.oddity for item in played.effects if isinstance(item, Odd)]
    assert (odd.kind, odd.detail) == ("ehlo.no-esmtp", "502 what?")


@pytest.mark.parametrize("second", ["500 what?", "421 bye", "220 hm"])
def test_of_two_refused_hellos_the_first_is_told(second: str) -> None:
    played = play(hello("probe"), ["550 5.7.1 not you", second])
    assert played.fault is not None
    assert played.fault.reply == Reply(550, ("5.7.1 not you",))


@pytest.mark.parametrize("code", [421, 450])
def test_a_server_that_is_busy_is_not_asked_twice(code: int) -> None:
    played = play(hello("probe"), [f"{code} later"])
    assert played.commands == ["EHLO probe"]
    assert played.fault is not None


def test_after_helo_nothing_is_offered() -> None:
    made = plan(Security.STARTTLS)
    played = talk(made, READY, "500 what?", "250-mx\n250 STARTTLS")
    assert played.fault == Fault(stage=Stage.STARTTLS, kind=FaultKind.NOT_OFFERED)


# -- security


def test_a_refused_starttls_starts_no_handshake() -> None:
    played = play(starttls("probe"), ["454 not now"])
    assert Handshake() not in played.effects
    assert played.fault is not None


def test_without_starttls_an_account_that_wants_it_ends_there() -> None:
    played = talk(plan(Security.STARTTLS, login=credentials()), READY, "250-mx\n250 AUTH PLAIN")
    assert played.fault == Fault(stage=Stage.STARTTLS, kind=FaultKind.NOT_OFFERED)
    assert played.commands == ["EHLO probe.example"]


def test_opportunistic_tls_is_used_when_it_is_offered() -> None:
    made = plan(Security.OPPORTUNISTIC, goal=Goal.LOGIN)
    played = talk(made, READY, HELLO, "220 go", "250 mx")
    assert Handshake() in played.effects


def test_without_a_login_opportunistic_tls_may_be_missing() -> None:
    made = plan(Security.OPPORTUNISTIC, goal=Goal.LOGIN)
    played = talk(made, READY, "250 mx")
    skipped = [item.stage for item in played.effects if isinstance(item, Skip)]
    assert skipped == ["starttls", "tls", "ehlo"]
    assert played.fault is None


@pytest.mark.parametrize("security", [Security.OPPORTUNISTIC, Security.NONE])
def test_no_login_goes_in_the_clear(security: Security) -> None:
    made = plan(security, login=credentials())
    played = talk(made, READY, "250-mx\n250 AUTH PLAIN")
    assert played.fault is not None
    assert played.fault.kind is FaultKind.REFUSED_HERE
    assert played.fault.diagnosis_id == "config.cleartext-secret"
    assert played.commands == ["EHLO probe.example"]


@pytest.mark.parametrize("security", [Security.OPPORTUNISTIC, Security.NONE])
def test_a_login_goes_in_the_clear_where_the_policy_says_so(security: Security) -> None:
    made = plan(security, login=credentials(), goal=Goal.LOGIN)
    played = talk(made, READY, "250-mx\n250 AUTH PLAIN", LOGGED_IN, terms=CLEARTEXT)
    assert played.proven[-1] is Stage.AUTH


def test_permission_for_clear_text_does_not_excuse_a_missing_starttls() -> None:
    made = plan(Security.STARTTLS, login=credentials())
    played = talk(made, READY, "250-mx\n250 AUTH PLAIN", terms=CLEARTEXT)
    assert played.fault == Fault(stage=Stage.STARTTLS, kind=FaultKind.NOT_OFFERED)


# -- login


def test_one_refused_login_is_all_there_is() -> None:
    played = log_in(credentials(), "AUTH PLAIN LOGIN", "535 5.7.8 wrong")
    assert played.commands == [f"AUTH PLAIN {BLOB}"]
    assert played.fault is not None
    assert played.fault.reply == Reply(535, ("5.7.8 wrong",))


@pytest.mark.parametrize("code", [421, 432, 454, 530, 534, 535, 538, 550, 554])
def test_a_code_that_judges_the_login_is_not_asked_again(code: int) -> None:
    played = log_in(credentials(), "AUTH PLAIN LOGIN", f"{code} no")
    assert len(played.commands) == 1
    assert played.fault is not None


def test_login_gives_user_and_password_when_asked() -> None:
    prompts = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"]
    played = log_in(credentials(), "AUTH LOGIN", *prompts, LOGGED_IN)
    assert played.commands == ["AUTH LOGIN", USER_64, PASSWORD_64]
    assert played.shown == ["AUTH LOGIN", MASK, MASK]
    assert played.fault is None


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_command_not_understood_leads_to_the_next_mechanism_once(code: int) -> None:
    prompts = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"]
    played = log_in(credentials(), "AUTH PLAIN LOGIN", f"{code} what?", *prompts, LOGGED_IN)
    assert played.commands == [f"AUTH PLAIN {BLOB}", "AUTH LOGIN", USER_64, PASSWORD_64]
    learned = [item.mechanism for item in played.effects if isinstance(item, Learned)]
    assert learned == ["PLAIN", "LOGIN"]


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_there_is_no_third_exchange(code: int) -> None:
    played = log_in(credentials(), "AUTH PLAIN LOGIN", "504 what?", f"{code} what?")
    assert played.commands == [f"AUTH PLAIN {BLOB}", "AUTH LOGIN"]
    assert played.fault is not None
    assert played.fault.reply == Reply(code, ("what?",))


def test_without_another_mechanism_the_answer_stands() -> None:
    played = log_in(credentials(), "AUTH PLAIN", "504 what?")
    assert played.commands == [f"AUTH PLAIN {BLOB}"]
    assert played.fault is not None


def test_a_mechanism_that_the_account_names_is_not_replaced() -> None:
    who = credentials(mechanism="PLAIN")
    assert len(log_in(who, "AUTH PLAIN LOGIN", "504 what?").commands) == 1


def test_after_501_the_same_mechanism_goes_without_its_initial_response() -> None:
    played = log_in(credentials(), "AUTH PLAIN LOGIN", "501 syntax", "334 ", LOGGED_IN)
    assert played.commands == [f"AUTH PLAIN {BLOB}", "AUTH PLAIN", BLOB]
    assert played.shown == [f"AUTH PLAIN {MASK}", "AUTH PLAIN", MASK]
    assert played.fault is None


def test_after_501_twice_the_answer_stands() -> None:
    played = log_in(credentials(), "AUTH PLAIN LOGIN", "501 syntax", "501 syntax")
    assert len(played.commands) == 2
    assert played.fault is not None


@pytest.mark.parametrize("code", [500, 501, 504])
def test_a_refusal_after_a_challenge_is_a_refused_login(code: int) -> None:
    prompts = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"]
    played = log_in(credentials(), "AUTH LOGIN", *prompts, f"{code} no")
    assert played.commands == ["AUTH LOGIN", USER_64, PASSWORD_64]
    assert played.fault is not None


@pytest.mark.parametrize("challenge", ["Username:", "===", "VXNlcm5hbWU", "grüß", "VXNl cm5h"])
def test_a_challenge_that_is_not_base64_is_cancelled(challenge: str) -> None:
    played = log_in(credentials(), "AUTH LOGIN", f"334 {challenge}", "501 cancelled")
    assert played.commands == ["AUTH LOGIN", "*"]
    assert played.fault is not None
    assert played.fault.kind is FaultKind.BAD_CHALLENGE
    assert played.fault.reply == Reply(334, (challenge,))


def test_a_challenge_nobody_wanted_is_cancelled() -> None:
    played = log_in(credentials(), "AUTH PLAIN", "334 bW9yZQ==", None)
    assert played.commands == [f"AUTH PLAIN {BLOB}", "*"]
    assert played.fault is not None
    assert played.fault.kind is FaultKind.BAD_CHALLENGE


def test_a_server_that_goes_on_asking_is_told() -> None:
    prompts = ["334 VXNlcm5hbWU6"] * 3
    played = log_in(credentials(), "AUTH LOGIN", *prompts, "334 VXNlcm5hbWU6")
    assert played.commands == ["AUTH LOGIN", USER_64, PASSWORD_64, "*"]
    assert played.fault is not None
    assert played.fault.kind is FaultKind.CHALLENGE_LOOP


def _talkative(_: Credentials, _link: Link) -> Script:
    yield None
    while True:
        yield b"yes"


def test_no_mechanism_answers_without_end() -> None:
    script = run_exchange(Mechanism("X", _talkative), credentials(), LINK)
    played = play(script, ["334 "] * (MAX_CHALLENGES + 1))
    assert played.commands == ["AUTH X", *["eWVz"] * MAX_CHALLENGES]
    assert played.fault is not None
    assert played.fault.kind is FaultKind.CHALLENGE_LOOP


@pytest.mark.parametrize("octets", [MAX_AUTH_LINE_OCTETS, MAX_AUTH_LINE_OCTETS + 4])
def test_an_auth_line_has_at_most_512_octets(octets: int) -> None:
    around = len("AUTH PLAIN \r\n")
    long = (octets - around) // 4 * 3 - len("\0u\0")
    who = credentials("u", "x" * long)
    fits = octets <= MAX_AUTH_LINE_OCTETS
    played = log_in(who, "AUTH PLAIN", *([] if fits else ["334 "]), LOGGED_IN)
    assert all(len(flight) <= MAX_AUTH_LINE_OCTETS for flight in played.sent[:1])
    assert len(played.sent) == (1 if fits else 2)
    assert played.fault is None


def _speechless(_: Credentials, _link: Link) -> Script:
    yield b""


def test_an_empty_initial_response_is_an_equals_sign() -> None:
    exchange = Exchange(Mechanism("EXTERNAL", _speechless), credentials(), LINK)
    assert auth_command("EXTERNAL", exchange, inline=True).octets == b"AUTH EXTERNAL =\r\n"


@pytest.mark.parametrize(
    ("offered", "detail"),
    [("SIZE", "AUTH"), ("AUTH", "none"), ("AUTH GSSAPI NTLM", "GSSAPI NTLM")],
)
def test_without_a_common_mechanism_nothing_is_sent(offered: str, detail: str) -> None:
    played = log_in(credentials(), offered)
    assert played.fault == Fault(stage=Stage.AUTH, kind=FaultKind.NOT_OFFERED, detail=detail)
    assert played.sent == []


def test_a_mechanism_that_is_not_offered_is_not_tried() -> None:
    played = log_in(credentials(mechanism="LOGIN"), "AUTH PLAIN GSSAPI")
    assert played.fault == Fault(
        stage=Stage.AUTH,
        kind=FaultKind.MECHANISM_NOT_OFFERED,
        detail="PLAIN GSSAPI",
        parameters={"mechanism": "LOGIN"},
    )
    assert played.sent == []


# -- logins without the password


def test_after_501_to_a_bare_auth_the_next_mechanism_goes() -> None:
    played = log_in(credentials(), "AUTH LOGIN CRAM-MD5", "501 what?", "535 no")
    assert played.commands == ["AUTH LOGIN", "AUTH CRAM-MD5"]


def test_in_the_clear_the_password_itself_goes_last() -> None:
    capabilities = parse_capabilities(Reply(250, ("mx", "AUTH PLAIN CRAM-MD5 LOGIN")))
    link = LINK._replace(encrypted=False)
    played = play(login(credentials(), capabilities, link), ["535 no"])
    assert played.commands == ["AUTH CRAM-MD5"]


def scram(*answers: str, mechanism: str = "SCRAM-SHA-256", offered: str = "") -> Played:
    return log_in(credentials(mechanism=mechanism), f"AUTH {offered or mechanism}", *answers)


def challenge(text: str) -> str:
    return f"334 {base64.b64encode(text.encode()).decode()}"


FIRST = challenge("r=nonce-and-theirs,s=c2FsdA==,i=4096")


def test_every_line_of_a_scram_login_is_masked() -> None:
    played = scram(FIRST, "535 no")
    assert played.shown == [f"AUTH SCRAM-SHA-256 {MASK}", MASK]
    assert played.fault is not None
    assert played.fault.reply == Reply(535, ("no",))


def test_a_success_without_the_servers_proof_is_none() -> None:
    for answers in (["235 yes"], [FIRST, "235 yes"]):
        played = scram(*answers)
        assert played.fault is not None
        assert played.fault.kind is FaultKind.SERVER_PROOF
        assert Proven(Stage.AUTH) not in played.effects


def test_a_false_proof_is_cancelled_and_its_words_are_not_kept() -> None:
    played = scram(FIRST, challenge("v=ZmFsc2U="), "501 cancelled")
    assert played.commands[-1] == "*"
    assert played.fault == Fault(
        stage=Stage.AUTH, kind=FaultKind.SERVER_PROOF, reply=Reply(334, (MASK,))
    )


def test_the_reply_that_should_hold_the_proof_is_veiled_and_no_other() -> None:
    played = scram(FIRST, challenge("e=invalid-proof"), "535 no")
    reads = [item for item in played.effects if isinstance(item, Read)]
    assert [item.veiled for item in reads] == [False, True, False]
    assert played.commands[-1] == ""
    assert played.fault is not None
    assert played.fault.parameters == {"detail": "e=invalid-proof"}


def test_too_many_rounds_are_not_computed() -> None:
    played = scram(challenge("r=nonce-and-theirs,s=c2FsdA==,i=10000000"), "501 cancelled")
    assert not any(isinstance(item, Derive) for item in played.effects)
    assert played.commands[-1] == "*"
    assert played.fault is not None
    assert played.fault.kind is FaultKind.SCRAM_ROUNDS
    assert played.fault.parameters == {"count": 10_000_000}


def test_few_rounds_are_remarked_upon() -> None:
    played = scram(challenge("r=nonce-and-theirs,s=c2FsdA==,i=100"), "535 no")
    (odd,) = [item.oddity for item in played.effects if isinstance(item, Odd)]
    assert (odd.kind, odd.detail) == ("auth.scram-rounds-low", "i=100")


def test_a_second_login_has_another_nonce() -> None:
    capabilities = parse_capabilities(Reply(250, ("mx", "AUTH SCRAM-SHA-256 SCRAM-SHA-1")))
    played = play(login(credentials(), capabilities, LINK), ["504 no", "535 no"])
    firsts = [base64.b64decode(line.split()[-1]).decode() for line in played.commands]
    assert [first.partition("r=")[2] for first in firsts] == ["nonce", "nonce-2"]


def test_without_a_certificate_there_is_nothing_to_bind_to() -> None:
    name = "SCRAM-SHA-256-PLUS"
    played = scram(mechanism=name, offered=f"{name} PLAIN")
    assert played.sent == []
    assert played.fault is not None
    assert (played.fault.kind, played.fault.detail) == (FaultKind.MECHANISM_NOT_OFFERED, "PLAIN")


@pytest.mark.parametrize(("mechanism", "answer"), [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")])
def test_the_reason_of_a_refused_token_is_told(mechanism: str, answer: str) -> None:
    reason = challenge('{"status":"401","schemes":"bearer","scope":"https://mail.example/"}')
    played = log_in(credentials(mechanism=mechanism), f"AUTH {mechanism}", reason, "535 no")
    assert played.commands[-1] == answer
    assert played.shown == [f"AUTH {mechanism} {MASK}", MASK]
    assert played.fault is not None
    assert played.fault.detail == "token-refused"
    assert played.fault.parameters == {
        "detail": "status 401, scope https://mail.example/",
        "status": "401",
        "scope": "https://mail.example/",
    }


def test_external_says_nothing_of_its_own() -> None:
    played = log_in(credentials(mechanism="EXTERNAL"), "AUTH EXTERNAL", LOGGED_IN)
    assert played.commands == ["AUTH EXTERNAL ="]
    again = log_in(credentials(mechanism="EXTERNAL"), "AUTH EXTERNAL", "501 no", "334 ", LOGGED_IN)
    assert again.commands == ["AUTH EXTERNAL =", "AUTH EXTERNAL", ""]


def test_another_success_code_is_no_login() -> None:
    played = log_in(credentials(), "AUTH PLAIN", "250 ok")
    assert played.fault is not None
    assert played.fault.kind is FaultKind.BAD_REPLY


# -- addresses beyond ASCII


def envelope(of: Plan, offered: str, *answers: str) -> Played:
    capabilities = parse_capabilities(Reply(250, ("mx", offered)))
    return play(submit(of, mail(of), capabilities), answers)


@pytest.mark.parametrize("changes", [{"sender": "jörg@b.example"}, {"recipient": "jörg@b.example"}])
def test_smtputf8_is_asked_for_when_a_local_part_needs_it(changes: dict[str, str]) -> None:
    made = plan(Security.NONE, goal=Goal.RECIPIENT, **changes)  # type: ignore[arg-type]
    played = envelope(made, "SMTPUTF8", OK, OK, OK)
    assert played.commands[0].endswith("> SMTPUTF8")


def test_smtputf8_is_not_asked_for_without_need() -> None:
    made = plan(Security.NONE, goal=Goal.RECIPIENT, sender="Jörg <j@bücher.example>")
    played = envelope(made, "SMTPUTF8", OK, OK, OK)
    assert played.commands[0] == "MAIL FROM:<j@xn--bcher-kva.example>"


def test_without_smtputf8_such_an_address_cannot_go() -> None:
    made = plan(Security.NONE, sender="jörg@b.example")
    played = envelope(made, "8BITMIME")
    assert played.fault == Fault(stage=Stage.MAIL, kind=FaultKind.NOT_OFFERED, detail="SMTPUTF8")
    assert played.sent == []


# Taking turns


def take_turns(
    script: Conversation[None], answers: Iterable[str | None], *, goes_on: bool
) -> Played:
    """Drive a script of several, of which this one is or is not the one that goes on."""
    asked = 0

    def answered() -> Conversation[None]:
        nonlocal asked
        turns = in_turn(script)
        answer: Answer = None
        while True:
            try:
                effect = turns.send(answer)
            except StopIteration:
                return
            asked += isinstance(effect, Turn)
            answer = goes_on if isinstance(effect, Turn) else (yield effect)

    played = play(answered(), answers)
    assert asked == 1
    return played


def test_the_turn_is_asked_for_before_the_login_and_changes_nothing_else() -> None:
    of = plan(Security.TLS, login=credentials(), goal=Goal.RECIPIENT)
    answers = [READY, SECURE_HELLO, LOGGED_IN, OK, OK, OK]

    alone = talk(of, *answers, terms=TERMS)
    in_turns = take_turns(converse(of, mail(of), TERMS), answers, goes_on=True)

    assert (in_turns.commands, in_turns.proven) == (alone.commands, alone.proven)


def test_without_the_turn_nothing_is_begun_behind_the_last_hello() -> None:
    of = plan(Security.TLS, login=credentials())

    played = take_turns(converse(of, mail(of), TERMS), [READY, SECURE_HELLO], goes_on=False)

    assert played.commands == ["EHLO probe.example", "QUIT"]
    assert played.proven == [Stage.TLS, Stage.GREETING, Stage.EHLO]
    assert not any(isinstance(item, Begin) and item.stage is Stage.AUTH for item in played.effects)


def test_what_a_server_cannot_do_at_all_is_told_without_asking_for_the_turn() -> None:
    of = plan(Security.TLS, login=credentials())

    played = play(in_turn(converse(of, mail(of), TERMS)), [READY, "250 mx"])

    assert played.fault is not None
    assert (played.fault.stage, played.fault.kind) == (Stage.AUTH, FaultKind.NOT_OFFERED)
    assert not any(isinstance(item, Turn) for item in played.effects)
