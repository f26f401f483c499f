"""What lets a program call the API in a user's name: tokens that are issued, tickets that slide.

Only a digest is stored. A token is 32 octets of chance, so a plain SHA-256 of it tells nothing and
can be found by an index; its first characters are kept so that a person can tell tokens apart.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, User
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from smtpcheck.models.choices import one_of

TOKEN_OCTETS = 32
SHOWN_CHARACTERS = 9

# A ticket lives this long after its last use; that it was used is written once a minute at most.
TICKET_HOURS = 6
USE_IS_NOTED_AFTER = timedelta(minutes=1)


class TokenKind(StrEnum):
    """How a token is sent, and how long it lives."""

    BEARER = "bearer"
    TICKET = "ticket"


# How the original's look, so that a person who knows those knows these.
PREFIXES = {TokenKind.BEARER: "8A:", TokenKind.TICKET: "7T:"}

KIND_CHOICES = [
    (TokenKind.BEARER.value, _("API token (Bearer)")),
    (TokenKind.TICKET.value, _("ticket (SoTicket)")),
]


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    """The questions that are asked about tokens."""

    def usable(self, now: datetime) -> AccessTokenQuerySet:
        """Those that open something: not revoked, not expired, of a user who is active."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
        return self.filter(unexpired, revoked_at=None, owner__is_active=True)


class AccessTokenManager(models.Manager["AccessToken"]):
    """Issues tokens and finds them again."""

    def get_queryset(self) -> AccessTokenQuerySet:
        """Return all tokens."""
        return AccessTokenQuerySet(self.model, using=self._db)

    def issue(
        self,
        owner: User,
        kind: TokenKind = TokenKind.BEARER,
        *,
        label: str = "",
        expires_at: datetime | None = None,
    ) -> AccessToken:
        """Return a new token with its ``issued_text``, which is shown once and stored nowhere.

        ``expires_at`` None means never for an API token; a ticket always has its hours.
        """
        text = PREFIXES[kind] + secrets.token_urlsafe(TOKEN_OCTETS)
        if kind is TokenKind.TICKET:
            expires_at = timezone.now() + timedelta(hours=TICKET_HOURS)
        token = self.create(
            owner=owner,
            kind=kind.value,
            label=label,
            expires_at=expires_at,
            digest=digest_of(text),
            hint=text[:SHOWN_CHARACTERS],
            login_state=_login_state(owner),
        )
        token.issued_text = text
        return token

    def find(self, kind: TokenKind, text: str) -> AccessToken | None:
        """Return the token that a caller holds, its use noted; None where it opens nothing."""
        now = timezone.now()
        usable = self.get_queryset().usable(now).select_related("owner")
        token = usable.filter(kind=kind.value, digest=digest_of(text)).first()
        if token is None or token.is_outdated:
            return None
        token.note_use(now)
        return token


class AccessToken(models.Model):
    """A token by which a program calls in the name of its owner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        get_user_model(),
        on_delete=models.CASCADE,
        verbose_name=_("owner"),
        help_text=_("In whose name a program calls that holds this token."),
    )
    kind = models.CharField(
        _("kind"),
        max_length=8,
        choices=KIND_CHOICES,
        default=TokenKind.BEARER.value,
        editable=False,
    )
    label = models.CharField(
        _("label"), max_length=200, blank=True, help_text=_("What it is for: which program, where.")
    )
    # The start of the token, for telling it apart; it opens nothing.
    hint = models.CharField(_("begins with"), max_length=SHOWN_CHARACTERS, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    # A ticket dies with the login that it was issued for: when the password changes.
    login_state = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(_("issued"), auto_now_add=True)
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, help_text=_("Empty if it never expires.")
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    objects = AccessTokenManager()

    # Its text, where it has just been issued; "" ever after.
    issued_text = ""

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ("-created_at",)
        constraints = (one_of("kind", KIND_CHOICES, name="accesstoken_kind"),)

    def __str__(self) -> str:
        return f"{self.label or self.get_kind_display()} ({self.hint}…)"

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: a token that has just been issued goes without its text."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "issued_text"}

    @property
    def is_outdated(self) -> bool:
        """Whether it is a ticket from before its owner's password changed."""
        return self.kind == TokenKind.TICKET.value and not secrets.compare_digest(
            self.login_state, _login_state(self.owner)
        )

    @property
    def is_usable(self) -> bool:
        """Whether it opens anything now."""
        is_expired = self.expires_at is not None and self.expires_at <= timezone.now()
        is_dead = is_expired or self.revoked_at is not None or self.is_outdated
        return not is_dead and self.owner.is_active

    def note_use(self, now: datetime) -> None:
        """Write that it was used, and give a ticket its hours again; once a minute at most."""
        if self.last_used_at is not None and now - self.last_used_at < USE_IS_NOTED_AFTER:
            return
        self.last_used_at = now
        if self.kind == TokenKind.TICKET.value:
            self.expires_at = now + timedelta(hours=TICKET_HOURS)
        unrevoked = type(self).objects.filter(pk=self.pk, revoked_at=None)
        unrevoked.update(last_used_at=self.last_used_at, expires_at=self.expires_at)

    def revoke(self) -> None:
        """Close what it opened, at once and for good."""
        now = timezone.now()
        type(self).objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=now)
        self.revoked_at = self.revoked_at or now


def digest_of(text: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _login_state(owner: AbstractUser) -> str:
    """What changes with the owner's password, and tells nothing of it."""
    return hashlib.sha256(owner.get_session_auth_hash().encode()).hexdigest()
