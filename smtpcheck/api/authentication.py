"""Who calls: by an Authorization header, or by the session cookie with its XSRF value.

A scheme is one class here, named in the settings; each can be switched off. Whatever is missing,
malformed or wrong is a 401, never a 403 and never a crash; after too many of them from one address
it is a 429. This module is loaded by the
framework's settings, so it imports no views.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_login_failed
from django.db import connection
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from smtpcheck.api.exceptions import XsrfRefused
from smtpcheck.api.schemes import schemes_taken
from smtpcheck.api.verifiedlogins import verified_logins
from smtpcheck.conf import conf
from smtpcheck.models import AccessToken, TokenKind
from smtpcheck.services import hold_back
from smtpcheck.services.turnstile import turnstile

# Who was recognised, and the token that told it, if one did.
Found = tuple[AbstractBaseUser, AccessToken | None]


class _Scheme(BaseAuthentication):
    """One way to say who calls; ``name`` is how the settings call it."""

    name: ClassVar[str]

    @property
    def is_on(self) -> bool:
        """Whether this installation takes the scheme."""
        return self.name in conf().AUTHENTICATION

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - the framework's signature
        """Name the scheme that a 401 offers: never Basic, a browser would pop up its box."""
        return "Bearer"


class _HeaderScheme(_Scheme):
    """A scheme of the Authorization header, which is recognised in any case."""

    def authenticate(self, request: Request) -> Found | None:
        """Return who calls, or None if the header names another scheme or is absent."""
        scheme, _blank, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != self.name or not self.is_on:
            return None
        return self.found(request, rest.strip())

    def found(self, request: Request, credential: str) -> Found:
        """Return whose credential it is; raises AuthenticationFailed."""
        raise NotImplementedError


class BasicAuthentication(_HeaderScheme):
    """Takes ``Authorization: Basic`` with a user's name and password in UTF-8."""

    name = "basic"

    def found(self, request: Request, credential: str) -> Found:
        """Return the user."""
        login = _decoded(credential)
        user = verified_logins.user(*login) or _user_in_turn(request, *login)
        if user is None:
            raise AuthenticationFailed(_("The user name or the password is wrong."))
        return user, None


class BearerAuthentication(_HeaderScheme):
    """Takes ``Authorization: Bearer`` with an API token."""

    name = "bearer"

    def found(self, request: Request, credential: str) -> Found:
        """Return the owner of the token."""
        return _owner_of(request, TokenKind.BEARER, credential)


class TicketAuthentication(_HeaderScheme):
    """Takes ``Authorization: SoTicket`` with a ticket, next to an application token if one is set.

    The sources spell the scheme SoTicket, SOTicket and SOTICKET.
    """

    name = "soticket"

    def found(self, request: Request, credential: str) -> Found:
        """Return the owner of the ticket."""
        known = conf().APP_TOKENS
        sent = request.headers.get("SO-AppToken", "").strip()
        if known and not any(_is_same(sent, token) for token in known):
            raise AuthenticationFailed(
                _("The SO-AppToken header is missing or wrong. A ticket needs one here.")
            )
        return _owner_of(request, TokenKind.TICKET, credential)


def _owner_of(request: Request, kind: TokenKind, text: str) -> Found:
    token = AccessToken.objects.find(kind, text)
    if token is None:
        plain = request._request  # noqa: SLF001 - as Django's own logins report it
        # Looked for first, because nobody guesses a token: a right one always passes.
        hold_back(plain)
        # Counted like a wrong password; the token itself goes nowhere.
        user_login_failed.send(sender=__name__, credentials={}, request=plain)
        raise AuthenticationFailed(_("The token is unknown, expired or revoked."))
    return token.owner, token


def _is_same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


class SessionAuthentication(_Scheme):
    """Takes the session cookie; a call that changes something must carry the XSRF value too.

    Stands last: an Authorization header that nobody took is not rescued by a cookie.
    """

    name = "session"

    def authenticate(self, request: Request) -> Found | None:
        """Return the logged-in user, or None without a session."""
        if "Authorization" in request.headers:
            message = _("The Authorization header is not usable. Schemes taken here: %(names)s.")
            raise AuthenticationFailed(message % {"names": schemes_taken()})
        if not self.is_on:
            return None
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


def _user_in_turn(request: Request, username: str, password: str) -> AbstractBaseUser | None:
    # Outside: it has a queue of its own, and those whose login is known need not stand in it.
    with turnstile.outside(), _connection_given_back(), verified_logins.turn(username, password):
        # Perhaps another call with the same login has just passed.
        known = verified_logins.user(username, password)
        return known or _checked_user(request, username, password)


@contextmanager
def _connection_given_back() -> Iterator[None]:
    """Keep no database connection while a place is waited for: those inside may wait for one.

    One that is in a transaction of the project's own cannot be given back.
    """
    try:
        yield
    finally:
        if not connection.in_atomic_block:
            connection.close()


def _checked_user(request: Request, username: str, password: str) -> AbstractBaseUser | None:
    """The user whose login this is, by the full and slow check; inactive users fail it."""
    name_field = get_user_model().USERNAME_FIELD
    credentials = {name_field: username, "password": password}
    user = authenticate(request._request, **credentials)  # noqa: SLF001 - backends expect Django's
    if user is not None:
        verified_logins.remember(username, password, user, seconds=conf().BASIC_CACHE_SECONDS)
    return user
