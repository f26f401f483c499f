from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError

from smtpcheck.models import SmtpAccount
from smtpcheck.models.roles import ROLES, all_teams, ensure_roles, teams_of

pytestmark = pytest.mark.django_db


def rights(group: str) -> set[str]:
    return set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))


def again() -> None:
    ensure_roles(apps.get_app_config("smtpcheck"))


def test_the_ready_groups_are_there_with_their_rights() -> None:
    assert {name: rights(name) for name in ROLES} == {k: set(v) for k, v in ROLES.items()}


def test_free_targets_are_in_none_of_them() -> None:
    assert not [name for name in ROLES if "test_any_target" in rights(name)]


def test_what_an_administrator_gave_or_took_stays() -> None:
    group = Group.objects.get(name="viewer")
    group.permissions.add(Permission.objects.get(codename="test_any_target"))
    group.permissions.remove(Permission.objects.get(codename="view_smtpaccount"))
    again()
    assert rights("viewer") == {"view_smtptestresult", "test_any_target"}


def test_a_group_that_was_deleted_comes_back() -> None:
    Group.objects.get(name="viewer").delete()
    again()
    assert rights("viewer") == set(ROLES["viewer"])


def test_a_permission_that_is_new_is_handed_out() -> None:
    Permission.objects.get(codename="set_policy").delete()
    again()
    assert "set_policy" in rights("administrator")
    assert "set_policy" not in rights("operator")


def test_a_ready_group_is_no_team() -> None:
    team = Group.objects.create(name="Sales")
    ann = User.objects.create_user("ann")
    ann.groups.set([team, Group.objects.get(name="operator")])
    assert list(all_teams()) == [team]
    assert list(teams_of(ann)) == [team]
    wrong = SmtpAccount(name="x", host="h.example.org", team=Group.objects.get(name="operator"))
    with pytest.raises(ValidationError, match="choose a team"):
        wrong.full_clean()


def test_whoever_is_inactive_has_no_team() -> None:
    ann = User.objects.create_user("ann", is_active=False, is_superuser=True)
    assert not teams_of(ann)
