"""What is remembered of a call that carried an Idempotency-Key: whose, which, and its result.

Neither the key nor the body is stored, only an HMAC of each (``KeyRing.fingerprint``): a body can
hold a password. Under another first key of the ring a call is not found again, and runs anew.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from smtpcheck.crypto import key_ring
from smtpcheck.engine.redaction import Secret
from smtpcheck.models.result import INTERRUPTED, SmtpTestResult

KEPT = timedelta(hours=24)

# A call opens the row of its test at once; one without a row after this time has died.
OPENED_WITHIN = timedelta(minutes=1)

# A test that was not run, or not to its end: the call may be made again.
_NOT_RUN = frozenset({"tool.budget", INTERRUPTED})

# Parts these fingerprints from each other, and from those of logins, which begin with a bracket.
_OF_KEY = b"idempotency key"
_OF_BODY = b"idempotent body"


class IdempotentCallManager(models.Manager["IdempotentCall"]):
    """How a call takes its key."""

    def claim(
        self, caller: User, key: str, body: str, now: datetime
    ) -> tuple[IdempotentCall, bool]:
        """Return the call that has the key, and whether it is this one.

        Two calls at the same moment both insert; the unique constraint lets one of them.
        """
        key_digest = _fingerprint(_OF_KEY, key)
        of_caller = self.filter(caller=caller)
        of_caller.filter(created_at__lt=now - KEPT).delete()
        found = of_caller.filter(key_digest=key_digest).select_related("result").first()
        if found is not None and found.is_void(now):
            self.filter(pk=found.pk).delete()
        return self.select_related("result").get_or_create(
            caller=caller,
            key_digest=key_digest,
            defaults={"body_digest": _fingerprint(_OF_BODY, body), "created_at": now},
        )


class IdempotentCall(models.Model):
    """A call that a caller named by a key of its own, and the result that it has or will have."""

    caller = models.ForeignKey(
        get_user_model(),
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,  # the unique constraint begins with it
    )
    key_digest = models.CharField(max_length=64)
    body_digest = models.CharField(max_length=64)
    # None until the row of its test is open.
    result = models.ForeignKey(
        SmtpTestResult, null=True, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = IdempotentCallManager()

    class Meta:
        verbose_name = _("call with an Idempotency-Key")
        verbose_name_plural = _("calls with an Idempotency-Key")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=("caller", "key_digest"), name="idempotentcall_once_per_caller"
            ),
        )

    def __str__(self) -> str:
        return self.key_digest[:8]

    def is_void(self, now: datetime) -> bool:
        """Whether its key is free again: it was not run to its end, or its process died."""
        if self.result is None:
            return self.created_at < now - OPENED_WITHIN
        return self.result.shown_diagnosis_id in _NOT_RUN

    def is_of(self, body: str) -> bool:
        """Whether it asked for the same."""
        return secrets.compare_digest(self.body_digest, _fingerprint(_OF_BODY, body))

    @property
    def is_running(self) -> bool:
        """Whether its test has not ended."""
        return self.result is None or self.result.is_open


def _fingerprint(kind: bytes, text: str) -> str:
    return key_ring().fingerprint(kind, Secret(text))
