"""Browsers on pages of other origins: only those that the setting names."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.api.callers import PATH

ORIGIN = "https://crm.example.org"


@pytest.fixture
def _open_to_one(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]


def preflight(client: Client, origin: str, path: str = PATH) -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,so-language",
    }
    return client.options(path, headers=headers)


@pytest.mark.usefixtures("_open_to_one")
@pytest.mark.parametrize("path", [PATH, PATH.lower() + "/"])
def test_a_page_of_a_named_origin_may_call(client: Client, path: str) -> None:
    response = preflight(client, ORIGIN, path)
    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == ORIGIN
    assert "so-language" in response["Access-Control-Allow-Headers"]
    assert response["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.usefixtures("_open_to_one")
@pytest.mark.parametrize("origin", ["https://evil.example", "http://crm.example.org", "null"])
def test_a_page_of_any_other_origin_may_not(client: Client, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(client, origin)


@pytest.mark.usefixtures("_open_to_one")
def test_pages_beside_the_api_are_for_nobody_else(client: Client) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(client, ORIGIN, "/admin/login/")


def test_by_default_no_other_origin_may_call(client: Client) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(client, ORIGIN)


@pytest.mark.django_db
@pytest.mark.usefixtures("_open_to_one")
def test_a_refusal_can_be_read_by_the_page_that_called(client: Client) -> None:
    response = client.post(PATH, b"{}", content_type="application/json", headers={"Origin": ORIGIN})
    assert response.status_code == 401
    assert response["Access-Control-Allow-Origin"] == ORIGIN
    assert "SmtpCheck-Result" in response["Access-Control-Expose-Headers"]
