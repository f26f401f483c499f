"""Who did what: a book that the application only ever adds to.

Apart from the history of tests, which is pruned. It holds names and settings, never a secret: of
what is secret or long it keeps that it changed.
"""

from __future__ import annotations

from typing import Any, NoReturn, Self

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from smtpcheck.models.account import Person
from smtpcheck.models.choices import Door, one_of
from smtpcheck.models.identifiers import uuid7


class AuditAction(models.TextChoices):
    """What was done."""

    CREATED = "created", _("created")
    CHANGED = "changed", _("changed")
    DELETED = "deleted", _("deleted")
    SECRET_SET = "secret-set", _("secret set")
    SECRET_CLEARED = "secret-cleared", _("secret deleted")
    TESTED = "tested", _("test asked for")
    TOKEN_ISSUED = "token-issued", _("token issued")
    TOKEN_REVOKED = "token-revoked", _("token revoked")
    KEYS_ROTATED = "keys-rotated", _("keys rotated")
    RIGHTS_CHANGED = "rights-changed", _("rights changed")
    LOGGED_IN = "logged-in", _("logged in")
    LOGGED_OUT = "logged-out", _("logged out")
    LOGIN_FAILED = "login-failed", _("login failed")


class AuditObject(models.TextChoices):
    """What it was done to."""

    ACCOUNT = "account", _("account")
    TARGET = "target", _("server that is not saved")
    TOKEN = "token", _("token")
    KEYS = "keys", _("encryption keys")
    USER = "user", _("user")
    GROUP = "group", _("group")


class AppendOnly(RuntimeError):
    """An entry of the audit was about to be changed or deleted."""

    def __init__(self) -> None:
        super().__init__("Entries of the audit are written once: never changed, never deleted.")


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """The questions that are asked about the audit; it refuses everything but adding."""

    def visible_to(self, user: Person) -> Self:
        """What concerns a user: own doings, own teams, accounts without a team, and the keys.

        Whether the user may look at the audit at all is a permission, and the door's to check.
        """
        if user is None or (user.is_active and user.is_superuser):
            return self
        if not user.is_active or user.pk is None:
            return self.none()
        everybodys = Q(object_type=AuditObject.ACCOUNT.value, is_of_team=False)
        own_team = Q(team__in=Group.objects.filter(user=user.pk))
        keys = Q(object_type=AuditObject.KEYS.value)
        return self.filter(everybodys | own_team | keys | Q(actor=user.pk))

    def update(self, **_values: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Refuse."""
        raise AppendOnly


class AuditEntry(models.Model):
    """One doing: by whom, through which door, to what."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    # None with a name: that user is gone. None without: whoever holds the keys, or nobody known.
    actor = models.ForeignKey(
        get_user_model(),
        verbose_name=_("who"),
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    actor_name = models.CharField(_("who"), max_length=254, blank=True, default="", editable=False)
    door = models.CharField(_("through"), max_length=16, choices=Door.choices, editable=False)
    action = models.CharField(_("what"), max_length=16, choices=AuditAction.choices, editable=False)
    object_type = models.CharField(
        _("kind"), max_length=16, choices=AuditObject.choices, editable=False
    )
    object_id = models.CharField(_("id"), max_length=64, blank=True, default="", editable=False)
    object_name = models.CharField(
        _("name"), max_length=254, blank=True, default="", editable=False
    )
    # Field -> [old, new], or None where the values are secret or long.
    changes = models.JSONField(_("changes"), default=dict, editable=False)
    # Whose accounts it is about. ``is_of_team`` outlives the team.
    team = models.ForeignKey(
        Group, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    is_of_team = models.BooleanField(default=False, editable=False)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit")
        ordering = ("-id",)  # by time: UUIDv7
        default_permissions = ("view",)
        indexes = (models.Index(fields=["object_type", "object_id"], name="auditentry_of_object"),)
        constraints = (
            one_of("door", Door.choices, name="auditentry_door_known"),
            one_of("action", AuditAction.choices, name="auditentry_action_known"),
            one_of("object_type", AuditObject.choices, name="auditentry_object_known"),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_name} {self.action} {self.object_name}"

    def save(self, **options: Any) -> None:
        """Add it; refuse to write one again."""
        if not self._state.adding:
            raise AppendOnly
        super().save(**options)

    def delete(self, *_args: Any, **_options: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnly
