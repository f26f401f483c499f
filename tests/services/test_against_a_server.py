"""The use cases with the real engine, against the sandbox on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from pytest_django.fixtures import Settings

from smtpcheck import services
from smtpcheck.engine import LookUps
from smtpcheck.engine.driver.knock import Question
from smtpcheck.engine.driver.resolver import ResolveFailed
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.probes import Probes
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Security
from smtpcheck.models import Door, SmtpAccount, SmtpAccountState
from smtpcheck.services import Caller, TargetRequest
from tests.models.accounts import account
from tests.peers.fixtures import PASSWORD, USER, RunningSandbox
from tests.peers.names import NameServer
from tests.peers.proxies import forwarding

pytestmark = pytest.mark.django_db(transaction=True)

DOORS = [Door.COMMAND, Door.REST]


def saved(sandbox: RunningSandbox, settings: Settings, password: str = PASSWORD) -> SmtpAccount:
    """An account at the sandbox that the policy allows."""
    settings.SMTPCHECK = settings.SMTPCHECK | {
        "POLICY": f"127.0.0.1/32:{sandbox.starttls_port}",
        "EXTRA_CA_FILE": str(Path(sandbox.ca_file)),
    }
    return account(
        host=sandbox.host, port=sandbox.starttls_port, username=USER, password=Secret(password)
    )


@pytest.mark.parametrize("door", DOORS)
def test_an_account_that_works_is_seen_to_work(
    sandbox: RunningSandbox, settings: Settings, door: Door
) -> None:
    row = services.test_account(saved(sandbox, settings), caller=Caller(None, door))
    assert (row.verdict, row.diagnosis_id) == ("works", "")
    assert [rung["stage"] for rung in row.ladder][-1] == "content"
    assert row.tls is not None
    assert SmtpAccountState.objects.get().verdict == "works"


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_password_is_told_and_shown_nowhere(
    sandbox: RunningSandbox, settings: Settings, door: Door
) -> None:
    made = saved(sandbox, settings, password="wrong password 1")
    row = services.test_account(made, caller=Caller(None, door))
    assert (row.verdict, row.stage, row.diagnosis_id) == ("fails", "auth", "auth.invalid")
    assert row.transcript
    assert "wrong password 1" not in repr(vars(row))


def test_a_target_uses_the_saved_password_of_its_account(
    sandbox: RunningSandbox, settings: Settings
) -> None:
    saved(sandbox, settings)
    uri = f"smtp://{sandbox.host}:{sandbox.starttls_port}"
    request = TargetRequest(uri, None, use_stored_password=True)
    row = services.test_target(request, caller=Caller(None, Door.REST))
    assert (row.verdict, row.security) == ("works", "starttls")


def test_settings_that_answer_are_kept_with_the_result(
    sandbox: RunningSandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Probes([Question(sandbox.starttls_port, Security.STARTTLS)])
    monkeypatch.setattr("smtpcheck.engine.USUAL_PROBES", usual)
    saved(sandbox, settings)
    allowed = f"127.0.0.1/32:{sandbox.starttls_port},{sandbox.plain_port}"
    settings.SMTPCHECK = settings.SMTPCHECK | {"POLICY": allowed}
    uri = f"smtp://{sandbox.host}:{sandbox.plain_port}?starttls=always"

    row = services.test_target(TargetRequest(uri, USER), caller=Caller(None, Door.COMMAND))

    assert row.diagnosis_id == "tls.starttls-not-offered"
    assert row.diagnosis_parameters["found_port"] == sandbox.starttls_port
    assert row.diagnosis_parameters["found_security"] == "starttls"
    (probe,) = row.evidence["probes"]
    assert (probe["port"], probe["outcome"]) == (sandbox.starttls_port, "answers")


@pytest.mark.parametrize("door", DOORS)
def test_an_account_goes_through_its_proxy_with_its_own_password(
    sandbox: RunningSandbox, settings: Settings, door: Door
) -> None:
    with forwarding("socks5", ("annabel", "hush-hush")) as proxy:
        made = saved(sandbox, settings)
        made.proxy = "office"
        made.set_secret("password", Secret(PASSWORD))
        made.save()
        entry = proxy.entry().replace("//", "//annabel:hush-hush@")
        settings.SMTPCHECK = settings.SMTPCHECK | {"PROXIES": entry}
        row = services.test_account(made, caller=Caller(None, door))
    assert (row.verdict, row.evidence["proxy"]) == ("works", "office")
    assert proxy.asked == [("127.0.0.1", sandbox.starttls_port)]
    for secret in ("annabel", "hush-hush"):
        assert secret not in repr(vars(row))
    assert SmtpAccountState.objects.get().verdict == "works"


def test_a_proxy_that_the_settings_do_not_name_sends_nothing(
    sandbox: RunningSandbox, settings: Settings
) -> None:
    made = saved(sandbox, settings)
    made.proxy = "office"
    made.set_secret("password", Secret(PASSWORD))
    made.save()
    row = services.test_account(made, caller=Caller(None, Door.COMMAND))
    assert (row.verdict, row.stage, row.diagnosis_id) == (
        "inconclusive",
        "config",
        "config.proxy-unknown",
    )
    assert row.diagnosis_parameters["proxy"] == "office"
    assert not sandbox.sandbox.visits


@pytest.mark.parametrize("door", [Door.REST, Door.ADMIN, Door.COMMAND, Door.SCHEDULE])
def test_what_dns_says_of_a_lost_name_is_kept_with_the_result(
    monkeypatch: pytest.MonkeyPatch, door: Door
) -> None:
    async def find_nothing(_host: str) -> NoReturn:
        raise ResolveFailed(FaultKind.NAME_UNKNOWN, "nothing found")

    zones = {"_submissions._tcp.sandbox.example": {"SRV": ["0 1 465 smtp.sandbox.example."]}}
    monkeypatch.setattr("smtpcheck.engine.driver.resolve", find_nothing)
    with NameServer(zones) as server:
        monkeypatch.setattr("smtpcheck.engine.SYSTEM_LOOK_UPS", LookUps([server.address]))
        target = TargetRequest("smtp://mial.sandbox.example:587", USER)

        row = services.test_target(target, caller=Caller(None, door))

    assert row.diagnosis_id == "dns.nxdomain"
    assert row.diagnosis_parameters["found_host"] == "smtp.sandbox.example"
    assert row.diagnosis_parameters["found_port"] == 465
    assert "no-name" in {item["outcome"] for item in row.evidence["look_ups"]}
