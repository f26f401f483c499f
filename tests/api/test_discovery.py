from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from django.test.utils import override_script_prefix
from django.urls import reverse
from pytest_django.fixtures import Settings

from smtpcheck.api.urls import urlpatterns

pytestmark = pytest.mark.django_db

Get = Callable[..., Any]
PLACES = ["/api", "/api/v1", "/api/v1/openapi.json", "/api/v1/docs/"]
CALL = "http://testserver/api/v1/Agents/CustomerService/TestSmtpServer"


@pytest.fixture
def get(client: Client) -> Get:
    def do_get(place: str, accept: str = "", **headers: str) -> Any:
        return client.get(place, headers={"Accept": accept} | headers if accept else headers)

    return do_get


def test_the_root_is_a_page_for_whoever_asks_for_nothing_else(get: Get) -> None:
    for accept in ("", "*/*", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"):
        response = get("/api", accept)
        assert response.status_code == 200
        assert response["Content-Type"] == "text/html; charset=utf-8"
        assert b'href="http://testserver/api/v1"' in response.content


def test_the_root_is_json_or_xml_on_demand(get: Get) -> None:
    told = get("/api", "application/json").json()
    assert (told["v1"], told["Version"]) == ("http://testserver/api/v1", "v1")
    root = ET.fromstring(get("/api", "application/xml").content)  # noqa: S314 - our own answer
    assert (root.tag, root.findtext("v1")) == ("Api", "http://testserver/api/v1")


@pytest.mark.parametrize("place", ["/API", "/api/", "/Api/V1/", "/api/v1/OpenApi.json"])
def test_the_addresses_are_taken_in_any_spelling(get: Get, place: str) -> None:
    assert get(place).status_code == 200


def test_every_call_is_listed_with_its_methods(get: Get) -> None:
    calls = get("/api/v1").json()
    assert calls[CALL] == {
        "GET": "Describe the call",
        "POST": "Test an SMTP server by sending a mail through it",
    }
    assert all(text for methods in calls.values() for text in methods.values())


def test_what_is_listed_is_everything_there_is(get: Get) -> None:
    listed = {re.sub(r"\{[^}]+\}", "*", place) for place in get("/api/v1").json()}
    routes = {f"http://testserver/{entry.pattern}" for entry in urlpatterns}
    pages = {f"http://testserver{place}" for place in PLACES[2:]}
    assert listed | pages == {re.sub(r"<[^>]+>", "*", route) for route in routes}


def test_behind_a_prefix_the_addresses_have_it(client: Client) -> None:
    with override_script_prefix("/Cust1/"):
        told = client.get("/api/v1").json()
        document = client.get("/api/v1/openapi.json").json()
    assert "http://testserver/Cust1/api/v1/results/" in told
    assert document["servers"] == [{"url": "/Cust1"}]


def test_the_texts_are_in_the_callers_language(get: Get) -> None:
    assert get("/api/v1", **{"SO-Language": "de"})["Content-Language"] == "de"


def test_a_wrong_login_is_no_matter(get: Get) -> None:
    for place in PLACES:
        assert get(place, Authorization="Bearer wrong").status_code == 200


@pytest.mark.parametrize("place", PLACES)
def test_a_setting_switches_it_all_off(get: Get, settings: Settings, place: str) -> None:
    settings.SMTPCHECK = {**settings.SMTPCHECK, "DOCUMENTATION": "no"}
    response = get(place, "application/json")
    assert response.status_code == 404
    assert response.json()["Error"] is True


def test_another_method_is_refused_in_the_format_of_the_page(client: Client) -> None:
    assert client.post("/api").status_code == 405


def test_the_page_carries_the_value_that_a_session_must_send(get: Get, client: Client) -> None:
    page = get("/api/v1/docs/").content.decode()
    (value,) = re.findall(r'<input type="hidden" id="XSRF_TOKEN" value="(\w+)">', page)
    assert value
    assert "XSRF-TOKEN" in client.cookies


def test_the_page_asks_no_other_site_and_has_nothing_inline(get: Get) -> None:
    page = get("/api/v1/docs/").content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 6
    assert all(place.startswith("/") and not place.startswith("//") for place in loaded)
    assert not re.search(r"<script>|<style|style=|onload=", page)
    script = get(loaded[-1])
    assert script["Content-Type"].startswith("application/javascript")
    assert reverse("api:openapi") in script.content.decode()


@pytest.mark.parametrize("route", [str(entry.pattern) for entry in urlpatterns])
def test_options_are_told_in_our_format(admin_client: Client, route: str) -> None:
    place = "/" + re.sub(r"<[^>]+>", "00000000-0000-4000-8000-000000000000", route)
    token = admin_client.get("/api/v1/docs/").content.decode()
    (value,) = re.findall(r'id="XSRF_TOKEN" value="(\w+)"', token)
    response = admin_client.options(
        place, headers={"Accept": "application/json", "X-XSRF-TOKEN": value}
    )
    assert response.status_code == 200
    assert "Allow" in response
    if response["Content-Type"].startswith("application/json"):
        assert json.loads(response.content)["name"]
