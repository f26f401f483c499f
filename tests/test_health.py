from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.checks import Tags, run_checks
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

from smtpcheck import health
from smtpcheck.crypto import generate_key
from tests.models.accounts import account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """Nothing of one test is remembered in the next."""
    health.forget()
    yield
    health.forget()


def load(settings: Settings, *keys: str) -> None:
    loaded = {**getattr(settings, "SMTPCHECK", {}), "ENCRYPTION_KEYS": ",".join(keys)}
    settings.SMTPCHECK = loaded


def failing(client: Client) -> list[str]:
    response = client.get("/health/ready")
    found = response.json()
    assert response.status_code == (503 if found["failing"] else 200)
    assert found["ready"] is not bool(found["failing"])
    assert "no-store" in response["Cache-Control"]
    return list(found["failing"])


def test_a_process_that_answers_lives(client: Client) -> None:
    assert client.get("/health/live").json() == {"live": True}
    assert client.post("/health/live").status_code == 405


def test_an_installation_in_order_is_ready(client: Client) -> None:
    account()
    assert failing(client) == []


def test_a_missing_key_that_is_in_use_is_not_ready(client: Client, settings: Settings) -> None:
    load(settings, generate_key("one"))
    account()
    load(settings, generate_key("two"))
    assert failing(client) == ["encryption keys"]


def test_no_key_at_all_is_not_ready(client: Client, settings: Settings) -> None:
    load(settings)
    assert failing(client) == ["settings"]


def test_a_database_that_is_away_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> None:
        raise OperationalError("connection to db.internal as smtpcheck failed")

    monkeypatch.setattr("smtpcheck.health.connection.ensure_connection", away)
    assert failing(client) == ["database"]
    assert "db.internal" not in caplog.text


def test_it_is_not_looked_up_each_time(client: Client, settings: Settings) -> None:
    assert failing(client) == []
    load(settings)
    assert failing(client) == []  # as it was a moment ago


def test_the_pages_are_not_sent_elsewhere_for_https(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/health/live").status_code == 200
    assert client.get("/admin/").status_code == 301


def test_a_check_of_the_database_names_the_key(settings: Settings) -> None:
    load(settings, generate_key("one"))
    account()
    load(settings, generate_key("two"))
    [found] = [
        message
        for message in run_checks(tags=[Tags.database], databases=["default"])
        if message.id == "smtpcheck.E012"
    ]
    assert "'one'" in str(found.msg)
    load(settings, generate_key("one"))
