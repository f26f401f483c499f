from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from smtpcheck.models import SmtpAccount, SmtpTestResult
from smtpcheck.services import KeyInUse, OnRow, run_once
from tests.api.callers import PASSWORD, PATH, allow
from tests.api.engines import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = {"SmtpUri": "smtps://ann:geheim4711@192.0.2.1:465", "From": "ann@example.org"}
KEY = {"Idempotency-Key": "order 4711"}
Call = Callable[..., Any]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    engine = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", engine)
    return engine


def test_a_repeated_call_sends_no_second_mail(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    engine.refuses_login = True
    first = call(tester, ASKED, headers=KEY)
    again = call(tester, ASKED, headers=KEY)
    assert len(engine.plans) == 1
    assert again.status_code == 200
    assert again.content == first.content
    assert again["SmtpCheck-Result"] == first["SmtpCheck-Result"]


def test_it_is_answered_from_the_result_in_the_language_and_form_that_is_asked_for(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    call(tester, ASKED, headers=KEY)
    again = call(tester, ASKED, f"{PATH}?$select=Success", headers=KEY | {"SO-Language": "de"})
    assert again["Content-Language"] == "de"
    assert again.json()["ErrorMessage"] is None
    xml = call(tester, ASKED, headers=KEY | {"Accept": "application/xml"})
    assert b"<Success>true</Success>" in xml.content
    assert len(engine.plans) == 1


def test_the_same_call_in_other_words_is_the_same_call(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    call(tester, ASKED, headers=KEY)
    words = {"from": ASKED["From"], "smtpURI": ASKED["SmtpUri"], "useStoredPassword": "FALSE"}
    assert call(tester, words, headers=KEY).status_code == 200
    assert len(engine.plans) == 1


def test_another_body_under_the_key_is_a_422(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    call(tester, ASKED, headers=KEY)
    response = call(tester, ASKED | {"From": "bob@example.org"}, headers=KEY)
    assert response.status_code == 422
    assert "new key" in response.json()["Message"]


def test_a_call_that_is_running_is_a_409(call: Call, tester: User, engine: ScriptedEngine) -> None:
    answers = []

    def run(_on_row: OnRow) -> SmtpTestResult:
        answers.append(call(tester, ASKED, headers=KEY))
        raise KeyInUse

    with pytest.raises(KeyInUse):
        run_once(
            tester, KEY["Idempotency-Key"],
            ("TestSmtpServer", ASKED["SmtpUri"], ASKED["From"], False), run,
        )  # fmt: skip
    (response,) = answers
    assert response.status_code == 409
    assert response["Retry-After"] == "5"
    assert engine.plans == []


@pytest.mark.parametrize("key", ["", "   ", "k" * 256])
def test_a_key_that_is_none_is_a_400(
    call: Call, tester: User, engine: ScriptedEngine, key: str
) -> None:
    response = call(tester, ASKED, headers={"Idempotency-Key": key})
    assert response.status_code == 400
    assert response.json()["Message"].startswith("The Idempotency-Key header")
    assert engine.plans == []


def test_without_a_key_every_call_is_a_test(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    call(tester, ASKED)
    call(tester, ASKED)
    assert len(engine.plans) == 2


def test_a_right_that_was_taken_back_is_not_needed_less(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    call(tester, ASKED, headers=KEY)
    tester.user_permissions.clear()
    assert call(tester, ASKED, headers=KEY).status_code == 403


def test_the_test_of_an_account_takes_a_key_as_well(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    one, other = (
        SmtpAccount.objects.create(name=name, host=f"{name}.example.org", sender="a@example.org")
        for name in ("one", "other")
    )
    place = f"/api/v1/accounts/{one.pk}/test/"
    first = call(tester, path=place, headers=KEY)
    assert call(tester, path=place, headers=KEY).json() == first.json()
    assert len(engine.plans) == 1
    assert call(tester, {"goal": "login"}, place, headers=KEY).status_code == 422
    another = call(tester, path=f"/api/v1/accounts/{other.pk}/test/", headers=KEY)
    assert another.status_code == 422
    assert call(tester, ASKED, headers=KEY).status_code == 422


def test_the_key_of_one_caller_is_none_of_anothers(
    call: Call, tester: User, engine: ScriptedEngine
) -> None:
    call(tester, ASKED, headers=KEY)
    other = User.objects.create_user("other", password=PASSWORD)
    allow(other, "test_any_target")
    assert call(other, ASKED | {"From": "bob@example.org"}, headers=KEY).status_code == 200
    assert len(engine.plans) == 2
