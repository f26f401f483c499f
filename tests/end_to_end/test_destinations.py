"""A stored secret goes to the destination it was saved for, through whatever door that changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal
from smtpcheck.models import CLIENT_KEY, PASSWORD, SECRET_KINDS, Door, SmtpAccount
from smtpcheck.sandbox import Authority
from smtpcheck.services.asking import Caller, TargetRequest, ask_target
from tests.models.accounts import SECRET, account, fresh

pytestmark = pytest.mark.django_db(transaction=True)

NEW = Secret("typed anew")
KEY = Secret("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
OPERATOR = Caller(user=None, door=Door.COMMAND)

# Every part of the destination, and what an attacker could change it to. "CA" is an authority.
CHANGES: dict[str, Any] = {
    "host": "mail.attacker.example",
    "port": 2525,
    "security": "opportunistic",
    "username": "mallory@example.org",
    "ca_bundle": "CA",
    "pin": "ab" * 32,
    "proxy": "office",
    "auth_mechanism": "LOGIN",
}
every_part = pytest.mark.parametrize("field", CHANGES)


@pytest.fixture(autouse=True)
def _proxy(settings: Settings) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"PROXIES": ("office=http://127.0.0.1:9",)}


@pytest.fixture
def saved() -> SmtpAccount:
    """An account with a secret of every kind."""
    made = account()
    made.client_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    made.set_secret(CLIENT_KEY, KEY)
    made.save()
    return fresh(made)


@pytest.fixture
def value_of(authority: Authority) -> Callable[[str], Any]:
    """What a part of the destination is changed to."""
    return lambda field: authority.ca_pem.decode() if field == "ca_bundle" else CHANGES[field]


def test_these_are_all_parts_of_the_destination(value_of: Callable[[str], Any]) -> None:
    plain = SmtpAccount(host="mail.example.org", username="ann@example.org")
    before = plain.destination()
    parts = json.loads(before)
    assert len(parts) == len(CHANGES) + 1  # and the lowest version of TLS, which nobody can change
    for field in plain._meta.fields:
        made = SmtpAccount(host="mail.example.org", username="ann@example.org")
        changed = value_of(field.name) if field.name in CHANGES else None
        if changed is not None:
            setattr(made, field.name, changed)
        assert (made.destination() != before) is (field.name in CHANGES), field.name


# --- The doors ------------------------------------------------------------------------------------


def by_model(made: SmtpAccount, field: str, value: Any, password: Secret | None) -> None:
    setattr(made, field, value)
    if password:
        made.set_secret(PASSWORD, password)
    made.save()


def by_some_fields(made: SmtpAccount, field: str, value: Any, password: Secret | None) -> None:
    setattr(made, field, value)
    if password:
        made.set_secret(PASSWORD, password)
    made.save(update_fields=[field])


def by_deferred_row(made: SmtpAccount, field: str, value: Any, password: Secret | None) -> None:
    by_model(SmtpAccount.objects.only("name").get(pk=made.pk), field, value, password)


def by_form(made: SmtpAccount, field: str, value: Any, password: Secret | None) -> None:
    names = ("name", "host", "port", "security", "username", "goal", "client_certificate")
    typed = {name: str(getattr(made, name)) for name in names} | {field: str(value)}
    if password:
        typed["password"] = password.reveal()
    client = Client()
    client.force_login(User.objects.create_superuser("administrator"))
    answer = client.post(reverse("admin:smtpcheck_smtpaccount_change", args=[made.pk]), typed)
    assert answer.status_code == 302, answer.content.decode()


def by_rest(made: SmtpAccount, field: str, value: Any, password: Secret | None) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("administrator"))
    body = {field: value} | ({"password": password.reveal()} if password else {})
    path = reverse("api:account", args=[made.pk])
    answer = client.patch(path, json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content.decode()


FRONT_DOORS = {
    "model": by_model,
    "model, some fields": by_some_fields,
    "model, a row that was read in part": by_deferred_row,
    "form": by_form,
    "REST": by_rest,
}
every_front_door = pytest.mark.parametrize("door", FRONT_DOORS.values(), ids=FRONT_DOORS)


@every_part
@every_front_door
def test_a_changed_destination_clears_every_stored_secret(
    saved: SmtpAccount, value_of: Callable[[str], Any], field: str, door: Callable[..., None]
) -> None:
    door(saved, field, value_of(field), None)
    changed = fresh(saved)
    assert getattr(changed, field) == getattr(SmtpAccount(**{field: value_of(field)}), field) or (
        field == "ca_bundle"
    )
    assert not any(changed.has_secret(kind) for kind in SECRET_KINDS)
    assert {getattr(changed, f"{kind}_destination") for kind in SECRET_KINDS} == {""}


@every_part
@every_front_door
def test_a_new_secret_in_the_same_step_is_kept_and_the_other_kind_is_cleared(
    saved: SmtpAccount, value_of: Callable[[str], Any], field: str, door: Callable[..., None]
) -> None:
    door(saved, field, value_of(field), NEW)
    assert fresh(saved).reveal_secret(PASSWORD) == NEW
    assert not fresh(saved).has_secret(CLIENT_KEY)


def test_a_secret_that_is_set_or_removed_is_saved_with_any_field(saved: SmtpAccount) -> None:
    saved.set_secret(PASSWORD, None)
    saved.set_secret(CLIENT_KEY, NEW)
    saved.save(update_fields=["name"])
    assert not fresh(saved).has_secret(PASSWORD)
    assert fresh(saved).reveal_secret(CLIENT_KEY) == NEW


def test_saving_one_field_of_an_older_copy_leaves_a_newer_secret(saved: SmtpAccount) -> None:
    newer = fresh(saved)
    newer.set_secret(PASSWORD, NEW)
    newer.save()
    saved.name = "Other"
    saved.save(update_fields=["name"])
    assert fresh(saved).reveal_secret(PASSWORD) == NEW


@pytest.mark.parametrize(
    "uri",
    [
        "smtp://mail.attacker.example:587?starttls=always",
        "smtp://mail.example.org:2525?starttls=always",
        "smtp://mail.example.org:587",
        "smtp://mallory@mail.example.org:587?starttls=always",
    ],
)
def test_a_pasted_uri_is_a_changed_destination(saved: SmtpAccount, uri: str) -> None:
    by_form(saved, "uri", uri, None)
    assert not any(fresh(saved).has_secret(kind) for kind in SECRET_KINDS)


# --- Behind the doors -----------------------------------------------------------------------------


def by_update(made: SmtpAccount, field: str, value: Any) -> None:
    SmtpAccount.objects.filter(pk=made.pk).update(**{field: value})


def by_bulk_update(made: SmtpAccount, field: str, value: Any) -> None:
    setattr(made, field, value)
    SmtpAccount.objects.bulk_update([made], [field])


def by_sql(made: SmtpAccount, field: str, value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE smtpcheck_smtpaccount SET {field} = %s", [value])  # noqa: S608


def by_fixture(made: SmtpAccount, field: str, value: Any, directory: Path) -> None:
    """What `dumpdata` wrote, changed and read by `loaddata`."""
    file = directory / "accounts.json"
    call_command("dumpdata", "smtpcheck.smtpaccount", output=str(file), verbosity=0)
    rows = json.loads(file.read_text())
    rows[0]["fields"][field] = value
    file.write_text(json.dumps(rows))
    call_command("loaddata", str(file), verbosity=0)


BEHIND = {
    "queryset": by_update,
    "bulk": by_bulk_update,
    "SQL": by_sql,
    "loaddata": by_fixture,
}


@every_part
@pytest.mark.parametrize("way", BEHIND.values(), ids=BEHIND)
def test_a_change_behind_the_doors_makes_every_secret_unreadable(
    saved: SmtpAccount,
    value_of: Callable[[str], Any],
    tmp_path: Path,
    field: str,
    way: Callable[..., None],
) -> None:
    way(saved, field, value_of(field), *([tmp_path] if way is by_fixture else []))
    for kind in SECRET_KINDS:
        assert why_not(fresh(saved), kind) == "config.secret-destination-changed"


@every_part
def test_a_forged_digest_opens_nothing(
    saved: SmtpAccount, value_of: Callable[[str], Any], field: str
) -> None:
    by_sql(saved, field, value_of(field))
    changed = fresh(saved)
    digests = {f"{kind}_destination": changed.destination_digest() for kind in SECRET_KINDS}
    SmtpAccount.objects.filter(pk=saved.pk).update(**digests)
    for kind in SECRET_KINDS:
        assert why_not(fresh(saved), kind) == "config.secret-unreadable"


@pytest.mark.parametrize("way", [by_update, by_sql])
def test_a_sealed_value_opens_in_no_other_column_and_no_other_row(
    saved: SmtpAccount, way: Callable[..., None]
) -> None:
    twin = account(name="Twin", host="other.example.org", password=Secret("of the twin"))
    columns = {
        f"{part}": getattr(saved, f"client_key_{part}") for part in ("sealed", "key_id", "version")
    }
    SmtpAccount.objects.filter(pk=twin.pk).delete()
    for part, value in columns.items():
        way(saved, f"password_{part}", value)
    assert why_not(fresh(saved), PASSWORD) == "config.secret-unreadable"

    other = account(name="Other", username="bob@example.org", password=Secret("of bob"))
    SmtpAccount.objects.filter(pk=other.pk).update(client_key_sealed="", client_key_key_id="")
    same = SmtpAccount.objects.filter(pk=other.pk)
    same.update(
        password_sealed=saved.password_sealed,
        password_destination=other.destination_digest(),
    )
    assert why_not(fresh(other), PASSWORD) == "config.secret-unreadable"


def test_a_row_under_another_id_gives_nothing_out(saved: SmtpAccount, tmp_path: Path) -> None:
    """The same account in every column but its id, as a copy or an import would make it."""
    file = tmp_path / "accounts.json"
    call_command("dumpdata", "smtpcheck.smtpaccount", output=str(file), verbosity=0)
    rows = json.loads(file.read_text())
    saved.delete()
    rows[0]["pk"] = "00000000-0000-4000-8000-000000000001"
    file.write_text(json.dumps(rows))
    call_command("loaddata", str(file), verbosity=0)
    copied = SmtpAccount.objects.get()
    assert copied.destination() == SmtpAccount(**_destination_of(rows[0]["fields"])).destination()
    for kind in SECRET_KINDS:
        assert why_not(copied, kind) == "config.secret-unreadable"


def _destination_of(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in CHANGES}


def why_not(made: SmtpAccount, kind: str) -> str:
    """The diagnosis for which a stored secret is not given out."""
    with pytest.raises(Refused) as caught:
        made.reveal_secret(kind)
    return caught.value.diagnosis_id


# --- Aliases --------------------------------------------------------------------------------------

# By a spelling, the one that is stored.
SAME_HOSTS = {
    "mail.example.org": "mail.example.org",
    "MAIL.Example.ORG": "mail.example.org",
    "mail.example.org.": "mail.example.org",
    " mail.example.org ": "mail.example.org",
    "bücher.example": "xn--bcher-kva.example",
    "BÜCHER.example": "xn--bcher-kva.example",
    "XN--BCHER-KVA.example.": "xn--bcher-kva.example",
    "bu\u0308cher.example": "xn--bcher-kva.example",
    "mail。example.org": "mail.example.org",
    "2001:DB8:0::1": "2001:db8::1",
    "[2001:db8::1]": "2001:db8::1",
}
OTHER_HOSTS = [
    "mail.example.org.attacker.example",
    "a.mail.example.org",
    "example.org",
    "mail-example.org",
    "mail.example.0rg",
    "mail.ехample.org",  # Cyrillic
    "mail_example.org",
    "mail.example.org.invalid",
]


@pytest.mark.parametrize(("spelling", "stored"), SAME_HOSTS.items(), ids=range(len(SAME_HOSTS)))
@pytest.mark.parametrize("door", [by_model, by_form, by_rest], ids=["model", "form", "REST"])
def test_another_spelling_of_the_host_is_the_same_destination(
    door: Callable[..., None], spelling: str, stored: str
) -> None:
    made = account(host=stored)
    door(made, "host", spelling, None)
    assert fresh(made).host == stored
    assert fresh(made).reveal_secret(PASSWORD) == SECRET


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_a_host_that_only_looks_like_it_is_another_destination(host: str) -> None:
    made = account()
    by_model(made, "host", host, None)
    assert not fresh(made).has_secret()


@pytest.mark.parametrize("username", ["ANN@example.org", "ann@example.org ", "ann@EXAMPLE.org"])
def test_a_user_name_is_taken_as_it_is(username: str) -> None:
    made = account()
    by_model(made, "username", username, None)
    assert not fresh(made).has_secret()


def stored_password_for(uri: str) -> str:
    """What `UseStoredPassword` comes to: "stored", or the diagnosis for which it does not."""
    asked = ask_target(
        TargetRequest(uri=uri, sender="ann@example.org", use_stored_password=True),
        OPERATOR,
        Goal.CONTENT,
    )
    if asked.refused:
        assert asked.password is None
        return asked.refused.diagnosis_id
    assert (asked.password, asked.uses_stored_secret) == (SECRET, True)
    return "stored"


NOT_FOUND, CHANGED = "config.secret-not-found", "config.secret-destination-changed"
URIS = {
    "smtps://ann%40example.org@mail.example.org:465": "stored",
    "smtps://ann%40example.org@mail.example.org": "stored",
    "smtps://ann%40example.org@mail.example.org:": "stored",
    "smtps://ann%40example.org@mail.example.org:00465": "stored",
    "SMTPS://ann%40example.org@MAIL.example.org.:465/": "stored",
    "smtps://%61nn%40example%2eorg@mail.example.org": "stored",
    "smtps://ann%40example.org:another@mail.example.org": "stored",
    "smtps://ann%40example.org@mail.example.org?starttls=never": "stored",
    "smtps://mail.example.org": "stored",
    "smtps://ANN%40example.org@mail.example.org": NOT_FOUND,
    "smtps://bob%40example.org@mail.example.org": NOT_FOUND,
    "smtps://ann%40example.org@mail.example.org:587": NOT_FOUND,
    "smtps://ann%40example.org@mail.example.org.attacker.example": NOT_FOUND,
    "smtps://ann%40example.org@a.mail.example.org": NOT_FOUND,
    "smtp://ann%40example.org@mail.example.org:465": NOT_FOUND,
    "smtp://ann%40example.org@mail.example.org:465?starttls=never": NOT_FOUND,
    "smtp://mail.example.org:465": CHANGED,
    "smtps://ann@example.org@mail.example.org": "config.uri-invalid",
}


@pytest.mark.parametrize(("uri", "comes_to"), URIS.items(), ids=range(len(URIS)))
def test_the_stored_password_is_used_where_it_was_saved_for_and_nowhere_else(
    uri: str, comes_to: str
) -> None:
    account(port=465, security="tls")
    assert stored_password_for(uri) == comes_to
