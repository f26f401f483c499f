"""What is remembered of a login: how often it was refused, and whether it passed.

No secret and no plain digest of one: a row is found by an HMAC (``KeyRing.fingerprint``), which
says nothing to whoever has the database and not the keys.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _


class LoginMemoryManager(models.Manager["LoginMemory"]):
    """How logins are remembered."""

    def recall(self, login: str) -> LoginMemory:
        """Return what is known of a login; an empty memory, not saved, where there is nothing."""
        return self.filter(pk=login).first() or LoginMemory(login=login)

    def passed(self, login: str, at: datetime) -> None:
        """Remember that a server took a login, which ends the count of its refusals.

        A login that passed the last time as well is left alone: most tests change nothing.
        """
        if not self.recall(login).has_passed:
            self.update_or_create(
                pk=login, defaults={"passed_at": at, "refused_count": 0, "refused_at": None}
            )

    def refused(self, login: str, at: datetime) -> None:
        """Remember that a server refused a login; counted by the database, so none is lost."""
        self.get_or_create(pk=login)
        self.filter(pk=login).update(
            refused_count=F("refused_count") + 1, refused_at=at, passed_at=None
        )


class LoginMemory(models.Model):
    """One secret at one destination: either it passed last, or it was refused so many times."""

    login = models.CharField(primary_key=True, max_length=64, editable=False)
    # Since it last passed.
    refused_count = models.PositiveIntegerField(_("refused"), default=0)
    refused_at = models.DateTimeField(_("last refused"), null=True, blank=True)
    # None once it was refused.
    passed_at = models.DateTimeField(_("passed"), null=True, blank=True)

    objects = LoginMemoryManager()

    class Meta:
        verbose_name = _("memory of a login")
        verbose_name_plural = _("memory of logins")
        default_permissions = ()
        constraints = (
            models.CheckConstraint(
                condition=models.Q(refused_count=0, refused_at__isnull=True)
                | models.Q(refused_count__gte=1, refused_at__isnull=False, passed_at__isnull=True),
                name="loginmemory_passed_or_refused",
            ),
        )

    def __str__(self) -> str:
        return self.login[:8]

    @property
    def has_passed(self) -> bool:
        """Whether the server took this login the last time it was tried."""
        return self.passed_at is not None
