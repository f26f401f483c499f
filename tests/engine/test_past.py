"""A server that has lost its encryption gets nothing, and every test is told what changed."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest

from smtpcheck.engine.plan import Past, Plan
from smtpcheck.engine.stages import Security
from smtpcheck.sandbox.authority import Authority
from tests.engine.trials import IN_THE_CLEAR, diagnosis_of, plan_for, tried, warnings_in
from tests.peers.honest import honest, until
from tests.peers.scripted import Client, ScriptedPeer

Peer = Callable[..., ScriptedPeer]
AUTHORITY = Authority.create("Example root")
ENCRYPTED = Past(was_encrypted=True)


def opportunistic(server: ScriptedPeer, *, user: str = "ann", past: Past) -> Plan:
    plan = plan_for(server.port, security=Security.OPPORTUNISTIC, user=user, sender="a@b.example")
    return replace(plan, past=past)


@pytest.mark.parametrize("user", ["ann", ""], ids=["login", "no login"])
def test_where_starttls_has_gone_nothing_is_sent_not_even_where_clear_text_is_allowed(
    peer: Peer, user: str
) -> None:
    server = peer(honest())
    report = tried(opportunistic(server, user=user, past=ENCRYPTED), policy=IN_THE_CLEAR)
    assert diagnosis_of(report) == "tls.starttls-not-offered"
    lost = next(item for item in report.warnings if item.id == "ehlo.capability-lost")
    assert lost.parameters["detail"] == "STARTTLS"
    verbs = [line.partition(" ")[0] for line in server.commands]
    assert verbs in (["EHLO"], ["EHLO", "QUIT"])


def test_where_there_never_was_any_a_login_in_the_clear_goes_on_if_it_is_allowed(
    peer: Peer,
) -> None:
    server = peer(honest())
    report = tried(opportunistic(server, past=Past()), policy=IN_THE_CLEAR)
    assert diagnosis_of(report) == ""


def test_a_renewed_certificate_is_a_note_beside_a_test_that_works(peer: Peer) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue("127.0.0.1").load_into(context)
    server = peer(honest(tls=context))
    past = Past(was_encrypted=True, certificate="ab" * 32)
    report = tried(replace(plan_for(server.port, trusted=AUTHORITY), past=past))
    assert diagnosis_of(report) == ""
    assert "tls.cert-changed" in warnings_in(report)


def test_a_password_that_is_refused_again_is_told_how_often(peer: Peer) -> None:
    def refuse(client: Client) -> None:
        client.send("535 5.7.8 Authentication failed")
        client.drain()

    server = peer(until("auth", refuse))
    report = tried(opportunistic(server, past=Past(refused_logins=3)), policy=IN_THE_CLEAR)
    told = next(item for item in report.warnings if item.id == "auth.lockout-risk")
    assert told.parameters["count"] == 4
