"""Whether this process lives and is ready to test: two pages for whatever watches over it.

They need no login, so they name no host, no key and no version; the log tells more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from smtpcheck.conf import require_runtime
from smtpcheck.models import SmtpAccount

logger = logging.getLogger(__name__)

# Whoever asks each second shall not cost a look at all accounts each second.
REMEMBERED_SECONDS = 10.0


@never_cache
@require_safe
def live(_request: HttpRequest) -> JsonResponse:
    """Answer that this process answers."""
    return JsonResponse({"live": True})


@never_cache
@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when a test can run here, else 503 with the parts that are not ready."""
    failing = _readiness.failing()
    status = HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
    return JsonResponse({"ready": not failing, "failing": failing}, status=status)


def _settings_hold() -> bool:
    require_runtime()
    return True


def _database_answers() -> bool:
    connection.ensure_connection()
    return True


def _is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _keys_are_loaded() -> bool:
    return not SmtpAccount.objects.missing_key_ids()


# By the word that a page shows, in the order in which one rests on the other.
_PARTS: dict[str, Callable[[], bool]] = {
    "settings": _settings_hold,
    "database": _database_answers,
    "migrations": _is_migrated,
    "encryption keys": _keys_are_loaded,
}


class _Readiness:
    """What was found last, for a few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failing: list[str] = []
        self._until = 0.0

    def failing(self) -> list[str]:
        """Return the parts that are not ready; the first one that fails hides those behind it."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._failing = next(([name] for name in _PARTS if not _holds(name)), [])
                self._until = time.monotonic() + REMEMBERED_SECONDS
            return self._failing

    def forget(self) -> None:
        """Look again the next time."""
        self._until = 0.0


def _holds(name: str) -> bool:
    try:
        holds = _PARTS[name]()
    except (ImproperlyConfigured, DatabaseError) as error:
        # Without its text, in which a database's address and user can stand.
        reason = type(error).__qualname__
        logger.error("Not ready, %s: %s", name, reason)  # noqa: TRY400
        return False
    if not holds:
        logger.error("Not ready: %s. `manage.py check --database default` says more.", name)
    return holds


_readiness = _Readiness()
forget = _readiness.forget

urlpatterns = [
    path("health/live", live, name="live"),
    path("health/ready", ready, name="ready"),
]
