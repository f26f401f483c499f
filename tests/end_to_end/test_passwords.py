"""Passwords that trip careless programs, on every way from a person to a real mail server."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.end_to_end.application import Account, Application, Browser
from tests.servers.postfix import LOGINS, PostfixServer

pytestmark = [pytest.mark.postfix, pytest.mark.slow]

AWKWARD, BLANKS = "awkward@mail.test", "blanks@mail.test"
GOAL = ("--goal", "login", "--json")


def test_the_passwords_hold_what_trips_careless_programs() -> None:
    assert set("@:/%ö ä\"'\\") <= set(LOGINS[AWKWARD])
    assert LOGINS[BLANKS] != LOGINS[BLANKS].strip()


@pytest.fixture(params=[AWKWARD, BLANKS])
def account(request: pytest.FixtureRequest, postfix: PostfixServer) -> Account:
    """A login with such a password."""
    username: str = request.param
    password = LOGINS[username]
    return Account(
        f"Password of {username}",
        "127.0.0.1",
        postfix.ports.smtps,
        "tls",
        username=username,
        password=password,
        sender=username,
        recipient=username,
    )


def test_url_encoded_in_a_rest_call(with_postfix: Application, account: Account) -> None:
    answer = with_postfix.call({"SmtpUri": account.uri, "From": account.sender})
    assert answer.json["Success"] is True, answer.text


def test_url_encoded_in_the_uri_of_the_command(with_postfix: Application, account: Account) -> None:
    works(with_postfix, account.uri)


def test_on_the_standard_input_of_the_command(with_postfix: Application, account: Account) -> None:
    uri = account.uri_without_password
    works(with_postfix, uri, "--password-stdin", typed=f"{account.password}\n")


def test_in_the_environment_of_the_command(with_postfix: Application, account: Account) -> None:
    uri = account.uri_without_password
    works(with_postfix, uri, "--password-env", "AWKWARD", AWKWARD=account.password)


def works(application: Application, *arguments: str, typed: str = "", **variables: str) -> None:
    done = application.command(*arguments, *GOAL, typed=typed, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "auth" in [rung["stage"] for rung in json.loads(done.stdout)["ladder"]]


def test_typed_into_the_form_and_used_as_the_stored_one(
    with_postfix: Application, admin: Browser, account: Account
) -> None:
    admin.save_account(account)
    assert uses_stored_password(with_postfix, account) == account.name


def test_pasted_as_a_uri_into_the_form_and_used_as_the_stored_one(
    with_postfix: Application, admin: Browser, account: Account
) -> None:
    pasted = replace(account, name=f"{account.name}, pasted", host="localhost")
    empty = {"host": "", "port": "", "username": "", "password": ""}
    admin.save_account(pasted, uri=pasted.uri, **empty)
    assert uses_stored_password(with_postfix, pasted) == pasted.name


def uses_stored_password(application: Application, account: Account) -> str:
    """Test by REST without the password; returns the name of the account whose one was used."""
    answer = application.call({"SmtpUri": account.uri_without_password, "UseStoredPassword": True})
    assert answer.json["Success"] is True, answer.text
    name: str = application.result(answer.result_id)["account"]["name"]
    return name
