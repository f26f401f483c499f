"""No test locks a mailbox: refusals are counted by login, and the schedule lets one rest."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from smtpcheck import services
from smtpcheck.engine.redaction import Secret
from smtpcheck.models import PASSWORD, Door, LoginMemory, SmtpAccount, SmtpAccountState
from smtpcheck.services import Caller, TargetRequest
from smtpcheck.services.asking import ask_account
from smtpcheck.services.lockout import REST_AFTER_REFUSAL, login_of, may_try
from tests.models.accounts import SECRET, account, fresh
from tests.services.scripted import ScriptedEngine, fails

pytestmark = pytest.mark.django_db(transaction=True)

SCHEDULE = Caller(None, Door.SCHEDULE)


def login(made: SmtpAccount, caller: Caller) -> str:
    return login_of(ask_account(fresh(made), caller, None))


def rested(seconds: float = 1) -> None:
    """Let a day pass since every refusal."""
    long_ago = timezone.now() - REST_AFTER_REFUSAL - timedelta(seconds=seconds)
    LoginMemory.objects.update(refused_at=long_ago)


def test_a_refused_secret_rests_for_a_day_and_is_then_tried_once(engine: ScriptedEngine) -> None:
    engine.answer = fails
    made = account()
    services.test_account(made, caller=SCHEDULE)
    for _ in range(2):
        row = services.test_account(made, caller=SCHEDULE)
        assert (row.verdict, row.diagnosis_id) == ("inconclusive", "tool.budget")
    assert len(engine.plans) == 1
    assert SmtpAccountState.objects.get().verdict == "fails"

    rested()
    assert services.test_account(made, caller=SCHEDULE).diagnosis_id == "auth.invalid"
    assert services.test_account(made, caller=SCHEDULE).diagnosis_id == "tool.budget"
    assert len(engine.plans) == 2


def test_another_secret_or_destination_is_tried_at_once(engine: ScriptedEngine) -> None:
    engine.answer = fails
    made = account()
    services.test_account(made, caller=SCHEDULE)
    made.set_secret(PASSWORD, Secret("another"))
    made.save()
    assert services.test_account(made, caller=SCHEDULE).diagnosis_id == "auth.invalid"
    made.port = 2525
    made.set_secret(PASSWORD, Secret("another"))
    made.save()
    assert services.test_account(made, caller=SCHEDULE).diagnosis_id == "auth.invalid"
    assert LoginMemory.objects.count() == 3


def test_a_person_may_test_and_the_engine_knows_how_often_it_was_refused(
    engine: ScriptedEngine, operator: Caller
) -> None:
    engine.answer = fails
    made = account()
    for _ in range(3):
        assert services.test_account(made, caller=operator).diagnosis_id == "auth.invalid"
    assert [plan.past.refused_logins for plan in engine.plans] == [0, 1, 2]


def test_a_typed_password_is_not_the_stored_one(engine: ScriptedEngine, operator: Caller) -> None:
    engine.answer = fails
    made = account()
    uri = f"smtp://ann%40example.org:guess@{made.host}:{made.port}"
    services.test_target(TargetRequest(uri, None), caller=operator)
    services.test_account(made, caller=SCHEDULE)
    assert [plan.past.refused_logins for plan in engine.plans] == [0, 0]


def test_of_a_target_that_nobody_saved_nothing_is_remembered(
    engine: ScriptedEngine, operator: Caller
) -> None:
    engine.answer = fails
    services.test_target(
        TargetRequest("smtps://ann:guess@mail.example.org", "a@b.example"), caller=operator
    )
    assert not LoginMemory.objects.exists()


def test_the_memory_holds_neither_the_secret_nor_a_plain_digest(
    engine: ScriptedEngine, operator: Caller
) -> None:
    engine.answer = fails
    services.test_account(account(), caller=operator)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {LoginMemory._meta.db_table}")  # noqa: S608
        (row,) = cursor.fetchall()
    assert SECRET.reveal() not in repr(row)
    assert "ann@example.org" not in repr(row)
    assert isinstance(row[0], str)
    assert len(row[0]) == 64


def test_a_new_first_key_finds_nothing_and_learns_anew(
    engine: ScriptedEngine, operator: Caller, settings: Settings
) -> None:
    from smtpcheck.crypto import generate_key

    engine.answer = fails
    made = account()
    services.test_account(made, caller=operator)
    before = login(made, operator)
    keys = f"{generate_key('next')},{settings.SMTPCHECK['ENCRYPTION_KEYS']}"
    settings.SMTPCHECK = settings.SMTPCHECK | {"ENCRYPTION_KEYS": keys}
    assert login(made, operator) != before
    assert may_try(login(made, operator), timezone.now())
    services.test_account(made, caller=operator)
    assert engine.plans[-1].past.refused_logins == 0


def test_what_has_no_login_may_always_be_tried() -> None:
    assert may_try("", timezone.now())
