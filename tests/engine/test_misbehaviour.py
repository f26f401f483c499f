"""Servers that do everything wrong: each ends in a diagnosis, in time, and costs little memory.

What a peer received is looked at too: whatever it does, it gets no more of us than it may.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import os
import ssl
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from smtpcheck.engine.evidence import FaultKind, Report, plain
from smtpcheck.engine.plan import Plan
from smtpcheck.engine.stages import Goal, Security, Stage, Verdict
from smtpcheck.sandbox import Authority
from tests.engine.trials import (
    IN_THE_CLEAR,
    assert_tells_nothing_of,
    attempt,
    diagnosis_of,
    plan_for,
    spellings,
    tried,
)
from tests.peers.honest import CAPABILITIES, honest, until
from tests.peers.scripted import Client, Script, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]

ONE_BY_ONE = [word for word in CAPABILITIES if word != "PIPELINING"]
QUICK = 0.6  # seconds for tests that have to run out of time


@dataclass
class Stand:
    """Opens a peer and tries an account against it, over STARTTLS if nothing else is said."""

    peer: MakePeer
    authority: Authority
    context: ssl.SSLContext

    def misbehave(
        self, stage: str, then: Script, *, capabilities: object = CAPABILITIES, **of_plan: object
    ) -> tuple[Report, ScriptedPeer]:
        """What comes of a server that is honest until its turn at a stage."""
        is_implicit = of_plan.get("security") is Security.TLS
        tls = None if of_plan.get("security") is Security.NONE else self.context
        script = until(
            stage,
            then,
            tls=tls,
            is_implicit=is_implicit,
            capabilities=capabilities,  # type: ignore[arg-type]
        )
        return self.try_out(script, **of_plan)

    def try_out(self, script: Script, **of_plan: object) -> tuple[Report, ScriptedPeer]:
        """What comes of a script."""
        server = self.peer(script)
        report = tried(self.plan(server, **of_plan))
        server.wait_until_idle()
        return report, server

    def plan(self, server: ScriptedPeer, **of_plan: object) -> Plan:
        return plan_for(server.port, trusted=self.authority, **of_plan)  # type: ignore[arg-type]


@pytest.fixture
def stand(peer: MakePeer, authority: Authority, server_context: ssl.SSLContext) -> Stand:
    return Stand(peer, authority, server_context)


def says(text: str | bytes) -> Script:
    """Says this in place of the honest reply, and listens to the end."""

    def script(client: Client) -> None:
        client.send(text)
        client.drain()

    return script


def behind_hello(then: Script) -> Script:
    """Waits for the ClientHello first: what comes sooner is injection."""

    def script(client: Client) -> None:
        client.read_client_hello()
        then(client)

    return script


def drips(text: str | bytes) -> Script:
    return lambda client: client.drip(text, seconds=1.0)


def floods(text: str | bytes) -> Script:
    return lambda client: client.repeat(text)


# Too slow

SPEAKING_STAGES = ["greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content"]


@pytest.mark.parametrize("stage", SPEAKING_STAGES)
def test_a_byte_a_second_ends_by_the_clock(stand: Stand, stage: str) -> None:
    reply = {"greeting": "220 hello there", "data": "354 go on please"}.get(stage, "250 it is well")

    # A clock that the honest stages before it keep on a busy machine, too.
    report, _ = stand.misbehave(stage, drips(reply), seconds=2.5 * QUICK)

    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.evidence.fault is not None
    assert report.evidence.fault.kind is FaultKind.TIMEOUT
    assert report.evidence.fault.stage == stage


def test_a_handshake_of_a_byte_a_second_ends_by_the_clock(stand: Stand) -> None:
    report, _ = stand.misbehave(
        "tls", behind_hello(drips(b"\x16\x03\x03\x00\x7a" + bytes(20))), seconds=QUICK
    )

    assert diagnosis_of(report) == "tls.handshake-timeout"


def test_a_server_that_is_slow_at_every_stage_meets_the_total(stand: Stand) -> None:
    def slowly(client: Client) -> None:
        for reply in ("220 a", "250 b", "250 c", "250 d", "354 e", "250 f"):
            client.sleep(0.25)
            client.send(reply)
            client.read_line()

    report, _ = stand.try_out(slowly, security=Security.NONE, user="", seconds=0.8)

    assert (diagnosis_of(report), report.verdict) == ("tool.deadline", "inconclusive")


def test_a_server_that_never_reads_ends_by_the_clock(stand: Stand) -> None:
    def deaf(client: Client) -> None:
        client.send("220 hi")
        client.stop_reading()

    server = stand.peer(deaf, receive_buffer_bytes=1024)
    report = tried(stand.plan(server, seconds=QUICK))

    assert (diagnosis_of(report), report.verdict) == ("ehlo.timeout", "inconclusive")


# Too much

LINE = b"250-" + b"x" * 500 + b"\r\n"
FLOODS: dict[str, tuple[str, bytes, str]] = {
    "endless banner": ("greeting", b"220-and more\r\n", "greet.too-much"),
    "endless banner line": ("greeting", b"220 " + b"x" * 4096, "proto.line-too-long"),
    "endless reply": ("ehlo", LINE, "proto.endless-reply"),
    "endless line": ("ehlo", b"250-" + b"x" * 4096, "proto.line-too-long"),
    "no line at all": ("ehlo", b"x" * 65536, "proto.line-too-long"),
    "endless login": ("auth", b"535-no\r\n", "auth.too-much"),
    "endless mail": ("mail", b"250-no\r\n", "mail.too-much"),
    "endless content": ("content", b"250-no\r\n", "content.too-much"),
}


@pytest.mark.parametrize(("stage", "flood", "diagnosis"), FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_flood_ends_at_a_bound(
    stand: Stand, security: Security, stage: str, flood: bytes, diagnosis: str
) -> None:
    report, server = stand.misbehave(stage, floods(flood), security=security)

    assert diagnosis_of(report) == diagnosis
    assert report.took_ms < 4000
    assert len(report.evidence.transcript) <= 16 * 1024
    assert server.clients[0].sent_bytes < 32 * 1024 * 1024


def test_a_flood_of_whole_replies_ends_at_the_second(stand: Stand) -> None:
    report, _ = stand.misbehave("greeting", floods(b"220 hello\r\n"))

    # Which one it is depends on how much of the flood came with the first reply.
    assert diagnosis_of(report) in ("ehlo.out-of-step", "ehlo.bad-reply")


def test_a_flood_in_place_of_the_handshake_ends_at_once(stand: Stand) -> None:
    report, server = stand.misbehave("tls", behind_hello(floods(b"220 no TLS here\r\n" * 100)))

    assert diagnosis_of(report) == "tls.starttls-plaintext"
    assert server.clients[0].commands[:2][-1] == "STARTTLS"


def test_a_handshake_without_end_meets_its_bound(stand: Stand) -> None:
    # One handshake message of 8 MiB, in records of 16 KiB each.
    record = b"\x16\x03\x03\x40\x00"
    first = record + b"\x02\x80\x00\x00" + bytes(16380)

    def endless(client: Client) -> None:
        client.send_raw(first)
        while True:
            client.send_raw(record + bytes(16384))

    report, server = stand.misbehave("tls", behind_hello(endless))

    assert diagnosis_of(report) in ("tls.too-much", "tls.handshake-failed")
    assert server.clients[0].sent_bytes < 16 * 1024 * 1024


def test_a_record_longer_than_tls_allows_ends_the_handshake(stand: Stand) -> None:
    report, _ = stand.misbehave("tls", behind_hello(says(b"\x16\x03\x03\xff\xff" + bytes(65535))))

    assert (diagnosis_of(report), report.verdict) == ("tls.handshake-failed", "fails")


def test_floods_leave_the_memory_flat(stand: Stand) -> None:
    scripts = [
        until(stage, floods(flood), tls=stand.context) for stage, flood, _ in FLOODS.values()
    ]
    record = b"\x16\x03\x03\x40\x00" + bytes(16384)
    scripts.append(until("tls", behind_hello(floods(record)), tls=stand.context))

    async def flooded(script: Script) -> None:
        server = stand.peer(script)
        await attempt(stand.plan(server))
        await asyncio.to_thread(server.shut)

    async def all_of_them(rounds: int) -> None:
        for _ in range(rounds):
            for script in scripts:
                await flooded(script)
        gc.collect()

    asyncio.run(all_of_them(1))
    before = resident_octets()
    tracemalloc.start()
    try:
        asyncio.run(all_of_them(2))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 1024 * 1024
    assert resident_octets() - before < 20 * 1024 * 1024


def resident_octets() -> int:
    """The memory that this process really takes; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


# TLS that is none


@pytest.mark.parametrize(
    ("octets", "diagnosis"),
    [
        (b"\x00\x01\x02\x03 garbage", "tls.starttls-plaintext"),
        (b"454 4.3.0 TLS is broken\r\n", "tls.starttls-plaintext"),
        (b"\x16\x03\x03\x00\x05garba" + bytes(50), "tls.handshake-failed"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "tls.cipher"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "tls.version"),
        (b"\x15\x03\x01\x00\x02\x02\x70", "tls.sni"),
    ],
)
def test_garbage_in_place_of_the_handshake_is_told(
    stand: Stand, octets: bytes, diagnosis: str
) -> None:
    report, server = stand.misbehave("tls", behind_hello(says(octets)))

    assert (diagnosis_of(report), report.verdict) == (diagnosis, "fails")
    assert b"AUTH" not in server.raw


def test_plain_bytes_inside_the_encrypted_stream_are_no_reply(stand: Stand) -> None:
    report, server = stand.misbehave(
        "ehlo", lambda client: client.send_raw(b"250 AUTH PLAIN LOGIN\r\n")
    )

    assert (diagnosis_of(report), report.evidence.fault.stage) == (  # type: ignore[union-attr]
        "tls.handshake-failed",
        "ehlo",
    )
    assert "AUTH" not in server.verbs


def test_the_end_of_the_encrypted_stream_is_the_end(stand: Stand) -> None:
    report, _ = stand.misbehave("auth", Client.close_notify)

    assert diagnosis_of(report) == "auth.closed"


# Out of turn


def test_bytes_behind_the_220_to_starttls_are_injection(stand: Stand) -> None:
    for injected in (b"250 AUTH PLAIN\r\n", b"x", b"250-"):

        def inject(client: Client, extra: bytes = injected) -> None:
            client.send(b"220 go\r\n" + extra)
            client.drain()

        report, server = stand.misbehave("starttls", inject)

        assert (diagnosis_of(report), report.verdict) == ("tls.starttls-injection", "fails")
        assert server.raw.endswith(b"STARTTLS\r\n")


def test_replies_before_starttls_are_out_of_step(stand: Stand) -> None:
    def talk(client: Client) -> None:
        client.send("220 hi")
        client.expect("EHLO")
        client.send("250-hi\n250 STARTTLS\n220 go")
        client.drain()

    report, server = stand.try_out(talk)

    assert diagnosis_of(report) == "starttls.out-of-step"
    assert server.verbs == ["EHLO"]


def test_a_second_greeting_inside_tls_is_out_of_step(stand: Stand) -> None:
    stand.context.maximum_version = ssl.TLSVersion.TLSv1_2

    def greet_again(client: Client) -> None:
        client.send("220 hi")
        client.expect("EHLO")
        client.send("250-hi\n250 STARTTLS")
        client.expect("STARTTLS")
        client.send("220 go")
        with_the_end_of_the_handshake(client, stand.context, "220 hi again")
        client.drain()

    report, server = stand.try_out(greet_again)

    assert diagnosis_of(report) == "ehlo.out-of-step"
    assert server.verbs == ["EHLO", "STARTTLS"]


def with_the_end_of_the_handshake(client: Client, context: ssl.SSLContext, text: str) -> None:
    """Shake hands, and send a reply in the same packet as the last octets of the handshake."""
    send = client.send_raw
    flights: list[bytes] = []

    def hold_back(data: bytes) -> None:
        if data:
            flights.append(data)
        if len(flights) == 1:  # the client cannot go on without it; the next is the last
            send(data)

    client.send_raw = hold_back  # type: ignore[method-assign]
    client.start_tls(context)
    client.send(text)
    client.send_raw = send  # type: ignore[method-assign]
    send(b"".join(flights[1:]))


def test_a_second_greeting_after_the_handshake_is_no_answer_to_ehlo(stand: Stand) -> None:
    report, server = stand.misbehave("ehlo", says("220 hi again\n250 AUTH PLAIN LOGIN"))

    assert diagnosis_of(report) == "ehlo.bad-reply"
    assert "AUTH" not in server.verbs


OUT_OF_TURN = {
    "greeting": ("220 hi\n250 what", "ehlo.out-of-step"),
    "ehlo": ("250-hi\n250 AUTH PLAIN\n250 more", "auth.out-of-step"),
    "auth": ("235 ok\n250 more", "mail.out-of-step"),
    "mail": ("250 ok\n250 more", "rcpt.out-of-step"),
    "rcpt": ("250 ok\n354 more", "data.out-of-step"),
    "data": ("354 ok\n250 more", "content.out-of-step"),
}


@pytest.mark.parametrize("stage", OUT_OF_TURN)
def test_replies_to_nothing_are_out_of_step(stand: Stand, stage: str) -> None:
    text, diagnosis = OUT_OF_TURN[stage]

    report, server = stand.misbehave(stage, says(text), capabilities=ONE_BY_ONE)

    assert (diagnosis_of(report), report.verdict) == (diagnosis, "fails")
    assert "QUIT" not in server.verbs


@pytest.mark.parametrize(("stage", "text"), [("greeting", "220 hi"), ("mail", "250 ok")])
def test_half_a_reply_to_nothing_is_out_of_step(stand: Stand, stage: str, text: str) -> None:
    report, _ = stand.misbehave(stage, says(f"{text}\r\n250-mo".encode()), capabilities=ONE_BY_ONE)

    assert diagnosis_of(report).endswith("out-of-step")
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line == "250-mo"


UNASKED_421 = {
    "greeting": ("220 hi\n421 too many connections", "greet.421-too-many"),
    "ehlo": ("250-hi\n250 AUTH PLAIN\n421 4.3.2 shutting down", "auth.deferred"),
    "auth": ("235 ok\n421 4.3.2 shutting down", "mail.deferred"),
    "mail": ("250 ok\n421 4.3.2 shutting down", "rcpt.deferred"),
    "rcpt": ("250 ok\n421 4.3.2 shutting down", "data.deferred"),
}


@pytest.mark.parametrize("stage", UNASKED_421)
def test_a_421_may_come_at_any_time_and_is_the_reply_to_what_comes_next(
    stand: Stand, stage: str
) -> None:
    text, diagnosis = UNASKED_421[stage]

    report, server = stand.misbehave(stage, says(text), capabilities=ONE_BY_ONE)

    assert diagnosis_of(report) == diagnosis
    assert "QUIT" not in server.verbs


@pytest.mark.parametrize("extra", ["250 once more", "421 4.3.2 shutting down", "what?", "250-"])
def test_what_comes_behind_the_last_250_changes_nothing(stand: Stand, extra: str) -> None:
    report, _ = stand.misbehave("content", says(f"250 taken\n{extra}"))

    assert report.verdict is Verdict.WORKS


@pytest.mark.parametrize(
    ("goal", "stage", "text"),
    [
        (Goal.LOGIN, "auth", "235 ok\n421 bye"),
        (Goal.RECIPIENT, "rcpt", "250 ok\n421 bye"),
        (Goal.RECIPIENT, "rset", "500 what?"),
    ],
)
def test_what_comes_behind_the_goal_changes_nothing(
    stand: Stand, goal: Goal, stage: str, text: str
) -> None:
    report, _ = stand.misbehave(stage, says(text), goal=goal, capabilities=ONE_BY_ONE)

    assert report.verdict is Verdict.WORKS


def test_an_end_behind_the_goal_changes_nothing(stand: Stand) -> None:
    for leave in (Client.close, Client.reset, lambda client: client.send_raw(b"garbage")):
        report, _ = stand.misbehave("rset", leave, goal=Goal.RECIPIENT, seconds=2)
        assert report.verdict is Verdict.WORKS


@pytest.mark.parametrize(
    ("stage", "text", "diagnosis"),
    [
        ("greeting", "250 hi", "greet.bad-reply"),
        ("greeting", "220-hi\n250 hi", "greet.bad-reply"),
        ("ehlo", "250-hi\n500 no", "ehlo.bad-reply"),
        ("ehlo", "220 hi", "ehlo.bad-reply"),
        ("starttls", "250 go", "starttls.bad-reply"),
        ("auth", "250 ok", "auth.bad-reply"),
        ("mail", "354 go", "mail.bad-reply"),
        ("rcpt", "354 go", "rcpt.bad-reply"),
        ("data", "250 ok", "data.bad-reply"),
        ("content", "354 ok", "content.bad-reply"),
        ("mail", "hello", "mail.bad-reply"),
        ("mail", "999 hello", "mail.bad-reply"),
        ("mail", b"\x00\xff\r\n", "mail.bad-reply"),
        ("mail", "", "mail.bad-reply"),
    ],
)
def test_a_reply_that_answers_something_else_proves_nothing(
    stand: Stand, stage: str, text: str | bytes, diagnosis: str
) -> None:
    report, _ = stand.misbehave(stage, says(text), capabilities=ONE_BY_ONE)

    assert (diagnosis_of(report), report.verdict) == (diagnosis, "fails")


# What such a server gets of us

USER = "ann@sandbox.example"
PASSWORD = "correct horse battery staple"
ENDINGS: dict[str, Script] = {
    "close": Client.close,
    "reset": Client.reset,
    "421": says("421 4.3.2 going down"),
    "535": says("535 5.7.8 no"),
    "454": says("454 4.7.0 not now"),
    "garbage": says("what?"),
    "250": says("250 ok"),
}


def logins(server: ScriptedPeer) -> int:
    """How often a peer was given the password, whatever it made of it."""
    alone = base64.b64encode(PASSWORD.encode()).decode()
    with_user = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    return sum(command.split()[-1:] in ([alone], [with_user]) for command in server.commands)


@pytest.mark.parametrize("mechanism", ["", "PLAIN", "LOGIN"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_one_unanswered_or_refused_login_is_the_last(
    stand: Stand, ending: str, mechanism: str
) -> None:
    report, server = stand.misbehave(
        "auth", ENDINGS[ending], password=PASSWORD, mechanism=mechanism
    )

    assert report.verdict is not Verdict.WORKS
    assert logins(server) == 1
    assert server.count == 1
    assert not {"MAIL", "RCPT", "DATA"} & set(server.verbs)


def test_silence_after_a_login_is_not_followed_by_another(stand: Stand) -> None:
    report, server = stand.misbehave("auth", Client.drain, password=PASSWORD, seconds=QUICK)

    assert (diagnosis_of(report), logins(server), server.count) == ("auth.timeout", 1, 1)
    assert "QUIT" not in server.verbs


@pytest.mark.parametrize(
    ("code", "exchanges"), [(500, 2), (501, 2), (502, 2), (503, 2), (504, 2), (535, 1), (538, 1)]
)
def test_a_command_that_was_not_understood_gets_one_more_exchange(
    stand: Stand, code: int, exchanges: int
) -> None:
    def refuse(client: Client) -> None:
        client.send(f"{code} no")
        client.expect("AUTH")
        client.send("535 5.7.8 no")
        client.drain()

    def refuse_once(client: Client) -> None:
        client.send(f"{code} no")
        client.drain()

    report, server = stand.misbehave("auth", refuse if exchanges == 2 else refuse_once)

    assert server.verbs.count("AUTH") == exchanges
    assert report.verdict is Verdict.FAILS


def test_challenges_without_end_are_cancelled(stand: Stand) -> None:
    def ask_for_ever(client: Client) -> None:
        while True:
            client.send("334 " + base64.b64encode(b"and?").decode())
            client.read_line()

    report, server = stand.misbehave("auth", ask_for_ever, password=PASSWORD)

    assert diagnosis_of(report) in ("auth.challenge-loop", "auth.bad-challenge")
    assert logins(server) == 1
    assert "*" in server.commands


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.OPPORTUNISTIC])
@pytest.mark.parametrize("stage", ["greeting", "ehlo", "starttls", "tls"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_before_tls_no_login_is_sent(
    peer: MakePeer, authority: Authority, security: Security, stage: str, ending: str
) -> None:
    server = peer(until(stage, ENDINGS[ending], capabilities=("STARTTLS", "AUTH PLAIN LOGIN")))

    tried(plan_for(server.port, trusted=authority, security=security, password=PASSWORD, seconds=1))

    server.wait_until_idle()
    assert b"AUTH" not in server.raw.upper()
    assert logins(server) == 0


def test_what_was_offered_in_the_clear_is_void_inside_tls(stand: Stand) -> None:
    def offer_in_the_clear(client: Client) -> None:
        client.send("220 hi")
        client.expect("EHLO")
        client.send("250-hi\n250-STARTTLS\n250 AUTH PLAIN")
        client.expect("STARTTLS")
        client.send("220 go")
        client.start_tls(stand.context)
        client.expect("EHLO")
        client.send("250-hi\n250 SIZE")
        client.drain()

    report, server = stand.try_out(offer_in_the_clear)

    assert diagnosis_of(report) == "auth.not-offered"
    assert "AUTH" not in server.verbs


def refusing_then_354(at: str) -> Script:
    """A server that refuses one command of the group and opens DATA all the same."""

    def script(client: Client) -> None:
        replies = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go"}
        replies[at] = "550 5.1.1 no"
        client.send(replies["MAIL"])
        for verb in ("RCPT", "DATA"):
            client.expect(verb)
            client.send(replies[verb])
        client.drain()

    return script


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
def test_behind_a_refusal_a_354_gets_no_content(stand: Stand, at: str) -> None:
    report, server = stand.misbehave("mail", refusing_then_354(at))

    assert report.evidence.fault is not None
    assert report.evidence.fault.stage == at.lower()
    assert server.commands[-1] == "DATA"  # not a byte behind it, no dot and no QUIT
    assert [item.reply.code for item in report.evidence.replies[-1:]] == [354]


def test_behind_an_answer_that_did_not_come_not_even_quit_is_said(stand: Stand) -> None:
    report, server = stand.misbehave("mail", says("550 5.7.1 no"), seconds=3)

    assert report.stage is Stage.MAIL
    assert server.commands[-1] == "DATA"


# Secrets that come back

ECHOES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda raw: raw,
    "in base64": base64.b64encode,
    "in base64 behind the user": lambda raw: base64.b64encode(f"\0{USER}\0".encode() + raw),
    "in hex": lambda raw: raw.hex().encode(),
    "in capital hex": lambda raw: raw.hex().upper().encode(),
    "over two lines": lambda raw: raw[:9] + b"\r\n535 " + raw[9:],
}
ECHOED = {
    "refused": (b"535-5.7.8 ", b"\r\n535 5.7.8 no\r\n"),
    "taken": (b"235-", b"\r\n235 ok\r\n421 bye\r\n"),
    "challenged": (b"334 ", b"\r\n"),
    "no reply": (b"what is ", b" there?\r\n"),
    "never ended": (b"535 what is ", b" there"),
}
ECHO_CASES = [
    (echo, frame)
    for frame in ECHOED
    for echo in ECHOES
    if echo != "over two lines" or frame == "refused"
]
PASSWORDS = {"ascii": PASSWORD, "awkward": "pä ss@w:o/r%d\"'\\ ö", "blanks": "  two  blanks  "}


@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
@pytest.mark.parametrize(("echo", "frame"), ECHO_CASES)
def test_a_secret_that_the_server_says_is_told_nowhere(
    stand: Stand, caplog: pytest.LogCaptureFixture, echo: str, frame: str, password: str
) -> None:
    before, after = ECHOED[frame]
    said = before + ECHOES[echo](password.encode()) + after
    caplog.set_level(logging.DEBUG)

    def echoing(client: Client) -> None:
        client.send(said)
        if frame == "never ended":
            return
        client.read_line()
        client.send("501 5.7.0 as you wish")
        client.drain()

    report, _ = stand.misbehave("auth", echoing, password=password, seconds=2)

    assert report.verdict is not Verdict.WORKS
    assert_tells_nothing_of(password, report)
    assert not [text for text in spellings(password) if text in caplog.text.casefold()]


def test_a_secret_is_told_in_no_part_where_bytes_are_cut(stand: Stand) -> None:
    for length in (40, 56, 60, 500):
        report, _ = stand.misbehave("auth", says("x" * length + PASSWORD), password=PASSWORD)

        assert report.evidence.fault is not None
        assert report.evidence.fault.kind is FaultKind.BAD_REPLY
        assert PASSWORD[:4] not in str(plain(report))


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "content"])
def test_a_secret_that_comes_back_later_is_told_nowhere(stand: Stand, stage: str) -> None:
    refusal = says(f"550 5.7.1 not with {PASSWORD}")

    report, _ = stand.misbehave(stage, refusal, password=PASSWORD, capabilities=ONE_BY_ONE)

    assert report.evidence.fault is not None
    assert str(report.evidence.fault.reply) == "550 5.7.1 ***"


def test_a_secret_that_is_greeted_with_is_told_nowhere(stand: Stand) -> None:
    for stage in ("greeting", "ehlo", "starttls", "tls"):
        for said in (f"250 {PASSWORD}\n250 {PASSWORD}", f"{PASSWORD}"):
            stand.misbehave(stage, says(said), password=PASSWORD, seconds=1)


def test_a_short_secret_keeps_replies_to_auth_to_their_codes(stand: Stand) -> None:
    report, _ = stand.misbehave("auth", says("535 5.7.8 not ok"), password="ok")

    assert report.evidence.fault is not None
    assert str(report.evidence.fault.reply) == "535 5.7.8 ***"


def test_a_password_in_the_clear_is_masked_too(peer: MakePeer) -> None:
    server = peer(until("auth", says(f"535 5.7.8 {PASSWORD}")))

    report = tried(
        plan_for(server.port, security=Security.NONE, password=PASSWORD), policy=IN_THE_CLEAR
    )

    assert diagnosis_of(report) == "auth.invalid"
    assert "AUTH PLAIN ***" in report.evidence.transcript


def test_an_honest_peer_gets_the_login_once_and_the_mail_once(stand: Stand) -> None:
    report, server = stand.try_out(honest(tls=stand.context), password=PASSWORD)

    assert report.verdict is Verdict.WORKS
    assert (logins(server), server.count) == (1, 1)
    assert server.verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]
