"""A marked secret in every field that can hold one; then everything that is kept is searched.

In one process, so that its memory, cache and log records can be searched too; the same promise for
served processes is in test_secrets.py.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import io
import json
import logging
import pickle
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.cache import cache, caches
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from smtpcheck.conf import conf
from smtpcheck.crypto import key_ring
from smtpcheck.engine.evidence import plain
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal
from smtpcheck.engine.uri import parse_uri
from smtpcheck.management.commands.test_smtp import Command
from smtpcheck.models import PASSWORD, AccessToken, Door, SmtpAccount, SmtpTestResult
from smtpcheck.sandbox import Authority
from smtpcheck.services.asking import Caller, TargetRequest, ask_account
from smtpcheck.services.proxies import configured_proxies
from tests.end_to_end.traces import traces
from tests.engine.trials import plan_for, tried
from tests.peers.honest import STAGES, until
from tests.peers.honest import honest as honest_script
from tests.peers.proxies import forwarding
from tests.peers.scripted import Client as Connection
from tests.peers.scripted import Script, ScriptedPeer

pytestmark = pytest.mark.django_db(transaction=True)

Repeating = Callable[..., list[ScriptedPeer]]

CALL: Final = "/api/v1/Agents/CustomerService/TestSmtpServer"
TICKETS: Final = "/api/v1/tickets/"
USERNAME: Final = "ann@sandbox.example"
SENDER: Final = "control4711@sandbox.example"  # no secret: the search has to find it

# What each secret is; of a stored one nothing but its mark is looked for, in every spelling.
STORED = "St0redPassw0rd4711@:/%ö"
TYPED = "TypedPassw0rd4712+&= ü"
OF_PROXY = "Pr0xyPassw0rd4713"
OF_CALLER = "Ca11erPassw0rd4714"
APP_TOKEN = "AppT0ken4715appT0ken"
MARKS = {
    "stored password": "St0redPassw0rd4711",
    "typed password": "TypedPassw0rd4712",
    "password of the proxy": OF_PROXY,
    "password of the caller": OF_CALLER,
    "application token": APP_TOKEN,
}


@dataclass
class Traces:
    """Everything that was told or kept, by where, and the marks of what must not be in it."""

    marks: dict[str, str]
    places: dict[str, list[bytes]] = field(default_factory=dict)

    def add(self, place: str, *texts: object) -> None:
        """Keep what a place showed; bytes as they are, anything else as its text."""
        told = [text if isinstance(text, bytes) else str(text).encode() for text in texts]
        self.places.setdefault(place, []).extend(told)

    def answer(self, place: str, response: Any) -> Any:
        """Keep a whole answer, and hand it on."""
        self.add(place, repr(response.items()), response.content)
        return response

    def found(self, **marks: str) -> dict[tuple[str, str], list[str]]:
        """The spellings of each mark by the place; nothing where there are none."""
        found = {
            (name, place): traces(*texts, mark=mark)
            for name, mark in (marks or self.marks).items()
            for place, texts in self.places.items()
        }
        return {where: spellings for where, spellings in found.items() if spellings}


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """All log records of every logger at DEBUG level, with everything they carry but a request."""
    with caplog.at_level(logging.DEBUG):
        for name in ("django", "asyncio", "smtpcheck"):
            caplog.set_level(logging.DEBUG, logger=name)

        def told() -> str:
            carried = [
                {name: value for name, value in vars(record).items() if name != "request"}
                for record in caplog.records
            ]
            return caplog.text + repr(carried)

        yield told


@pytest.fixture
def client_key(authority: Authority) -> tuple[str, str]:
    """A client certificate and its private key, as PEM."""
    issued = authority.issue(USERNAME)
    return issued.pem.decode(), issued.key_pem.decode()


@pytest.fixture
def repeating(server_context: ssl.SSLContext) -> Iterator[Repeating]:
    """Starts servers that repeat the secrets of a test, each at another stage."""
    with ExitStack() as stack:

        def start(*secrets: str) -> list[ScriptedPeer]:
            scripts = [
                until(stage, repeat(*secrets), tls=server_context, capabilities=(f"AUTH {way}",))
                for stage in STAGES
                for way in (("PLAIN", "LOGIN") if stage == "auth" else ("PLAIN",))
            ]
            return [stack.enter_context(ScriptedPeer(script)) for script in scripts]

        yield start


def repeat(*secrets: str) -> Script:
    """A script that says secrets in every spelling, in one reply after the other."""

    def say(client: Connection) -> None:
        for secret in secrets:
            raw = secret.encode()
            for code in ("220", "250", "535", "550"):
                for line in spelled(raw):
                    client.send(f"{code}-{line}")
                client.send(f"{code} {raw.hex()}")

    return say


def spelled(raw: bytes) -> list[str]:
    """A secret as a server may give it back, also in two pieces, as AUTH LOGIN breaks lines."""
    encoded = base64.b64encode(raw).decode()
    plain_login = base64.b64encode(b"\0" + USERNAME.encode() + b"\0" + raw).decode()
    half = len(encoded) // 2
    return [
        raw.decode(),
        encoded,
        plain_login,
        base64.b64encode(b"x" + raw).decode(),
        encoded[:half],
        encoded[half:],
        quote(raw),
        raw.hex(" "),
    ]


def basic() -> str:
    return "Basic " + base64.b64encode(f"caller:{OF_CALLER}".encode()).decode()


@pytest.fixture
def caller(settings: Settings, authority: Authority) -> User:
    """An administrator who calls REST too, where any port of this machine may be tested."""
    cache.clear()
    settings.SMTPCHECK = settings.SMTPCHECK | {
        "POLICY": ("127.0.0.1/32:*",),
        "EXTRA_CA_FILE": str(authority.ca_file),
        "APP_TOKENS": (APP_TOKEN,),
        "REFUSED_LOGINS_PER_WINDOW": 1000,
        "REST_BUDGET_SECONDS": 2.0,
        "ADMIN_BUDGET_SECONDS": 2.0,
        "COMMAND_BUDGET_SECONDS": 2.0,
    }
    return User.objects.create_superuser("caller", password=OF_CALLER)


def account_at(server: ScriptedPeer, **fields: Any) -> SmtpAccount:
    made = SmtpAccount(
        name=f"At {server.port}",
        host="127.0.0.1",
        port=server.port,
        security="starttls",
        username=USERNAME,
        sender=SENDER,
        **fields,
    )
    made.set_secret(PASSWORD, Secret(STORED))
    made.save()
    return made


def test_no_secret_is_left_anywhere(
    caller: User,
    records: Callable[[], str],
    repeating: Repeating,
    client_key: tuple[str, str],
    settings: Settings,
) -> None:
    certificate, key = client_key
    seen = Traces(MARKS | {"client key": key.splitlines()[2]})
    with forwarding("http", ("proxyuser", OF_PROXY)) as proxy:
        entry = proxy.entry().replace("://", f"://proxyuser:{OF_PROXY}@")
        settings.SMTPCHECK = settings.SMTPCHECK | {"PROXIES": (entry,)}
        browser = Client()
        browser.force_login(caller)
        for server in repeating(STORED):
            made = account_at(server)
            call_rest(seen, server, "", UseStoredPassword=True)
            press_test_now(seen, browser, made)
            run_command(seen, "--account", made.name)
        for server in repeating(TYPED):
            call_rest(seen, server, f":{quote(TYPED, safe='')}")
        for server in repeating(STORED, OF_PROXY):
            press_test_now(seen, browser, account_at(server, proxy="office"))
        assert len(proxy.logins) >= len(STAGES)
        fill_in_forms(seen, browser, certificate, key)
        save_by_rest(seen, certificate, key)
    use_tokens(seen, browser)
    look_around(seen, browser)
    seen.add("log", records())
    assert {"auth", "mail", "rcpt", "content"} <= set(
        SmtpTestResult.objects.values_list("stage", flat=True)
    )
    assert not SmtpTestResult.objects.filter(diagnosis_id="tool.internal-error")

    assert seen.found() == {}
    shown = seen.found(control="control4711")
    assert {"REST", "result page", "tables", "dumpdata"} <= {place for _, place in shown}


def call_rest(seen: Traces, server: ScriptedPeer, password: str, **members: object) -> None:
    """The call, and the result that its answer points to."""
    client = Client(headers={"Authorization": basic()})
    user = quote(USERNAME, safe="")
    uri = f"smtp://{user}{password}@127.0.0.1:{server.port}?starttls=always"
    body = json.dumps({"SmtpUri": uri, "From": SENDER} | members)
    answer = client.post(CALL, body, content_type="application/json")
    assert answer.status_code == 200
    seen.answer("REST", answer)
    path = f"/api/v1/results/{answer['SmtpCheck-Result']}/"
    seen.answer("REST", client.get(path))
    seen.answer("REST", client.get(path, headers={"Accept": "application/xml"}))


def press_test_now(seen: Traces, browser: Client, account: SmtpAccount) -> None:
    address = reverse("admin:smtpcheck_smtpaccount_test", args=[account.pk])
    answer = seen.answer("admin", browser.post(address))
    assert answer.status_code == 302
    assert seen.answer("result page", browser.get(answer["Location"])).status_code == 200


def run_command(seen: Traces, *arguments: str) -> None:
    for how in ((), ("--json",)):
        out, err = io.StringIO(), io.StringIO()
        command = Command(stdout=out, stderr=err)
        with contextlib.suppress(SystemExit):
            command.run_from_argv(["manage.py", "test_smtp", *arguments, *how])
        seen.add("command", out.getvalue(), err.getvalue())


def fill_in_forms(seen: Traces, browser: Client, certificate: str, key: str) -> None:
    """Save, change and fail to save an account with a secret in every field."""
    add = reverse("admin:smtpcheck_smtpaccount_add")
    fields = {
        "name": "Typed",
        "host": "typed.example.org",
        "port": "465",
        "security": "tls",
        "username": USERNAME,
        "sender": SENDER,
        "goal": "content",
        "password": STORED,
        "client_certificate": certificate,
        "client_key": key,
    }
    uri = f"smtps://{quote(USERNAME, safe='')}:{quote(TYPED, safe='')}@pasted.example.org"
    for wrong in (
        {"sender": "none"},
        {"host": uri},
        {"uri": f"{uri}/path"},
        {"ca_bundle": key},
        {"client_certificate": certificate + key},
    ):
        page = seen.answer("form", browser.post(add, fields | wrong))
        assert page.status_code == 200
    assert seen.answer("form", browser.post(add, fields)).status_code == 302
    made = SmtpAccount.objects.get(name="Typed")
    page = reverse("admin:smtpcheck_smtpaccount_change", args=[made.pk])
    pasted = fields | {"uri": uri, "password": "", "host": "", "client_key": ""}
    assert seen.answer("form", browser.post(page, pasted)).status_code == 302
    again = fields | {"host": "pasted.example.org", "port": "465", "password": STORED}
    assert seen.answer("form", browser.post(page, again)).status_code == 302
    seen.answer("form", browser.get(page))
    history = reverse("admin:smtpcheck_smtpaccount_history", args=[made.pk])
    seen.answer("history", browser.get(history))
    assert LogEntry.objects.filter(object_id=str(made.pk)).count() >= 3
    assert fresh_key(made) == key.strip()


def save_by_rest(seen: Traces, certificate: str, key: str) -> None:
    """Make, read, change and fail to change an account as a program does."""
    client = Client(headers={"Authorization": basic()})
    fields = {
        "name": "By REST",
        "host": "rest.example.org",
        "username": USERNAME,
        "sender": SENDER,
        "password": STORED,
        "client_certificate": certificate,
        "client_key": key,
    }
    accounts = "/api/v1/accounts/"

    def send(method: str, path: str, values: object) -> Any:
        body = json.dumps(values)
        return seen.answer(
            "REST accounts", client.generic(method, path, body, content_type="application/json")
        )

    for wrong in ({"port": "x"}, {"sender": "none"}, {"host": f"u:{TYPED}@h"}, {"ca_bundle": key}):
        assert send("POST", accounts, fields | wrong).status_code == 400
    made = send("POST", accounts, fields)
    assert made.status_code == 201, made.content
    path = made.json()["url"]
    assert send("PATCH", path, {"host": "other.example.org"}).status_code == 200
    assert send("PATCH", path, {"password": TYPED, "client_key": key}).status_code == 200
    seen.answer("REST accounts", client.get(path))
    seen.answer("REST accounts", client.get(accounts))


def fresh_key(made: SmtpAccount) -> str:
    secret = SmtpAccount.objects.get(pk=made.pk).reveal_secret("client_key")
    assert secret is not None
    return secret.reveal().replace("\r\n", "\n")


def use_tokens(seen: Traces, browser: Client) -> None:
    """Call with a token and with a ticket; the answer that issues one is the one place it is in."""
    client = Client()
    owner = User.objects.get(username="caller")
    fields = {"owner": owner.pk, "label": "billing", "expires_at_0": "", "expires_at_1": ""}
    page = browser.post(reverse("admin:smtpcheck_accesstoken_add"), fields)
    bearer = str(page.context["text"])
    assert bearer in page.content.decode()
    headers = {"Authorization": basic(), "SO-AppToken": APP_TOKEN}
    issued = client.post(TICKETS, headers=headers)
    assert issued.status_code == 201
    ticket = issued.json()["Ticket"]
    seen.marks |= {"token": bearer[9:], "ticket": ticket[9:]}
    body = json.dumps({"SmtpUri": "smtps://127.0.0.1:70000", "From": SENDER})
    for authorization in (f"Bearer {bearer}", f"SoTicket {ticket}", f"Bearer {bearer}x"):
        headers = {"Authorization": authorization, "SO-AppToken": APP_TOKEN}
        answer = client.post(CALL, body, content_type="application/json", headers=headers)
        assert answer.status_code == (401 if authorization.endswith("x") else 200)
        seen.answer("REST", answer)
    token = AccessToken.objects.get(label="billing")
    seen.add("objects", repr(token), str(token), repr(vars(token)))


def look_around(seen: Traces, browser: Client) -> None:
    """Every list and page of the admin, every table, a dump, the cache, and the models."""
    for name in ("smtpaccount", "smtptestresult", "accesstoken", "auditentry"):
        address = reverse(f"admin:smtpcheck_{name}_changelist")
        assert seen.answer("lists", browser.get(address)).status_code == 200
    seen.answer("lists", browser.get(reverse("admin:index")))
    for model in apps.get_models(include_auto_created=True):
        for made in model._default_manager.all():
            seen.add("objects", repr(made), str(made), repr(vars(made)))
            seen.add("pickles", pickle.dumps(made))
            if model not in (AccessToken, SmtpAccount):
                copy.deepcopy(made)
        seen.add("tables", *map(repr, model._default_manager.values_list()))
    dumped = io.StringIO()
    call_command("dumpdata", stdout=dumped)
    seen.add("dumpdata", dumped.getvalue())
    in_memory: Any = caches["default"]
    seen.add("cache", *in_memory._cache.values())


# --- Error pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_debug", [True, False], ids=["DEBUG", "no DEBUG"])
def test_an_error_page_and_its_log_show_no_secret(
    caller: User,
    records: Callable[[], str],
    client_key: tuple[str, str],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_debug: bool,
) -> None:
    certificate, key = client_key
    seen = Traces(MARKS | {"client key": key.splitlines()[2]})
    settings.DEBUG = is_debug
    settings.SMTPCHECK = settings.SMTPCHECK | {
        "PROXIES": (f"office=http://u:{OF_PROXY}@127.0.0.1:9",)
    }

    def crash(*values: object, **named: object) -> object:
        held = [STORED, TYPED, key, values, named]  # variables of a frame, as any code has them
        raise RuntimeError(f"crashed with {len(held)} values")

    browser = Client(raise_request_exception=False)
    browser.force_login(caller)
    fields = {"name": "Typed", "password": STORED, "client_key": key, "uri": f"smtp://u:{TYPED}@h"}
    with monkeypatch.context() as patch:
        patch.setattr(SmtpAccount, "full_clean", crash)
        page = browser.post(
            reverse("admin:smtpcheck_smtpaccount_add"),
            fields | {"client_certificate": certificate},
            headers={"Authorization": basic(), "SO-AppToken": APP_TOKEN},
        )
    assert page.status_code == 500
    assert (b"crashed with" in page.content) is is_debug
    seen.answer("error page", page)

    with monkeypatch.context() as patch:
        patch.setattr("smtpcheck.services.asking.parse_uri", crash)
        body = json.dumps({"SmtpUri": f"smtps://ann:{TYPED}@127.0.0.1", "From": SENDER})
        headers = {"Authorization": basic(), "SO-AppToken": APP_TOKEN}
        answer = browser.post(CALL, body, content_type="application/json", headers=headers)
    assert answer.status_code == 500
    seen.answer("REST", answer)

    with monkeypatch.context() as patch:
        patch.setattr("smtpcheck.engine.check", crash)
        answer = browser.post(CALL, body, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    assert SmtpTestResult.objects.get().diagnosis_id == "tool.internal-error"
    seen.answer("REST", answer)
    for made in SmtpTestResult.objects.values():
        seen.add("tables", made)

    seen.add("log", records())
    assert "crashed with" in records()
    assert seen.found() == {}


# --- Objects --------------------------------------------------------------------------------------


@pytest.fixture
def objects(
    caller: User, authority: Authority, settings: Settings, server_context: ssl.SSLContext
) -> dict[str, Any]:
    """Everything that holds a secret while it is used."""
    settings.SMTPCHECK = settings.SMTPCHECK | {
        "PROXIES": (f"office=http://u:{OF_PROXY}@127.0.0.1:9",)
    }
    uri = f"smtps://ann:{quote(TYPED, safe='')}@127.0.0.1:1"
    plan = plan_for(1, password=STORED, trusted=authority)
    with ScriptedPeer(until("auth", repeat(STORED), tls=server_context)) as server:
        report = tried(plan_for(server.port, password=STORED, trusted=authority))
    with ScriptedPeer(honest_script()) as server:
        saved = account_at(server)
    unsaved = SmtpAccount(name="Unsaved", host="unsaved.example.org")
    unsaved.set_secret(PASSWORD, Secret(STORED))
    return {
        "secret": Secret(STORED),
        "URI": parse_uri(uri),
        "request": TargetRequest(uri=uri, sender=SENDER),
        "asked": ask_account(saved, Caller(user=None, door=Door.COMMAND), Goal.LOGIN),
        "plan": plan,
        "report": report,
        "report as plain values": plain(report),
        "proxies": configured_proxies(),
        "settings": conf(),
        "key ring": key_ring(),
        "account": saved,
        "account that is not saved": unsaved,
        "token": AccessToken.objects.issue(caller),
    }


def test_nothing_that_holds_a_secret_shows_it(objects: dict[str, Any]) -> None:
    marks = MARKS | {
        "encryption key": conf().ENCRYPTION_KEYS.partition(":")[2],
        "token": objects["token"].issued_text[9:],
    }
    seen = Traces(marks)
    for name, made in objects.items():
        seen.add(name, repr(made), str(made), f"{made}", f"{made!r}")
    assert seen.found() == {}


def test_nothing_that_holds_a_secret_can_be_pickled_with_it(objects: dict[str, Any]) -> None:
    whole = {"report", "report as plain values", "account", "token"}
    marks = MARKS | {
        "encryption key": conf().ENCRYPTION_KEYS.partition(":")[2],
        "key octets": key_ring().keys["k1"].decode("latin-1"),
        "token": objects["token"].issued_text[9:],
    }
    seen = Traces(marks)
    for name in whole:
        seen.add(name, pickle.dumps(objects[name]))
    for name in objects.keys() - whole:
        with pytest.raises(TypeError) as caught:
            pickle.dumps(objects[name])
        seen.add(name, caught.value)
    assert seen.found() == {}
