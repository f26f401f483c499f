from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Callable

import pytest

from smtpcheck.sandbox import Authority
from tests.peers.honest import STAGES, honest, until
from tests.peers.scripted import Client, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]

REACHED = {
    "greeting": [],
    "ehlo": ["EHLO", "STARTTLS", "EHLO"],
    "starttls": ["EHLO", "STARTTLS"],
    "tls": ["EHLO", "STARTTLS"],
    "auth": ["EHLO", "STARTTLS", "EHLO", "AUTH"],
    "mail": ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"],
    "rcpt": ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT"],
    "data": ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"],
    "content": ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"],
    "quit": ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"],
}


def send_mail(server: ScriptedPeer, authority: Authority, method: str = "auth_plain") -> None:
    context = ssl.create_default_context(cadata=authority.ca_pem.decode())
    with smtplib.SMTP("localhost", server.port, timeout=10) as client:
        client.starttls(context=context)
        client.ehlo("x")
        client.user, client.password = "ann", "pw"
        client.auth(method.removeprefix("auth_").upper(), getattr(client, method))
        client.sendmail("a@b.c", ["d@e.f"], "hi\n")


@pytest.mark.parametrize("stage", STAGES)
def test_it_is_honest_until_the_stage(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority, stage: str
) -> None:
    reached: list[list[str]] = []

    def misbehave(client: Client) -> None:
        reached.append([command.partition(" ")[0].upper() for command in client.commands])
        client.close()

    server = peer(until(stage, misbehave, tls=server_context))
    with contextlib.suppress(OSError, smtplib.SMTPException):
        send_mail(server, authority)
    server.wait_until_idle()
    assert reached == [REACHED[stage]]


@pytest.mark.parametrize("method", ["auth_plain", "auth_login"])
def test_an_honest_peer_takes_a_mail(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority, method: str
) -> None:
    server = peer(honest(tls=server_context))
    send_mail(server, authority, method)
    assert server.verbs[-4:] == ["MAIL", "RCPT", "DATA", "QUIT"]
    assert server.clients[0].content == b"hi\r\n"


def test_an_honest_peer_speaks_tls_on_connect(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority
) -> None:
    server = peer(honest(tls=server_context, is_implicit=True))
    context = ssl.create_default_context(cadata=authority.ca_pem.decode())
    with smtplib.SMTP_SSL("localhost", server.port, context=context, timeout=10) as client:
        client.ehlo("x")
        assert client.has_extn("pipelining")


def test_an_honest_peer_in_the_clear_offers_no_starttls(peer: MakePeer) -> None:
    server = peer(honest(capabilities=["SIZE 1000"]))
    with smtplib.SMTP("localhost", server.port, timeout=10) as client:
        client.ehlo("x")
        assert client.esmtp_features == {"size": "1000"}
