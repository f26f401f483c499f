"""What keeps a test, or a caller, from being taken on at all. Everything else is a result."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class SmtpcheckError(Exception):
    """Root of what the use cases raise."""


class Busy(SmtpcheckError):
    """This process runs as many tests as it may."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return _("This process runs as many tests as it may. Try again in %(seconds)d seconds.") % {
            "seconds": self.retry_after_seconds
        }


class HeldBack(SmtpcheckError):
    """Too many logins failed: none is looked at for a while, be it right or wrong."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        minutes = -(-self.retry_after_seconds // 60)
        return ngettext(
            "Too many logins have failed. Try again in %(minutes)d minute.",
            "Too many logins have failed. Try again in %(minutes)d minutes.",
            minutes,
        ) % {"minutes": minutes}


class KeyReused(SmtpcheckError):
    """An idempotency key came back with another call than the one that it named first."""

    def __str__(self) -> str:
        return _(
            "This Idempotency-Key named another call in the last 24 hours. Send a new key with a "
            "new call, and the old one only with the same call."
        )


class KeyInUse(SmtpcheckError):
    """The call that an idempotency key names is still running."""

    def __str__(self) -> str:
        return _(
            "The first call with this Idempotency-Key is still running. Repeat yours in a few "
            "seconds: it will get the same result."
        )


class NotPermitted(SmtpcheckError, PermissionError):
    """The caller lacks a right; ``permission`` is its name."""

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission

    def __str__(self) -> str:
        sentences = {
            TEST_ACCOUNT: _(
                "You may not test this account. An administrator can give you the permission "
                '"Can test saved accounts", or add you to the team of the account.'
            ),
            TEST_ANY_TARGET: _(
                "No saved account that you may test matches this server, user and sender, and you "
                "may not test others. An administrator can give you the permission "
                '"Can test an SMTP server that is not saved".'
            ),
            SET_POLICY: _(
                "You may not change which networks and ports this account's tests may reach. An "
                'administrator can give you the permission "Can allow an account more networks '
                'and ports".'
            ),
        }
        return sentences[self.permission]


TEST_ACCOUNT = "smtpcheck.test_smtpaccount"
TEST_ANY_TARGET = "smtpcheck.test_any_target"
# To allow an account networks and ports, and to be told which ones it lacks.
SET_POLICY = "smtpcheck.set_policy"
