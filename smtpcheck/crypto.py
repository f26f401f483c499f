"""Sealing secrets for the database: AES-256-GCM under a ring of keys. Knows bytes, no models.

A sealed value is ``1$<key id>$<base64 of nonce and ciphertext>``. It is bound to a context (which
row, which destination): the same value read for another one does not open. The first key of the
ring seals, every key opens what carries its id, and there is no fallback of any kind.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ImproperlyConfigured

from smtpcheck.conf import HOW_TO_MAKE_ENCRYPTION_KEYS, conf
from smtpcheck.engine.redaction import NeverPickled, Secret

VERSION = "1"
KEY_BYTES = 32
# NIST SP 800-38D section 8.2.2: random nonces of 96 bits are good for 2**32 values of one key.
NONCE_BYTES = 12
MAX_KEY_ID_LENGTH = 64

# What parts the subkey from every other use of a key.
_LOGIN_SUBKEY = b"smtpcheck login memory 1"

_KEY_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_KEY_ID_LENGTH}}}")


class CryptoError(Exception):
    """Root of what can go wrong when a stored secret is opened."""


class KeyMissing(CryptoError, LookupError):
    """The key that sealed a value is not on the ring; ``key_id`` says which one."""

    def __init__(self, key_id: str) -> None:
        super().__init__(key_id)
        self.key_id = key_id

    def __str__(self) -> str:
        return f"the encryption key {self.key_id!r} is not loaded"


class SealBroken(CryptoError, ValueError):
    """A value was altered, belongs to another row or destination, or its key was exchanged."""

    def __str__(self) -> str:
        return "the sealed value does not open in this place"


@dataclass(frozen=True, slots=True)
class KeyRing(NeverPickled):
    """The loaded keys; the first one seals."""

    keys: dict[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read ``k2:<base64>,k1:<base64>``; blanks and line breaks may part the keys, too.

        Raises ImproperlyConfigured with a sentence that never holds a key.
        """
        parts = [part for part in re.split(r"[,\s]+", text) if part]
        if not parts:
            raise ImproperlyConfigured(f"No encryption key is set. {HOW_TO_MAKE_ENCRYPTION_KEYS}")
        keys: dict[str, bytes] = {}
        for position, part in enumerate(parts, 1):
            key_id, key = _parse_key(part, position)
            if key_id in keys:
                raise ImproperlyConfigured(
                    f"SMTPCHECK_ENCRYPTION_KEYS names {key_id!r} twice; each key needs its own id."
                )
            keys[key_id] = key
        return cls(keys)

    @property
    def first_key_id(self) -> str:
        """The id of the key that seals."""
        return next(iter(self.keys))

    def seal(self, plaintext: Secret, *, context: bytes) -> str:
        """Return a secret as it may be stored; it opens only with the same context."""
        key_id = self.first_key_id
        nonce = secrets.token_bytes(NONCE_BYTES)
        data = plaintext.reveal().encode("utf-8")
        sealed = AESGCM(self.keys[key_id]).encrypt(nonce, data, _bound(key_id, context))
        return f"{VERSION}${key_id}${base64.b64encode(nonce + sealed).decode('ascii')}"

    def open(self, sealed: str, *, context: bytes) -> Secret:
        """Return what was sealed; raises KeyMissing or SealBroken, never anything else's value."""
        key_id, payload = _parts(sealed)
        key = self.keys.get(key_id)
        if key is None:
            raise KeyMissing(key_id)
        nonce, data = payload[:NONCE_BYTES], payload[NONCE_BYTES:]
        try:
            return Secret(AESGCM(key).decrypt(nonce, data, _bound(key_id, context)).decode("utf-8"))
        except (InvalidTag, ValueError):
            raise SealBroken from None

    def fingerprint(self, destination: bytes, secret: Secret) -> str:
        """Return by what a login is remembered: an HMAC that tells nothing without the keys.

        64 hex digits. It is made under a subkey of the first key, so another first key gives other
        fingerprints: what was remembered is then not found any more, and is learned anew.
        """
        subkey = hmac.digest(self.keys[self.first_key_id], _LOGIN_SUBKEY, "sha256")
        parts = (destination, secret.reveal().encode("utf-8", "surrogatepass"))
        told = b"".join(len(part).to_bytes(8) + part for part in parts)
        return hmac.digest(subkey, told, "sha256").hex()


def key_ring() -> KeyRing:
    """Return the ring of the settings."""
    return KeyRing.parse(conf().ENCRYPTION_KEYS)


def key_id_of(sealed: str) -> str:
    """Return the id of the key that sealed a value, or "" if it is no sealed value."""
    try:
        return _parts(sealed)[0]
    except SealBroken:
        return ""


def generate_key(key_id: str = "k1") -> str:
    """Return a new key as it stands in the settings."""
    return f"{key_id}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode('ascii')}"


def _parse_key(part: str, position: int) -> tuple[str, bytes]:
    key_id, _, encoded = part.partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
        # The part itself may be a key without its id, so it is counted and not shown.
        raise ImproperlyConfigured(
            f"Key {position} of SMTPCHECK_ENCRYPTION_KEYS is not an id, a colon and "
            f"{KEY_BYTES} bytes in base64. {HOW_TO_MAKE_ENCRYPTION_KEYS}"
        )
    return key_id, key


def _parts(sealed: str) -> tuple[str, bytes]:
    version, _, rest = sealed.partition("$")
    key_id, _, encoded = rest.partition("$")
    try:
        payload = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise SealBroken from None
    if version != VERSION or not key_id or len(payload) <= NONCE_BYTES:
        raise SealBroken
    return key_id, payload


def _bound(key_id: str, context: bytes) -> bytes:
    """The associated data: format and key belong to it, so that neither can be exchanged."""
    return b"\0".join((VERSION.encode("ascii"), key_id.encode("ascii", "replace"), context))
