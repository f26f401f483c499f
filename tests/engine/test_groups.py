"""Logins at the head of a group: when, and what is done where a server cannot take one."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable

import pytest

from smtpcheck.engine.evidence import Fault, FaultKind, Reply, Report
from smtpcheck.engine.plan import Past, Plan
from smtpcheck.engine.redaction import MASK
from smtpcheck.engine.session import Again, Begin, GroupLost, Read, Ungrouped
from smtpcheck.engine.stages import Goal, RungState, Security, Stage
from smtpcheck.sandbox import Authority
from tests.engine.plans import credentials, plan
from tests.engine.test_session import BLOB, GO_AHEAD, LOGGED_IN, OK, READY, Played, talk
from tests.engine.trials import diagnosis_of, plan_for, tried, warnings_in
from tests.peers.fixtures import PASSWORD, USER
from tests.peers.honest import until
from tests.peers.scripted import Client, Script, ScriptedPeer

PASSED = Past(login_passed=True)
OFFERS = "250-mx\n250-PIPELINING\n250 AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2 EXTERNAL"
AUTH, MAIL, RCPT = (
    f"AUTH PLAIN {BLOB}",
    "MAIL FROM:<alice@example.org>",
    "RCPT TO:<bob@example.net>",
)
FLIGHT = [AUTH, MAIL, RCPT, "DATA"]


def leading(**changes: object) -> Plan:
    """A plan whose login passed last time."""
    settings: dict[str, object] = {"login": credentials(), "past": PASSED, **changes}
    return plan(Security.TLS, **settings)  # type: ignore[arg-type]


def lines(flight: str) -> list[str]:
    return flight.splitlines()


def ungrouped(played: Played) -> list[Fault | None]:
    return [item.fault for item in played.effects if isinstance(item, Ungrouped)]


# -- when


def test_a_login_that_passed_last_time_leads_the_envelope() -> None:
    played = talk(leading(), READY, OFFERS, LOGGED_IN, OK, OK, GO_AHEAD, OK)
    assert lines(played.sent[1]) == FLIGHT
    assert len(played.sent) == 4  # EHLO, the group, the mail, QUIT
    assert f"AUTH PLAIN {MASK}" in played.shown
    begun = [item.stage for item in played.effects if isinstance(item, Begin) and item.grouped]
    assert begun == ["auth", "mail", "rcpt", "data"]
    assert played.proven[-5:] == ["auth", "mail", "rcpt", "data", "content"]
    assert ungrouped(played) == []


def test_the_recipient_is_proven_in_one_flight_with_the_login() -> None:
    played = talk(leading(goal=Goal.RECIPIENT), READY, OFFERS, LOGGED_IN, OK, OK, OK)
    assert [lines(flight) for flight in played.sent[1:]] == [[AUTH, MAIL, RCPT, "RSET"], ["QUIT"]]


@pytest.mark.parametrize("user", ["alice@example.org", ""])
def test_external_may_lead_too(user: str) -> None:
    made = leading(login=credentials(user, "", mechanism="EXTERNAL"))
    played = talk(made, READY, OFFERS, LOGGED_IN, OK, OK, GO_AHEAD, OK)
    assert lines(played.sent[1])[1:] == FLIGHT[1:]


@pytest.mark.parametrize(
    "changes",
    [
        {"past": Past()},
        {"past": Past(login_passed=True, refuses_groups=True)},
        {"login": credentials(mechanism="LOGIN")},
        {"login": credentials(mechanism="CRAM-MD5")},
        {"login": credentials(mechanism="XOAUTH2")},
        {"login": credentials("u", "x" * 400)},
    ],
)
def test_otherwise_its_reply_is_awaited(changes: dict[str, object]) -> None:
    made = leading(goal=Goal.LOGIN, **changes)
    alone = talk(made, READY, OFFERS, "535 no")
    beyond = talk(leading(**changes), READY, OFFERS, "535 no")
    assert beyond.sent == alone.sent
    assert len(beyond.sent) == 2


def test_with_the_goal_login_there_is_nothing_to_lead() -> None:
    played = talk(leading(goal=Goal.LOGIN), READY, OFFERS, LOGGED_IN)
    assert [lines(flight) for flight in played.sent[1:]] == [[AUTH], ["QUIT"]]


def test_what_counts_is_the_last_ehlo() -> None:
    clear = "250-mx\n250-PIPELINING\n250 STARTTLS"
    made = plan(Security.STARTTLS, login=credentials(), past=PASSED)
    played = talk(made, READY, clear, "220 go", "250-mx\n250 AUTH PLAIN", "535 no")
    assert lines(played.sent[-1]) == [AUTH]


def test_an_address_that_cannot_go_is_told_behind_the_login() -> None:
    played = talk(leading(sender="jörg@b.example"), READY, OFFERS, LOGGED_IN)
    assert lines(played.sent[-1]) == [AUTH]
    assert played.fault is not None
    assert played.fault.stage is Stage.MAIL


def test_a_server_that_refuses_groups_gets_none_at_all() -> None:
    made = leading(past=Past(refuses_groups=True))
    played = talk(made, READY, OFFERS, LOGGED_IN, OK, OK, GO_AHEAD, OK)
    assert [len(lines(flight)) for flight in played.sent[1:5]] == [1, 1, 1, 1]


# -- a refused login


@pytest.mark.parametrize("behind", [["503 no"] * 3, [OK, "554 no", "554 no"], [None, None, None]])
def test_a_refused_login_ends_the_test_when_all_replies_are_read(behind: list[str | None]) -> None:
    played = talk(leading(), READY, OFFERS, "535 5.7.8 wrong", *behind)
    assert played.fault is not None
    assert (played.fault.stage, played.fault.reply) == (Stage.AUTH, Reply(535, ("5.7.8 wrong",)))
    assert lines(played.sent[-1]) == FLIGHT
    assert ungrouped(played) == []


@pytest.mark.parametrize(
    "replies",
    [
        ["535 no", OK, OK, GO_AHEAD],
        ["504 no", OK, OK, GO_AHEAD],
        [LOGGED_IN, "550 no", OK, GO_AHEAD],
        [LOGGED_IN, OK, "550 no", GO_AHEAD],
    ],
)
def test_a_354_behind_a_refusal_gets_not_a_byte(replies: list[str]) -> None:
    played = talk(leading(), READY, OFFERS, *replies)
    assert played.fault is not None
    assert played.fault.kind is FaultKind.REPLY
    assert lines(played.sent[-1]) == FLIGHT


def test_after_501_the_same_mechanism_goes_alone_and_the_envelope_behind_it() -> None:
    refused = ["501 syntax", OK, "503 no", "503 no"]
    again = [OK, "334 ", LOGGED_IN, OK, OK, GO_AHEAD, OK]
    played = talk(leading(), READY, OFFERS, *refused, *again)
    said = [lines(flight) for flight in played.sent[1:]]
    assert said[:7] == [FLIGHT, ["RSET"], ["AUTH PLAIN"], [BLOB], [MAIL], [RCPT], ["DATA"]]
    assert played.fault is None
    assert [fault and fault.stage for fault in ungrouped(played)] == ["auth"]


def test_after_504_the_next_mechanism_goes_alone() -> None:
    played = talk(leading(), READY, OFFERS, "504 no", "503 no", "503 no", "503 no", OK, "535 no")
    assert [lines(flight) for flight in played.sent[2:]] == [["RSET"], ["AUTH LOGIN"]]
    assert played.fault is not None
    assert played.fault.reply == Reply(535, ("no",))


@pytest.mark.parametrize("missing", [["503 no", "503 no", None], ["503 no", "503 no", "421 bye"]])
def test_out_of_step_there_is_no_other_exchange(missing: list[str | None]) -> None:
    played = talk(leading(), READY, OFFERS, "504 no", *missing)
    assert lines(played.sent[-1]) == FLIGHT
    assert played.fault is not None
    assert played.fault.stage is Stage.AUTH


def test_a_question_ends_the_login_because_mail_was_taken_for_the_answer() -> None:
    played = talk(leading(), READY, OFFERS, "334 ", "501 no base64", "503 no", "503 no")
    assert played.fault is not None
    assert (played.fault.stage, played.fault.kind) == (Stage.AUTH, FaultKind.BAD_CHALLENGE)
    assert lines(played.sent[-1]) == FLIGHT
    assert len(ungrouped(played)) == 1


# -- a refused envelope


@pytest.mark.parametrize("code", [500, 501, 502, 503, 504, 530])
@pytest.mark.parametrize("before", [[], [OK], [OK, OK]])
def test_a_group_that_is_not_understood_is_said_again_command_by_command(
    before: list[str], code: int
) -> None:
    rest = [f"{code} what?", "503 no", "503 no"][: 3 - len(before)]
    played = talk(leading(), READY, OFFERS, LOGGED_IN, *before, *rest, OK, OK, OK, GO_AHEAD, OK)
    said = [lines(flight) for flight in played.sent[1:]]
    assert said[:5] == [FLIGHT, ["RSET"], [MAIL], [RCPT], ["DATA"]]
    assert Again(Stage.MAIL) in played.effects
    assert played.fault is None
    assert [fault is not None for fault in ungrouped(played)] == [True]


def test_what_is_refused_alone_as_well_was_not_the_groups_doing() -> None:
    refused = ["504 5.5.2 not a full name", "503 no", "503 no"]
    played = talk(leading(), READY, OFFERS, LOGGED_IN, *refused, OK, "504 5.5.2 not a full name")
    assert played.fault is not None
    assert played.fault.stage is Stage.MAIL
    assert ungrouped(played)[-1] is None


@pytest.mark.parametrize("code", [421, 450, 550, 553, 554])
def test_a_refusal_that_is_meant_is_not_asked_again(code: int) -> None:
    played = talk(leading(), READY, OFFERS, LOGGED_IN, OK, f"{code} no", "503 no")
    assert lines(played.sent[-1]) == FLIGHT
    assert played.fault is not None
    assert played.fault.reply == Reply(code, ("no",))


@pytest.mark.parametrize("behind", [["503 no", None], ["503 no", GO_AHEAD], ["421 bye", None]])
def test_where_the_rest_cannot_be_told_a_new_connection_is_asked_for(
    behind: list[str | None],
) -> None:
    with pytest.raises(GroupLost) as lost:
        talk(leading(), READY, OFFERS, LOGGED_IN, "503 what?", *behind)
    assert lost.value.fault.stage is Stage.MAIL


def test_behind_a_refusal_replies_are_read_only_as_far_as_they_come() -> None:
    played = talk(leading(), READY, OFFERS, "535 no", None, None, None)
    reads = [item for item in played.effects if isinstance(item, Read)][-3:]
    assert all(item.optional for item in reads)


# -- over a real connection


def hold(
    peer: Callable[..., ScriptedPeer],
    authority: Authority,
    context: ssl.SSLContext,
    *scripts: tuple[str, Script],
    seconds: float = 5.0,
) -> tuple[Report, ScriptedPeer]:
    """A report where the login passed last time; each connection misbehaves at a stage."""
    server = peer(*(until(stage, then, tls=context) for stage, then in scripts))
    plan = plan_for(server.port, trusted=authority, past=PASSED, seconds=seconds)
    report = tried(plan)
    server.wait_until_idle()
    return report, server


def logins(client: Client) -> int:
    said = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    return sum(said in command for command in client.commands)


def states(report: Report) -> set[RungState]:
    return {rung.state for rung in report.evidence.ladder}


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("leave", [Client.close, Client.reset, Client.drain])
def test_a_group_that_breaks_the_connection_gets_one_more_alone(
    stage: str,
    leave: Script,
    peer: Callable[..., ScriptedPeer],
    authority: Authority,
    server_context: ssl.SSLContext,
) -> None:
    report, server = hold(
        peer, authority, server_context, (stage, leave), ("quit", Client.drain), seconds=3.0
    )
    assert report.verdict == "works"
    assert report.evidence.refuses_groups
    assert "proto.pipelining-broken" in warnings_in(report)
    assert [logins(client) for client in server.clients] == [1, 1]
    assert not any(rung.grouped for rung in report.evidence.ladder)
    assert "again, command by command" in report.evidence.transcript
    assert server.clients[0].content == b""


def test_two_connections_are_the_most(
    peer: Callable[..., ScriptedPeer], authority: Authority, server_context: ssl.SSLContext
) -> None:
    report, server = hold(peer, authority, server_context, ("mail", Client.close))
    assert diagnosis_of(report)
    assert report.stage is Stage.MAIL
    assert server.count == 2


@pytest.mark.parametrize("leave", [Client.close, Client.reset, Client.drain])
def test_a_login_without_an_answer_is_not_sent_again(
    leave: Script,
    peer: Callable[..., ScriptedPeer],
    authority: Authority,
    server_context: ssl.SSLContext,
) -> None:
    report, server = hold(peer, authority, server_context, ("auth", leave), seconds=1.0)
    assert report.stage is Stage.AUTH
    assert report.evidence.refuses_groups  # next time it goes alone
    assert [logins(client) for client in server.clients] == [1]


def refuses_the_group(client: Client) -> None:
    """Takes the login and then one command at a time."""
    client.send("503 5.5.1 Improper command pipelining")
    for _ in ("RCPT", "DATA"):
        client.read_line()
        client.send("503 5.5.1 Improper command pipelining")
    for verb in ("RSET", "MAIL", "RCPT"):
        client.expect(verb)
        client.send("250 2.0.0 Ok")
    client.expect("DATA")
    client.send("354 go")
    client.read_content()
    client.send("250 2.0.0 Ok")
    client.drain()


def test_a_group_that_is_refused_is_told_and_the_test_goes_on(
    peer: Callable[..., ScriptedPeer], authority: Authority, server_context: ssl.SSLContext
) -> None:
    report, server = hold(peer, authority, server_context, ("mail", refuses_the_group))
    assert report.verdict == "works"
    assert server.count == 1
    assert report.evidence.refuses_groups
    (warning,) = (item for item in report.warnings if item.id == "proto.pipelining-broken")
    assert warning.evidence_line == "503 5.5.1 Improper command pipelining"
    assert states(report) <= {RungState.PROVEN, RungState.SKIPPED}
    grouped = [rung.stage for rung in report.evidence.ladder if rung.grouped]
    assert grouped == ["auth"]


def takes_mail_without_login(client: Client) -> None:
    client.send("535 5.7.8 wrong")
    for reply in ("250 2.1.0 Ok", "250 2.1.5 Ok", "354 go ahead"):
        client.read_line()
        client.send(reply)
    client.drain()


def test_a_server_that_takes_mail_without_the_login_gets_not_a_byte_of_it(
    peer: Callable[..., ScriptedPeer], authority: Authority, server_context: ssl.SSLContext
) -> None:
    report, server = hold(peer, authority, server_context, ("auth", takes_mail_without_login))
    assert report.stage is Stage.AUTH
    assert bytes(server.clients[0].received).endswith(b"DATA\r\n")
    named = {item.stage for item in report.evidence.replies}
    assert {Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.DATA} <= named


def test_the_stages_of_a_group_share_their_clock(
    peer: Callable[..., ScriptedPeer], authority: Authority, server_context: ssl.SSLContext
) -> None:
    report, _ = hold(peer, authority, server_context, ("quit", Client.drain))
    together = [rung for rung in report.evidence.ladder if rung.grouped]
    assert [rung.stage for rung in together] == ["auth", "mail", "rcpt", "data"]
    assert len({rung.started_ms for rung in together}) == 1
