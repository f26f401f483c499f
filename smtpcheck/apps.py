"""What Django has to know about the application."""

from __future__ import annotations

import atexit

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class SmtpcheckConfig(AppConfig):
    """Registers the application and its system checks."""

    name = "smtpcheck"
    verbose_name = _("SMTP accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, which look at models, and put all texts into Django's language."""
        from smtpcheck import checks, wording  # noqa: F401 - both take effect by being imported
        from smtpcheck.models.roles import ensure_roles  # models are ready now and not before

        post_migrate.connect(ensure_roles, sender=self, dispatch_uid="smtpcheck.roles")
        atexit.register(close_pools)


def close_pools() -> None:
    """Close the pools of database connections, so that the process can end at once.

    From Python 3.13 on, a pool that is still open when the interpreter ends waits 5 s for each of
    its threads, which then no longer run.
    """
    for connection in connections.all():
        # Asking a connection for its pool would make one; Django has no public way to look.
        pools = getattr(connection, "_connection_pools", {})
        if connection.alias in pools:
            pools.pop(connection.alias).close()
