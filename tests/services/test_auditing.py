from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from smtpcheck import services
from smtpcheck.engine.redaction import Secret
from smtpcheck.models import PASSWORD, AppendOnly, AuditEntry, Door, SmtpAccount, TokenKind
from smtpcheck.services import Caller, auditing
from tests.models.accounts import account
from tests.services.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db

MARKED = "marked-Secret-4711"


@pytest.fixture
def caller() -> Caller:
    return Caller(User.objects.create_user("ann"), Door.ADMIN)


def entries() -> list[tuple[str, str, str, str]]:
    return [
        (entry.actor_name, entry.action, entry.object_type, entry.object_name)
        for entry in AuditEntry.objects.order_by("at")
    ]


def actions() -> list[str]:
    return [action for _who, action, _kind, _name in entries()]


def save(caller: Caller, made: SmtpAccount, **changed: Any) -> None:
    for name, value in changed.items():
        setattr(made, name, value)
    with auditing.saving_account(caller, made):
        made.save()


def test_a_new_account_is_told_with_its_secret_and_without_its_value(caller: Caller) -> None:
    made = SmtpAccount(name="News", host="mail.example.org", username="ann@example.org")
    made.set_secret(PASSWORD, Secret(MARKED))
    save(caller, made)
    assert entries() == [
        ("ann", "created", "account", "News"),
        ("ann", "secret-set", "account", "News"),
    ]
    assert [entry.changes for entry in AuditEntry.objects.order_by("at")] == [
        {
            "name": ["", "News"],
            "host": ["", "mail.example.org"],
            "username": ["", "ann@example.org"],
        },
        {"password": None},
    ]


def test_a_change_is_told_from_old_to_new_and_the_secret_that_it_cleared(caller: Caller) -> None:
    save(caller, account(), host="other.example.org", port=465)
    changed, cleared = AuditEntry.objects.order_by("at")
    assert changed.changes == {
        "host": ["mail.example.org", "other.example.org"],
        "port": [587, 465],
    }
    assert (cleared.action, cleared.changes) == ("secret-cleared", {"password": None})


def test_saving_without_a_change_is_not_told(caller: Caller) -> None:
    save(caller, account())
    assert entries() == []


def test_of_a_long_text_only_its_name_is_kept(caller: Caller) -> None:
    bundle = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    save(caller, account(password=None), ca_bundle=bundle)
    assert AuditEntry.objects.get().changes == {"ca_bundle": None}


def test_a_save_that_fails_is_not_told(caller: Caller) -> None:
    made = account()
    made.port = 70_000
    with pytest.raises(IntegrityError):
        save(caller, made)
    assert entries() == []


def test_a_deleted_account_stays_in_the_audit_by_its_name(caller: Caller) -> None:
    made = account(team=Group.objects.create(name="Sales"))
    with auditing.deleting_account(caller, made):
        made.delete()
    assert entries() == [("ann", "deleted", "account", "News")]


def test_a_user_who_is_gone_stays_by_name(caller: Caller) -> None:
    save(caller, account(), port=25)
    User.objects.get(username="ann").delete()
    entry = AuditEntry.objects.order_by("at")[0]
    assert (entry.actor, entry.actor_name) == (None, "ann")


def test_tokens_are_told_and_never_their_text(caller: Caller) -> None:
    owner = User.objects.create_user("bob")
    token = services.issue_token(caller, owner, TokenKind.BEARER, label="billing")
    assert services.revoke_tokens(caller, [token]) == 1
    token.refresh_from_db()
    assert services.revoke_tokens(caller, [token]) == 0
    assert entries() == [
        ("ann", "token-issued", "token", "billing"),
        ("ann", "token-revoked", "token", "billing"),
    ]
    assert AuditEntry.objects.order_by("at")[0].changes == {"owner": "bob", "kind": "bearer"}
    assert not [entry for entry in AuditEntry.objects.values() if token.issued_text in str(entry)]


@pytest.mark.django_db(transaction=True)
def test_a_test_is_told_once_and_of_a_free_target_the_host_alone(
    engine: ScriptedEngine, caller: Caller
) -> None:
    root = Caller(User.objects.create_superuser("root"), Door.REST)
    services.test_account(account(), caller=root)
    uri = f"smtp://eve:{MARKED}@free.example.org"
    services.test_target(services.TargetRequest(uri, "eve@example.org"), caller=root)
    services.test_target(services.TargetRequest("not a uri", None), caller=root)
    assert entries() == [
        ("root", "tested", "account", "News"),
        ("root", "tested", "target", "free.example.org"),
        ("root", "tested", "target", ""),
    ]
    assert not [entry for entry in AuditEntry.objects.values() if MARKED in str(entry)]


@pytest.mark.django_db(transaction=True)
def test_a_test_that_may_not_run_now_is_told_once(
    engine: ScriptedEngine, settings: Settings
) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_HOST": 0}
    caller = Caller(user=User.objects.create_superuser("root"), door=Door.REST)
    row = services.test_account(account(), caller=caller)
    assert row.diagnosis_id == "tool.budget"
    assert entries() == [("root", "tested", "account", "News")]


@pytest.mark.django_db(transaction=True)
def test_the_schedule_is_told_by_its_results_alone(engine: ScriptedEngine) -> None:
    services.test_account(account(), caller=Caller(user=None, door=Door.SCHEDULE))
    assert entries() == []


# --- People ---


def test_logins_logouts_and_failures_are_told() -> None:
    User.objects.create_superuser("root", password="right and long")
    client, page = Client(), reverse("admin:login")
    client.post(page, {"username": "root", "password": "wrong"})
    client.post(page, {"username": MARKED, "password": "wrong"})
    client.post(page, {"username": "root", "password": "right and long"})
    client.post(reverse("admin:logout"))
    assert entries() == [
        ("", "login-failed", "user", "root"),
        ("", "login-failed", "user", ""),
        ("root", "logged-in", "user", "root"),
        ("root", "logged-out", "user", "root"),
    ]
    assert set(AuditEntry.objects.values_list("door", flat=True)) == {"admin"}


def test_what_a_superuser_does_to_rights_is_told() -> None:
    root = User.objects.create_superuser("root")
    client = Client()
    client.force_login(root)
    bob = User.objects.create_user("bob", password="x")
    group = Group.objects.get(name="operator")
    typed = {
        "username": "bob",
        "is_active": "on",
        "groups": [group.pk],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
    }
    page = reverse("admin:auth_user_change", args=[bob.pk])
    assert client.post(page, typed).status_code == 302
    assert client.post(page, typed).status_code == 302  # nothing changed
    client.post(reverse("admin:auth_user_delete", args=[bob.pk]), {"post": "yes"})
    assert actions() == ["logged-in", "rights-changed", "deleted"]
    entry = AuditEntry.objects.get(action="rights-changed")
    assert (entry.object_name, entry.changes) == ("bob", {"groups": [[], ["operator"]]})


def test_a_new_group_is_told_with_its_permissions() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    client.post(reverse("admin:auth_group_add"), {"name": "Sales"})
    entry = AuditEntry.objects.get(object_type="group")
    assert (entry.action, entry.object_name) == ("created", "Sales")


# --- Append-only ---


def test_an_entry_is_written_once(caller: Caller) -> None:
    save(caller, account(), port=25)
    entry = AuditEntry.objects.order_by("at")[0]
    entries_of_it = AuditEntry.objects.filter(pk=entry.pk)
    for attempt in (
        entry.save,
        entry.delete,
        entries_of_it.delete,
        lambda: entries_of_it.update(action="tested"),
        lambda: AuditEntry.objects.bulk_update([entry], ["action"]),
        lambda: AuditEntry.objects.update_or_create(pk=entry.pk, defaults={"action": "tested"}),
    ):
        with pytest.raises(AppendOnly), transaction.atomic():
            attempt()
    assert AuditEntry.objects.get(pk=entry.pk).action == "changed"


# --- Who sees what ---


def test_a_person_sees_own_doings_own_teams_and_what_is_everybodys() -> None:
    sales, support = (Group.objects.create(name=name) for name in ("Sales", "Support"))
    root = Caller(User.objects.create_superuser("root"), Door.ADMIN)
    for number, team in enumerate((sales, support, None)):
        made = account(name=f"a{number}", host=f"h{number}.example.org", team=team)
        save(root, made, port=25, username="", goal="login")
    auditing.keys_rotated(auditing.KEY_HOLDER, "k2", 3)
    ann = User.objects.create_user("ann")
    ann.groups.add(sales)
    services.issue_token(Caller(ann, Door.ADMIN), ann)
    seen = AuditEntry.objects.visible_to(ann)
    assert {entry.object_name for entry in seen if entry.object_type == "account"} == {"a0", "a2"}
    assert {entry.object_type for entry in seen} == {"account", "keys", "token"}
    support.smtp_accounts.update(team=None)
    support.delete()  # what was of a team does not become everybody's with its end
    assert not AuditEntry.objects.visible_to(ann).filter(object_name="a1")
    assert AuditEntry.objects.visible_to(root.user).filter(object_name="a1")
