from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User

from smtpcheck.engine.redaction import Secret
from smtpcheck.models import PASSWORD as PASSWORD_KIND
from smtpcheck.models import AuditEntry, SmtpAccount, SmtpTestResult
from tests.api.callers import PASSWORD, allow
from tests.api.engines import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = "/api/v1/accounts/"
NEW = {
    "name": "News",
    "host": "mail.example.org",
    "port": 465,
    "security": "tls",
    "username": "ann",
    "password": "geheim:4711",
    "sender": "ann@example.org",
}
Call = Callable[..., Any]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    engine = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", engine)
    return engine


@pytest.fixture
def keeper(db: None) -> User:
    """A user who may do everything with accounts, and is no superuser."""
    user = User.objects.create_user("keeper", password=PASSWORD)
    names = ("view", "add", "change", "delete", "test")
    allow(user, *(f"{name}_smtpaccount" for name in names))
    return user


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("super", password=PASSWORD)


def saved(**columns: Any) -> SmtpAccount:
    account = SmtpAccount(**({"name": "Saved", "host": "mail.example.org"} | columns))
    account.username = columns.get("username", "ann")
    account.set_secret(PASSWORD_KIND, Secret("geheim:4711"))
    account.save()
    return account


def place_of(account: SmtpAccount) -> str:
    return f"{ACCOUNTS}{account.pk}/"


def test_an_account_is_made_and_its_secret_never_shown(call: Call, keeper: User) -> None:
    response = call(keeper, NEW, ACCOUNTS)
    assert response.status_code == 201
    assert response["Location"] == response.json()["url"]
    read = call(keeper, path=response["Location"], method="GET")
    for answer in (response, read):
        assert answer.json()["has_password"] is True
        assert answer.json()["state"]["verdict"] == "untested"
        assert b"geheim" not in answer.content
        assert not {"password", "client_key"} & set(answer.json())
    account = SmtpAccount.objects.get()
    secret = account.reveal_secret(PASSWORD_KIND)
    assert secret is not None
    assert secret.reveal() == "geheim:4711"


def test_what_is_left_out_stays_in_a_patch_and_becomes_as_usual_in_a_put(
    call: Call, keeper: User
) -> None:
    account = saved(sender="ann@example.org", port=2525)
    patched = call(keeper, {"name": "Other"}, place_of(account), method="PATCH").json()
    assert (patched["name"], patched["port"], patched["sender"]) == (
        "Other",
        2525,
        "ann@example.org",
    )
    assert patched["has_password"] is True
    put = call(
        keeper,
        {"name": "Put", "host": "mail.example.org", "port": 2525, "username": "ann"},
        place_of(account),
        method="PUT",
    ).json()
    assert (put["name"], put["sender"]) == ("Put", "")
    assert put["has_password"] is True
    assert put["notices"] == []


def test_another_destination_clears_the_password_and_the_answer_says_so(
    call: Call, keeper: User
) -> None:
    account = saved()
    answer = call(keeper, {"host": "evil.example.net"}, place_of(account), method="PATCH").json()
    assert answer["has_password"] is False
    assert "password was deleted" in answer["notices"][0]


def test_another_destination_with_its_own_password_keeps_that(call: Call, keeper: User) -> None:
    account = saved()
    change = {"host": "new.example.net", "password": "the new one"}
    answer = call(keeper, change, place_of(account), method="PATCH").json()
    assert answer["has_password"] is True
    assert answer["notices"] == []


def test_a_password_is_deleted_by_a_flag_of_its_own(call: Call, keeper: User) -> None:
    account = saved()
    answer = call(keeper, {"clear_password": True}, place_of(account), method="PATCH").json()
    assert answer["has_password"] is False


def test_a_deleted_account_is_gone_and_its_results_stay(call: Call, keeper: User) -> None:
    account = saved()
    SmtpTestResult.objects.create(
        account=account, account_name="Saved", goal="content", door="rest", verdict="works",
        started_at=account.created_at, finished_at=account.created_at,
    )  # fmt: skip
    assert call(keeper, path=place_of(account), method="DELETE").status_code == 204
    assert not SmtpAccount.objects.exists()
    assert SmtpTestResult.objects.get().account_name == "Saved"
    assert call(keeper, path=place_of(account), method="GET").status_code == 404


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"host": "https://mail.example.org"}, "host"),
        ({"host": ""}, "host"),
        ({"port": 0}, "port"),
        ({"port": 70000}, "port"),
        ({"port": "465"}, "port"),
        ({"name": 5}, "name"),
        ({"name": "Taken"}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"security": "ssl"}, "security"),
        ({"sender": "no address"}, "sender"),
        ({"pin": "abc"}, "pin"),
        ({"ca_bundle": "no certificate"}, "ca_bundle"),
        ({"ca_bundle": "-----BEGIN CERTIFICATE-----\nü"}, "ca_bundle"),
        ({"client_key": "no key"}, "client_key"),
        ({"proxy": "unknown"}, "proxy"),
        ({"team": 4711}, "team"),
        ({"password": ""}, "password"),
        ({"password": 5}, "password"),
        ({"password": "a\nb"}, "password"),
        ({"clear_password": "yes"}, "clear_password"),
        ({"clear_password": True}, "clear_password"),
    ],
    ids=str,
)
def test_what_cannot_be_is_named_by_its_member(
    call: Call, keeper: User, change: dict[str, Any], member: str
) -> None:
    saved(name="Taken", username="other")
    response = call(keeper, NEW | change, ACCOUNTS)
    assert response.status_code == 400
    assert response.json()["Message"].startswith(f"{member}: ")
    assert "geheim" not in response.json()["Message"]
    assert SmtpAccount.objects.count() == 1


def test_the_same_login_is_saved_once(call: Call, keeper: User) -> None:
    call(keeper, NEW, ACCOUNTS)
    response = call(keeper, NEW | {"name": "Again"}, ACCOUNTS)
    assert response.status_code == 400
    assert "There is an account for this host, port and user already" in response.json()["Message"]


def test_a_body_that_is_no_object_is_refused(call: Call, keeper: User) -> None:
    assert call(keeper, ["News"], ACCOUNTS).status_code == 400


@pytest.mark.parametrize(
    ("method", "right"),
    [
        ("GET", "view_smtpaccount"),
        ("PUT", "change_smtpaccount"),
        ("PATCH", "change_smtpaccount"),
        ("DELETE", "delete_smtpaccount"),
    ],
)
def test_each_method_has_its_right(call: Call, stranger: User, method: str, right: str) -> None:
    place = place_of(saved())
    change = {"name": "Put", "host": "mail.example.org"}
    assert call(stranger, change, place, method=method).status_code == 403
    allow(stranger, right)
    assert call(stranger, change, place, method=method).status_code in {200, 204}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
def test_the_account_of_another_team_does_not_exist(
    call: Call, keeper: User, engine: ScriptedEngine, method: str
) -> None:
    account = saved(team=Group.objects.create(name="others"))
    place = place_of(account) + ("test/" if method == "POST" else "")
    there = call(keeper, {"name": "Mine"}, place, method=method)
    nowhere = call(
        keeper, {"name": "Mine"}, place.replace(str(account.pk), str(uuid4())), method=method
    )
    assert there.status_code == nowhere.status_code == 404
    assert there.json() == nowhere.json()
    assert call(keeper, path=ACCOUNTS, method="GET").json()["results"] == []
    assert SmtpAccount.objects.filter(pk=account.pk, name="Saved").exists()


def test_a_new_account_belongs_to_the_team_of_whoever_makes_it(call: Call, keeper: User) -> None:
    team = Group.objects.create(name="ours")
    keeper.groups.add(team)
    assert call(keeper, NEW, ACCOUNTS).json()["team"] == team.pk


def test_who_has_several_teams_names_one_of_them(call: Call, keeper: User) -> None:
    ours, other = (Group.objects.create(name=name) for name in ("ours", "other"))
    keeper.groups.add(ours, other)
    assert call(keeper, NEW, ACCOUNTS).json()["Message"].startswith("team: ")
    assert call(keeper, NEW | {"team": other.pk}, ACCOUNTS).json()["team"] == other.pk


def test_only_a_superuser_gives_an_account_to_another_team(
    call: Call, keeper: User, superuser: User
) -> None:
    ours, other = (Group.objects.create(name=name) for name in ("ours", "other"))
    keeper.groups.add(ours, other)
    place = place_of(saved(team=ours))
    for team in (other.pk, None):
        assert call(keeper, {"team": team}, place, method="PATCH").status_code == 400
    assert call(keeper, {"team": ours.pk}, place, method="PATCH").status_code == 200
    assert call(superuser, {"team": other.pk}, place, method="PATCH").json()["team"] == other.pk
    assert call(superuser, {"team": None}, place, method="PATCH").json()["team"] is None


def test_what_the_policy_allows_an_account_takes_a_right_of_its_own(
    call: Call, keeper: User
) -> None:
    place = place_of(saved())
    entry = {"policy_entries": "10.1.0.0/16:25,587"}
    assert call(keeper, entry, place, method="PATCH").status_code == 403
    assert "policy_entries" not in call(keeper, path=place, method="GET").json()
    allow(keeper, "set_policy")
    assert (
        call(keeper, entry, place, method="PATCH").json() | entry
        == call(keeper, path=place, method="GET").json()
    )
    moved = call(keeper, {"host": "other.example.org"}, place, method="PATCH").json()
    assert moved["policy_entries"] == ""
    assert any("networks and ports" in notice for notice in moved["notices"])


def test_every_change_is_written_down(call: Call, keeper: User) -> None:
    place = call(keeper, NEW, ACCOUNTS)["Location"]
    call(keeper, {"port": 2465}, place, method="PATCH")
    call(keeper, path=place, method="DELETE")
    entries = list(AuditEntry.objects.values_list("action", "actor_name", "door"))
    assert sorted(action for action, *_rest in entries) == [
        "changed", "created", "deleted", "secret-cleared", "secret-set",
    ]  # fmt: skip
    assert {tuple(rest) for _action, *rest in entries} == {("keeper", "rest")}
    assert "geheim" not in str(list(AuditEntry.objects.values()))


def test_the_list_comes_in_pages(call: Call, keeper: User) -> None:
    for number in range(5):
        saved(name=f"Account {number}", username=f"user{number}")
    names: list[str] = []
    place = f"{ACCOUNTS}?page_size=2"
    while place:
        page = call(keeper, path=place.removeprefix("http://testserver"), method="GET").json()
        names += [account["name"] for account in page["results"]]
        place = page["next"]
    assert names == [f"Account {number}" for number in range(5)]


def test_a_list_costs_the_same_queries_however_long_it_is(
    call: Call, keeper: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        saved(name=f"Account {number}", username=f"user{number}")
    with django_assert_max_num_queries(20):
        assert len(call(keeper, path=ACCOUNTS, method="GET").json()["results"]) == 30


# --- Testing --------------------------------------------------------------------------------------


def test_an_account_is_tested_by_its_id(call: Call, keeper: User, engine: ScriptedEngine) -> None:
    account = saved(sender="ann@example.org")
    response = call(keeper, path=place_of(account) + "test/")
    assert response.status_code == 200
    assert response.json()["verdict"] == "works"
    assert response.json()["account"] == {"id": str(account.pk), "name": "Saved"}
    assert response["SmtpCheck-Result"] == response.json()["id"]
    assert engine.plans[0].credentials.password.reveal() == "geheim:4711"
    assert b"geheim" not in response.content


def test_a_test_needs_no_body(call: Call, keeper: User, engine: ScriptedEngine) -> None:
    place = place_of(saved(sender="ann@example.org")) + "test/"
    assert call(keeper, "", place, content_type="").status_code == 200


def test_a_test_may_go_less_far(call: Call, keeper: User, engine: ScriptedEngine) -> None:
    place = place_of(saved(sender="ann@example.org")) + "test/"
    answer = call(keeper, {"goal": "login"}, place).json()
    assert (answer["asked"]["goal"], answer["success"]) == ("login", False)
    refused = call(keeper, {"goal": "everything"}, place)
    assert refused.status_code == 400
    assert refused.json()["Message"].startswith("goal: ")


def test_who_may_only_look_may_not_test(call: Call, stranger: User) -> None:
    allow(stranger, "view_smtpaccount", "change_smtpaccount")
    assert call(stranger, path=place_of(saved()) + "test/").status_code == 403
