from __future__ import annotations

from pathlib import Path

import pytest

from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.redaction import Secret
from smtpcheck.management.demonstration.examples import EXAMPLES, sandbox_for, save_examples
from smtpcheck.management.demonstration.ports import Ports
from smtpcheck.models import SmtpAccount

pytestmark = pytest.mark.django_db


def sealed() -> dict[str, str]:
    return dict(SmtpAccount.objects.values_list("name", "password_sealed"))


def test_every_example_is_saved_with_a_readable_password() -> None:
    save_examples(Ports())
    for example in EXAMPLES:
        account = SmtpAccount.objects.get(name=example.name)
        assert account.port == getattr(Ports(), example.port)
        assert account.reveal_secret("password") == Secret(example.password)


def test_a_second_start_changes_nothing() -> None:
    save_examples(Ports())
    before = sealed()
    save_examples(Ports())
    assert sealed() == before


def test_other_ports_bring_the_secret_along() -> None:
    save_examples(Ports())
    save_examples(Ports(starttls=4001, tls=4002, expired=4003, refused=4004))
    for example in EXAMPLES:
        account = SmtpAccount.objects.get(name=example.name)
        assert account.port > 4000
        assert account.reveal_secret("password") == Secret(example.password)


def test_an_example_changed_by_hand_is_set_back_and_other_accounts_stay() -> None:
    SmtpAccount.objects.create(name="Mine", host="mail.example.com", port=587)
    save_examples(Ports())
    account = SmtpAccount.objects.get(name=EXAMPLES[0].name)
    account.host = "mail.example.org"
    account.save()
    save_examples(Ports())
    account.refresh_from_db()
    assert account.host == "127.0.0.1"
    assert account.reveal_secret("password") == Secret(EXAMPLES[0].password)
    assert SmtpAccount.objects.get(name="Mine").host == "mail.example.com"


def test_an_example_renamed_by_hand_is_not_made_twice() -> None:
    save_examples(Ports())
    SmtpAccount.objects.filter(name=EXAMPLES[0].name).update(name="Mine now")
    save_examples(Ports())
    assert SmtpAccount.objects.count() == len(EXAMPLES)


def test_the_expected_diagnoses_are_in_the_catalogue() -> None:
    assert all(example.expected in {"", *CATALOGUE} for example in EXAMPLES)


def test_the_sandbox_knows_every_user_and_only_the_wrong_password_differs(tmp_path: Path) -> None:
    logins = sandbox_for(Ports(), tmp_path).logins
    wrong = [example.name for example in EXAMPLES if logins[example.username] != example.password]
    assert wrong == ["Example: wrong password"]
