"""How often a caller may call: counted by the database, so that it holds over all processes.

This module is loaded by the framework's settings, so it imports no views.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from smtpcheck import services
from smtpcheck.conf import conf
from smtpcheck.models import Tally

WINDOW_SECONDS = 60


class CallsPerMinute(BaseThrottle):
    """Lets each caller make as many calls in a minute as the settings say.

    A caller is a user, whatever the address, or else an address.
    """

    _wait = 0.0

    def allow_request(self, request: Request, view: object) -> bool:  # noqa: ARG002
        """Count the call; say no to one above the limit."""
        user = request.user
        if user.is_authenticated:
            self._wait = _seconds_to_wait("user", str(user.pk))
        else:
            self._wait = seconds_for_nobody(request)
        return not self._wait

    def wait(self) -> float:
        """Return the seconds until the next call is taken."""
        return self._wait


def seconds_for_nobody(request: Request) -> float:
    """Count a call of nobody who is known; above the limit of its address, the seconds to wait."""
    return _seconds_to_wait("address", services.address_of(request.META))


def _seconds_to_wait(*caller: str) -> float:
    limit = conf().CALLS_PER_MINUTE
    return Tally.objects.add("calls", *caller, limit=limit, seconds=WINDOW_SECONDS)
