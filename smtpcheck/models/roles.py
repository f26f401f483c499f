"""The groups that say what their members may do; every other group is a team.

They are made after each `migrate`, and only added to: a permission is handed out once, when it or
its group is new, so what a person takes away or adds stays as that person left it.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models import QuerySet

_VIEWER = frozenset({"view_smtpaccount", "view_smtptestresult"})
_OPERATOR = _VIEWER | {"test_smtpaccount", "add_smtpaccount", "change_smtpaccount"}
_ADMINISTRATOR = _OPERATOR | {
    *("delete_smtpaccount", "set_policy"),
    *("add_accesstoken", "view_accesstoken", "view_auditentry"),
}

# Free targets are in none of them: ``test_any_target`` is given by name.
ROLES = {"viewer": _VIEWER, "operator": _OPERATOR, "administrator": _ADMINISTRATOR}


def is_role(name: str) -> bool:
    """Say whether the group of a name is one of the ready ones, and so no team."""
    return name in ROLES


def all_teams() -> QuerySet[Group]:
    """Return the groups that accounts can belong to."""
    return Group.objects.exclude(name__in=ROLES).order_by("name")


def teams_of(user: User | AnonymousUser) -> QuerySet[Group]:
    """Return the teams that a user may give an account to: their own, all for a superuser."""
    if user.is_active and user.is_superuser:
        return all_teams()
    return all_teams().filter(user=user.pk) if user.is_active else Group.objects.none()


def ensure_roles(
    app_config: AppConfig,
    using: str = DEFAULT_DB_ALIAS,
    apps: Apps = installed,
    **_signal: Any,
) -> None:
    """Make the groups that are missing, and hand out the permissions that are new."""
    try:
        group_model: Any = apps.get_model("auth", "Group")
        permission_model: Any = apps.get_model("auth", "Permission")
    except LookupError:  # migrated back to before there were any
        return
    if not router.allow_migrate_model(using, group_model):
        return
    ours = permission_model.objects.using(using).filter(content_type__app_label=app_config.label)
    known = set(ours.values_list("codename", flat=True))
    # Django's own handler comes after this one.
    create_permissions(app_config, verbosity=0, using=using, apps=apps)
    by_codename = {permission.codename: permission for permission in ours.all()}
    for name, codenames in ROLES.items():
        group, is_new = group_model.objects.using(using).get_or_create(name=name)
        handed_out = codenames if is_new else codenames - known
        group.permissions.add(*(by_codename[name] for name in handed_out & by_codename.keys()))
