"""One account on a real mail server, tested through every door: all of them say the same."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.end_to_end.application import ACCOUNTS, RESULTS, Account, Application, Browser
from tests.servers.postfix import LOGINS, UNKNOWN_RECIPIENT, PostfixServer

pytestmark = [pytest.mark.postfix, pytest.mark.slow]

DELIVERY_SECONDS = 20.0
USER = "account@mail.test"
DOORS = ["rest", "admin", "command"]

Results = dict[str, Any]

# What `test_smtp` leaves with: documented, and the same numbers for ever.
WORKS, INCONCLUSIVE, FAILS_AT_AUTH = 0, 3, 18


@pytest.fixture(params=["none", "starttls", "tls"])
def account(request: pytest.FixtureRequest, postfix: PostfixServer) -> Account:
    """A working account for each way to protect the connection."""
    port = dict(zip(("none", "starttls", "tls"), postfix.ports, strict=True))[request.param]
    name, recipient = f"Working, {request.param}", f"doors-{request.param}@mail.test"
    account = Account(name, postfix.host, port, request.param, sender=USER, recipient=recipient)
    if request.param == "none":
        return account
    return replace(account, username=USER, password=LOGINS[USER])


def login(username: str, password: str) -> dict[str, str]:
    return {"username": username, "password": password, "sender": username}


def ask_all_doors(application: Application, browser: Browser, account: Account) -> Results:
    """What every door says of one account, by door and in this order."""
    account_id = browser.save_account(account)
    return {
        "rest": ask_rest(application, account),
        "admin": ask_admin(application, browser, account_id),
        "command": ask_command(application, "--account", account.name),
    }


def ask_rest(application: Application, account: Account) -> Any:
    answer = application.call({"SmtpUri": account.uri, "From": account.sender})
    assert answer.status == 200, answer.text
    result = application.result(answer.result_id)
    assert answer.json["Success"] is result["success"]
    assert bool(answer.json["ErrorMessage"]) is not result["success"]
    return result


def ask_admin(application: Application, browser: Browser, account_id: str) -> Any:
    answer = browser.test_account(account_id)
    assert answer.status == 302, answer.text
    page = browser.get(f"{RESULTS}{answer.result_id}/change/")
    result = application.result(answer.result_id)
    assert page.status == 200
    assert (result["diagnosis"] or {}).get("title", "Works") in html.unescape(page.text)
    return result


def ask_command(application: Application, *arguments: str, **variables: str) -> Any:
    done = application.command(*arguments, "--json", **variables)
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert result == application.result(result["id"])
    return result | {"exit status": done.returncode}


def ask_command_with_uri(application: Application, account: Account) -> Any:
    addresses = ("--from", account.sender, "--to", account.recipient)
    secret = ("--password-env", "PASSWORD_OF_TEST") if account.username else ()
    uri = account.uri_without_password
    variables = {"PASSWORD_OF_TEST": account.password}
    return ask_command(application, uri, *addresses, *secret, **variables)


def found(result: Any) -> dict[str, object]:
    """What has to be the same whoever asks."""
    diagnosis, reply = result["diagnosis"] or {}, result["reply"] or {}
    return {
        "verdict": (result["verdict"], result["stage"], diagnosis.get("id", "")),
        "reply": (reply.get("code"), reply.get("enhanced")),
        "ladder": [(rung["stage"], rung["state"], rung["encrypted"]) for rung in result["ladder"]],
    }


def proven(result: Any) -> list[str]:
    return [rung["stage"] for rung in result["ladder"] if rung["state"] == "proven"]


def with_one_row_each(application: Application, browser: Browser, account: Account) -> Results:
    before = len(application.database.results())
    results = ask_all_doors(application, browser, account)
    rows = application.database.results()[before:]
    assert [row["door"] for row in rows] == DOORS
    assert [row["id"] for row in rows] == [result["id"] for result in results.values()]
    assert all(row["finished_at"] for row in rows)
    assert {row["account_name"] for row in rows} == {account.name}
    return results


def all_agree(results: Results) -> Any:
    """The one finding of all doors."""
    told = {door: found(result) for door, result in results.items()}
    assert told == dict.fromkeys(told, told["rest"])
    return told["rest"]


def test_a_working_account_works_through_every_door(
    with_postfix: Application, admin: Browser, postfix: PostfixServer, account: Account
) -> None:
    results = with_one_row_each(with_postfix, admin, account)
    results["command with URI"] = ask_command_with_uri(with_postfix, account)
    agreed = all_agree(results)
    assert agreed["verdict"] == ("works", "content", "")
    assert agreed["reply"] == (250, "2.0.0")
    assert {state for _stage, state, _encrypted in agreed["ladder"]} == {"proven"}
    stages = proven(results["rest"])
    assert stages[-1] == "content"
    assert ("tls" in stages, "auth" in stages) == (bool(account.username), bool(account.username))
    assert ("starttls" in stages) is (account.security == "starttls")
    assert results["command"]["exit status"] == WORKS
    for result in results.values():
        mail = postfix.wait_for_mail(
            account.recipient,
            containing=f"Message-ID: {result['evidence']['message_id']}".encode(),
            timeout_seconds=DELIVERY_SECONDS,
        )
        assert f"Return-Path: <{account.sender}>".encode() in mail


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_wrong_password_is_told_by_every_door(
    with_postfix: Application, admin: Browser, postfix: PostfixServer, security: str
) -> None:
    port = postfix.ports.smtps if security == "tls" else postfix.ports.submission
    # Each way with a user of its own: after five wrong logins of one nobody may try on.
    wrong = login(f"wrong-{security}@mail.test", "not-the-one")
    account = Account(f"Wrong, {security}", postfix.host, port, security, **wrong)
    results = with_one_row_each(with_postfix, admin, account)
    agreed = all_agree(results)
    assert agreed["verdict"] == ("fails", "auth", "auth.invalid")
    assert agreed["reply"] == (535, "5.7.8")
    assert agreed["ladder"][-1] == ("content", "not-reached", True)
    assert results["command"]["exit status"] == FAILS_AT_AUTH


def test_an_unknown_recipient_is_told_by_every_door(
    with_postfix: Application, admin: Browser, postfix: PostfixServer
) -> None:
    known = login("blanks@mail.test", LOGINS["blanks@mail.test"])
    account = Account(
        "Unknown recipient",
        postfix.host,
        postfix.ports.smtps,
        "tls",
        **known,
        recipient=UNKNOWN_RECIPIENT,
    )
    results = with_one_row_each(with_postfix, admin, account)
    agreed = all_agree(results)
    assert agreed["verdict"][:2] == ("inconclusive", "rcpt")  # it says nothing of the account
    assert agreed["reply"] == (550, "5.1.1")
    assert ("auth", "proven", True) in agreed["ladder"]
    assert results["command"]["exit status"] == INCONCLUSIVE


def test_a_page_of_another_site_cannot_press_test_now(
    with_postfix: Application, admin: Browser, postfix: PostfixServer
) -> None:
    account = Account("Not pressed", "127.0.0.1", postfix.ports.plain, "none", sender=USER)
    account_id = admin.save_account(account)
    before = with_postfix.database.results()
    answer = admin.post_without_token(f"{ACCOUNTS}{account_id}/test/")
    assert answer.status == 403
    assert with_postfix.database.results() == before
