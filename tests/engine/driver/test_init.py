"""What the driver brings home, and its clocks."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import pytest

from smtpcheck.engine.driver import run
from smtpcheck.engine.evidence import Evidence, FaultKind
from smtpcheck.engine.plan import Plan
from smtpcheck.engine.stages import Goal, RungState, Security, Stage
from smtpcheck.sandbox import Authority
from tests.engine.trials import LOOPBACK, plan_for
from tests.peers.fixtures import PASSWORD, USER, RunningSandbox
from tests.peers.honest import honest, until
from tests.peers.scripted import Client, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]
MakeSandbox = Callable[..., RunningSandbox]


def seen(plan: Plan, nonce: str = "n0nce") -> Evidence:
    return asyncio.run(run(plan, policy=LOOPBACK, nonce=nonce))


def took_ms(evidence: Evidence, stage: Stage) -> int:
    return sum(rung.took_ms or 0 for rung in evidence.ladder if rung.stage is stage)


# Evidence


def test_the_evidence_says_what_was_asked_and_where_it_went(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    evidence = seen(plan_for(sandbox.starttls_port, trusted=authority, host="localhost"))

    assert (evidence.host, evidence.port) == ("localhost", sandbox.starttls_port)
    assert (evidence.security, evidence.goal) == (Security.STARTTLS, Goal.CONTENT)
    assert (evidence.username, evidence.sender) == (USER, USER)
    assert evidence.address in ("127.0.0.1", "::1")
    assert evidence.local_address == sandbox.visit.client
    assert evidence.attempts[-1].outcome == "connected"
    assert evidence.first_bytes.startswith(b"220 sandbox.localhost ESMTP sandbox\r\n")
    assert len(evidence.first_bytes) <= 64
    assert evidence.fault is None


def test_the_nonce_stands_in_the_message_id_and_in_the_mail(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    evidence = seen(plan_for(sandbox.starttls_port, trusted=authority), nonce="5eed")

    mail = sandbox.mailbox.mails[-1]
    assert evidence.message_id == "<5eed.smtpcheck@sandbox.example>"
    assert mail.message["Message-ID"] == evidence.message_id
    assert mail.content.endswith(b"\r\n5eed\r\n")


def test_what_was_offered_before_and_inside_tls_is_kept_apart(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    evidence = seen(plan_for(sandbox.starttls_port, trusted=authority))

    assert "STARTTLS" in evidence.capabilities_clear
    assert "STARTTLS" not in evidence.capabilities
    assert "AUTH PLAIN LOGIN" in evidence.capabilities


def test_each_reply_is_kept_with_its_stage(sandbox: RunningSandbox, authority: Authority) -> None:
    evidence = seen(plan_for(sandbox.starttls_port, trusted=authority))

    assert [(item.stage.value, item.reply.code) for item in evidence.replies] == [
        ("greeting", 220),
        ("ehlo", 250),
        ("starttls", 220),
        ("ehlo", 250),
        ("auth", 235),
        ("mail", 250),
        ("rcpt", 250),
        ("data", 354),
        ("content", 250),
    ]


def test_the_transcript_has_both_sides_and_no_secret(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    evidence = seen(plan_for(sandbox.starttls_port, trusted=authority))

    lines = [line.split(None, 1)[1] for line in evidence.transcript.splitlines()]
    assert lines[0] == "< 220 sandbox.localhost ESMTP sandbox"
    assert "> STARTTLS" in lines
    assert "* TLSv1.3 with TLS_AES_256_GCM_SHA384" in lines
    assert "> AUTH PLAIN ***" in lines
    assert lines[-1] == "> QUIT"
    assert PASSWORD not in evidence.transcript


def test_a_failed_handshake_still_shows_the_certificate(
    make_sandbox: MakeSandbox, authority: Authority
) -> None:
    server = make_sandbox(fault="expired-certificate")

    evidence = seen(plan_for(server.starttls_port, trusted=authority))

    assert evidence.tls is None
    assert [certificate.subject for certificate in evidence.chain] == ["CN=localhost"]


def test_without_tls_there_is_no_certificate_and_no_harm(peer: MakePeer) -> None:
    server = peer(["220 hi"])

    evidence = seen(plan_for(server.port, security=Security.TLS))

    assert evidence.fault is not None
    assert (evidence.fault.kind, evidence.chain) == (FaultKind.NOT_TLS, ())


def test_only_the_first_64_bytes_of_what_was_no_reply_are_kept(peer: MakePeer) -> None:
    for text in (b"x" * 5000, b"220-" + b"y" * 5000):

        def say(client: Client, said: bytes = text) -> None:
            client.send(said)

        evidence = seen(plan_for(peer(say).port))

        assert evidence.fault is not None
        assert evidence.fault.raw == text[:64]


# The name in EHLO


def test_by_default_ehlo_says_a_full_host_name_or_the_address(peer: MakePeer) -> None:
    server = peer(honest())

    evidence = seen(plan_for(server.port, security=Security.NONE, user=""))

    server.wait_until_idle()
    assert server.commands[0] == f"EHLO {evidence.ehlo_name}"
    if "." not in socket.gethostname():
        assert evidence.ehlo_name == "[127.0.0.1]"


def test_a_full_host_name_of_this_machine_is_said(
    peer: MakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = peer(honest())
    for name, said in (("Host.Example", "host.example"), ("no good.example", "[127.0.0.1]")):
        monkeypatch.setattr(socket, "gethostname", lambda name=name: name)
        evidence = seen(plan_for(server.port, security=Security.NONE, user=""))
        assert evidence.ehlo_name == said


# Clocks


def test_a_stage_has_half_of_the_total(peer: MakePeer) -> None:
    server = peer(Client.drain)

    evidence = seen(plan_for(server.port, seconds=0.8))

    assert 390 <= took_ms(evidence, Stage.GREETING) < 1400
    assert evidence.fault is not None
    assert evidence.fault.kind is FaultKind.TIMEOUT


def test_the_final_dot_has_all_the_time_there_is(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    def take_long(client: Client) -> None:
        client.sleep(1.1)
        client.send("250 taken at last")

    server = peer(until("content", take_long, tls=server_context))

    evidence = seen(plan_for(server.port, trusted=authority, seconds=2.0))

    assert evidence.fault is None
    assert took_ms(evidence, Stage.CONTENT) >= 1090


def test_each_stage_has_a_clock_of_its_own(peer: MakePeer) -> None:
    def slowly(client: Client) -> None:
        for reply in ("220 a", "250 b", "250 c", "250 d", "354 e"):
            client.sleep(0.2)
            client.send(reply)
            client.read_line()
        client.send("250 f")
        client.drain()

    evidence = seen(plan_for(peer(slowly).port, security=Security.NONE, user="", seconds=4.0))

    proven = [rung for rung in evidence.ladder if rung.state is RungState.PROVEN]
    assert [rung.stage for rung in proven[2:6]] == [
        Stage.GREETING,
        Stage.EHLO,
        Stage.MAIL,
        Stage.RCPT,
    ]
    assert all((rung.took_ms or 0) >= 190 for rung in proven[2:6])


def test_the_connect_clock_is_cut_by_the_total() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        clients = [socket.socket() for _ in range(4)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        evidence = seen(plan_for(port, seconds=0.3, connect_seconds=10))
        for client in clients:
            client.close()

    assert evidence.fault is not None
    assert (evidence.fault.stage, evidence.fault.kind) == (Stage.CONNECT, FaultKind.TIMEOUT)
    assert took_ms(evidence, Stage.CONNECT) < 1300
