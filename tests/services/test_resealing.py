from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from smtpcheck import services
from smtpcheck.crypto import generate_key
from smtpcheck.engine.redaction import Secret
from smtpcheck.models import CLIENT_KEY, PASSWORD, AuditEntry, SmtpAccount
from tests.models.accounts import account

pytestmark = pytest.mark.django_db

OLD, NEW, OTHER = (generate_key(name) for name in ("old", "new", "other"))


@pytest.fixture
def ring(settings: Settings) -> Ring:
    return Ring(settings)


class Ring:
    """The key ring of the settings, as an administrator changes it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.load(OLD)

    def load(self, *keys: str) -> None:
        loaded = {**getattr(self._settings, "SMTPCHECK", {}), "ENCRYPTION_KEYS": ",".join(keys)}
        self._settings.SMTPCHECK = loaded


def accounts(count: int) -> list[SmtpAccount]:
    return [
        account(name=f"a{n}", username=f"u{n}", password=Secret(f"secret {n}"))
        for n in range(count)
    ]


def passwords() -> list[str]:
    made = SmtpAccount.objects.order_by("name")
    return [(each.reveal_secret(PASSWORD) or Secret("")).reveal() for each in made]


def test_every_secret_opens_with_the_new_key_alone_afterwards(ring: Ring) -> None:
    accounts(5)
    made = SmtpAccount.objects.get(name="a0")
    made.set_secret(CLIENT_KEY, Secret("key"))
    made.save()
    ring.load(NEW, OLD)
    done = services.reseal_secrets(batch_size=2)
    assert (done.total, done.resealed, done.unopened) == (6, 6, [])
    ring.load(NEW)
    assert passwords() == [f"secret {n}" for n in range(5)]
    assert SmtpAccount.objects.get(name="a0").reveal_secret(CLIENT_KEY) == Secret("key")


def test_nothing_else_of_an_account_changes(ring: Ring) -> None:
    accounts(1)
    before: dict[str, Any] = dict(SmtpAccount.objects.values().get())
    digest = SmtpAccount.objects.get().test_digest()
    ring.load(NEW, OLD)
    services.reseal_secrets()
    after: dict[str, Any] = dict(SmtpAccount.objects.values().get())
    assert {name for name in before if before[name] != after[name]} == {
        "password_sealed",
        "password_key_id",
    }
    assert SmtpAccount.objects.get().test_digest() == digest  # so it does not become untested


def test_the_audit_tells_which_key_seals_now_and_nothing_of_the_secrets(ring: Ring) -> None:
    accounts(2)
    ring.load(NEW, OLD)
    services.reseal_secrets()
    services.reseal_secrets()  # nothing is left to be told
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_name) == ("keys-rotated", NEW.partition(":")[0])
    assert entry.changes == {"secrets": 2}


def test_a_run_that_was_cut_off_is_gone_on_with(ring: Ring) -> None:
    accounts(4)
    ring.load(NEW, OLD)

    def cut_off(_state: services.Resealing) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        services.reseal_secrets(cut_off, batch_size=1)
    assert services.count_outdated() == 3
    assert services.reseal_secrets().resealed == 3
    assert services.reseal_secrets().total == 0
    ring.load(NEW)
    assert len(passwords()) == 4


def test_what_does_not_open_is_told_and_left_as_it_is(ring: Ring) -> None:
    accounts(2)
    ring.load(OTHER)
    account(name="lost", username="lost")
    moved = account(name="moved", username="moved")
    SmtpAccount.objects.filter(pk=moved.pk).update(host="elsewhere.example.org")
    before = list(SmtpAccount.objects.filter(name="lost").values())
    ring.load(NEW, OLD)
    done = services.reseal_secrets(batch_size=1)
    assert done.resealed == 2
    assert {(each.account, each.diagnosis_id) for each in done.unopened} == {
        ("lost", "config.secret-unreadable"),
        ("moved", "config.secret-destination-changed"),
    }
    assert list(SmtpAccount.objects.filter(name="lost").values()) == before


def test_a_secret_that_was_changed_meanwhile_is_not_overwritten(ring: Ring) -> None:
    accounts(1)
    ring.load(NEW, OLD)
    stale = SmtpAccount.objects.get()
    fresh = SmtpAccount.objects.get()
    fresh.set_secret(PASSWORD, Secret("typed just now"))
    fresh.save()
    assert stale.reseal_secret(PASSWORD) == 0
    assert passwords() == ["typed just now"]


def test_the_keys_that_are_needed_and_missing_are_known(ring: Ring) -> None:
    accounts(1)
    ring.load(NEW, OLD)
    assert SmtpAccount.objects.missing_key_ids() == set()
    ring.load(NEW)
    assert SmtpAccount.objects.missing_key_ids() == {"old"}


def test_every_secret_is_tried_not_only_outdated_ones(ring: Ring) -> None:
    accounts(2)
    SmtpAccount.objects.filter(name="a1").update(username="somebody else")
    [found] = services.find_unopened()
    assert (found.account, found.diagnosis_id) == ("a1", "config.secret-destination-changed")
