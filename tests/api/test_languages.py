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
from smtpcheck.wording import describe
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


@pytest.mark.parametrize(
    ("wanted", "culture"),
    [
        ("nb-NO", "nb"),
        ("no", "nb"),
        ("en-US", "en"),
        ("en-GB", "en-gb"),
        ("EN_GB", "en-gb"),
        ("de-CH", "de-ch"),
        ("de-LI", "de"),
        ("fi-FI", "fi"),
        ("tlh", ""),
        ("", ""),
        ("../../etc", ""),
        ("a" * 20_000, ""),
        ("de\x00", ""),
    ],
)
def test_culture_is_known_by_its_region_else_by_its_language(wanted: str, culture: str) -> None:
    assert culture_of(headers(SO_Culture=wanted)) == culture


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


def test_a_date_is_written_as_the_culture_does_in_the_zone_of_the_caller() -> None:
    told: list[str] = []

    def view(_request: HttpRequest) -> HttpResponse:
        parameters = {"not_after": datetime(2026, 11, 20, 19, 59, tzinfo=UTC)}
        told.append(describe("tls.cert-expired", parameters).cause)
        return HttpResponse()

    for culture in ["en-US", "en-GB", "de-CH"]:
        given = {"SO-Language": "en", "SO-Culture": culture, "SO-TimeZone": "Europe/Oslo"}
        ApiLanguageMiddleware(view)(RequestFactory().post(PATH, headers=given))
    american, british, swiss = told
    assert "Nov. 20, 2026, 8:59 p.m." in american
    assert "20 Nov 2026, 8:59 p.m." in british
    assert "20. November 2026 20:59" in swiss


def test_neither_culture_nor_zone_of_a_call_is_left_to_what_its_thread_does_next() -> None:
    given = {"SO-Language": "en", "SO-Culture": "de", "SO-TimeZone": "Asia/Tokyo"}
    asked = RequestFactory().post(PATH, headers=given)
    ApiLanguageMiddleware(lambda _request: HttpResponse())(asked)
    expired = {"not_after": datetime(2026, 11, 20, 19, 59, tzinfo=UTC)}
    with translation.override("en"):
        assert "Nov. 20, 2026, 7:59 p.m." in describe("tls.cert-expired", expired).cause
