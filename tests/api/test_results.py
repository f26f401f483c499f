from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from smtpcheck.models import Door, SmtpAccount, SmtpTestResult
from tests.api.callers import PASSWORD, allow

pytestmark = pytest.mark.django_db(transaction=True)

RESULTS = "/api/v1/results/"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Call = Callable[..., Any]
Found = Callable[..., list[str]]


def result(**columns: Any) -> SmtpTestResult:
    """A result that is closed and works, unless the columns say something else."""
    usual = {
        "goal": "content",
        "door": Door.REST,
        "verdict": "works",
        "stage": "content",
        "started_at": NOON,
        "finished_at": NOON,
    }
    return SmtpTestResult.objects.create(**(usual | columns))


def failing(**columns: Any) -> SmtpTestResult:
    found = {"verdict": "fails", "stage": "auth", "owner": "settings"}
    return result(**(found | {"diagnosis_id": "auth.invalid"} | columns))


def open_row(**columns: Any) -> SmtpTestResult:
    """The row of a test that runs, or died where its time is over."""
    row = {"verdict": "", "stage": "", "finished_at": None, "expires_at": timezone.now()}
    return result(**(row | columns))


@pytest.fixture
def reader(db: None) -> User:
    user = User.objects.create_user("reader", password=PASSWORD)
    allow(user, "view_smtptestresult")
    return user


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("super", password=PASSWORD)


@pytest.fixture
def found(call: Call, superuser: User) -> Found:
    """The ids that a query finds."""

    def do_find(**query: Any) -> list[str]:
        answer = call(superuser, path=f"{RESULTS}?{urlencode(query)}", method="GET")
        assert answer.status_code == 200, answer.content
        return [each["id"] for each in answer.json()["results"]]

    return do_find


def test_the_newest_comes_first(found: Found) -> None:
    ids = [str(result().pk) for _ in range(3)]
    assert found() == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ({"verdict": "fails"}, {}),
        ({"stage": "auth"}, {}),
        ({"owner": "settings"}, {}),
        ({"diagnosis": "auth.invalid"}, {}),
        ({"door": "schedule"}, {"door": Door.SCHEDULE}),
        ({"since": "2026-11-22T12:00:01Z"}, {"started_at": NOON + timedelta(seconds=1)}),
        ({"until": "2026-11-22T12:00:00Z"}, {"started_at": NOON - timedelta(seconds=1)}),
        ({"since": "2026-11-22T14:00:01+02:00"}, {"started_at": NOON + timedelta(seconds=1)}),
    ],
    ids=str,
)
def test_a_filter_finds_what_it_says(
    found: Found, query: dict[str, str], columns: dict[str, Any]
) -> None:
    result()
    wanted = failing(**columns)
    assert found(**query) == [str(wanted.pk)]


def test_the_results_of_one_account_are_found(found: Found) -> None:
    account = SmtpAccount.objects.create(name="One", host="mail.example.org")
    result()
    wanted = result(account=account)
    assert found(account=account.pk) == [str(wanted.pk)]
    assert found(account=uuid4()) == []


@pytest.mark.parametrize(
    "query",
    [
        {"verdict": "inconclusive"},
        {"diagnosis": "tool.interrupted"},
        {"owner": "tester"},
        {"stage": "config"},
    ],
    ids=str,
)
def test_a_test_whose_process_died_is_found_as_it_is_shown(
    found: Found, query: dict[str, str]
) -> None:
    died = open_row(expires_at=timezone.now() - timedelta(seconds=1))
    open_row(expires_at=timezone.now() + timedelta(minutes=1))
    assert found(**query) == [str(died.pk)]


def test_a_test_that_runs_is_found_as_running(found: Found) -> None:
    result()
    open_row(expires_at=timezone.now() - timedelta(seconds=1))
    running = open_row(expires_at=timezone.now() + timedelta(minutes=1))
    assert found(verdict="running") == [str(running.pk)]


@pytest.mark.parametrize(
    ("query", "member"),
    [
        ({"verdict": "maybe"}, "verdict"),
        ({"verdict": ""}, "verdict"),
        ({"account": "5"}, "account"),
        ({"since": "yesterday"}, "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"diagnosis": "a\0b"}, "diagnosis"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "1000"}, "page_size"),
        ({"cursor": ""}, "cursor"),
    ],
    ids=str,
)
def test_a_query_that_cannot_be_names_its_member(
    call: Call, reader: User, query: dict[str, str], member: str
) -> None:
    response = call(reader, path=f"{RESULTS}?{urlencode(query)}", method="GET")
    assert response.status_code == 400
    assert response.json()["Message"].startswith(f"{member}: ")


@pytest.mark.parametrize("cursor", ["x", "cD1ub3doZXJl", "cD0lMDA="])
def test_a_cursor_of_no_page_is_a_404(call: Call, reader: User, cursor: str) -> None:
    response = call(reader, path=f"{RESULTS}?cursor={cursor}", method="GET")
    assert response.status_code == 404
    assert response.json()["Error"] is True


def test_pages_hang_together_while_results_come_in(call: Call, superuser: User) -> None:
    ids = sorted((str(result().pk) for _ in range(5)), reverse=True)
    place = f"{RESULTS}?page_size=2"
    read: list[str] = []
    while place:
        page = call(superuser, path=place.removeprefix("http://testserver"), method="GET").json()
        read += [each["id"] for each in page["results"]]
        place = page["next"]
        result()
    assert read == ids


def test_a_result_of_the_list_says_the_same_as_all_of_it(call: Call, superuser: User) -> None:
    failing(diagnosis_parameters={"user": "ann"})
    [listed] = call(superuser, path=RESULTS, method="GET").json()["results"]
    full = call(superuser, path=listed["url"], method="GET").json()
    for name in ("id", "account", "door", "asked_by", "verdict", "success", "stage", "owner"):
        assert listed[name] == full[name]
    assert listed["diagnosis"]["title"] == full["diagnosis"]["title"]


def test_who_may_not_look_at_the_history_sees_own_tests_only(
    call: Call, stranger: User, reader: User
) -> None:
    own = result(asked_by=stranger)
    result(account=SmtpAccount.objects.create(name="One", host="mail.example.org"))
    ids = [each["id"] for each in call(stranger, path=RESULTS, method="GET").json()["results"]]
    assert ids == [str(own.pk)]
    assert len(call(reader, path=RESULTS, method="GET").json()["results"]) == 1


def test_the_results_of_another_team_are_not_there(call: Call, reader: User) -> None:
    team = Group.objects.create(name="others")
    account = SmtpAccount.objects.create(name="One", host="mail.example.org", team=team)
    theirs = result(account=account)
    assert call(reader, path=RESULTS, method="GET").json()["results"] == []
    assert call(reader, path=f"{RESULTS}{theirs.pk}/", method="GET").status_code == 404
    assert (
        call(reader, path=f"{RESULTS}?account={account.pk}", method="GET").json()["results"] == []
    )


def test_nobody_in_particular_is_a_401(call: Call) -> None:
    assert call(None, path=RESULTS, method="GET").status_code == 401


def test_a_result_is_json_and_an_error_what_was_asked_for(call: Call, reader: User) -> None:
    shown = call(reader, path=RESULTS, method="GET", headers={"Accept": "application/xml"})
    assert shown["Content-Type"].startswith("application/json")
    refused = call(
        reader, path=f"{RESULTS}?verdict=x", method="GET", headers={"Accept": "application/xml"}
    )
    assert refused["Content-Type"].startswith("application/xml")
    assert b"<Error " in refused.content
