"""One look at one port, whatever that port does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smtpcheck.engine.stages import Security
from smtpcheck.sandbox import Authority
from tests.engine.ports import (
    PLAIN_FIRST,
    TLS_FIRST,
    asking,
    one_probe,
    settings_in,
    silence,
)
from tests.engine.trials import diagnosis_of, plan_for, tried
from tests.peers.honest import until
from tests.peers.scripted import Client, ScriptedPeer

MakePeer = Callable[..., ScriptedPeer]

LOGIN_VERBS = {"AUTH", "MAIL", "RCPT", "DATA"}


def plain_text_in_tls(client: Client) -> None:
    client.send("220 go")
    client.read_client_hello()
    client.send("250 x")


MISBEHAVING: dict[str, Callable[[Client], object]] = {
    "silence": silence,
    "close": Client.close,
    "reset": Client.reset,
    "another service": lambda client: client.send("SSH-2.0-OpenSSH_9.6"),
    "a refusal": lambda client: client.send("554 no"),
    "a 421": lambda client: client.send("421 no"),
    "an endless line": lambda client: client.repeat(b"x" * 1000),
    "an endless reply": lambda client: client.repeat("220-x"),
    "a second greeting": lambda client: client.send("220 a\n220 b"),
    "noise": lambda client: client.send(b"\x00\xff\x16\x03"),
    "a refused EHLO": until("ehlo", lambda client: client.send("550 no")),
    "silence at EHLO": until("ehlo", silence),
    "close at EHLO": until("ehlo", Client.close),
    "a false offer": until(
        "starttls", lambda client: client.send("454 no"), capabilities=["STARTTLS"]
    ),
    "injection": until(
        "starttls", lambda client: client.send("220 go\n250 x"), capabilities=["STARTTLS"]
    ),
    "plain text in TLS": until(
        "starttls",
        plain_text_in_tls,
        capabilities=["STARTTLS"],
    ),
}


@pytest.mark.parametrize("security", [PLAIN_FIRST, TLS_FIRST])
@pytest.mark.parametrize("name", MISBEHAVING)
def test_whatever_a_probed_port_does_the_report_comes_and_recommends_nothing(
    peer: MakePeer, authority: Authority, closed_port: int, name: str, security: Security
) -> None:
    served = peer(MISBEHAVING[name])

    report = tried(
        plan_for(closed_port, trusted=authority, seconds=1.0),
        probes=asking((served.port, security)),
    )

    assert diagnosis_of(report) == "connect.refused"
    assert settings_in(report) == (None, None)
    assert not one_probe(report).answers
    assert served.count == 1
    assert not LOGIN_VERBS & set(served.verbs)


@pytest.mark.parametrize("name", ["a refusal", "a second greeting", "a refused EHLO"])
def test_a_probe_that_ends_early_says_quit(
    peer: MakePeer, authority: Authority, closed_port: int, name: str
) -> None:
    served = peer(MISBEHAVING[name])

    tried(plan_for(closed_port, trusted=authority), probes=asking((served.port, PLAIN_FIRST)))

    served.wait_until_idle()
    assert served.verbs[-1] == "QUIT"


def test_a_secret_that_a_probed_server_knows_is_not_shown(
    peer: MakePeer, authority: Authority, closed_port: int
) -> None:
    served = peer(until("ehlo", lambda client: client.send("250-peer\n250 X-hunter2hunter2")))
    plan = plan_for(closed_port, trusted=authority, password="hunter2hunter2")

    report = tried(plan, probes=asking((served.port, PLAIN_FIRST)))  # it greps for the password

    assert len(one_probe(report).capabilities) == 1
