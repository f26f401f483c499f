from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory
from django.utils import timezone, translation
from django.utils.datastructures import CaseInsensitiveMapping

from smtpcheck.api.languages import ApiLanguageMiddleware, culture_of, language_of, zone_of
from tests.api.callers import PATH


def headers(**values: str) -> Any:
    return CaseInsensitiveMapping({name.replace("_", "-"): text for name, text in values.items()})


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("en", "en"),
        ("nb-no", "nb"),
        ("NB_NO", "nb"),
        ("no", "nb"),
        ("nn-NO", "nb"),
        ("de-CH", "de"),
        ("fr,de,ru,zh", "fr"),
        ("ru,zh,de", "de"),
        ("en-us; en-gb", "en"),
        ("tlh; sv", "sv"),
        ("de;q=0.5, nl;q=0.9", "nl"),
        ("de; q=0, da", "da"),
        ("*, sv", "sv"),
        ("", ""),
        ("*", ""),
        ("x", ""),
        ("-", ""),
        ("tlh", ""),
        (";;;,,,", ""),
        ("q=1", ""),
        ("de" * 20_000, ""),
        ("\x00<script>", ""),
    ],
)
@pytest.mark.parametrize("header", ["SO_Language", "Accept_Language"])
def test_the_best_language_that_is_known_is_spoken(header: str, wanted: str, language: str) -> None:
    assert language_of(headers(**{header: wanted})) == language


def test_so_language_counts_before_accept_language_also_when_it_wants_none() -> None:
    assert language_of(headers(SO_Language="sv", Accept_Language="de")) == "sv"
    assert language_of(headers(SO_Language="*", Accept_Language="de")) == ""
    assert language_of(headers(SO_Language="", Accept_Language="de")) == ""


def test_culture_is_known_by_its_language() -> None:
    assert culture_of(headers(SO_Culture="nb-NO")) == "nb"
    assert culture_of(headers(SO_Culture="tlh")) == ""


@pytest.mark.parametrize("spelling", ["SO-TimeZone", "SO-Timezone", "SO-TIMEZONE"])
@pytest.mark.parametrize("value", ["Europe/Oslo", "Europe/Oslo, includeTZOffset"])
def test_the_time_zone_is_found_by_name_in_any_spelling(spelling: str, value: str) -> None:
    request = RequestFactory().post(PATH, headers={spelling: value})
    found = zone_of(request.headers)
    assert str(found) == "Europe/Oslo"


@pytest.mark.parametrize(
    "name", ["", "Atlantis/Capital", "../../etc/passwd", "/etc/localtime", "a\x00b", "x" * 5000]
)
def test_an_unknown_time_zone_is_ignored(name: str) -> None:
    assert zone_of(headers(SO_TimeZone=name)) is None


def test_a_browser_tells_its_offset() -> None:
    found = zone_of(headers(SO_Browser_TZ_Offset="-60"))
    assert found is not None
    assert found.utcoffset(datetime.now(UTC)) == timedelta(hours=1)


@pytest.mark.parametrize("offset", ["", "an hour", "9999999999", "-1e9", "1.5"])
def test_an_impossible_offset_is_ignored(offset: str) -> None:
    assert zone_of(headers(SO_Browser_TZ_Offset=offset)) is None


def seen_by_the_view(path: str, **values: str) -> tuple[str, str, HttpResponseBase]:
    """Language and zone while a call is answered, and the answer."""
    seen = []

    def view(_request: HttpRequest) -> HttpResponse:
        seen.append((translation.get_language(), timezone.get_current_timezone_name()))
        return HttpResponse()

    given = {name.replace("_", "-"): text for name, text in values.items()}
    with translation.override("fr"), timezone.override("Asia/Tokyo"):
        response = ApiLanguageMiddleware(view)(RequestFactory().post(path, headers=given))
    return (*seen[0], response)


def test_a_call_is_answered_in_its_language_and_zone() -> None:
    language, zone, response = seen_by_the_view(PATH, SO_Language="de", SO_TimeZone="Europe/Oslo")
    assert (language, zone) == ("de", "Europe/Oslo")
    assert response["Content-Language"] == "de"


def test_without_a_language_a_call_is_answered_in_english() -> None:
    language, zone, response = seen_by_the_view(PATH)
    assert (language, zone) == ("en", "UTC")
    assert response["Content-Language"] == "en"


def test_other_pages_keep_what_django_chose() -> None:
    language, zone, response = seen_by_the_view("/admin/", SO_Language="de")
    assert (language, zone) == ("fr", "Asia/Tokyo")
    assert "Content-Language" not in response


@pytest.mark.django_db
def test_a_page_in_another_language_does_not_leak_into_a_call(client: Client) -> None:
    client.cookies["django_language"] = "fr"
    client.force_login(User.objects.create_user("reader"))
    assert client.get(PATH)["Content-Language"] == "en"
