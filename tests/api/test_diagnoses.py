from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from smtpcheck.engine.catalogue import CATALOGUE

pytestmark = pytest.mark.django_db

DIAGNOSES = "/api/v1/diagnoses/"
Call = Callable[..., Any]


def test_the_whole_catalogue_is_listed(call: Call, stranger: User) -> None:
    listed = call(stranger, path=DIAGNOSES, method="GET").json()
    assert [each["id"] for each in listed] == list(CATALOGUE)
    assert all(each["title"] and each["cause"] and each["remedy"] for each in listed)


def test_a_diagnosis_is_explained(call: Call, stranger: User) -> None:
    told = call(stranger, path=f"{DIAGNOSES}auth.invalid/", method="GET").json()
    assert told["verdict"] == "fails"
    assert (told["owner"], told["stage"]) == ("settings", "auth")
    assert set(told) == {
        "id", "title", "cause", "remedy", "verdict", "owner", "stage", "help_url",
    }  # fmt: skip


def test_it_is_explained_in_the_callers_language(call: Call, stranger: User) -> None:
    german = call(
        stranger, path=f"{DIAGNOSES}auth.invalid/", method="GET", headers={"SO-Language": "de"}
    )
    assert german["Content-Language"] == "de"


@pytest.mark.parametrize("name", ["auth.unheard-of", "a%00b", "%F0%9F%98%80"])
def test_an_id_that_is_none_is_a_404(call: Call, stranger: User, name: str) -> None:
    response = call(stranger, path=f"{DIAGNOSES}{name}/", method="GET")
    assert response.status_code == 404
    assert response.json()["ErrorType"] == "NotFoundException"


def test_nobody_in_particular_is_a_401(call: Call) -> None:
    assert call(None, path=DIAGNOSES, method="GET").status_code == 401
