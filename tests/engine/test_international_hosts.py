"""A host in another script: its A-label is resolved, sent as the server name and verified."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address

import pytest

from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import Target
from smtpcheck.engine.policy import Address
from smtpcheck.engine.stages import Security, Verdict
from smtpcheck.engine.telling.wording import describe
from smtpcheck.engine.uri import parse_uri
from smtpcheck.sandbox import Authority
from tests.engine.trials import diagnosis_of, plan_for, tried
from tests.peers.fixtures import END_SECONDS
from tests.peers.honest import honest
from tests.peers.scripted import Client, ScriptedPeer

A_LABEL = "xn--bcher-kva.example"
SPELLINGS = [
    "bücher.example",
    "BÜCHER。Example。",
    "bu\u0308cher.example",
    "XN--BCHER-KVA.Example.",
]


class Server:
    """An honest server with a certificate for one name; it writes down the names it is called."""

    def __init__(self, peer: Callable[..., ScriptedPeer], authority: Authority, name: str) -> None:
        self.called: list[str] = []
        self.looked_up: list[str] = []
        self._authority = authority
        self._talk = honest(tls=authority.issue(name).server_context())
        self._port = peer(self._serve).port

    def _serve(self, client: Client) -> None:
        self._talk(client)
        self.called.append(client.server_name)

    async def _resolve(self, host: str) -> Sequence[Address]:
        self.looked_up.append(host)
        return [ip_address("127.0.0.1")]

    def tried(self, host: str) -> Report:
        plan = plan_for(self._port, host=host, trusted=self._authority)
        return tried(plan, resolver=self._resolve)

    def is_called(self) -> str:
        """The name of the one connection; its script may end a little after the test."""
        deadline = time.monotonic() + END_SECONDS
        while not self.called and time.monotonic() < deadline:
            time.sleep(0.002)
        (name,) = self.called
        return name


@pytest.mark.parametrize("host", SPELLINGS)
def test_every_spelling_reaches_the_same_server(
    peer: Callable[..., ScriptedPeer], authority: Authority, host: str
) -> None:
    server = Server(peer, authority, A_LABEL)

    report = server.tried(host)

    assert report.verdict is Verdict.WORKS
    assert (server.looked_up, server.is_called()) == ([A_LABEL], A_LABEL)
    assert report.evidence.host == A_LABEL
    assert report.evidence.tls is not None
    assert report.evidence.tls.server_name == A_LABEL


def test_a_certificate_for_a_name_that_only_looks_alike_is_refused(
    peer: Callable[..., ScriptedPeer], authority: Authority
) -> None:
    report = Server(peer, authority, "bucher.example").tried("bücher.example")

    assert diagnosis_of(report) == "tls.cert-hostname"
    assert report.diagnosis is not None
    words = describe(report.diagnosis.id, report.diagnosis.parameters)
    assert "bücher.example (xn--bcher-kva.example)" in words.cause


@pytest.mark.parametrize("host", SPELLINGS[:2])
def test_a_uri_and_an_account_name_the_same_server(host: str) -> None:
    target = Target(host=parse_uri(f"smtp://{host}").host, port=587, security=Security.STARTTLS)

    assert target.server_name == A_LABEL
