"""Keeps the passwords of this site from being guessed, at every door alike.

Failures are counted by the database for (address, user name) and for the address alone. At a limit
nothing more from there is looked at until the window ends: a right password is held back as well,
else the answer would tell it. A stranger elsewhere holds nobody back, and it makes no difference
whether a user exists. Guesses that are under way at the same moment may each pass the limit: at
most as many as there are threads.
"""

from __future__ import annotations

import math
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from smtpcheck.conf import conf
from smtpcheck.models import Tally
from smtpcheck.services.addresses import address_of
from smtpcheck.services.errors import HeldBack

_FAILURES = "login failures"


class GuardedBackend(ModelBackend):
    """Django's check of a password, which is not reached where too many have failed."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """Return whose login it is, or None; raises HeldBack.

        A request of None is no door: a program on this machine asks.
        """
        name = username or credentials.get(get_user_model().USERNAME_FIELD) or ""
        if request is not None:
            hold_back(request, name)
        user = super().authenticate(request, username, password, **credentials)
        if user is not None and request is not None:
            Tally.objects.forget(_FAILURES, address_of(request.META), name)
        return user

    # Django's own would go past the guard.
    aauthenticate = BaseBackend.aauthenticate  # type: ignore[assignment]  # called by keyword


def hold_back(request: HttpRequest, username: str = "") -> None:
    """Raise HeldBack where too many logins failed; without a name only the address counts."""
    address = address_of(request.META)
    limits = conf()
    waits = [Tally.objects.wait(_FAILURES, address, limit=limits.LOGIN_FAILURES_PER_ADDRESS)]
    if username:
        limit = limits.LOGIN_FAILURES_PER_USER
        waits.append(Tally.objects.wait(_FAILURES, address, username, limit=limit))
    if any(waits):
        raise HeldBack(math.ceil(max(waits)))


@receiver(user_login_failed, dispatch_uid="smtpcheck.signing_in")
def count_failure(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_signal: Any
) -> None:
    """Count a login that failed at any door."""
    if request is None:
        return
    address = address_of(request.META)
    limits = conf()
    seconds = limits.LOGIN_FAILURE_WINDOW_SECONDS
    Tally.objects.add(_FAILURES, address, limit=limits.LOGIN_FAILURES_PER_ADDRESS, seconds=seconds)
    name = credentials.get("username") or credentials.get(get_user_model().USERNAME_FIELD)
    if name:
        limit = limits.LOGIN_FAILURES_PER_USER
        Tally.objects.add(_FAILURES, address, str(name), limit=limit, seconds=seconds)
