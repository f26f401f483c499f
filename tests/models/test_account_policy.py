from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from smtpcheck.engine.policy import parse_entry
from smtpcheck.models import SmtpAccount
from tests.models.accounts import account, fresh

pytestmark = pytest.mark.django_db


def allowed(text: str = "10.0.0.0/8:587") -> SmtpAccount:
    made = account()
    made.set_policy(text)
    made.save()
    return made


def test_entries_hold_for_the_host_that_they_were_given_for() -> None:
    made = allowed(" 10.0.0.0/8:587 \r\n\r\n[fd00::]/8:25 cleartext=yes")
    entries = fresh(made).allowed_entries()
    assert entries == (parse_entry("10.0.0.0/8:587"), parse_entry("[fd00::]/8:25 cleartext=yes"))


@pytest.mark.parametrize("partly", [True, False])
def test_another_host_clears_them(partly: bool) -> None:
    made = fresh(allowed())
    made.host = "evil.example.org"
    made.save(update_fields=["host"] if partly else None)
    assert (fresh(made).policy_entries, fresh(made).policy_host) == ("", "")


def test_another_spelling_of_the_host_or_another_port_keeps_them() -> None:
    made = fresh(allowed())
    made.host, made.port = "MAIL.example.org.", 25
    made.save()
    assert fresh(made).allowed_entries()


def test_a_host_changed_behind_our_back_gets_nothing() -> None:
    made = allowed()
    SmtpAccount.objects.update(host="evil.example.org")
    assert fresh(made).allowed_entries() == ()


def test_entries_written_past_the_one_way_in_allow_nothing() -> None:
    made = account()
    made.policy_entries = "10.0.0.0/8"
    made.save()
    assert fresh(made).policy_entries == ""


def test_a_line_that_is_no_entry_is_refused_in_words() -> None:
    made = account()
    made.set_policy("10.0.0.0/8\nsomewhere else")
    with pytest.raises(ValidationError, match="is not a policy entry"):
        made.full_clean()


def test_a_name_is_taken_once_in_each_team() -> None:
    team = Group.objects.create(name="Sales")
    account()
    account(team=team)
    for of_team in (team, None):
        with pytest.raises(IntegrityError), transaction.atomic():
            account(team=of_team, host="other.example.org")
        twin = SmtpAccount(name="News", host="third.example.org", team=of_team)
        with pytest.raises(ValidationError, match="of this name already"):
            twin.full_clean()
