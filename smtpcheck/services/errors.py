"""What keeps a test from being taken on at all. Everything else is a result."""

from __future__ import annotations

from django.utils.translation import gettext as _


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
        }
        return sentences[self.permission]


TEST_ACCOUNT = "smtpcheck.test_smtpaccount"
TEST_ANY_TARGET = "smtpcheck.test_any_target"
