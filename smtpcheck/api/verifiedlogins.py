"""Remembers logins that passed, so that not every call pays for a password hash."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser


@dataclass(frozen=True, slots=True)
class _Verified:
    """A login that passed: whose it was, bound to the password hash it passed against."""

    user_pk: Any
    binding: bytes
    expires_at: float


@dataclass(slots=True)
class _Turn:
    """Calls that wait to have the same login checked."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0


class VerifiedLogins:
    """Remembers logins that passed, because one check of a password hash costs 0.24 s of CPU.

    Holds no password: a login is an HMAC under a key that only this process knows. An entry is
    void when the user's password or active flag changed, and it is looked up at each call.
    """

    def __init__(
        self, *, capacity: int = 1024, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity  # an entry is about 400 bytes
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._entries: OrderedDict[bytes, _Verified] = OrderedDict()
        self._lock = threading.Lock()
        self._turns: dict[bytes, _Turn] = {}
        self._places = threading.BoundedSemaphore(os.cpu_count() or 1)

    @contextmanager
    def turn(self, username: str, password: str) -> Iterator[None]:
        """Wait for a place to check a login in full.

        One at a time for each login, so that a crowd of calls pays for one hash; and no more at
        once than there are processors, because each holds a database connection while it computes.
        """
        name = self._login_digest(username, password)
        with self._lock:
            turn = self._turns.setdefault(name, _Turn())
            turn.waiting += 1
        try:
            with turn.lock, self._places:
                yield
        finally:
            with self._lock:
                turn.waiting -= 1
                if not turn.waiting:
                    del self._turns[name]

    def user(self, username: str, password: str) -> AbstractBaseUser | None:
        """Return the user of a login that passed a moment ago, or None: then check it in full."""
        name = self._login_digest(username, password)
        with self._lock:
            entry = self._entries.get(name)
        if entry is None or entry.expires_at <= self._clock():
            return None
        user = get_user_model()._default_manager.filter(pk=entry.user_pk).first()  # noqa: SLF001
        if user is None or not hmac.compare_digest(entry.binding, self._binding(user)):
            return None
        return user if user.is_active else None

    def remember(
        self, username: str, password: str, user: AbstractBaseUser, *, seconds: float
    ) -> None:
        """Keep a login that passed; the oldest one makes room. Zero seconds keep nothing."""
        if seconds <= 0:
            return
        entry = _Verified(user.pk, self._binding(user), self._clock() + seconds)
        name = self._login_digest(username, password)
        with self._lock:
            self._entries.pop(name, None)
            self._entries[name] = entry
            if len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget every login."""
        with self._lock:
            self._entries.clear()

    def _login_digest(self, username: str, password: str) -> bytes:
        return self._digest("login", username, password)

    def _binding(self, user: AbstractBaseUser) -> bytes:
        return self._digest("user", str(user.pk), user.password, str(user.is_active))

    def _digest(self, *parts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(parts).encode(), hashlib.sha256)


verified_logins = VerifiedLogins()
