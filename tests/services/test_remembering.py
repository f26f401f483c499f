"""A test knows what earlier ones of its account showed, with the real engine and a real server."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from smtpcheck import services
from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import Past, Plan
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Security
from smtpcheck.models import Door, SmtpAccount, SmtpAccountState, SmtpTestResult
from smtpcheck.services import Caller, TargetRequest
from smtpcheck.services.asking import ask_account
from smtpcheck.services.lockout import login_of
from smtpcheck.services.remembering import past_of
from tests.models.accounts import account, fresh
from tests.peers.fixtures import PASSWORD, USER, RunningSandbox
from tests.peers.honest import CAPABILITIES, honest
from tests.peers.scripted import ScriptedPeer
from tests.services.scripted import ScriptedEngine, works

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Caller(None, Door.COMMAND)


def allow(settings: Settings, port: int, ca_file: Path | str = "") -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {
        "POLICY": f"127.0.0.1/32:{port} cleartext=yes",
        "EXTRA_CA_FILE": str(ca_file),
    }


def saved(host: str, port: int, password: str = PASSWORD, **fields: str) -> SmtpAccount:
    return account(host=host, port=port, username=USER, password=Secret(password), **fields)


def past(made: SmtpAccount) -> Past:
    asked = ask_account(fresh(made), OPERATOR, None)
    return past_of(asked, login_of(asked))


def notes(row: SmtpTestResult) -> dict[str, dict[str, object]]:
    return {warning["id"]: warning["parameters"] for warning in row.warnings}


def test_of_a_new_account_nothing_is_known() -> None:
    assert past(account()) == Past()


def test_a_test_that_works_is_what_the_next_one_knows(
    sandbox: RunningSandbox, settings: Settings
) -> None:
    allow(settings, sandbox.starttls_port, sandbox.ca_file)
    made = saved(sandbox.host, sandbox.starttls_port)
    row = services.test_account(made, caller=OPERATOR)
    known = past(made)
    assert known.was_encrypted
    assert known.login_passed
    assert row.tls is not None
    assert known.certificate == row.tls["certificate"]["fingerprint"]
    assert known.capabilities == frozenset(row.capabilities)
    assert (known.refuses_groups, known.refused_logins) == (False, 0)
    again = services.test_account(made, caller=OPERATOR)
    assert not {"tls.cert-changed", "ehlo.capability-lost"} & set(notes(again))


def test_a_refused_password_is_told_with_its_count_from_the_second_time_on(
    sandbox: RunningSandbox, settings: Settings
) -> None:
    allow(settings, sandbox.starttls_port, sandbox.ca_file)
    made = saved(sandbox.host, sandbox.starttls_port, password="wrong password 1")
    first, second = (services.test_account(made, caller=OPERATOR) for _ in range(2))
    assert "auth.lockout-risk" not in notes(first)
    assert notes(second)["auth.lockout-risk"]["count"] == 2
    assert not past(made).login_passed


def test_a_changed_certificate_and_offer_are_noted(
    sandbox: RunningSandbox, settings: Settings
) -> None:
    allow(settings, sandbox.starttls_port, sandbox.ca_file)
    made = saved(sandbox.host, sandbox.starttls_port)
    services.test_account(made, caller=OPERATOR)
    lines = [*SmtpAccountState.objects.get().capabilities, "FUTURERELEASE"]
    SmtpAccountState.objects.update(certificate="ab" * 32, capabilities=lines)
    row = services.test_account(made, caller=OPERATOR)
    assert row.verdict == "works"
    assert "tls.cert-changed" in notes(row)
    assert notes(row)["ehlo.capability-lost"]["detail"] == "FUTURERELEASE"


def test_an_account_whose_server_lost_its_encryption_sends_nothing_however_often_it_is_tested(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedPeer(honest(capabilities=CAPABILITIES)) as server:
        allow(settings, server.port)
        made = saved(server.host, server.port, security=Security.OPPORTUNISTIC.value)
        SmtpAccountState.objects.update(
            was_encrypted=True, known_destination=made.destination_digest()
        )
        for _ in range(2):
            row = services.test_account(made, caller=OPERATOR)
            assert row.diagnosis_id == "tls.starttls-not-offered"
            assert notes(row)["ehlo.capability-lost"]["detail"] == "STARTTLS"
        uri = f"smtp://ann%40sandbox.example:typed@{server.host}:{server.port}"
        services.test_target(TargetRequest(uri, "x@y.example"), caller=OPERATOR)
    verbs = {line.partition(" ")[0] for client in server.clients for line in client.commands}
    assert verbs <= {"EHLO", "QUIT"}
    assert len(server.clients) == 3


def test_a_server_that_refuses_groups_is_remembered(
    engine: ScriptedEngine, operator: Caller
) -> None:
    def refuses_groups(plan: Plan) -> Report:
        report = works(plan)
        return report._replace(evidence=report.evidence._replace(refuses_groups=True))

    engine.answer = refuses_groups
    made = account()
    services.test_account(made, caller=operator)
    engine.answer = works
    services.test_account(made, caller=operator)
    services.test_account(made, caller=operator)
    assert [plan.past.refuses_groups for plan in engine.plans] == [False, True, True]


def test_of_a_target_that_nobody_saved_nothing_is_known(
    engine: ScriptedEngine, operator: Caller
) -> None:
    request = TargetRequest("smtps://ann:typed@mail.example.org", "a@b.example")
    for _ in range(2):
        services.test_target(request, caller=operator)
    assert [plan.past for plan in engine.plans] == [Past(), Past()]


def test_another_authority_of_the_caller_is_another_place(
    engine: ScriptedEngine, operator: Caller
) -> None:
    made = account()
    services.test_account(made, caller=operator)
    SmtpAccountState.objects.update(was_encrypted=True)
    uri = f"smtp://ann%40example.org:typed@{made.host}:{made.port}"
    bundle = "-----BEGIN CERTIFICATE-----\n"
    services.test_target(TargetRequest(uri, None, ca_bundle=bundle), caller=operator)
    assert engine.plans[-1].past == Past()
