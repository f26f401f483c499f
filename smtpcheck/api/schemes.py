"""How the schemes of the Authorization header are written, for texts that name them."""

from __future__ import annotations

from django.utils.translation import gettext as _

from smtpcheck.conf import conf

_SPELLINGS = {"bearer": "Bearer", "soticket": "SoTicket", "basic": "Basic"}


def schemes_taken() -> str:
    """Return the schemes that this installation takes, parted by commas."""
    taken = conf().AUTHENTICATION
    return ", ".join(shown for name, shown in _SPELLINGS.items() if name in taken) or _("none")
