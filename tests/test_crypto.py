from __future__ import annotations

import base64
import hashlib

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from smtpcheck.crypto import (
    CryptoError,
    KeyMissing,
    KeyRing,
    SealBroken,
    generate_key,
    key_id_of,
    key_ring,
)
from smtpcheck.engine.redaction import Secret

PLAIN = Secret("p@: %ö\"'")


@pytest.fixture
def old() -> str:
    return generate_key("old")


@pytest.fixture
def new() -> str:
    return generate_key("new")


def test_what_was_sealed_opens_with_the_same_context(old: str) -> None:
    ring = KeyRing.parse(old)
    assert ring.open(ring.seal(PLAIN, context=b"here"), context=b"here") == PLAIN


def test_a_sealed_value_names_its_key_and_shows_nothing_of_the_secret(old: str) -> None:
    sealed = KeyRing.parse(old).seal(Secret("hunter22"), context=b"")
    assert sealed.startswith("1$old$")
    assert key_id_of(sealed) == "old"
    assert b"hunter22" not in base64.b64decode(sealed.rpartition("$")[2])


def test_the_same_secret_never_seals_to_the_same_text(old: str) -> None:
    ring = KeyRing.parse(old)
    assert ring.seal(PLAIN, context=b"") != ring.seal(PLAIN, context=b"")


def test_a_value_moved_to_another_place_does_not_open(old: str) -> None:
    ring = KeyRing.parse(old)
    with pytest.raises(SealBroken):
        ring.open(ring.seal(PLAIN, context=b"row 1"), context=b"row 2")


def test_an_altered_value_does_not_open(old: str) -> None:
    ring = KeyRing.parse(old)
    head, _, encoded = ring.seal(PLAIN, context=b"").rpartition("$")
    raw = bytearray(base64.b64decode(encoded))
    raw[-1] ^= 1
    with pytest.raises(SealBroken):
        ring.open(f"{head}${base64.b64encode(raw).decode()}", context=b"")


@pytest.mark.parametrize(
    "text", ["", "hunter2", "1$k1$", "1$k1$%%%", "2$k1$" + "A" * 40, "1$$AAAA"]
)
def test_what_is_no_sealed_value_does_not_open(old: str, text: str) -> None:
    with pytest.raises(SealBroken):
        KeyRing.parse(old).open(text, context=b"")


def test_the_first_key_seals_and_every_key_opens(old: str, new: str) -> None:
    sealed_before = KeyRing.parse(old).seal(PLAIN, context=b"")
    both = KeyRing.parse(f"{new},{old}")
    assert both.first_key_id == "new"
    assert both.open(sealed_before, context=b"") == PLAIN
    assert key_id_of(both.seal(PLAIN, context=b"")) == "new"


def test_a_missing_key_is_told_by_its_id(old: str, new: str) -> None:
    sealed = KeyRing.parse(old).seal(PLAIN, context=b"")
    with pytest.raises(KeyMissing) as caught:
        KeyRing.parse(new).open(sealed, context=b"")
    assert caught.value.key_id == "old"
    assert isinstance(caught.value, CryptoError)


def test_another_key_under_the_same_id_opens_nothing(old: str) -> None:
    sealed = KeyRing.parse(old).seal(PLAIN, context=b"")
    with pytest.raises(SealBroken):
        KeyRing.parse(generate_key("old")).open(sealed, context=b"")


def test_the_key_id_is_part_of_the_seal(old: str) -> None:
    key = old.partition(":")[2]
    ring = KeyRing.parse(f"a:{key} b:{key}")
    with pytest.raises(SealBroken):
        ring.open(ring.seal(PLAIN, context=b"").replace("1$a$", "1$b$"), context=b"")


@pytest.mark.parametrize(
    "text",
    ["", "k1", "k1:", "k1:c2hvcnQ=", ":" + "A" * 43 + "=", "k$1:" + "A" * 43 + "=", "hunter2" * 9],
)
def test_a_ring_that_is_none_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="generate_encryption_key") as caught:
        KeyRing.parse(text)
    assert "AAAA" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_key_id_that_stands_twice_is_refused(old: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="twice"):
        KeyRing.parse(f"{old},{generate_key('old')}")


def test_the_ring_shows_no_key(old: str) -> None:
    assert old.partition(":")[2] not in repr(KeyRing.parse(old))


def test_the_ring_of_the_settings_is_used(settings: Settings, new: str) -> None:
    settings.SMTPCHECK = {"ENCRYPTION_KEYS": new}
    assert key_ring().first_key_id == "new"


class TestFingerprint:
    """By what a login is remembered."""

    def test_the_same_login_has_the_same_one_and_it_shows_nothing(self, old: str) -> None:
        first, again = (KeyRing.parse(old).fingerprint(b"here", PLAIN) for _ in range(2))
        assert first == again
        assert len(first) == 64
        assert set(first) <= set("0123456789abcdef")

    def test_another_secret_place_or_key_gives_another(self, old: str, new: str) -> None:
        ring = KeyRing.parse(old)
        made = {
            ring.fingerprint(b"here", Secret("a")),
            ring.fingerprint(b"here", Secret("b")),
            ring.fingerprint(b"there", Secret("a")),
            ring.fingerprint(b"her", Secret("ea")),
            KeyRing.parse(new).fingerprint(b"here", Secret("a")),
        }
        assert len(made) == 5

    def test_it_is_no_plain_digest(self, old: str) -> None:
        plain = hashlib.sha256(b"here" + PLAIN.reveal().encode()).hexdigest()
        assert KeyRing.parse(old).fingerprint(b"here", PLAIN) != plain

    def test_the_first_key_makes_it(self, old: str, new: str) -> None:
        alone = KeyRing.parse(old).fingerprint(b"here", PLAIN)
        assert KeyRing.parse(f"{old},{new}").fingerprint(b"here", PLAIN) == alone
        assert KeyRing.parse(f"{new},{old}").fingerprint(b"here", PLAIN) != alone

    def test_a_secret_of_half_characters_has_one(self, old: str) -> None:
        assert KeyRing.parse(old).fingerprint(b"", Secret("\udc80"))
