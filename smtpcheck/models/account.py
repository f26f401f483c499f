"""A saved SMTP account: what a person decides."""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Self

from django.contrib.auth.models import AbstractUser, AnonymousUser, Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from smtpcheck.crypto import CryptoError, KeyMissing, key_id_of, key_ring
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import canonical_host, parse_mailbox, refuse_control_characters
from smtpcheck.engine.policy import PolicyEntry, parse_entry
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal, Security
from smtpcheck.models.choices import (
    GOAL_CHOICES,
    MECHANISM_CHOICES,
    SECURITY_CHOICES,
    one_of,
)
from smtpcheck.models.roles import is_role

# The kinds of secrets that an account can hold; each has three columns named after it.
PASSWORD = "password"  # noqa: S105 - the name of a kind
CLIENT_KEY = "client_key"
SECRET_KINDS = (PASSWORD, CLIENT_KEY)

MAX_ADDRESS_LENGTH = 320  # 64 + 1 + 255, RFC 3696 erratum 1690; the grammar is stricter
MINIMUM_CHECK_INTERVAL_SECONDS = 60  # a login each minute is what providers still bear

# A user, or None for whoever holds the keys: the command line on this machine.
Person = AbstractUser | AnonymousUser | None

_ANY_AT_SQL = "SELECT 1 FROM {table} WHERE host = %s AND port = %s LIMIT 1"


class SmtpAccountQuerySet(models.QuerySet["SmtpAccount"]):
    """The questions that are asked about accounts."""

    def usable_by(self, user: Person) -> Self:
        """Those that a user may see and test: without a team, or of a team the user is in."""
        if user is None or (user.is_active and user.is_superuser):
            return self
        if not user.is_active or user.pk is None:
            return self.none()
        return self.filter(Q(team=None) | Q(team__in=Group.objects.filter(user=user.pk)))

    def is_any_at(self, host: str, port: int) -> bool:
        """Say whether there is an account for a server, whosever it is.

        Asked before every test of a typed-in target, which most often nobody saved, and therefore
        written by hand: the query that would read the account costs seven times as much.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                _ANY_AT_SQL.format(table=self.model._meta.db_table),  # noqa: SLF001
                [host, port],
            )
            return bool(cursor.fetchone())

    def matching(self, scheme: str, host: str, port: int, username: str | None) -> Self:
        """Those that an SMTP URI means; without a user name host and port alone decide.

        ``smtps`` means accounts with TLS on connect, ``smtp`` all others.
        """
        at_host = self.filter(host=host, port=port)
        if username is None:
            return at_host
        of_user = at_host.filter(username=username)
        if scheme == "smtps":
            return of_user.filter(security=Security.TLS.value)
        return of_user.exclude(security=Security.TLS.value)

    def holding(self, kind: str) -> Self:
        """Those that have a secret of a kind."""
        return self.exclude(**{f"{kind}_sealed": ""})

    def outdated(self, kind: str) -> Self:
        """Those whose secret of a kind is sealed under another key than the first."""
        return self.holding(kind).exclude(**{f"{kind}_key_id": key_ring().first_key_id})

    def first_key_id(self) -> str:
        """The id of the key that seals."""
        return key_ring().first_key_id

    def missing_key_ids(self) -> set[str]:
        """Return the ids of the keys that some stored secret needs and that are not loaded."""
        in_use: set[str] = set()
        for kind in SECRET_KINDS:
            ids = self.holding(kind).order_by().values_list(f"{kind}_key_id", flat=True)
            in_use.update(ids.distinct())
        return in_use - set(key_ring().keys)


def _per_team(name: str, *fields: str, **options: Any) -> models.UniqueConstraint:
    """One account per team for what an SMTP URI can tell apart."""
    return models.UniqueConstraint(
        Case(When(security=Security.TLS.value, then=Value(1)), default=Value(0)),
        *(F(field) for field in ("host", "port", "username", *fields)),
        name=name,
        violation_error_code="unique",
        violation_error_message=_(
            "There is an account for this host, port and user already. "
            "Change that one, or give this one to another team."
        ),
        **options,
    )


def _named_once(name: str, *fields: str, **options: Any) -> models.UniqueConstraint:
    """One account of a name per team."""
    return models.UniqueConstraint(
        fields=("name", *fields),
        name=name,
        violation_error_code="unique",
        violation_error_message=_("There is an account of this name already. Choose another name."),
        **options,
    )


def _whole(kind: str) -> models.CheckConstraint:
    """A sealed secret has its key and its destination beside it, or there is nothing at all."""
    columns = [f"{kind}_{part}" for part in ("sealed", "key_id", "destination")]
    stored = Q()
    for column in columns:
        stored &= ~Q(**{column: ""})
    return models.CheckConstraint(
        condition=Q(**dict.fromkeys(columns, "")) | stored, name=f"smtpaccount_{kind}_whole"
    )


class SmtpAccount(models.Model):
    """A saved SMTP server with its login, sender and schedule.

    Secrets are write-only columns: ``set_secret`` and ``reveal_secret`` are the only way in and
    out, and they bind a secret to this row and its destination.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=200, help_text=_("How people call this account."))
    host = models.CharField(
        _("host"), max_length=253, help_text=_("For example mail.example.org, without smtp://.")
    )
    port = models.PositiveIntegerField(
        _("port"),
        default=587,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text=_("587 with STARTTLS, 465 with TLS on connect, 25 between servers."),
    )
    security = models.CharField(
        _("security"), max_length=16, choices=SECURITY_CHOICES, default=Security.STARTTLS.value
    )
    username = models.CharField(
        _("user name"),
        max_length=512,
        blank=True,
        help_text=_("Empty if the server wants no login. Changing it clears the saved password."),
    )
    auth_mechanism = models.CharField(
        _("login mechanism"), max_length=32, choices=MECHANISM_CHOICES, blank=True, default=""
    )

    password_sealed = models.TextField(blank=True, default="", editable=False)
    password_key_id = models.CharField(
        max_length=64, blank=True, default="", editable=False, db_index=True
    )
    # The destination that the password was saved for; see ``destination``.
    password_destination = models.CharField(max_length=64, blank=True, default="", editable=False)
    # A new random text for each new password. It tells that the password changed without telling
    # anything of the password, and a new encryption key leaves it alone.
    password_version = models.CharField(max_length=32, blank=True, default="", editable=False)

    sender = models.CharField(
        _("sender"),
        max_length=MAX_ADDRESS_LENGTH,
        blank=True,
        help_text=_("The From address of the test mail. Empty: the user name, if it is one."),
    )
    recipient = models.CharField(
        _("test recipient"),
        max_length=MAX_ADDRESS_LENGTH,
        blank=True,
        help_text=_("Who gets the test mail. Empty: the one of the settings, else the sender."),
    )
    ehlo_name = models.CharField(
        _("EHLO name"),
        max_length=253,
        blank=True,
        help_text=_("How the test introduces itself. Empty: as the settings say."),
    )
    ca_bundle = models.TextField(
        _("certificate authorities"),
        blank=True,
        help_text=_("PEM text; replaces the authorities of the system for this account."),
    )
    pin = models.CharField(
        _("certificate fingerprint"),
        max_length=128,
        blank=True,
        help_text=_("SHA-256 of the only certificate to be trusted, in hex."),
    )
    # A name of the settings, where its address and login are.
    proxy = models.CharField(
        _("proxy"),
        max_length=64,
        blank=True,
        default="",
        help_text=_("The outgoing proxy that tests go through. Empty: straight from here."),
    )

    # Only ``set_policy`` writes the two: the entries hold for the host that they were given for.
    policy_entries = models.TextField(
        _("allowed networks and ports"),
        blank=True,
        default="",
        help_text=_(
            "What this account's tests may reach besides what the settings allow, one entry a "
            "line, such as 10.1.0.0/16:25,587. Changing the host empties it."
        ),
    )
    policy_host = models.CharField(max_length=253, blank=True, default="", editable=False)

    client_certificate = models.TextField(
        _("client certificate"),
        blank=True,
        default="",
        help_text=_(
            "PEM text, for a server that asks for one. Empty it to delete its private key as well."
        ),
    )
    client_key_sealed = models.TextField(blank=True, default="", editable=False)
    client_key_key_id = models.CharField(
        max_length=64, blank=True, default="", editable=False, db_index=True
    )
    client_key_destination = models.CharField(max_length=64, blank=True, default="", editable=False)
    client_key_version = models.CharField(max_length=32, blank=True, default="", editable=False)

    paused = models.BooleanField(
        _("paused"), default=False, help_text=_("A paused account is tested by hand only.")
    )
    check_interval_seconds = models.PositiveIntegerField(
        _("test every (seconds)"),
        default=3600,
        validators=[MinValueValidator(MINIMUM_CHECK_INTERVAL_SECONDS)],
    )
    goal = models.CharField(
        _("goal"), max_length=16, choices=GOAL_CHOICES, default=Goal.CONTENT.value
    )
    # PROTECT: without its team an account would belong to everybody.
    team = models.ForeignKey(
        Group,
        verbose_name=_("team"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="smtp_accounts",
        help_text=_("Only its members may see and test the account. Empty: everybody who may."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = SmtpAccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("SMTP account")
        verbose_name_plural = _("SMTP accounts")
        ordering = ("name",)
        permissions = (
            ("test_smtpaccount", "Can test saved accounts"),
            ("test_any_target", "Can test an SMTP server that is not saved"),
            ("set_policy", "Can allow an account more networks and ports"),
        )
        indexes = (models.Index(fields=["host", "port"], name="smtpaccount_host_port"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(port__gte=1, port__lte=65535), name="smtpaccount_port_range"
            ),
            models.CheckConstraint(
                condition=Q(check_interval_seconds__gte=MINIMUM_CHECK_INTERVAL_SECONDS),
                name="smtpaccount_interval_minimum",
            ),
            one_of("security", SECURITY_CHOICES, name="smtpaccount_security_known"),
            one_of("goal", GOAL_CHOICES, name="smtpaccount_goal_known"),
            _whole(PASSWORD),
            _whole(CLIENT_KEY),
            _named_once("smtpaccount_name_without_team", condition=Q(team__isnull=True)),
            _named_once("smtpaccount_name_in_team", "team", condition=Q(team__isnull=False)),
            _per_team("smtpaccount_unique_without_team", condition=Q(team__isnull=True)),
            _per_team("smtpaccount_unique_in_team", "team", condition=Q(team__isnull=False)),
        )

    def __str__(self) -> str:
        return self.name

    # --- Destination and digests --------------------------------------------------------------

    def destination(self) -> bytes:
        """Return in one spelling everything that decides who gets to see the secret.

        Whoever could change one of these could have the secret sent elsewhere.
        """
        bundle = _canonical_pem(self.ca_bundle)
        minimum_tls = ""
        parts = [
            _canonical_or_same(self.host),
            self.port,
            str(self.security),
            self.username,
            hashlib.sha256(bundle.encode()).hexdigest() if bundle else "",
            _canonical_pin(self.pin),
            self.proxy,
            minimum_tls,
            self.auth_mechanism,
        ]
        return json.dumps(parts, separators=(",", ":")).encode("ascii")

    def destination_digest(self) -> str:
        """Return the SHA-256 of the destination, which a plain column keeps beside each secret."""
        return hashlib.sha256(self.destination()).hexdigest()

    def fingerprint(self, secret: Secret) -> str:
        """Return by what a login with a secret at this destination is remembered (an HMAC)."""
        return key_ring().fingerprint(self.destination(), secret)

    def test_digest(self) -> str:
        """Return one digest of everything that a test of this account uses.

        A result speaks of the account as long as the account still has the digest it was made
        with.
        """
        parts = [
            self.destination_digest(),
            self.password_version,
            self.sender,
            self.recipient,
            self.ehlo_name,
        ]
        if self.client_certificate or self.client_key_version:
            # Left out where there is none: accounts tested before there was any stay tested.
            parts += [self.client_certificate, self.client_key_version]
        return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()

    # --- Secrets ------------------------------------------------------------------------------

    def has_secret(self, kind: str = PASSWORD) -> bool:
        """Say whether a secret of a kind is stored."""
        return bool(self._secret_columns(kind)["sealed"])

    def set_secret(self, kind: str, value: Secret | None) -> None:
        """Seal a secret for this row and its destination, or remove it; ``save`` stores it.

        It may come before or after the other fields are set: ``save`` binds it to the destination
        that is saved. Setting the secret that is stored already counts as no change.
        """
        if not value:
            self._unsaved_secrets[kind] = None
            self._store(kind, sealed="", version="")
            return
        is_same = self._is_stored(kind, value)
        version = self._secret_columns(kind)["version"] if is_same else uuid.uuid4().hex
        self._unsaved_secrets[kind] = value
        self._store(kind, sealed=self._sealed(kind, value), version=version)

    def reveal_secret(self, kind: str) -> Secret | None:
        """Return a stored secret in clear, or None if there is none.

        Raises Refused with config.secret-destination-changed when the destination is not the one
        it was saved for, and with config.secret-unreadable when its key is not loaded.
        """
        columns = self._secret_columns(kind)
        if not columns["sealed"]:
            return None
        if columns["destination"] != self.destination_digest():
            raise Refused("config.secret-destination-changed")
        try:
            return key_ring().open(columns["sealed"], context=self._context(kind))
        except KeyMissing as missing:
            raise Refused("config.secret-unreadable", key_id=missing.key_id) from None
        except CryptoError:
            raise Refused("config.secret-unreadable", key_id=key_id_of(columns["sealed"])) from None

    def reseal_secret(self, kind: str) -> int:
        """Seal a stored secret under the first key, at once; returns how many rows that changed.

        None if somebody stored another secret meanwhile: that one is under the first key anyway.
        Raises Refused, and leaves it as it is, if it does not open.
        """
        before = self._secret_columns(kind)["sealed"]
        value = self.reveal_secret(kind)
        if value is None:
            return 0
        sealed = self._sealed(kind, value)
        columns = {f"{kind}_sealed": sealed, f"{kind}_key_id": key_id_of(sealed)}
        unchanged = type(self).objects.filter(pk=self.pk, **{f"{kind}_sealed": before})
        return unchanged.update(**columns)

    @property
    def _unsaved_secrets(self) -> dict[str, Secret | None]:
        """What was set and not saved yet, None where removed: it may have to be bound anew."""
        unsaved: dict[str, Secret | None] = self.__dict__.setdefault("_unsaved", {})
        return unsaved

    def _secret_columns(self, kind: str) -> dict[str, str]:
        return {
            part: getattr(self, f"{kind}_{part}")
            for part in ("sealed", "key_id", "destination", "version")
        }

    def _store(self, kind: str, *, sealed: str, version: str) -> None:
        setattr(self, f"{kind}_sealed", sealed)
        setattr(self, f"{kind}_key_id", key_id_of(sealed) if sealed else "")
        setattr(self, f"{kind}_destination", self.destination_digest() if sealed else "")
        setattr(self, f"{kind}_version", version)

    def _sealed(self, kind: str, value: Secret) -> str:
        return key_ring().seal(value, context=self._context(kind))

    def _context(self, kind: str) -> bytes:
        return json.dumps(["smtpaccount", kind, str(self.pk)]).encode() + b"\0" + self.destination()

    def _is_stored(self, kind: str, value: Secret) -> bool:
        try:
            return self.reveal_secret(kind) == value
        except Refused:
            return False

    def _bind_secrets(self) -> set[str]:
        """Bring the secrets in line with the destination; returns the columns to be written.

        A new secret is bound to the destination as it is now; an old one that was saved for
        another destination is removed.
        """
        changed: set[str] = set()
        for kind in SECRET_KINDS:
            changed |= self._bind_secret(kind)
        return changed

    def _bind_secret(self, kind: str) -> set[str]:
        columns = self._secret_columns(kind)
        is_bound = not columns["sealed"] or columns["destination"] == self.destination_digest()
        if is_bound and kind not in self._unsaved_secrets:
            return set()
        unsaved = self._unsaved_secrets.get(kind)
        if not unsaved:
            self.set_secret(kind, None)
        elif not is_bound:
            self._store(kind, sealed=self._sealed(kind, unsaved), version=columns["version"])
        return {f"{kind}_{part}" for part in columns}

    # --- Policy -------------------------------------------------------------------------------

    def set_policy(self, text: str) -> None:
        """Allow the host as it is now what the entries say, one a line; ``save`` stores it.

        Whoever calls this has seen to it that the person holds the right ``set_policy``.
        """
        self.policy_entries = canonical_entries(text)
        self.policy_host = _canonical_or_same(self.host) if self.policy_entries else ""

    def allowed_entries(self) -> tuple[PolicyEntry, ...]:
        """Return what is allowed for the host; a line that cannot be read allows nothing."""
        if self.policy_host != _canonical_or_same(self.host):
            return ()
        return tuple(_readable_entries(self.policy_entries))

    def _bind_policy(self) -> set[str]:
        """Drop what was allowed for another host; returns the columns that changed."""
        if not self.policy_entries or self.policy_host == self.host:
            return set()
        self.set_policy("")
        return {"policy_entries", "policy_host"}

    # --- Saving -------------------------------------------------------------------------------

    def clean(self) -> None:
        """Bring every value into its one spelling; a ValidationError names what cannot be."""
        errors: dict[str, ValidationError] = {}
        for field, canonical in _CANONICAL.items():
            try:
                setattr(self, field, canonical(getattr(self, field)))
            except Refused as refused:
                errors[field] = _as_validation_error(refused)
        for line in canonical_entries(self.policy_entries).splitlines():
            if not list(_readable_entries(line)):
                errors["policy_entries"] = ValidationError(
                    _(
                        "“%(line)s” is not a policy entry. Write a network, then ports if it needs "
                        "any, such as 10.1.0.0/16:25,587 or [fd00:1::]/32:587."
                    ),
                    code="policy-entry",
                    params={"line": line},
                )
        if self.team is not None and is_role(self.team.name):
            errors["team"] = ValidationError(
                _("This group says what its members may do; choose a team."), code="role"
            )
        if errors:
            raise ValidationError(errors)

    def save(
        self,
        *,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Store the account, and with it what follows from the change.

        A secret saved for another destination is cleared, what was allowed for another host too,
        and the account's state becomes untested when anything a test uses has changed.
        """
        self._canonicalise()
        changed = self._bind_secrets() | self._bind_policy()
        if update_fields is not None:
            update_fields = {*update_fields, *changed, "updated_at"}
        with transaction.atomic(using=using, durable=False):
            super().save(
                force_insert=force_insert,
                force_update=force_update,
                using=using,
                update_fields=update_fields,
            )
            _follow(self)
        self._unsaved_secrets.clear()

    def _canonicalise(self) -> None:
        """The spellings that matching and digests rely on; an impossible host stays as it is."""
        self.host = _canonical_or_same(self.host)
        self.ca_bundle = _canonical_pem(self.ca_bundle)
        self.client_certificate = _canonical_pem(self.client_certificate)
        self.pin = _canonical_pin(self.pin)


def canonical_entries(text: str) -> str:
    """Return policy entries in one spelling: a line each, without blanks around and empty ones."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _readable_entries(text: str) -> Iterator[PolicyEntry]:
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            yield parse_entry(line)


def _follow(account: SmtpAccount) -> None:
    from smtpcheck.models.state import SmtpAccountState  # the two models know each other

    SmtpAccountState.objects.follow(account)


def _canonical_or_same(host: str) -> str:
    try:
        return canonical_host(host)
    except Refused:
        return host


def _canonical_pem(text: str) -> str:
    """PEM text with plain line ends: a browser's form would otherwise look like another bundle."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _canonical_pin(text: str) -> str:
    return "".join(text.replace(":", "").split()).lower()


def _checked_pin(text: str) -> str:
    pin = _canonical_pin(text)
    if pin and (len(pin) != 64 or set(pin) - set("0123456789abcdef")):
        raise Refused("config.pin-invalid")
    return pin


def _checked_pem(text: str) -> str:
    bundle = _canonical_pem(text)
    if bundle and "-----BEGIN CERTIFICATE-----" not in bundle:
        raise Refused("config.ca-invalid")
    return bundle


def _checked_client_certificate(text: str) -> str:
    """A private key in it would be kept and shown like the certificate."""
    certificate = _canonical_pem(text)
    is_one = "-----BEGIN CERTIFICATE-----" in certificate and "PRIVATE KEY" not in certificate
    if certificate and not is_one:
        raise Refused("config.client-cert-invalid")
    return certificate


def _checked_address(field: str, text: str) -> str:
    if not text.strip():
        return ""
    parse_mailbox(text, field)
    return text.strip()


def _checked_username(text: str) -> str:
    refuse_control_characters("user name", text)
    return text


def _checked_ehlo_name(text: str) -> str:
    refuse_control_characters("EHLO name", text)
    name = text.strip()
    return name if not name or name.startswith("[") else canonical_host(name)


# By field, how its value is brought into its one spelling; raises Refused.
_CANONICAL = {
    "host": canonical_host,
    "username": _checked_username,
    "sender": lambda text: _checked_address("sender", text),
    "recipient": lambda text: _checked_address("recipient", text),
    "ehlo_name": _checked_ehlo_name,
    "ca_bundle": _checked_pem,
    "client_certificate": _checked_client_certificate,
    "pin": _checked_pin,
}


def _as_validation_error(refused: Refused) -> ValidationError:
    message = _MESSAGES.get(refused.diagnosis_id, _("This value cannot be used in a test."))
    return ValidationError(message, code=refused.diagnosis_id, params=refused.parameters)


_MESSAGES = {
    "config.host-is-url": _(
        "Enter the host name alone, such as mail.example.org, without smtp:// and without blanks."
    ),
    "config.label-invalid": _(
        "This is no host name: look for two dots in a row, a dot at the start or a part that is "
        "too long."
    ),
    "config.control-character": _(
        "This holds a line break or another invisible character. Type it again instead of "
        "pasting it."
    ),
    "config.sender-invalid": _("Enter one mail address, such as name@example.org."),
    "config.recipient-invalid": _("Enter one mail address, such as name@example.org."),
    "config.ca-invalid": _(
        "Paste the certificate of the authority in PEM form: it begins with "
        "-----BEGIN CERTIFICATE-----."
    ),
    "config.client-cert-invalid": _(
        "Paste the client certificate alone, in PEM form: it begins with -----BEGIN "
        "CERTIFICATE-----. Its private key has a field of its own."
    ),
    "config.pin-invalid": _("A SHA-256 fingerprint has 64 hexadecimal digits."),
}
