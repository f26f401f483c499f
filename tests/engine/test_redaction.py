"""A secret shows itself nowhere, and is found in what a server says in every promised form."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import quopri
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcheck.engine.evidence import visible
from smtpcheck.engine.redaction import MASK, MINIMUM_SEARCHED_LENGTH, Redactor, Secret

PASSWORD = "Tr0ub4dor&3=ö /x"

# What a person can set: no control characters, no lone surrogates; and long enough to be searched.
passwords = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")),
    min_size=MINIMUM_SEARCHED_LENGTH,
    max_size=40,
)
bounded = settings()  # of the profile: see tests/conftest.py


def quoted_printable(value: str) -> str:
    return quopri.encodestring(value.encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "verbatim": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64, one octet before it": lambda value: base64.b64encode(b"x" + value.encode()).decode(),
    "base64, two octets before it": lambda value: base64.b64encode(b"xy" + value.encode()).decode(),
    "base64, between other octets": lambda value: base64.b64encode(
        b"user\0" + value.encode() + b"\0more"
    ).decode(),
    "base64 in another case": lambda value: base64.b64encode(value.encode()).decode().swapcase(),
    "URL-encoded": lambda value: quote(value, safe=""),
    "URL-encoded in lower case": lambda value: quote(value, safe="").lower(),
    "URL-encoded but for slashes": quote,
    "URL-encoded as a form": quote_plus,
    "quoted-printable": quoted_printable,
    "hex": lambda value: value.encode().hex(),
    "hex in upper case": lambda value: value.encode().hex().upper(),
    "hex with colons": lambda value: value.encode().hex(":"),
    "hex with blanks": lambda value: value.encode().hex(" "),
}


@pytest.mark.parametrize("show", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("password", [PASSWORD, "sixsix", "abc\\def", 'qu"ote', "pass word 1"])
def test_a_promised_form_is_found(show: Callable[[str], str], password: str) -> None:
    assert Redactor([Secret(password)]).holds_secret(f"rejected: {show(password)} is bad")


@pytest.mark.parametrize("show", FORMS.values(), ids=FORMS)
@given(password=passwords)
@bounded
def test_any_secret_is_found_in_a_promised_form(show: Callable[[str], str], password: str) -> None:
    if show in (str.upper, str.lower) and show(password).casefold() != password.casefold():
        return  # a letter such as "İ" that loses itself in another case
    assert Redactor([Secret(password)]).holds_secret(f"rejected: {show(password)} is bad")


@given(
    user=st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20), password=passwords
)
@bounded
def test_any_secret_is_found_in_an_echoed_login(user: str, password: str) -> None:
    blob = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    assert Redactor([Secret(password)]).holds_secret(f"AUTH PLAIN {blob}: unknown command")


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\n535-", "\r\n535 ", "=\n", "=\r\n535-", " "])
@pytest.mark.parametrize("at", [1, 5, 8])
def test_a_secret_across_lines_is_found(gap: str, at: int) -> None:
    password = "hunter2hunter"
    told = f"you said {password[:at]}{gap}{password[at:]}, no"
    assert Redactor([Secret(password)]).holds_secret(told)


@pytest.mark.parametrize(
    "harmless",
    [
        "",
        "235 2.7.0 Authentication successful",
        "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
        "Username and Password not accepted. For more information, go to https://example.org",
        "PIPELINING SIZE 10240000 VRFY ETRN STARTTLS ENHANCEDSTATUSCODES 8BITMIME DSN",
        "queued as 4F3C2A1B9D",
    ],
)
def test_a_harmless_reply_holds_no_secret(harmless: str) -> None:
    assert not Redactor([Secret(PASSWORD)]).holds_secret(harmless)


@given(reply=st.text(st.sampled_from("abcdefghij 0123456789.-\n"), max_size=200))
@bounded
def test_nothing_is_found_where_nothing_is(reply: str) -> None:
    # None of the forms of this secret is without one of these letters.
    assert not Redactor([Secret("zzzZZZ###zzz")]).holds_secret(reply)


@pytest.mark.parametrize("short", ["o", "ok", "12345", "ü1234"])
def test_a_short_secret_is_not_searched_but_known(short: str) -> None:
    redactor = Redactor([Secret(short)])
    assert redactor.has_short_secret
    assert not redactor.holds_secret(f"235 {short}")


def test_without_a_secret_nothing_is_found() -> None:
    for redactor in (Redactor([]), Redactor([Secret("")])):
        assert not redactor.has_short_secret
        assert not redactor.holds_secret("anything at all")


def test_each_of_several_secrets_is_found() -> None:
    redactor = Redactor([Secret("first-one"), Secret("second-one")])
    assert redactor.holds_secret("a first-one")
    assert redactor.holds_secret("a second-one")


def test_a_secret_shows_itself_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(PASSWORD)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s %r", secret, secret)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>40}", f"{[secret]!r}", caplog.text]
    assert all(PASSWORD not in text for text in shown)
    assert str(secret) == MASK


def test_a_secret_reveals_itself_when_asked() -> None:
    assert Secret(PASSWORD).reveal() == PASSWORD
    assert Secret(PASSWORD)
    assert not Secret("")


@pytest.mark.parametrize(
    "leave", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps], ids=lambda item: item.__name__
)
def test_a_secret_does_not_leave_by_a_back_door(leave: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        leave(Secret(PASSWORD))
    assert PASSWORD not in str(caught.value)


def test_a_secret_has_no_dictionary_to_be_dumped() -> None:
    assert not hasattr(Secret(PASSWORD), "__dict__")


def test_equal_secrets_are_equal() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_secret_is_found_in_text_that_was_made_visible() -> None:
    secret = "open\u202esesame"
    assert Redactor([Secret(secret)]).holds_secret(f"535 {visible(secret)}")
