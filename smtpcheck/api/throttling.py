"""How often a caller may call.

This module is loaded by the framework's settings, so it imports no views.
"""

from __future__ import annotations

from rest_framework.throttling import UserRateThrottle

from smtpcheck.conf import conf


class CallsPerMinute(UserRateThrottle):
    """Lets each caller make as many calls in a minute as the settings say."""

    scope = "calls"

    def get_rate(self) -> str:
        """Return the rate in the framework's notation, read when it is used."""
        return f"{conf().CALLS_PER_MINUTE}/min"
