from __future__ import annotations

import json
from typing import Any

import pytest

from smtpcheck.presentation import as_plain
from tests.models.accounts import account
from tests.models.results import open_result, result

pytestmark = pytest.mark.django_db


def plain(row: Any) -> dict[str, Any]:
    """A result as a program reads it."""
    read: dict[str, Any] = json.loads(json.dumps(as_plain(row)))
    return read


def test_a_result_that_works_has_no_diagnosis() -> None:
    made = account()
    row = result(made, security="starttls", stage="content", reply_code=250, reply_text="Ok")
    shown = plain(row)
    assert (shown["verdict"], shown["success"], shown["diagnosis"]) == ("works", True, None)
    assert shown["account"] == {"id": str(made.pk), "name": "News"}
    assert shown["asked"]["host"] == "mail.example.org"
    assert shown["reply"] == {"code": 250, "enhanced": "", "text": "Ok"}
    assert shown["id"] == str(row.pk)


@pytest.mark.parametrize("goal", ["login", "recipient"])
def test_only_an_accepted_mail_is_success(goal: str) -> None:
    assert plain(result(goal=goal))["success"] is False


def test_a_failure_has_its_words() -> None:
    row = result(
        verdict="fails",
        stage="auth",
        owner="settings",
        diagnosis_id="auth.invalid",
        diagnosis_parameters={"user": "ann"},
        evidence_line="535 no",
        confidence="certain",
    )
    diagnosis = plain(row)["diagnosis"]
    assert diagnosis["id"] == "auth.invalid"
    assert diagnosis["title"]
    assert diagnosis["remedy"]
    assert (diagnosis["confidence"], diagnosis["evidence"]) == ("certain", "535 no")


def failed_with(parameters: dict[str, object]) -> dict[str, Any]:
    """The diagnosis of a failure, as a program reads it."""
    shown: dict[str, Any] = plain(
        result(
            verdict="fails",
            stage="connect",
            owner="settings",
            diagnosis_id="connect.refused",
            diagnosis_parameters=parameters,
        )
    )["diagnosis"]
    return shown


def test_settings_that_answered_can_be_applied_by_a_program() -> None:
    found = failed_with({"port": 26, "found_port": 587, "found_security": "starttls"})

    assert found["remedy_settings"] == {"port": 587, "security": "starttls"}
    assert "587" in found["remedy"][0]
    assert failed_with({"port": 26})["remedy_settings"] is None


def test_settings_that_dns_names_have_a_host() -> None:
    named = {"found_host": "smtp.example.org", "found_port": 465, "found_security": "tls"}

    assert failed_with(named)["remedy_settings"] == {
        "host": "smtp.example.org",
        "port": 465,
        "security": "tls",
    }


def test_warnings_have_their_words() -> None:
    warning = {"id": "tls.cert-expiring", "stage": "tls", "parameters": {}, "evidence_line": "x"}
    (shown,) = plain(result(warnings=[warning]))["warnings"]
    assert shown["title"]
    assert (shown["stage"], shown["evidence"]) == ("tls", "x")


def test_evidence_is_shown_with_the_addresses_apart() -> None:
    row = result(evidence={"attempts": [{"address": "192.0.2.1"}], "mechanism": "PLAIN"})
    shown = plain(row)
    assert shown["addresses"] == [{"address": "192.0.2.1"}]
    assert shown["evidence"] == {"mechanism": "PLAIN"}


def test_a_test_that_runs_is_shown_as_running() -> None:
    shown = plain(open_result())
    assert (shown["verdict"], shown["success"], shown["diagnosis"]) == ("running", False, None)
    assert (shown["reply"], shown["owner"], shown["account"]) == (None, None, None)


def test_a_test_that_died_is_shown_as_interrupted() -> None:
    shown = plain(open_result(expires_in_seconds=-1))
    assert (shown["verdict"], shown["owner"]) == ("inconclusive", "tester")
    assert shown["diagnosis"]["id"] == "tool.interrupted"


def test_an_account_that_is_gone_keeps_its_name() -> None:
    made = account()
    row = result(made)
    made.delete()
    row.refresh_from_db()
    assert plain(row)["account"] == {"id": None, "name": "News"}
