"""The closed sets of columns, with the words under which forms offer them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from smtpcheck.engine.stages import Goal, Security, Verdict

SECURITY_CHOICES = [
    (Security.TLS.value, _("TLS on connect")),
    (Security.STARTTLS.value, _("STARTTLS, always")),
    (Security.OPPORTUNISTIC.value, _("STARTTLS when offered")),
    (Security.NONE.value, _("none (clear text)")),
]

GOAL_CHOICES = [
    (Goal.LOGIN.value, _("the login is accepted (no mail)")),
    (Goal.RECIPIENT.value, _("sender and recipient are accepted (no mail)")),
    (Goal.CONTENT.value, _("a test mail is accepted")),
]

UNTESTED = "untested"

STATE_CHOICES = [
    (UNTESTED, _("untested")),
    (Verdict.WORKS.value, _("works")),
    (Verdict.FAILS.value, _("fails")),
]

VERDICT_CHOICES = [
    *STATE_CHOICES[1:],
    (Verdict.INCONCLUSIVE.value, _("inconclusive")),
]

# The login mechanisms that an account may name; "" leaves the choice to the test.
MECHANISM_CHOICES = [
    ("", _("automatic")),
    ("PLAIN", "PLAIN"),
    ("LOGIN", "LOGIN"),
    ("SCRAM-SHA-256", "SCRAM-SHA-256"),
    ("SCRAM-SHA-256-PLUS", _("SCRAM-SHA-256-PLUS (tied to the server's certificate)")),
    ("SCRAM-SHA-1", "SCRAM-SHA-1"),
    ("CRAM-MD5", "CRAM-MD5"),
    ("XOAUTH2", _("XOAUTH2 (the password is an access token)")),
    ("OAUTHBEARER", _("OAUTHBEARER (the password is an access token)")),
    ("EXTERNAL", _("EXTERNAL (the client certificate logs in, no password)")),
]


class Door(models.TextChoices):
    """Where a test was asked for."""

    REST = "rest", _("REST call")
    ADMIN = "admin", _("admin")
    COMMAND = "command", _("command line")
    SCHEDULE = "schedule", _("schedule")


def one_of(
    field: str, choices: Iterable[tuple[str, object]], *, name: str, or_empty: bool = False
) -> models.CheckConstraint:
    """Return the constraint that a column holds a value of its set."""
    values = [value for value, _label in choices] + [""] * or_empty
    return models.CheckConstraint(condition=Q(**{f"{field}__in": values}), name=name)
