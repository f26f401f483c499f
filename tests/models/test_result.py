from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from smtpcheck.models import SmtpTestResult
from smtpcheck.models.result import Load
from tests.models.accounts import account
from tests.models.results import later, open_result, result

pytestmark = pytest.mark.django_db


def test_a_closed_result_is_shown_as_it_is() -> None:
    row = result(verdict="fails", diagnosis_id="auth.invalid", owner="settings", stage="auth")
    shown = (row.shown_verdict, row.shown_diagnosis_id, row.shown_owner, row.shown_stage)
    assert shown == ("fails", "auth.invalid", "settings", "auth")
    assert not row.is_open
    assert not row.is_interrupted


def test_an_open_result_is_shown_as_running() -> None:
    row = open_result()
    assert (row.shown_verdict, row.shown_diagnosis_id) == ("running", "")
    assert row.is_open
    assert not row.is_interrupted


def test_an_open_result_whose_time_is_over_is_shown_as_interrupted() -> None:
    row = open_result(expires_in_seconds=-1)
    shown = (row.shown_verdict, row.shown_diagnosis_id, row.shown_owner, row.shown_confidence)
    assert shown == ("inconclusive", "tool.interrupted", "tester", "certain")
    assert row.is_interrupted


def test_closing_what_died_leaves_what_runs() -> None:
    dead, running = open_result(expires_in_seconds=-1), open_result()
    assert SmtpTestResult.objects.close_overdue(timezone.now()) == 1
    dead.refresh_from_db()
    running.refresh_from_db()
    assert (dead.verdict, dead.diagnosis_id) == ("inconclusive", "tool.interrupted")
    assert dead.finished_at is not None
    assert running.is_open
    assert SmtpTestResult.objects.close_overdue(timezone.now()) == 0


def test_an_account_that_goes_leaves_its_history_with_its_name() -> None:
    made = account()
    row = result(made)
    made.delete()
    row.refresh_from_db()
    assert (row.account, row.account_name) == (None, "News")


def test_a_user_who_goes_leaves_the_name() -> None:
    user = User.objects.create_user("ann")
    row = result(asked_by=user, asked_by_name="ann")
    user.delete()
    row.refresh_from_db()
    assert (row.asked_by, row.asked_by_name) == (None, "ann")


def test_results_are_listed_newest_first() -> None:
    rows = [result() for _ in range(3)]
    newest_first = sorted((row.pk for row in rows), reverse=True)
    assert list(SmtpTestResult.objects.values_list("pk", flat=True)) == newest_first


def test_a_user_sees_results_of_usable_accounts_and_own_ones() -> None:
    team = Group.objects.create(name="Support")
    user, other = User.objects.create_user("ann"), User.objects.create_user("bob")
    common = result(account())
    of_team = result(account(name="team", team=team))
    own, of_other = result(asked_by=user), result(asked_by=other)
    visible = SmtpTestResult.objects.visible_to
    assert set(visible(user)) == {common, own}
    user.groups.add(team)
    assert set(visible(user)) == {common, own, of_team}
    assert set(visible(User.objects.create_superuser("root"))) == {common, own, of_team, of_other}
    assert set(visible(None)) == {common, own, of_team, of_other}
    assert not visible(AnonymousUser())


def test_refused_logins_are_those_of_one_login_since_a_time() -> None:
    login: dict[str, Any] = {"host": "h", "username": "u", "stage": "auth"}
    result(verdict="fails", **login)
    result(verdict="works", **login)
    result(verdict="inconclusive", **login)
    result(verdict="fails", **login | {"stage": "rcpt"})
    result(verdict="fails", **login | {"username": "v"})
    result(verdict="fails", **login, started_at=later(-3600))
    load = SmtpTestResult.objects.load_at("h", "u", later(0), later(-60))
    assert load.refused_logins == 1


def test_what_runs_at_a_host_is_counted_by_login_and_by_who_saved_it() -> None:
    open_result(host="h", username="u")
    saved = account(name="Saved")
    result(saved, "", host="h", username="v", finished_at=None, expires_at=later(60))
    open_result(host="other", username="u")
    open_result(host="h", username="u", expires_in_seconds=-1)
    result(verdict="works", host="h", username="u")
    load = SmtpTestResult.objects.load_at("h", "u", later(0), later(-60))
    assert (load.running, load.of_login, load.of_free_targets) == (2, 1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer anyway")
def test_whoever_counts_at_the_same_host_waits_and_sees_what_was_opened() -> None:
    seen: dict[str, Load] = {}

    def count(host: str) -> None:
        with transaction.atomic():
            seen[host] = SmtpTestResult.objects.load_at(host, "u", later(0), later(-60))
        connection.close()

    threads = [threading.Thread(target=count, args=(host,)) for host in ("h", "other")]
    with transaction.atomic():
        assert SmtpTestResult.objects.load_at("h", "u", later(0), later(-60)).running == 0
        for thread in threads:
            thread.start()
        threads[1].join(10)
        threads[0].join(0.2)
        assert list(seen) == ["other"]
        open_result(host="h", username="u")
    threads[0].join(10)
    assert (seen["h"].running, seen["other"].running) == (1, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": ""},
        {"finished_at": None},
        {"verdict": "maybe"},
        {"port": 65536},
        {"security": "ssl"},
        {"goal": ""},
        {"door": "window"},
        {"verdict": "works", "diagnosis_id": "auth.invalid"},
        {"verdict": "", "finished_at": None, "expires_at": None},
    ],
)
def test_the_database_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        result(**wrong)


def test_the_text_of_a_result_says_what_was_tested_and_when() -> None:
    row = result(host="mail.example.org", port=25)
    assert str(row).startswith("mail.example.org:25 2")
    assert str(result(account())).startswith("News 2")
