"""Every door as every kind of person against every kind of object, from one table.

A new address has to be put into the table: a test fails until it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from smtpcheck.models import AccessToken, AuditEntry, Door, SmtpAccount, SmtpTestResult
from smtpcheck.services import Caller, auditing
from tests.admin.pages import fields_of
from tests.models.accounts import account
from tests.models.results import result
from tests.services.scripted import ScriptedEngine

# Each kind of person, by the letter under which the table has it: groups, and rights besides.
PEOPLE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "a": ((), ()),  # anonymous: nobody is logged in
    "n": ((), ()),  # no rights at all
    "v": (("viewer", "Sales"), ()),
    "o": (("operator", "Sales"), ()),
    "d": (("administrator", "Sales"), ()),
    "s": ((), ()),  # superuser
    "i": (("administrator", "Sales"), ()),  # inactive
    "t": (("operator", "Support"), ()),  # operator of the other team
    "f": ((), ("test_any_target",)),  # free targets and nothing else
}
# The objects: of the team Sales, of the team Support, of no team.
OBJECTS = ("sales", "support", "nobodys")


@dataclass
class World:
    """The objects of one trial, and a browser of each kind of person."""

    accounts: dict[str, SmtpAccount]
    results: dict[str, SmtpTestResult]
    entries: dict[str, AuditEntry]
    clients: dict[str, Client]
    token: AccessToken
    engine: ScriptedEngine


# Does something at a door to an object and says whether it was let.
Deed = Callable[[World, Client, str], bool]


@dataclass(frozen=True)
class Trial:
    """A door, what is tried there, and who may: by object, or once where there is no object."""

    route: str
    deed: Deed
    may: dict[str, str]
    is_test: bool = False


# --- What is tried --------------------------------------------------------------------------------


def address(route: str, *args: object) -> str:
    return reverse(route, args=args)


def opens(route: str, key: Callable[[World, str], object] | None = None) -> Deed:
    """The page or document is there."""

    def deed(world: World, client: Client, which: str) -> bool:
        args = (key(world, which),) if key else ()
        return client.get(address(route, *args)).status_code == 200

    return deed


def lists(route: str) -> Deed:
    """The object's name stands on the page."""

    def deed(world: World, client: Client, which: str) -> bool:
        page = client.get(address(route))
        return page.status_code == 200 and f"account of {which}" in page.content.decode()

    return deed


def account_of(world: World, which: str) -> object:
    return world.accounts[which].pk


def result_of(world: World, which: str) -> object:
    return world.results[which].pk


def entry_of(world: World, which: str) -> object:
    return world.entries[which].pk


def token_of(world: World, _which: str) -> object:
    return world.token.pk


def adds_account(world: World, client: Client, _which: str) -> bool:
    client.post(address("admin:smtpcheck_smtpaccount_add"), fields_of(name="new"))
    return SmtpAccount.objects.filter(name="new").exists()


def changes_account(world: World, client: Client, which: str) -> bool:
    made = world.accounts[which]
    page = address("admin:smtpcheck_smtpaccount_change", made.pk)
    typed = fields_of(made, name="renamed", team=made.team_id or "")
    client.post(page, typed)
    return SmtpAccount.objects.get(pk=made.pk).name == "renamed"


def sets_policy(world: World, client: Client, which: str) -> bool:
    made = world.accounts[which]
    page = address("admin:smtpcheck_smtpaccount_change", made.pk)
    client.post(page, fields_of(made, policy_entries="10.0.0.1:587", team=made.team_id or ""))
    return bool(SmtpAccount.objects.get(pk=made.pk).allowed_entries())


def deletes_account(world: World, client: Client, which: str) -> bool:
    pk = world.accounts[which].pk
    client.post(address("admin:smtpcheck_smtpaccount_delete", pk), {"post": "yes"})
    return not SmtpAccount.objects.filter(pk=pk).exists()


def deletes_selected(world: World, client: Client, which: str) -> bool:
    pk = world.accounts[which].pk
    chosen = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    client.post(address("admin:smtpcheck_smtpaccount_changelist"), chosen)
    return not SmtpAccount.objects.filter(pk=pk).exists()


def asks_for_test(world: World, client: Client, which: str) -> bool:
    return has_tested(world, lambda: client.post(page_of_test(world, which)))


def page_of_test(world: World, which: str) -> str:
    return address("admin:smtpcheck_smtpaccount_test", world.accounts[which].pk)


def asks_for_tests(world: World, client: Client, which: str) -> bool:
    chosen = {"action": "test_selected", "_selected_action": [world.accounts[which].pk]}
    page = address("admin:smtpcheck_smtpaccount_changelist")
    return has_tested(world, lambda: client.post(page, chosen))


def has_tested(world: World, ask: Callable[[], object]) -> bool:
    before = len(world.engine.plans)
    ask()
    return len(world.engine.plans) > before


def exports(world: World, client: Client, which: str) -> bool:
    chosen = {"action": "export_as_csv", "_selected_action": [world.results[which].pk]}
    page = client.post(address("admin:smtpcheck_smtptestresult_changelist"), chosen)
    return page.status_code == 200 and f"account of {which}" in _content(page)


def _content(page: Any) -> str:
    content = b"".join(page.streaming_content) if page.streaming else page.content
    return str(content.decode())


def posts(route: str, body: object, key: Callable[[World, str], object] | None = None) -> Deed:
    """The API takes the call."""

    def deed(world: World, client: Client, which: str) -> bool:
        args = (key(world, which),) if key else ()
        answer = client.post(address(route, *args), body, content_type="application/json")
        return answer.status_code in {200, 201, 204}

    return deed


def calls(**members: object) -> Deed:
    """The call tests the object's account with its stored password."""

    def deed(world: World, client: Client, which: str) -> bool:
        made = world.accounts[which]
        uri = f"smtp://{quote(made.username)}@{made.host}:{made.port}"
        body = json.dumps({"SmtpUri": uri, "UseStoredPassword": True} | members)
        page = address("api:test-smtp-server")
        return has_tested(world, lambda: client.post(page, body, content_type="application/json"))

    return deed


def calls_free_target(world: World, client: Client, _which: str) -> bool:
    body = json.dumps({"SmtpUri": "smtp://free.example.org", "From": "a@example.org"})
    page = address("api:test-smtp-server")
    return has_tested(world, lambda: client.post(page, body, content_type="application/json"))


def calls_test(world: World, client: Client, which: str) -> bool:
    page = address("api:account-test", world.accounts[which].pk)
    return has_tested(world, lambda: client.post(page, "{}", content_type="application/json"))


def patches(world: World, client: Client, which: str) -> bool:
    pk = world.accounts[which].pk
    client.patch(address("api:account", pk), {"name": "renamed"}, content_type="application/json")
    return SmtpAccount.objects.get(pk=pk).name == "renamed"


def rest_deletes(world: World, client: Client, which: str) -> bool:
    pk = world.accounts[which].pk
    client.delete(address("api:account", pk))
    return not SmtpAccount.objects.filter(pk=pk).exists()


def issues_token(world: World, client: Client, _which: str) -> bool:
    before = AccessToken.objects.count()
    typed = {"label": "x", "owner": world.token.owner_id, "expires_at_0": "", "expires_at_1": ""}
    client.post(address("admin:smtpcheck_accesstoken_add"), typed)
    return AccessToken.objects.count() > before


def revokes_token(world: World, client: Client, _which: str) -> bool:
    chosen = {"action": "revoke", "_selected_action": [world.token.pk]}
    client.post(address("admin:smtpcheck_accesstoken_changelist"), chosen)
    return AccessToken.objects.get(pk=world.token.pk).revoked_at is not None


# --- Who may --------------------------------------------------------------------------------------


def each(sales: str, support: str, nobodys: str) -> dict[str, str]:
    return {"sales": sales, "support": support, "nobodys": nobodys}


def once(who: str) -> dict[str, str]:
    return {"sales": who}


STAFF = once("nvodstf")  # everybody who can log in
NOBODY = each("", "", "")
SEE = each("vods", "st", "vodst")
CHANGE = each("ods", "st", "odst")
ADMINISTER = each("ds", "s", "ds")

ACCOUNT, RESULT = "admin:smtpcheck_smtpaccount_", "admin:smtpcheck_smtptestresult_"
TOKEN, AUDIT = "admin:smtpcheck_accesstoken_", "admin:smtpcheck_auditentry_"

TRIALS = [
    Trial("admin:index", opens("admin:index"), STAFF),
    Trial(f"{ACCOUNT}changelist", lists(f"{ACCOUNT}changelist"), SEE),
    Trial(f"{ACCOUNT}changelist", deletes_selected, ADMINISTER),
    Trial(f"{ACCOUNT}changelist", asks_for_tests, CHANGE, is_test=True),
    Trial(f"{ACCOUNT}add", adds_account, once("odst")),
    Trial(f"{ACCOUNT}change", opens(f"{ACCOUNT}change", account_of), SEE),
    Trial(f"{ACCOUNT}change", changes_account, CHANGE),
    Trial(f"{ACCOUNT}change", sets_policy, ADMINISTER),
    Trial(f"{ACCOUNT}history", opens(f"{ACCOUNT}history", account_of), SEE),
    Trial(f"{ACCOUNT}delete", deletes_account, ADMINISTER),
    Trial(f"{ACCOUNT}test", asks_for_test, CHANGE, is_test=True),
    Trial(f"{RESULT}changelist", lists(f"{RESULT}changelist"), SEE),
    Trial(f"{RESULT}changelist", exports, SEE),
    Trial(f"{RESULT}change", opens(f"{RESULT}change", result_of), SEE),
    Trial(f"{RESULT}history", opens(f"{RESULT}history", result_of), SEE),
    Trial(f"{RESULT}add", opens(f"{RESULT}add"), once("")),
    Trial(f"{RESULT}delete", opens(f"{RESULT}delete", result_of), NOBODY),
    Trial(f"{AUDIT}changelist", lists(f"{AUDIT}changelist"), ADMINISTER),
    Trial(f"{AUDIT}change", opens(f"{AUDIT}change", entry_of), ADMINISTER),
    Trial(f"{AUDIT}history", opens(f"{AUDIT}history", entry_of), ADMINISTER),
    Trial(f"{AUDIT}add", opens(f"{AUDIT}add"), once("")),
    Trial(f"{AUDIT}delete", opens(f"{AUDIT}delete", entry_of), NOBODY),
    # The token is somebody else's.
    Trial(f"{TOKEN}changelist", opens(f"{TOKEN}changelist"), once("ds")),
    Trial(f"{TOKEN}changelist", revokes_token, once("s")),
    Trial(f"{TOKEN}add", issues_token, once("ds")),
    Trial(f"{TOKEN}change", opens(f"{TOKEN}change", token_of), once("s")),
    Trial(f"{TOKEN}history", opens(f"{TOKEN}history", token_of), once("s")),
    Trial(f"{TOKEN}delete", opens(f"{TOKEN}delete", token_of), once("")),
    *(
        Trial(f"admin:auth_{of}_{page}", opens(f"admin:auth_{of}_{page}"), once("s"))
        for of in ("user", "group")
        for page in ("changelist", "add")
    ),
    Trial("api:test-smtp-server", opens("api:test-smtp-server"), STAFF),
    Trial("api:test-smtp-server", calls(), CHANGE, is_test=True),
    # Its mail to somebody else: an account alone is not enough.
    Trial("api:test-smtp-server", calls(From="x@evil.example"), each(*"sss"), is_test=True),
    Trial("api:test-smtp-server", calls_free_target, once("sf"), is_test=True),
    Trial("api:accounts", lists("api:accounts"), SEE),
    Trial(
        "api:accounts",
        posts("api:accounts", {"name": "new", "host": "new.example.org"}),
        once("odst"),
    ),
    Trial("api:account", opens("api:account", account_of), SEE),
    Trial("api:account", patches, CHANGE),
    Trial("api:account", rest_deletes, ADMINISTER),
    Trial("api:account-test", calls_test, CHANGE, is_test=True),
    Trial("api:results", lists("api:results"), SEE),
    Trial("api:result", opens("api:result", result_of), SEE),
    Trial("api:tickets", posts("api:tickets", {}), STAFF),
]

# Addresses without anything of anybody's, and Django's own that its rights on users cover.
UNTRIED = {
    *("home", "health", "live", "ready", "admin:login", "admin:logout", "admin:jsi18n"),
    *("admin:password_change", "admin:password_change_done", "admin:app_list"),
    *("admin:autocomplete", "admin:view_on_site", "admin:auth_user_password_change"),
    *(f"admin:auth_{of}_{page}" for of in ("user", "group") for page in ("change", "history")),
    *(f"admin:auth_{of}_delete" for of in ("user", "group")),
    # What the API is and what diagnoses mean.
    *("api:root", "api:calls", "api:openapi", "api:swagger", "api:diagnoses", "api:diagnosis"),
}


# --- The trials -----------------------------------------------------------------------------------


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    cache.clear()
    engine = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", engine)
    teams = {name: Group.objects.create(name=name) for name in ("Sales", "Support")}
    of = {"sales": teams["Sales"], "support": teams["Support"], "nobodys": None}
    accounts = {
        which: account(name=f"account of {which}", host=f"{which}.example.org", team=team)
        for which, team in of.items()
    }
    results = {
        which: result(account=made, account_name=made.name) for which, made in accounts.items()
    }
    entries = {}
    for which, made in accounts.items():
        with auditing.deleting_account(Caller(user=None, door=Door.COMMAND), made):
            entries[which] = AuditEntry.objects.get(object_id=str(made.pk))
    owner = User.objects.create_user("owner of the token")
    token = AccessToken.objects.issue(owner, label="of somebody")
    clients = {letter: browser(letter) for letter in PEOPLE}
    yield World(accounts, results, entries, clients, token, engine)
    cache.clear()


def browser(letter: str) -> Client:
    client = Client()
    if letter == "a":
        return client
    groups, rights = PEOPLE[letter]
    user = User.objects.create_user(f"person {letter}", is_staff=True, is_superuser=letter == "s")
    user.groups.set(Group.objects.filter(name__in=groups))
    assert user.groups.count() == len(groups)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    if letter == "i":
        User.objects.filter(pk=user.pk).update(is_active=False)
    return client


def who_may(trial: Trial, world: World) -> dict[str, str]:
    """By object, the letters of those who were let; what they did is undone."""
    found = {}
    for which in trial.may:
        let = ""
        for letter, client in world.clients.items():
            if trial.is_test:
                let += letter * trial.deed(world, client, which)
                continue
            with transaction.atomic():
                let += letter * trial.deed(world, client, which)
                transaction.set_rollback(True)
        found[which] = "".join(sorted(let))
    return found


def expected(trial: Trial) -> dict[str, str]:
    return {which: "".join(sorted(letters)) for which, letters in trial.may.items()}


def title(trial: Trial) -> str:
    return f"{trial.route} {trial.deed.__qualname__.partition('.')[0]}"


@pytest.mark.parametrize("trial", [each for each in TRIALS if not each.is_test], ids=title)
def test_a_door_lets_in_whom_the_table_says(trial: Trial, world: World) -> None:
    assert who_may(trial, world) == expected(trial)


@pytest.mark.parametrize("trial", [each for each in TRIALS if each.is_test], ids=title)
@pytest.mark.django_db(transaction=True)
def test_a_door_tests_for_whom_the_table_says(trial: Trial, world: World) -> None:
    assert who_may(trial, world) == expected(trial)


@pytest.mark.django_db(transaction=True)
def test_the_command_is_for_whoever_holds_the_keys(world: World) -> None:
    with pytest.raises(CommandError, match="No team is named “Nowhere”"):
        call_command("test_smtp", "--all", "--team", "Nowhere", "--json")
    call_command("test_smtp", "--all", "--json")
    assert len(world.engine.plans) == len(OBJECTS)
    call_command("test_smtp", "--all", "--team", "Sales", "--json")
    assert len(world.engine.plans) == len(OBJECTS) + 1


def names_of(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield f"{namespace}{pattern.name}"
        else:
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from names_of(pattern, namespace + inner)


def test_every_address_is_in_the_table() -> None:
    tried = {trial.route for trial in TRIALS}
    assert set(names_of(get_resolver())) - tried - UNTRIED == set()


def test_every_address_of_the_table_exists() -> None:
    names = set(names_of(get_resolver()))
    assert {trial.route for trial in TRIALS} - names == set()
