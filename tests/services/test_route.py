"""The way that a test is asked to take, from the use case to the engine and into the row."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from smtpcheck import services
from smtpcheck.models import SmtpTestResult
from smtpcheck.services import Caller, Route, TargetRequest
from tests.models.accounts import account
from tests.services.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)

TARGET = TargetRequest("smtps://ann%40example.org:typed-secret@mail.example.org", None)


def settle(settings: Settings, source_address: str) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"SOURCE_ADDRESS": source_address}


def test_a_route_goes_to_the_engine(engine: ScriptedEngine, operator: Caller) -> None:
    route = Route(family=6, every_address=True)

    services.test_target(TARGET, caller=operator, route=route)

    assert engine.plan.route == route


def test_without_one_the_system_chooses(engine: ScriptedEngine, operator: Caller) -> None:
    services.test_target(TARGET, caller=operator)

    assert engine.plan.route == Route()


def test_the_settings_name_the_source_address(
    engine: ScriptedEngine, operator: Caller, settings: Settings
) -> None:
    settle(settings, "192.0.2.7")

    services.test_account(account(), caller=operator)
    services.test_target(TARGET, caller=operator, route=Route(source_address="2001:db8::7"))

    routes = [plan.route for plan in engine.plans]
    assert [(route.source_address, route.family) for route in routes] == [
        ("192.0.2.7", 4),
        ("2001:db8::7", 6),
    ]


@pytest.mark.parametrize("text", ["not an address", "192.0.2.7"])
def test_a_source_address_that_cannot_be_used_is_a_result(
    operator: Caller, settings: Settings, text: str
) -> None:
    settle(settings, text)

    row = services.test_target(TARGET, caller=operator, route=Route(family=6))

    assert row.diagnosis_id == "config.source-address-invalid"
    assert (row.verdict, row.owner) == ("inconclusive", "tester")
    assert SmtpTestResult.objects.get() == row


@pytest.mark.parametrize(
    ("route", "counts"),
    [
        (Route(), True),
        (Route(every_address=True), True),
        (Route(family=4), False),
        (Route(source_address="192.0.2.7"), False),
    ],
)
def test_a_way_that_others_would_not_go_says_nothing_of_the_account(
    engine: ScriptedEngine, operator: Caller, route: Route, *, counts: bool
) -> None:
    saved = account()

    row = services.test_account(saved, caller=operator, route=route)

    assert row.verdict == "works"
    assert row.digest == (saved.test_digest() if counts else "")
    assert engine.plan.route.every_address is route.every_address


def test_many_accounts_go_the_same_way(engine: ScriptedEngine, operator: Caller) -> None:
    services.test_accounts([account()], caller=operator, route=Route(family=4))

    assert engine.plan.route == Route(family=4)
