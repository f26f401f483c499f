"""Results as a file for a spreadsheet: whole, of this person only, and never computed."""

from __future__ import annotations

import asyncio
import csv
import io

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest
from django.test import AsyncRequestFactory, Client
from django.utils import translation

from smtpcheck.admin.csv_export import COLUMNS, cell, csv_pages, export
from smtpcheck.models import SmtpTestResult
from tests.admin.conftest import SignIn
from tests.admin.pages import RESULTS
from tests.models.accounts import account
from tests.models.results import result

pytestmark = pytest.mark.django_db


def exported(client: Client, *, across: bool = False) -> list[dict[str, str]]:
    """The rows of the file that the list's action gives for all rows."""
    ids = [str(each.pk) for each in SmtpTestResult.objects.all()]
    fields = {"action": "export_as_csv", "_selected_action": ids, "select_across": int(across)}
    answer = client.post(RESULTS, fields)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="smtpcheck-results.csv"'
    return read(answer.getvalue().decode())


def read(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_the_list_gives_what_was_chosen(administrator: Client) -> None:
    shown = result(host="mail.example.org", port=587, verdict="fails", took_ms=1234)
    (row,) = exported(administrator)
    assert list(row) == list(COLUMNS)
    assert (row["id"], row["host"], row["port"]) == (str(shown.pk), "mail.example.org", "587")
    assert (row["verdict"], row["took_ms"]) == ("fails", "1234")


def test_nobody_gets_what_they_may_not_see(sign_in: SignIn) -> None:
    team = Group.objects.create(name="Team")
    other = account(name="Other", team=team)
    result(account=other, account_name="Other")
    assert exported(sign_in("view_smtptestresult"), across=True) == []


def test_without_the_right_to_look_there_is_no_file(sign_in: SignIn) -> None:
    answer = sign_in().post(RESULTS, {"action": "export_as_csv", "_selected_action": []})
    assert answer.status_code == 403


def test_many_results_come_in_pages_and_each_once(
    administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtpcheck.admin.csv_export.PAGE_ROWS", 2)
    ids = [str(result().pk) for _ in range(5)]
    assert [row["id"] for row in exported(administrator)] == sorted(ids, reverse=True)


def test_lines_end_as_rfc_4180_says() -> None:
    result(account_name='a "b", c')
    text = "".join(csv_pages(SmtpTestResult.objects.all(), "en"))
    assert text.count("\r\n") == 2
    assert text.replace("\r\n", "").count("\n") == 0
    assert '"a ""b"", c"' in text


def test_titles_are_in_the_language_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    result(verdict="fails", diagnosis_id="auth.invalid")
    seen: list[str | None] = []
    monkeypatch.setitem(COLUMNS, "title", lambda _row: seen.append(translation.get_language()))
    list(csv_pages(SmtpTestResult.objects.all(), "de"))
    assert seen == ["de"]


@pytest.mark.django_db(transaction=True)
def test_an_asynchronous_server_gets_it_in_pages_too() -> None:
    result(host="mail.example.org")
    request: HttpRequest = AsyncRequestFactory().post("/")
    assert isinstance(request, ASGIRequest)

    async def pages() -> list[bytes]:
        try:
            return [page async for page in export(request, SmtpTestResult.objects.all())]
        finally:
            await sync_to_async(connections.close_all)()  # those of the thread it used

    head, rows = asyncio.run(pages())
    assert head.startswith(b"\xef\xbb\xbfid,")
    assert b"mail.example.org" in rows


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", r"'\x09=1"),
        ("\r=1", r"'\x0d=1"),
        ("  =1", "  '=1"),
        ("＝1", "'＝1"),
        ("550 no;=1+1", "550 no;'=1+1"),  # a cell of its own where semicolons part them
        ('550 no; "=1+1', "550 no; \"'=1+1"),
        ("550 5.1.1 a=b - c+d @ e", "550 5.1.1 a=b - c+d @ e"),
        ("a\x1b[2J\u202e\0b", r"a\x1b[2J\u202e\x00b"),
        ("two\nlines", r"two\x0alines"),
    ],
)
def test_a_cell_is_shown_and_never_computed(text: str, shown: str) -> None:
    assert cell(text) == shown


@pytest.mark.parametrize("value", [None, 0, 587, -1])
def test_a_number_stays_one(value: int | None) -> None:
    assert cell(value) == value
