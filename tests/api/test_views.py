from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from smtpcheck import services
from smtpcheck.models import Door, SmtpAccount, SmtpTestResult
from tests.api.callers import PASSWORD, PATH, allow, basic
from tests.api.engines import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)

# A public address of no host, so that nothing but the scripted engine can answer.
ASKED = {
    "smtpUri": "smtps://ann%40example.org:geheim%3A4711@192.0.2.1:465",
    "from": "ann@example.org",
    "useStoredPassword": False,
}
Call = Callable[..., Any]


ACCOUNT = {
    "name": "Example",
    "host": "mail.example.org",
    "port": 465,
    "security": "tls",
    "sender": "ann@example.org",
}


def result_of(account: SmtpAccount, asked_by: User) -> UUID:
    """Keep a result of an account, as a test that works leaves it."""
    result = SmtpTestResult.objects.create(
        account=account,
        goal="content",
        door=Door.REST,
        asked_by=asked_by,
        verdict="works",
        finished_at=timezone.now(),
    )
    return result.pk


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine's place, taken by one that answers at once."""
    engine = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", engine)
    return engine


def test_a_test_that_works_is_answered_in_the_documented_order(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    response = call(tester, ASKED)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json; charset=utf-8"
    right = {"Mask": "Read", "Reason": ""}
    expected = {
        "Success": True,
        "ErrorMessage": "",
        "TableRight": {"Mask": "Select", "Reason": ""},
        "FieldProperties": {
            "Success": {"FieldRight": right, "FieldType": "System.Boolean", "FieldLength": 0},
            "ErrorMessage": {"FieldRight": right, "FieldType": "System.String", "FieldLength": 0},
        },
    }
    assert response.content.decode() == json.dumps(expected, separators=(",", ":"))


def test_a_test_that_fails_is_a_200_with_cause_remedy_and_the_servers_words(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    engine.refuses_login = True
    response = call(tester, ASKED)
    assert response.status_code == 200
    assert response.json()["Success"] is False
    message = response.json()["ErrorMessage"]
    assert "535 5.7.8 Authentication failed" in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["Cache-Control", "Pragma", "Expires"])
def test_no_answer_may_be_kept_by_a_cache(
    call: Call, tester: User, engine: ScriptedEngine, name: str
) -> None:
    assert call(tester, ASKED)[name] in {"no-cache", "-1"}


def test_what_was_asked_reaches_the_engine(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    call(tester, ASKED)
    [plan] = engine.plans
    assert (plan.target.host, plan.target.port) == ("192.0.2.1", 465)
    assert plan.credentials.username == "ann@example.org"
    assert plan.credentials.password.reveal() == "geheim:4711"
    assert plan.sender.address == "ann@example.org"


def test_the_headers_lead_to_the_full_result(
    call: Call, client: Client, tester: User, engine: ScriptedEngine
) -> None:
    response = call(tester, ASKED)
    identifier = response["SmtpCheck-Result"]
    address, relation = response["Link"].split("; ")
    assert relation == 'rel="describedby"'
    authorization = {"Authorization": basic("tester", PASSWORD)}
    full = client.get(address.strip("<>"), headers=authorization)
    assert full.status_code == 200
    assert full.json()["id"] == identifier
    assert full.json()["verdict"] == "works"


@pytest.mark.parametrize(
    ("data", "diagnosis"),
    [
        ({}, "config."),
        ({"SmtpUri": None}, "config."),
        ({"SmtpUri": ""}, "config."),
        ({"SmtpUri": 4711}, "config.scheme"),
        ({"SmtpUri": True}, "config.scheme"),
        ({"SmtpUri": "imap://u:p@mail.example.org"}, "config.scheme"),
        ({"SmtpUri": "smtp://mail.example.org:0"}, "config.port-range"),
        ({"SmtpUri": "smtp://mail.example.org:70000"}, "config.port-range"),
        ({"SmtpUri": "smtp://mail example.org"}, "config."),
        ({"SmtpUri": "smtp://https://mail.example.org"}, "config."),
        ({"SmtpUri": "smtp://u:%zz@mail.example.org"}, "config.uri-invalid"),
        ({"SmtpUri": "smtp://u:%ff@mail.example.org"}, "config.uri-invalid"),
        ({"SmtpUri": "smtp://u:%0d%0aQUIT@mail.example.org"}, "config.control-character"),
        ({"SmtpUri": "smtp://u:a\0b@mail.example.org"}, "config.control-character"),
        ({"SmtpUri": "smtp://u:\ud800@mail.example.org"}, "config."),
        ({"SmtpUri": "smtp://mail.example.org?verify=no"}, "config.uri-invalid"),
        ({"SmtpUri": "smtp://mail.example.org", "From": "nobody"}, "config.sender-invalid"),
        ({"SmtpUri": "smtp://mail.example.org", "From": "a@b\r\nRCPT"}, "config."),
        ({"SmtpUri": "smtp://mail.example.org"}, "config.sender-missing"),
        ({"SmtpUri": "smtp://mail.example.org", "UseStoredPassword": True}, "config."),
        ({"SmtpUri": "x" * 500_000}, "config."),
    ],
)
def test_any_text_however_wrong_is_a_200_with_a_config_diagnosis(
    call: Call, tester: User, engine: ScriptedEngine, data: dict[str, object], diagnosis: str
) -> None:
    response = call(tester, data)
    assert response.status_code == 200
    assert response.json()["Success"] is False
    assert response.json()["ErrorMessage"]
    [result] = SmtpTestResult.objects.all()
    assert result.shown_diagnosis_id.startswith(diagnosis)
    assert engine.plans == []


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (b"[]", "SmtpUri"),
        (b"null", "SmtpUri"),
        (b'"text"', "SmtpUri"),
        (b'{"smtpUri": {}}', "SmtpUri"),
        (b'{"from": []}', "From"),
        (b'{"useStoredPassword": "yes"}', "UseStoredPassword"),
        (b"{", ""),
        (b"", ""),
        (b'{"From": "\xff"}', ""),
        (b'{"UseStoredPassword": NaN}', ""),
        (b"[" * 100_000, ""),
    ],
)
def test_a_body_that_cannot_be_bound_is_a_400_that_names_the_member(
    call: Call, tester: User, engine: ScriptedEngine, body: bytes, member: str
) -> None:
    response = call(tester, body)
    assert response.status_code == 400
    assert member in response.json()["Message"]
    assert list(response.json()) == ["Error", "ErrorType", "Message", "ErrorSource"]
    assert not SmtpTestResult.objects.exists()


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/octet-stream", "multipart/form-data; boundary=b"],
)
def test_another_content_type_is_a_415(call: Call, tester: User, content_type: str) -> None:
    response = call(tester, ASKED, content_type=content_type)
    assert response.status_code == 415
    assert "application/json" in response.json()["Message"]


def test_a_body_above_one_mebibyte_is_a_413(call: Call, tester: User) -> None:
    response = call(tester, {"SmtpUri": "x" * 1024 * 1024})
    assert response.status_code == 413
    assert "1 MiB" in response.json()["Message"]


def test_select_nulls_the_rest_of_an_answer(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    response = call(tester, ASKED, path=PATH + "?$select=success,TableRight%2FMask")
    assert response.json() == {
        "Success": True,
        "ErrorMessage": None,
        "TableRight": {"Mask": "Select"},
        "FieldProperties": None,
    }


def test_select_never_hides_an_error(call: Call, tester: User) -> None:
    response = call(tester, b"[]", path=PATH + "?$select=Success")
    assert response.json()["Message"]


def test_get_describes_the_call_and_runs_nothing(
    call: Call, stranger: User, engine: ScriptedEngine
) -> None:
    response = call(stranger, method="GET")
    assert response.status_code == 200
    assert set(response.json()["Request"]) == {"SmtpUri", "From", "UseStoredPassword"}
    assert engine.plans == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_any_other_method_is_a_405_that_names_those_allowed(
    call: Call, tester: User, method: str
) -> None:
    response = call(tester, ASKED, method=method)
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response["Allow"].split(", "))
    assert response.json()["ErrorType"] == "NotSupportedException"


def test_without_a_right_to_test_it_is_a_403(
    call: Call, stranger: User, engine: ScriptedEngine
) -> None:
    response = call(stranger, ASKED)
    assert response.status_code == 403
    assert response.json()["ErrorType"] == "UnauthorizedAccessException"
    assert engine.plans == []
    assert not SmtpTestResult.objects.exists()


def test_a_free_target_needs_its_own_right(
    call: Call, stranger: User, engine: ScriptedEngine
) -> None:
    allow(stranger, "test_smtpaccount")
    response = call(stranger, ASKED)
    assert response.status_code == 403
    assert engine.plans == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_is_a_401(call: Call, method: str) -> None:
    assert call(None, ASKED, method=method).status_code == 401


def test_a_busy_process_says_when_to_come_again(
    call: Call, tester: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_args: Any, **_options: Any) -> Any:
        raise services.Busy(3)

    monkeypatch.setattr(services, "test_target", busy)
    response = call(tester, ASKED)
    assert response.status_code == 503
    assert response["Retry-After"] == "3"


def test_a_crash_is_a_500_that_tells_nothing(
    client: Client, call: Call, tester: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_args: Any, **_options: Any) -> Any:
        raise ZeroDivisionError("geheim:4711")

    client.raise_request_exception = False
    monkeypatch.setattr(services, "test_target", crash)
    response = call(tester, ASKED)
    assert response.status_code == 500
    assert list(response.json()) == ["Error", "ErrorType", "Message", "ErrorSource"]
    assert "geheim" not in response.content.decode()


def test_no_database_connection_is_held_while_the_engine_waits(
    call: Call, tester: User, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def query(execute: Any, *args: Any) -> Any:
        events.append("query")
        return execute(*args)

    # Not the connection itself: one to a database in memory stays open whatever is asked.
    monkeypatch.setattr(connection, "close", lambda: events.append("close"))
    engine.while_waiting = lambda: events.append("wait")
    with connection.execute_wrapper(query):
        assert call(tester, ASKED).status_code == 200
    before, after = events[: events.index("wait")], events[events.index("wait") + 1 :]
    assert "query" in before
    assert before[-1] == "close"
    assert "query" in after


class TestResultDetail:
    @pytest.fixture
    def result(self, tester: User) -> UUID:
        """A result of an account that belongs to no team, asked for by the tester."""
        return result_of(SmtpAccount.objects.create(**ACCOUNT), asked_by=tester)

    def read(self, call: Call, user: User | None, identifier: UUID) -> Any:
        return call(user, method="GET", path=f"/api/v1/results/{identifier}/")

    def test_the_one_who_asked_may_read_it(self, call: Call, tester: User, result: UUID) -> None:
        assert self.read(call, tester, result).json()["id"] == str(result)

    def test_the_view_permission_lets_others_read_it(
        self, call: Call, stranger: User, result: UUID
    ) -> None:
        allow(stranger, "view_smtptestresult")
        assert self.read(call, stranger, result).status_code == 200

    def test_the_results_of_another_team_are_not_there(
        self, call: Call, stranger: User, tester: User
    ) -> None:
        team = Group.objects.create(name="another team")
        result = result_of(SmtpAccount.objects.create(**ACCOUNT, team=team), asked_by=tester)
        allow(stranger, "view_smtptestresult")
        assert self.read(call, stranger, result).status_code == 404
        stranger.groups.add(team)
        assert self.read(call, stranger, result).status_code == 200

    def test_for_anybody_else_it_is_not_there(
        self, call: Call, stranger: User, result: UUID
    ) -> None:
        response = self.read(call, stranger, result)
        assert response.status_code == 404
        assert response.json() == self.read(call, stranger, uuid4()).json()

    def test_nobody_is_a_401(self, call: Call, result: UUID) -> None:
        assert self.read(call, None, result).status_code == 401

    def test_it_cannot_be_changed(self, call: Call, tester: User, result: UUID) -> None:
        response = call(tester, {}, method="DELETE", path=f"/api/v1/results/{result}/")
        assert response.status_code == 405


def test_the_limit_of_calls_is_a_setting(
    call: Call, tester: User, engine: ScriptedEngine, settings: Settings
) -> None:
    settings.SMTPCHECK = {**getattr(settings, "SMTPCHECK", {}), "CALLS_PER_MINUTE": 1}
    assert [call(tester, ASKED).status_code for _call in range(2)] == [200, 429]
