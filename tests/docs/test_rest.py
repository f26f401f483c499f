"""The REST calls on the pages are made, and answered as the pages say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from smtpcheck.api import exceptions
from smtpcheck.engine.redaction import Secret
from smtpcheck.models import PASSWORD as PASSWORD_KIND
from smtpcheck.models import SmtpAccount
from tests.api.callers import PASSWORD, allow, basic
from tests.api.engines import ScriptedEngine
from tests.docs.pages import ROOT, Block, blocks, commands, rows

REST = ROOT / "docs/reference/rest.md"

pytestmark = pytest.mark.django_db(transaction=True)


def examples() -> Iterator[tuple[str, Block, Block]]:
    """Each call of the page with the block that shows its answer."""
    of_page = blocks(REST)
    for call, answer in itertools.pairwise(of_page):
        if call.example:
            assert (call.kind, answer.kind) == ("console", "json")
            yield call.example, call, answer


EXAMPLES = {name: (call, answer) for name, call, answer in examples()}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    scripted = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", scripted)
    return scripted


@pytest.fixture
def operator(settings: Settings) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    user = User.objects.create_user("operator", password=PASSWORD)
    allow(user, "test_smtpaccount", "test_any_target")
    return user


def prepare_stored_password(_engine: ScriptedEngine) -> None:
    account = SmtpAccount(name="Saved", host="mail.example.org", port=465, security="tls")
    account.username, account.sender = "user", "user@example.org"
    account.set_secret(PASSWORD_KIND, Secret("from the vault"))
    account.save()


def prepare_refusal(engine: ScriptedEngine) -> None:
    engine.refuses_login = True


PREPARATIONS: dict[str, Callable[[ScriptedEngine], None]] = {
    "login-refused": prepare_refusal,
    "stored-password": prepare_stored_password,
}


def made(client: Client, user: User, words: list[str]) -> Any:
    """Make the call of a curl line."""
    assert words[:3] == ["curl", "-u", user.username]
    url = urlsplit(words[-1])
    header = words[words.index("-H") + 1]
    assert header == "Content-Type: application/json"
    path = f"{url.path}?{url.query}" if url.query else url.path
    return client.post(
        path,
        words[words.index("-d") + 1],
        content_type="application/json",
        headers={"Authorization": basic(user.username, PASSWORD)},
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_call_is_answered_as_the_page_says(
    name: str, client: Client, operator: User, engine: ScriptedEngine
) -> None:
    if name in PREPARATIONS:
        PREPARATIONS[name](engine)
    call, answer = EXAMPLES[name]
    index = [block.text for block in blocks(REST) if block.kind == "console"].index(call.text)
    response = made(client, operator, list(commands(REST))[index])
    shown = json.loads(answer.text)
    told = response.json()
    # An answer may be shown in part; what is shown is told to the letter.
    assert {member: told[member] for member in shown} == shown
    if name == "works":
        assert list(told) == list(shown)
    if name == "stored-password":
        assert engine.plans[0].credentials.password.reveal() == "from the vault"


def test_the_readme_call_is_answered_as_it_says(
    client: Client, operator: User, engine: ScriptedEngine
) -> None:
    engine.refuses_login = True
    (block,) = [each for each in blocks(ROOT / "README.md") if each.example]
    words = next(words for words in commands(ROOT / "README.md") if words[0] == "curl")
    answer = made(client, operator, words).content.decode()
    shown = block.text.splitlines()[-1].partition(" ...")[0]
    assert shown.startswith('{"Success":false')
    assert answer.startswith(shown)


def test_the_headers_of_an_answer_are_those_of_the_page(
    client: Client, operator: User, engine: ScriptedEngine
) -> None:
    words = next(commands(REST))
    response = made(client, operator, words)
    names = ", ".join(rows(REST, "## Answer")) + REST.read_text()
    for name in ("SmtpCheck-Result", "Link", "Cache-Control", "Pragma", "Expires"):
        assert name in response
        assert f"`{name}`" in names
    result = response["SmtpCheck-Result"]
    assert response["Link"] == f'</api/v1/results/{result}/>; rel="describedby"'
    assert list(response.json()) == list(rows(REST, "## Answer"))


def test_every_error_that_we_answer_is_in_the_table() -> None:
    listed = {int(status): rest for status, rest in rows(REST, "## Errors").items()}
    assert set(listed) == set(map(int, exceptions._ERROR_TYPES))
    for status, error_type in exceptions._ERROR_TYPES.items():
        assert listed[HTTPStatus(status)].startswith(error_type)
