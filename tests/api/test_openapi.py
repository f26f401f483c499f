"""The OpenAPI document is true: every operation is called as it says, rightly and wrongly."""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from django.utils import translation
from drf_spectacular.validation import validate_schema
from pytest_django.fixtures import Settings
from schemathesis.checks import load_all_checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from smtpcheck.api.openapi import document
from smtpcheck.models import AccessToken, SmtpAccount
from tests.api.engines import ScriptedEngine
from tests.models.results import result

pytestmark = pytest.mark.django_db(transaction=True)

# API_EXAMPLES=200 looks longer at each operation, and at every edge of its description as well:
# a minute and more.
IS_LONG = "API_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("API_EXAMPLES", "12"))
PHASES = [hypothesis.Phase.generate, *([hypothesis.Phase.explicit] if IS_LONG else [])]

# What the rate limits would refuse is another test's.
NO_LIMITS = dict.fromkeys(
    ("CALLS_PER_MINUTE", "LOGIN_FAILURES_PER_ADDRESS", "LOGIN_FAILURES_PER_USER"), 10**9
)

# Of an account and of a result; made-up ids would all be a 404.
KNOWN_ID = "019ba289-20a5-74ac-9d7f-cd64c7f6be6e"
SAVED = {"name": "Saved", "host": "192.0.2.1", "sender": "ann@example.org"}

schema = schemathesis.pytest.from_fixture("described_api")
load_all_checks()


@pytest.fixture
def described_api(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The API as its document describes it, with an engine that needs no server."""
    monkeypatch.setattr("smtpcheck.engine.check", ScriptedEngine())
    settings.SMTPCHECK = {**settings.SMTPCHECK, **NO_LIMITS}
    loaded = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    # A key that has named another call is refused, although it is a key.
    accepted = loaded.config.checks.positive_data_acceptance.expected_statuses
    accepted.append(str(int(HTTPStatus.UNPROCESSABLE_ENTITY)))
    return loaded


@pytest.fixture
def headers(db: None) -> dict[str, str]:
    user = User.objects.create_superuser("operator")
    result(pk=KNOWN_ID)
    return {"Authorization": f"Bearer {AccessToken.objects.issue(user).issued_text}"}


def is_right(case: Any, location: ParameterLocation) -> bool:
    """Whether this part of the call is as the document says."""
    part = case.meta.components.get(location) if case.meta else None
    return part is not None and part.mode.is_positive


def is_judged_as_a_whole(case: Any) -> bool:
    """Whether a body of the right types can still be refused: no schema says what a host is."""
    return case.method in {"POST", "PUT", "PATCH"} and "/accounts/" in case.path


@pytest.mark.slow
@schema.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not IS_LONG,
    database=None,
    phases=PHASES,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_an_operation_answers_as_it_is_described(case: Any, headers: dict[str, str]) -> None:
    if is_right(case, ParameterLocation.PATH) and "id" in case.path_parameters:
        case.path_parameters["id"] = KNOWN_ID
        SmtpAccount.objects.get_or_create(pk=KNOWN_ID, defaults=SAVED)
    excluded = [positive_data_acceptance] if is_judged_as_a_whole(case) else []
    case.call_and_validate(headers=headers, excluded_checks=excluded)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_document_is_valid(language: str) -> None:
    with translation.override(language):
        described = document()
    validate_schema(described)  # type: ignore[no-untyped-call]
    assert described["openapi"].startswith("3.1")


def test_the_drop_in_has_the_names_of_the_original() -> None:
    operation = document()["paths"]["/api/v1/Agents/CustomerService/TestSmtpServer"]["post"]
    assert operation["operationId"] == "v1CustomerServiceAgent_TestSmtpServer"
    assert operation["tags"] == ["CustomerService_Agent"]


def test_no_answer_of_an_account_has_a_secret() -> None:
    shown = set(document()["components"]["schemas"]["Account"]["properties"])
    assert shown & {"password", "client_key"} == set()
    assert not [name for name in shown if "sealed" in name]


def test_only_the_ways_to_log_in_that_are_on_are_described(settings: Settings) -> None:
    settings.SMTPCHECK = {**settings.SMTPCHECK, "AUTHENTICATION": ("bearer",)}
    described = document()
    assert list(described["components"]["securitySchemes"]) == ["bearer"]
    assert described["paths"]["/api/v1/results/"]["get"]["security"] == [{"bearer": []}]
