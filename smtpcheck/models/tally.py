"""What is counted within a window of time, right over all processes because the database counts.

A row is found by an HMAC of what is counted: neither user names nor addresses are kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

_SALT = "smtpcheck.tally"


class TallyManager(models.Manager["Tally"]):
    """How things are counted. ``what`` names the thing: ("calls", "user", "7")."""

    def add(self, *what: str, limit: int, seconds: float) -> float:
        """Count one more and return 0; or, at the limit, the seconds until the window ends.

        A window begins with the first that is counted. What is over the limit is not counted, so
        a flood is only read and makes no window longer.
        """
        key = _key(what)
        while True:
            now = timezone.now()
            # First of all the usual case, in one statement: a window with room in it.
            open_window = self.filter(pk=key, ends_at__gt=now, number__lt=limit)
            if open_window.update(number=F("number") + 1):
                return 0.0
            row, is_new = self.get_or_create(
                pk=key, defaults={"ends_at": now + timedelta(seconds=seconds)}
            )
            if is_new:
                # Ended windows go when a new one begins, so the table stays as small as its use.
                self.filter(ends_at__lte=now).delete()
                return 0.0
            if row.ends_at > now and row.number >= limit:
                return row.seconds_left(now)
            # By a condition that only one of two processes meets; the other one looks again.
            ended = self.filter(pk=key, ends_at=row.ends_at, ends_at__lte=now)
            if ended.update(number=1, ends_at=now + timedelta(seconds=seconds)):
                return 0.0

    def wait(self, *what: str, limit: int) -> float:
        """Return the seconds until the window ends if it is full, else 0; nothing is counted."""
        now = timezone.now()
        full = self.filter(pk=_key(what), number__gte=limit, ends_at__gt=now).first()
        return full.seconds_left(now) if full else 0.0

    def forget(self, *what: str) -> None:
        """Begin anew."""
        self.filter(pk=_key(what)).delete()


class Tally(models.Model):
    """How often something happened in a window of time that began when it happened first."""

    key = models.CharField(primary_key=True, max_length=64, editable=False)
    number = models.PositiveIntegerField(default=1)
    ends_at = models.DateTimeField(db_index=True)

    objects = TallyManager()

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.number}"

    def seconds_left(self, now: datetime) -> float:
        """The seconds until the window ends."""
        return max(0.0, (self.ends_at - now).total_seconds())


def _key(what: tuple[str, ...]) -> str:
    return salted_hmac(_SALT, "\0".join(what), algorithm="sha256").hexdigest()
