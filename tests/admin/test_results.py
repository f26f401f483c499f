"""The pages of the results: who sees which, that nobody changes one, and what they show."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from smtpcheck.models import SmtpAccount, SmtpTestResult
from tests.admin.conftest import SignIn
from tests.admin.pages import (
    ACCOUNTS,
    ADD_ACCOUNT,
    RESULTS,
    account_page,
    result_page,
    seen,
    text,
)
from tests.models.accounts import account
from tests.models.results import open_result, result

pytestmark = pytest.mark.django_db

SEE_RESULTS = "view_smtptestresult"

HOSTILE = "550 \x1b[2J\u202eevil\x01\r\n<script>alert(1)</script><img src=x onerror=alert(1)>"

FAILURE: dict[str, Any] = {
    "verdict": "fails",
    "stage": "auth",
    "owner": "settings",
    "diagnosis_id": "auth.invalid",
    "diagnosis_parameters": {"user": "ann@example.org"},
    "confidence": "probable",
    "evidence_line": "535 5.7.8 no",
    "reply_code": 535,
    "reply_text": "5.7.8 Authentication failed",
    "started_at": datetime(2026, 5, 9, 23, 0, tzinfo=UTC),
    "took_ms": 1234,
    "ladder": [
        {"stage": "ehlo", "state": "proven", "started_ms": 0, "took_ms": 7},
        {"stage": "ehlo", "state": "proven", "started_ms": 9, "took_ms": 7},
        {"stage": "auth", "state": "failed", "started_ms": 20, "took_ms": 145},
        {"stage": "mail", "state": "not-reached", "started_ms": None, "took_ms": None},
    ],
    "tls": {
        "version": "TLSv1.3",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "server_name": "mail.example.org",
        "trusted_by": "bundle",
        "days_left": -3,
        "certificate": {
            "subject": "CN=mail.example.org",
            "issuer": "CN=mail.example.org",
            "names": ["mail.example.org", "mx.example.org"],
            "not_before": "2026-01-02T03:04:05+00:00",
            "not_after": "2026-05-06T22:30:00+00:00",
            "serial": "01",
            "fingerprint": "ab:cd",
            "key": "RSA 2048",
            "signature": "sha256",
            "self_signed": True,
        },
    },
    "capabilities": ["PIPELINING", "AUTH PLAIN"],
    "evidence": {
        "attempts": [
            {"address": "2001:db8::1", "port": 587, "outcome": "timeout", "took_ms": 9},
            {"address": "192.0.2.1", "port": 587, "outcome": "connected", "took_ms": 5},
        ],
        "capabilities_clear": ["STARTTLS"],
        "mechanism": "PLAIN",
    },
    "warnings": [
        {"id": "tls.cert-expiring", "parameters": {"days": 3}, "evidence_line": "", "stage": "tls"}
    ],
    "transcript": "S: 220 hello\r\nC: AUTH PLAIN ***\r\n",
}


@pytest.fixture
def failure() -> SmtpTestResult:
    return result(account(password=None), **FAILURE)


# --- Who sees what, and that nobody changes it ---


def test_without_the_permission_there_are_no_results(
    sign_in: SignIn, failure: SmtpTestResult
) -> None:
    person = sign_in("view_smtpaccount", "change_smtptestresult", "delete_smtptestresult")
    assert person.get(RESULTS).status_code == 403
    assert person.get(result_page(failure)).status_code == 403


def test_results_of_another_teams_account_do_not_exist(
    sign_in: SignIn, failure: SmtpTestResult
) -> None:
    SmtpAccount.objects.update(team=Group.objects.create(name="Others"))
    person = sign_in(SEE_RESULTS)
    assert "News" not in seen(person, RESULTS)
    answer = person.get(result_page(failure), follow=True)
    assert answer.redirect_chain == [(RESULTS, 302)]
    assert "you may not see it" in answer.content.decode()


def test_a_person_sees_the_result_of_a_target_they_tested(sign_in: SignIn) -> None:
    person = sign_in(SEE_RESULTS)
    row = result(asked_by=User.objects.get(), host="free.example.org", port=25)
    assert "free.example.org:25" in text(person, result_page(row))


def test_nobody_adds_changes_or_deletes_a_result(
    administrator: Client, failure: SmtpTestResult
) -> None:
    assert administrator.get(f"{RESULTS}add/").status_code == 403
    assert administrator.post(result_page(failure), {"verdict": "works"}).status_code == 405
    assert administrator.post(result_page(failure, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [failure.pk], "post": "yes"}
    administrator.post(RESULTS, chosen)
    assert SmtpTestResult.objects.get().verdict == "fails"


@pytest.mark.parametrize(
    ("codenames", "offers"),
    [
        ((SEE_RESULTS,), (False, False)),
        ((SEE_RESULTS, "view_smtpaccount"), (False, True)),
        ((SEE_RESULTS, "test_smtpaccount"), (True, False)),
    ],
)
def test_the_page_offers_what_a_person_may_do(
    sign_in: SignIn,
    failure: SmtpTestResult,
    codenames: tuple[str, ...],
    offers: tuple[bool, bool],
) -> None:
    page = seen(sign_in(*codenames), result_page(failure))
    made = SmtpAccount.objects.get()
    offered = (account_page(made, "test") in page, account_page(made) in page)
    assert offered == offers


# --- What the page shows ---


def test_the_page_tells_verdict_cause_remedy_and_whose_turn(
    administrator: Client, failure: SmtpTestResult
) -> None:
    page = text(administrator, result_page(failure))
    for words in (
        "Fails at stage Login whose turn: Settings of the account",
        "Wrong user name or password",
        "The server refused the login of ann@example.org",
        "(probable, not certain)",
        "What to do",
        "The server's own words 535 5.7.8 Authentication failed",
        "What decided 535 5.7.8 no",
    ):
        assert words in page


def test_the_ladder_says_each_state_in_words(
    administrator: Client, failure: SmtpTestResult
) -> None:
    page = text(administrator, result_page(failure))
    assert "Introduction (EHLO) (again, encrypted) Proven · 7 ms" in page
    assert "Login Failed · 145 ms" in page
    assert "Sender (MAIL FROM) Not reached" in page


def test_the_ladder_says_what_was_sent_in_one_flight(
    administrator: Client, failure: SmtpTestResult
) -> None:
    failure.ladder = [{**rung, "grouped": rung["stage"] == "auth"} for rung in failure.ladder]
    failure.save()
    page = text(administrator, result_page(failure))
    assert "Login (in one flight) Failed · 145 ms" in page
    assert page.count("(in one flight)") == 1


def test_certificate_addresses_and_dialogue_are_shown(
    administrator: Client, failure: SmtpTestResult
) -> None:
    page = text(administrator, result_page(failure))
    for words in (
        "[2001:db8::1]:587: no answer, 9 ms",
        "192.0.2.1:587: connected, 5 ms",
        "the authorities saved with the account",
        "itself (self-signed)",
        "mail.example.org mx.example.org",
        "(expired 3 days ago)",
        "Before encryption STARTTLS",
        "S: 220 hello C: AUTH PLAIN ***",
    ):
        assert words in page


def test_an_untrusted_certificate_is_shown_as_well(
    administrator: Client, failure: SmtpTestResult
) -> None:
    shown = FAILURE["tls"]["certificate"] | {"subject": "CN=another.example.org"}
    SmtpTestResult.objects.update(tls=None, evidence={"chain": [shown]})
    page = text(administrator, result_page(failure))
    assert "CN=another.example.org" in page
    assert "(expired 3 days ago)" in page


def test_the_whole_chain_is_shown_the_servers_own_certificate_first(
    administrator: Client, failure: SmtpTestResult
) -> None:
    own = FAILURE["tls"]["certificate"] | {"issuer": "CN=Between", "self_signed": False}
    between = own | {
        "subject": "CN=Between",
        "issuer": "CN=Root",
        "names": [],
        "fingerprint": "ef" * 32,
        "not_before": "2020-01-02T03:04:05+00:00",
        "not_after": "2027-05-06T22:30:00+00:00",
        "key": "EC secp384r1",
    }
    SmtpTestResult.objects.update(evidence={"chain": [own, between]})
    page = text(administrator, result_page(failure))
    first, parted, second = page.partition("Certificate 2 of 2 in the chain")
    assert parted
    own_words = first[first.index("Certificate of the server") :]
    for words in (
        "For CN=mail.example.org",
        "Names mail.example.org mx.example.org",
        "Issued by CN=Between",
        "SHA-256 fingerprint ab:cd",
    ):
        assert words in own_words
    for words in (
        "For CN=Between",
        "Issued by CN=Root",
        "Valid from Jan. 2, 2020",
        "Valid until May 6, 2027",
        "days left)",
        "Key EC secp384r1",
        f"SHA-256 fingerprint {'ef' * 32}",
    ):
        assert words in second
    assert "Names" not in second


def test_times_are_those_of_the_sites_zone(
    administrator: Client, failure: SmtpTestResult, settings: Settings
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    SmtpTestResult.objects.update(started_at=datetime(2026, 3, 4, 20, 0, tzinfo=UTC))
    page = text(administrator, result_page(failure))
    assert "March 5, 2026, 5 a.m." in page
    assert "May 7, 2026, 7:30 a.m." in page


def test_a_test_that_works_says_what_it_proves(administrator: Client) -> None:
    row = result(account(password=None), goal="recipient")
    assert "accepts the login, the sender and the recipient" in text(
        administrator, result_page(row)
    )


def test_a_result_whose_account_is_gone_keeps_its_name(
    administrator: Client, failure: SmtpTestResult
) -> None:
    SmtpAccount.objects.all().delete()
    page = text(administrator, result_page(failure))
    assert "News" in page
    assert "Test again" not in page


def test_an_overdue_row_is_shown_as_interrupted(administrator: Client) -> None:
    row = open_result(account=account(password=None), expires_in_seconds=-1)
    for page in (text(administrator, result_page(row)), text(administrator, RESULTS)):
        assert "Inconclusive" in page
        assert "The test was interrupted" in page


def test_a_running_test_says_so(administrator: Client) -> None:
    row = open_result(account=account(password=None))
    assert "This test is still running" in text(administrator, result_page(row))


def test_what_a_server_says_is_shown_and_never_obeyed(administrator: Client) -> None:
    certificate = FAILURE["tls"]["certificate"] | {"subject": HOSTILE, "names": [HOSTILE]}
    evil = {
        "account_name": HOSTILE,
        "host": HOSTILE,
        "username": HOSTILE,
        "reply_text": HOSTILE,
        "evidence_line": HOSTILE + "!",
        "diagnosis_parameters": {"user": HOSTILE, "host": HOSTILE},
        "capabilities": [HOSTILE],
        "tls": FAILURE["tls"] | {"certificate": certificate, "cipher": HOSTILE},
        "evidence": {
            "attempts": [{"address": HOSTILE, "outcome": HOSTILE, "detail": HOSTILE}],
            "mechanism": HOSTILE,
        },
        "warnings": [
            {"id": HOSTILE, "parameters": {"x": HOSTILE}, "evidence_line": HOSTILE, "stage": "tls"}
        ],
        "transcript": f"S: {HOSTILE}\r\n",
    }
    row = result(account(password=None), **FAILURE | evil)
    pages = [seen(administrator, address) for address in (result_page(row), RESULTS)]
    for source in pages:
        assert "<script>alert" not in source
        assert "<img src=x" not in source
        assert not set("\x01\x1b\u202e") & set(source)
        assert "\\x1b[2J\\u202eevil" in source


# --- The list ---


@pytest.mark.parametrize(
    ("lookup", "hosts"),
    [
        ({"verdict": "works"}, ["good"]),
        ({"verdict": "fails"}, ["bad"]),
        ({"verdict": "inconclusive"}, ["dead", "unclear"]),
        ({"verdict": "running"}, ["busy"]),
        ({"stage": "auth"}, ["bad"]),
        ({"owner": "settings"}, ["bad"]),
        ({"door__exact": "schedule"}, ["unclear"]),
        ({"q": "oo"}, ["good"]),
    ],
)
def test_the_list_is_filtered_as_it_is_shown(
    administrator: Client, lookup: dict[str, str], hosts: list[str]
) -> None:
    result(host="good", stage="content")
    result(host="bad", verdict="fails", stage="auth", owner="settings")
    result(host="unclear", verdict="inconclusive", stage="dns", door="schedule")
    open_result(host="busy")
    open_result(host="dead", expires_in_seconds=-1)
    listed = administrator.get(RESULTS, lookup).context["cl"].result_list
    assert sorted(row.host for row in listed) == hosts


def test_the_list_tells_diagnosis_stage_owner_door_and_time(
    administrator: Client, failure: SmtpTestResult
) -> None:
    page = text(administrator, RESULTS)
    assert "Wrong user name or password Login · Settings of the account" in page
    assert "1.23 s · REST call" in page


def test_the_list_costs_no_query_for_a_result_and_loads_no_dialogue(
    administrator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    made = account(password=None)
    for _ in range(12):
        result(made, **FAILURE)
    with django_assert_max_num_queries(6) as queries:
        seen(administrator, RESULTS)
    assert not [query for query in queries if '"transcript"' in query["sql"]]


def test_a_day_can_be_chosen(administrator: Client) -> None:
    old, new = result(host="old"), result(host="new")
    long_ago = timezone.now() - timedelta(days=40)
    SmtpTestResult.objects.filter(pk=old.pk).update(started_at=long_ago)
    since = {"started_at__gte": str(timezone.now() - timedelta(days=7))}
    assert list(administrator.get(RESULTS, since).context["cl"].result_list) == [new]


# --- Every page ---


def test_no_page_has_an_inline_style_or_script(
    administrator: Client, failure: SmtpTestResult
) -> None:
    made = SmtpAccount.objects.get()
    addresses = [
        "/admin/",
        ACCOUNTS,
        ADD_ACCOUNT,
        RESULTS,
        result_page(failure),
        *(account_page(made, page) for page in ("change", "history", "delete")),
    ]
    for address in addresses:
        source = seen(administrator, address)
        assert not re.search(r"<style\b|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=", source), address
