"""`test_smtp` by a way of the caller's choice, and to every address of a name."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pytest_django import Settings

from smtpcheck.engine.policy import Address
from smtpcheck.engine.telling import exit_status
from smtpcheck.models import SmtpTestResult
from smtpcheck.sandbox import Authority, Certificate
from tests.management.commands.test_test_smtp import URI_LOGIN, run
from tests.peers.honest import honest
from tests.peers.scripted import ScriptedPeer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def servers(
    peer: Callable[..., ScriptedPeer],
    certificate: Certificate,
    authority: Authority,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> list[ScriptedPeer]:
    """Two honest servers behind the name localhost, which the settings let be tested."""
    script = honest(tls=certificate.server_context(), is_implicit=True)
    first = peer(script, host="127.0.0.1")
    both = [first, peer(script, host="127.0.0.2", port=first.port)]
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority.ca_pem)
    settings.SMTPCHECK = {
        **settings.SMTPCHECK,
        "POLICY": f"127.0.0.0/8:{first.port}",
        "EXTRA_CA_FILE": str(ca_file),
    }

    async def resolve(_host: str) -> Sequence[Address]:
        return [ipaddress.ip_address(server.host) for server in both]

    monkeypatch.setattr("smtpcheck.engine.driver.resolve", resolve)
    return both


def uri(servers: list[ScriptedPeer]) -> str:
    return f"smtps://{URI_LOGIN}localhost:{servers[0].port}"


def test_every_address_is_tested_and_one_logs_in(servers: list[ScriptedPeer]) -> None:
    done = run(uri(servers), "--all-addresses", "--json")

    assert done.status == exit_status.WORKS
    assert [server.verbs.count("AUTH") for server in servers] == [1, 0]
    every = done.json["evidence"]["every_address"]
    assert [(item["address"], item["went_on"]) for item in every] == [
        ("127.0.0.1", True),
        ("127.0.0.2", False),
    ]
    assert SmtpTestResult.objects.get().evidence["every_address"] == every


def test_a_person_sees_a_line_for_each(servers: list[ScriptedPeer]) -> None:
    servers[1].close()

    done = run(uri(servers), "--all-addresses")

    assert done.status == exit_status.WORKS
    table = done.out[done.out.index("\nAddresses\n") :]
    assert "127.0.0.1  works" in table
    assert "The connection was refused" in table
    assert "One of the server's addresses is down" in done.out


def test_a_source_address_is_used(servers: list[ScriptedPeer]) -> None:
    done = run(uri(servers), "--source-address", "127.0.0.5", "--json")

    assert done.status == exit_status.WORKS
    assert done.json["evidence"]["local_address"].startswith("127.0.0.5:")


@pytest.mark.parametrize("options", [("--family", "6"), ("-6",)])
def test_a_version_of_ip_that_the_name_does_not_have_is_inconclusive(
    servers: list[ScriptedPeer], options: tuple[str, ...]
) -> None:
    done = run(uri(servers), *options, "--json")

    assert done.status == exit_status.INCONCLUSIVE
    assert done.json["diagnosis"]["id"] == "dns.no-address-of-family"
    assert [server.count for server in servers] == [0, 0]


def test_the_version_that_it_has_is_used(servers: list[ScriptedPeer]) -> None:
    assert run(uri(servers), "-4").status == exit_status.WORKS


@pytest.mark.parametrize(
    "options", [("--all-addresses",), ("-4",), ("--source-address", "127.0.0.5")]
)
def test_an_explanation_takes_no_way(options: tuple[str, ...]) -> None:
    done = run("--explain", "auth.invalid", *options)

    assert done.status == exit_status.USAGE
