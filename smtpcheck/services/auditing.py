"""Writes down who did what: the one place that doors and use cases call for it.

Each entry is written in the transaction of what it tells, so there is none without the other.
Values of secrets never come here; of long texts only the name of the field is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model, signals
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.dispatch import receiver
from django.http import HttpRequest

from smtpcheck.engine.telling.columns import storable
from smtpcheck.models import (
    SECRET_KINDS,
    AccessToken,
    AuditAction,
    AuditEntry,
    AuditObject,
    Door,
    SmtpAccount,
    SmtpTestResult,
)
from smtpcheck.services.asking import Caller

Changes = Mapping[str, Any]

# Long texts: that they changed is told, not to what.
_LONG = frozenset({"ca_bundle", "client_certificate"})
# Written by the model itself, or told as a secret of its own.
_SILENT = frozenset(
    {"id", "created_at", "updated_at", "policy_host"}
    | {
        f"{kind}_{part}"
        for kind in SECRET_KINDS
        for part in ("sealed", "key_id", "destination", "version")
    }
)

# Whoever holds the keys.
KEY_HOLDER = Caller(user=None, door=Door.COMMAND)


# --- Accounts -------------------------------------------------------------------------------------


@contextmanager
def saving_account(caller: Caller, account: SmtpAccount) -> Iterator[None]:
    """Tell what became of an account that is saved inside: made or changed, and its secrets."""
    with transaction.atomic():
        before = SmtpAccount.objects.select_for_update(of=("self",)).filter(pk=account.pk).first()
        yield
        changes = _differences(before, account)
        if before is None:
            _account_entry(caller, AuditAction.CREATED, account, changes)
        elif changes:
            _account_entry(caller, AuditAction.CHANGED, account, changes)
        for kind in SECRET_KINDS:
            _tell_secret(caller, before, account, kind)


@contextmanager
def deleting_account(caller: Caller, *accounts: SmtpAccount) -> Iterator[None]:
    """Tell that the accounts were deleted which are deleted inside."""
    with transaction.atomic():
        for account in accounts:
            _account_entry(caller, AuditAction.DELETED, account, {})
        yield


def _differences(before: SmtpAccount | None, after: SmtpAccount) -> dict[str, Any]:
    """What a person decided and is another now; of a new account all that is not as usual."""
    old_row = before or SmtpAccount()
    changes: dict[str, Any] = {}
    for field in SmtpAccount._meta.concrete_fields:  # noqa: SLF001 - Django's public name
        old, new = (_value(row, field.attname) for row in (old_row, after))
        if field.name not in _SILENT and old != new:
            changes[field.name] = None if field.name in _LONG else [old, new]
    if "team" in changes:
        changes["team"] = [_team_name(old_row), _team_name(after)]
    return changes


def _value(row: SmtpAccount, name: str) -> Any:
    value = getattr(row, name)
    return value.value if isinstance(value, models.Choices) else value


def _team_name(account: SmtpAccount) -> str:
    return account.team.name if account.team else ""


def _tell_secret(caller: Caller, before: SmtpAccount | None, after: SmtpAccount, kind: str) -> None:
    old, new = (getattr(row, f"{kind}_version") if row else "" for row in (before, after))
    if old != new:
        action = AuditAction.SECRET_SET if new else AuditAction.SECRET_CLEARED
        _account_entry(caller, action, after, {kind: None})


def _account_entry(
    caller: Caller, action: AuditAction, account: SmtpAccount, changes: Changes
) -> None:
    _write(
        caller,
        action,
        AuditObject.ACCOUNT,
        str(account.pk),
        account.name,
        changes,
        team_id=account.team_id,
    )


# --- Tests, tokens and keys -----------------------------------------------------------------------


def test_asked(caller: Caller, row: SmtpTestResult) -> None:
    """Tell that a test was asked for; the schedule asks for so many that its history must do."""
    if caller.door is Door.SCHEDULE:
        return
    account = row.account
    if account is None:
        _write(caller, AuditAction.TESTED, AuditObject.TARGET, "", row.host)
    else:
        _account_entry(caller, AuditAction.TESTED, account, {})


test_asked.__dict__["__test__"] = False  # the name would be taken for a test


def token_issued(caller: Caller, token: AccessToken) -> None:
    """Tell in whose name a token was issued."""
    _token_entry(caller, AuditAction.TOKEN_ISSUED, token)


def token_revoked(caller: Caller, token: AccessToken) -> None:
    """Tell that a token was revoked."""
    _token_entry(caller, AuditAction.TOKEN_REVOKED, token)


def _token_entry(caller: Caller, action: AuditAction, token: AccessToken) -> None:
    changes = {"owner": token.owner.get_username(), "kind": token.kind}
    _write(caller, action, AuditObject.TOKEN, str(token.pk), token.label or token.hint, changes)


def keys_rotated(caller: Caller, key_id: str, secrets: int) -> None:
    """Tell that stored secrets are being sealed under another key."""
    changes = {"secrets": secrets}
    _write(caller, AuditAction.KEYS_ROTATED, AuditObject.KEYS, key_id, key_id, changes)


# --- People ---------------------------------------------------------------------------------------


def tell_rights(caller: Caller, holder: User | Group, before: Changes | None) -> None:
    """Tell what became of rights; ``before`` is what ``rights_of`` said, None of a new holder."""
    old = before or {}
    after = rights_of(holder)
    changes = {
        name: [old.get(name), value] for name, value in after.items() if old.get(name) != value
    }
    if before is None:
        _holder_entry(caller, AuditAction.CREATED, holder, changes)
    elif changes:
        _holder_entry(caller, AuditAction.RIGHTS_CHANGED, holder, changes)


def holder_deleted(caller: Caller, holder: User | Group) -> None:
    """Tell that a user or a group is being deleted; call it in the transaction that does it."""
    _holder_entry(caller, AuditAction.DELETED, holder, {})


def rights_of(holder: User | Group) -> dict[str, Any]:
    """Return what decides about the rights of a user or a group, as it is stored."""
    if isinstance(holder, Group):
        return {"permissions": _names(holder.permissions.all(), "codename")}
    return {
        "is_active": holder.is_active,
        "is_staff": holder.is_staff,
        "is_superuser": holder.is_superuser,
        "groups": _names(holder.groups.all(), "name"),
        "permissions": _names(holder.user_permissions.all(), "codename"),
    }


def _names(rows: models.QuerySet[Any], column: str) -> list[str]:
    return sorted(rows.order_by(column).values_list(column, flat=True))


def _holder_entry(
    caller: Caller, action: AuditAction, holder: User | Group, changes: Changes
) -> None:
    kind = AuditObject.GROUP if isinstance(holder, Group) else AuditObject.USER
    _write(caller, action, kind, str(holder.pk), str(holder), changes)


@receiver(signals.user_logged_in, dispatch_uid="smtpcheck.audit")
def _logged_in(request: HttpRequest | None, user: User, **_signal: Any) -> None:
    _user_entry(AuditAction.LOGGED_IN, request, user, user)


@receiver(signals.user_logged_out, dispatch_uid="smtpcheck.audit")
def _logged_out(request: HttpRequest | None, user: User | None, **_signal: Any) -> None:
    if user is not None:
        _user_entry(AuditAction.LOGGED_OUT, request, user, user)


@receiver(signals.user_login_failed, dispatch_uid="smtpcheck.audit")
def _login_failed(
    credentials: Mapping[str, Any], request: HttpRequest | None = None, **_signal: Any
) -> None:
    """Name a user that exists only: what else was typed there may be a password."""
    people = get_user_model()
    name = credentials.get(people.USERNAME_FIELD)
    if not name:
        return  # a token: it is nobody's
    known = "\0" not in str(name)
    user = people._default_manager.filter(username=name).first() if known else None  # noqa: SLF001
    _user_entry(AuditAction.LOGIN_FAILED, request, None, user)


def _user_entry(
    action: AuditAction, request: HttpRequest | None, actor: User | None, about: User | None
) -> None:
    caller = Caller(user=actor, door=_door_of(request))
    pk, name = (str(about.pk), about.get_username()) if about else ("", "")
    _write(caller, action, AuditObject.USER, pk, name)


def _door_of(request: HttpRequest | None) -> Door:
    if request is None:
        return Door.COMMAND
    match = request.resolver_match
    return Door.REST if match is not None and "api" in match.app_names else Door.ADMIN


# --- Writing --------------------------------------------------------------------------------------


def _write(
    caller: Caller,
    action: AuditAction,
    kind: AuditObject,
    object_id: str = "",
    object_name: str = "",
    changes: Changes | None = None,
    *,
    team_id: int | None = None,
) -> None:
    user = caller.user if caller.user is not None and caller.user.pk is not None else None
    AuditEntry.objects.create(
        actor_id=user.pk if user else None,
        actor_name=user.get_username()[:254] if user else "",
        door=caller.door.value,
        action=action.value,
        object_type=kind.value,
        object_id=object_id,
        object_name=storable(object_name)[:254],
        changes=storable(dict(changes or {})),
        team_id=team_id,
        is_of_team=team_id is not None,
    )
