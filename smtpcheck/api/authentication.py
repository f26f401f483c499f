"""Who calls: Basic with the login of a user, or the session cookie with its XSRF value.

A scheme is one class here, named in the settings. Whatever is missing, malformed or wrong is a
401, never a 403 and never a crash. This module is loaded by the framework's settings, so it
imports no views.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from smtpcheck.api.exceptions import XsrfRefused
from smtpcheck.conf import conf


class _Scheme(BaseAuthentication):
    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - the framework's signature
        """Name the scheme that a 401 offers: never Basic, a browser would pop up its box."""
        return "Bearer"


class BasicAuthentication(_Scheme):
    """Takes ``Authorization: Basic`` with a user's name and password in UTF-8."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, None] | None:
        """Return the user, or None if the header names another scheme or is absent."""
        scheme, _blank, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        login = _decoded(encoded.strip())
        user = verified_logins.user(*login) or _checked_user(request, *login)
        if user is None:
            raise AuthenticationFailed(_("The user name or the password is wrong."))
        return user, None


class SessionAuthentication(_Scheme):
    """Takes the session cookie; a call that changes something must carry the XSRF value too.

    Stands last: an Authorization header that nobody took is not rescued by a cookie.
    """

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, None] | None:
        """Return the logged-in user, or None without a session."""
        if "Authorization" in request.headers:
            raise AuthenticationFailed(_("The Authorization header is not usable. Send Basic."))
        user = getattr(request._request, "user", None)  # noqa: SLF001 - what the middleware found
        if user is None or not user.is_active:
            return None
        if reason := _xsrf_fault(request):
            raise XsrfRefused(
                _(
                    "The X-XSRF-TOKEN header is missing or wrong. A call with the session cookie "
                    "must carry the value of the cookie XSRF-TOKEN in it (%(reason)s)."
                )
                % {"reason": reason}
            )
        return user, None


def _xsrf_fault(request: Request) -> str:
    """Why the call does not prove that it comes from our own pages, or ""."""
    plain = request._request  # noqa: SLF001 - Django's own, which the check is made for
    # The value of a call is in its header. Looking for it in the body would use the body up.
    plain.POST = QueryDict()
    check = CSRFCheck(_protected)
    check.process_request(plain)
    return str(check.process_view(plain, _protected, (), {}) or "")


def _protected(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - stands for any view
    return HttpResponse()


def _decoded(encoded: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        text = ""
    username, colon, password = text.partition(":")  # a password may hold colons
    if not colon or "\0" in text:  # a database may refuse NUL with a crash
        raise AuthenticationFailed(
            _("The Authorization header is malformed. Send Basic and base64(user:password).")
        )
    return username, password


def _checked_user(request: Request, username: str, password: str) -> AbstractBaseUser | None:
    """The user whose login this is, by the full and slow check; inactive users fail it."""
    name_field = get_user_model().USERNAME_FIELD
    credentials = {name_field: username, "password": password}
    user = authenticate(request._request, **credentials)  # noqa: SLF001 - backends expect Django's
    if user is not None:
        verified_logins.remember(username, password, user, seconds=conf().BASIC_CACHE_SECONDS)
    return user


@dataclass(frozen=True, slots=True)
class _Verified:
    """A login that passed: whose it was, bound to the password hash it passed against."""

    user_pk: Any
    binding: bytes
    expires_at: float


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
