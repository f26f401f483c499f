"""The form of an account: what it takes, what it refuses in which words, what it never shows."""

from __future__ import annotations

from typing import Any

import pytest
import trustme
from django import forms
from pytest_django.fixtures import Settings

from smtpcheck.engine.redaction import Secret
from smtpcheck.forms import SmtpAccountForm
from smtpcheck.models import CLIENT_KEY, PASSWORD, SmtpAccount
from tests.models.accounts import account

pytestmark = pytest.mark.django_db

MARKED = "marked-Secret-4711"


def form(instance: SmtpAccount | None = None, **typed: Any) -> SmtpAccountForm:
    values = {
        "name": "News",
        "host": "mail.example.org",
        "port": "587",
        "security": "starttls",
        "username": "ann@example.org",
        "goal": "content",
    }
    return SmtpAccountForm(values | typed, instance=instance)


def errors_of(filled: SmtpAccountForm) -> dict[str, list[str]]:
    return {field: [str(error) for error in found] for field, found in filled.errors.items()}


def refused(filled: SmtpAccountForm, field: str) -> str:
    """The error of a field, the only one there is."""
    errors = errors_of(filled)
    assert list(errors) == [field]
    (error,) = errors[field]
    return error


def saved(filled: SmtpAccountForm) -> SmtpAccount:
    assert errors_of(filled) == {}
    return SmtpAccount.objects.get(pk=filled.save().pk)


# --- A pasted URI ---


@pytest.mark.parametrize(
    ("uri", "host", "port", "security"),
    [
        ("smtps://mail.example.com", "mail.example.com", 465, "tls"),
        ("smtp://ann@mail.example.com", "mail.example.com", 25, "opportunistic"),
        ("smtp://mail.example.com:587/?starttls=always", "mail.example.com", 587, "starttls"),
        (" SMTPS://Bücher.Example.:2465 ", "xn--bcher-kva.example", 2465, "tls"),
    ],
)
def test_a_pasted_uri_wins_over_what_stands_in_the_fields(
    uri: str, host: str, port: int, security: str
) -> None:
    made = saved(form(uri=uri, port="nonsense"))
    assert (made.host, made.port, made.security) == (host, port, security)


def test_a_pasted_login_is_decoded() -> None:
    made = saved(form(uri="smtps://a%40b:p%25%3A%20@mail.example.com", password="typed"))
    assert made.username == "a@b"
    assert made.reveal_secret(PASSWORD) == Secret("p%: ")


def test_a_uri_without_a_login_leaves_the_typed_one() -> None:
    made = saved(form(uri="smtps://mail.example.com", password="typed"))
    assert made.username == "ann@example.org"
    assert made.reveal_secret(PASSWORD) == Secret("typed")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        (f"https://ann:{MARKED}@mail.example.com", "smtps://"),
        (f"ann:{MARKED}@mail.example.com", "smtps://"),
        (f"smtps://ann:{MARKED}@mail.example.com:99999", "99999"),
        (f"smtps://ann:{MARKED}%zz@mail.example.com", "password"),
        (f"smtps://ann:{MARKED}@", "server name"),
        (f"smtp://ann:{MARKED}@mail.example.com?starttls=maybe", "starttls"),
        (f"smtps://ann:{MARKED}\n@mail.example.com", "line break"),
    ],
)
def test_a_bad_uri_is_an_error_of_its_field_that_does_not_repeat_it(uri: str, words: str) -> None:
    filled = form(uri=uri)
    assert words in refused(filled, "uri")
    assert MARKED not in filled.as_p()


def test_a_good_uri_beside_an_error_fills_the_fields_and_not_the_password() -> None:
    filled = form(uri=f"smtps://bob:{MARKED}@mail.example.com", name="")
    assert list(errors_of(filled)) == ["name", "password"]
    shown = filled.as_p()
    assert 'value="mail.example.com"' in shown
    assert 'value="bob"' in shown
    assert MARKED not in shown


# --- The password ---


def test_a_typed_password_is_not_sent_back_and_asked_for_again() -> None:
    filled = form(password=MARKED, sender="nobody")
    assert "Type the password again" in errors_of(filled)["password"][0]
    assert MARKED not in filled.as_p()


def test_a_uri_in_the_field_of_the_server_is_not_sent_back() -> None:
    filled = form(host=f"smtps://ann:{MARKED}@mail.example.com")
    assert refused(filled, "host")
    assert MARKED not in filled.as_p()
    assert "mail.example/" in form(host="mail.example/").as_p()  # what holds no login stays


def test_the_saved_password_is_no_initial_value() -> None:
    shown = SmtpAccountForm(instance=account(password=Secret(MARKED))).as_p()
    assert MARKED not in shown
    assert "$k1$" not in shown


def test_a_line_break_in_a_password_is_refused() -> None:
    filled = form(password=f"{MARKED}\r\nQUIT")
    assert "line break" in refused(filled, "password")
    assert MARKED not in filled.as_p()


def test_a_new_password_and_its_deletion_exclude_each_other() -> None:
    filled = form(account(), password="new", clear_password="on")
    assert "not both" in errors_of(filled)["clear_password"][0]


@pytest.mark.parametrize(
    ("typed", "is_dropped"),
    [
        ({}, False),
        ({"name": "Other", "sender": "bob@example.org"}, False),
        ({"host": "MAIL.example.org."}, False),
        ({"host": "elsewhere.example.org"}, True),
        ({"port": "465"}, True),
        ({"security": "tls"}, True),
        ({"username": "bob"}, True),
        ({"pin": "ab" * 32}, True),
        ({"auth_mechanism": "LOGIN"}, True),
        ({"host": "elsewhere.example.org", "password": "new"}, False),
        ({"host": "elsewhere.example.org", "clear_password": "on"}, False),
    ],
)
def test_it_is_known_when_the_saved_password_was_dropped(
    typed: dict[str, Any], is_dropped: bool
) -> None:
    filled = form(instance=account(), **typed)
    saved(filled)
    assert filled.password_was_dropped == is_dropped


# --- The proxy ---


def proxies_in(filled: SmtpAccountForm) -> dict[str, str]:
    """What can be chosen, with its words."""
    field = filled.fields["proxy"]
    assert isinstance(field, forms.ChoiceField)
    return {str(value): str(words) for value, words in field.choices}  # type: ignore[misc, union-attr]


def test_the_proxies_of_the_settings_can_be_chosen_by_name(settings: Settings) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {
        "PROXIES": "web=http://10.0.0.2:3128; office=socks5://annabel:hush-hush@10.0.0.1:1080"
    }
    filled = form(proxy="office")
    assert saved(filled).proxy == "office"
    assert list(proxies_in(filled)) == ["", "office", "web"]
    for hidden in ("hush-hush", "annabel", "10.0.0.1"):
        assert hidden not in filled.as_p()
    assert "proxy" in errors_of(form(name="Other", host="b.example.org", proxy="elsewhere"))


def test_choosing_another_proxy_drops_the_saved_password(settings: Settings) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"PROXIES": "office=socks5://10.0.0.1:1080"}
    filled = form(instance=account(), proxy="office")
    assert not saved(filled).has_secret()
    assert filled.password_was_dropped


def test_a_proxy_that_is_no_longer_in_the_settings_stays_until_it_is_changed() -> None:
    made = account(proxy="office")
    filled = form(instance=made, proxy="office")
    assert (saved(filled).proxy, made.has_secret()) == ("office", True)
    assert proxies_in(filled)["office"] == "office (not in the settings)"


# --- What is refused ---


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("host", "smtp://mail.example.org", "web address"),
        ("host", "mail.example.org:587", "port"),
        ("host", "mail..example.org", "two dots"),
        ("host", "", "required"),
        ("host", "mail\x00.example.org", "Null characters"),
        ("port", "0", "The port 0 does not exist"),
        ("port", "70000", "The port 70000 does not exist"),
        ("port", "-1", "greater than or equal to"),
        ("sender", "ann@", "name@example.com"),
        ("sender", "ann@example.org, bob@example.org", "name@example.com"),
        ("recipient", "nobody", "name@example.com"),
        ("username", "ann\r\nQUIT", "line break"),
        ("ehlo_name", "two words", "web address"),
        ("pin", "abc", "64"),
        ("ca_bundle", "nothing of the kind", "PEM"),
        ("ca_bundle", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "PEM"),
        ("ca_bundle", "-----BEGIN CERTIFICATE-----\nü", "PEM"),
        ("ca_bundle", "-----BEGIN PRIVATE KEY-----", "private key"),
    ],
)
def test_what_cannot_be_tested_is_an_error_of_its_field_in_words(
    field: str, value: str, words: str
) -> None:
    assert words in refused(form(instance=None, **{field: value}), field)


def test_a_real_authority_is_taken() -> None:
    bundle = trustme.CA().cert_pem.bytes().decode()
    assert saved(form(ca_bundle=bundle.replace("\n", "\r\n"))).ca_bundle == bundle.strip()


def test_a_second_account_for_the_same_login_is_refused() -> None:
    account()
    errors = errors_of(form(name="Again"))
    assert "There is an account for this host, port and user already." in errors["__all__"][0]


# --- The client certificate ---

CLIENT = trustme.CA().issue_cert("client.example")
CERTIFICATE = "".join(part.bytes().decode() for part in CLIENT.cert_chain_pems)
KEY = CLIENT.private_key_pem.bytes().decode()


def test_a_client_certificate_is_saved_with_its_key() -> None:
    made = saved(form(client_certificate=CERTIFICATE, client_key=KEY))
    assert made.reveal_secret(CLIENT_KEY) == Secret(KEY.strip())
    assert made.client_certificate == CERTIFICATE.strip()


def test_an_empty_key_keeps_the_saved_one_as_long_as_there_is_a_certificate() -> None:
    made = saved(form(client_certificate=CERTIFICATE, client_key=KEY))
    made = saved(form(made, client_certificate=CERTIFICATE))
    assert made.has_secret(CLIENT_KEY)
    made = saved(form(made, client_certificate=""))
    assert (made.has_secret(CLIENT_KEY), made.client_certificate) == (False, "")


def test_a_private_key_is_never_shown() -> None:
    made = saved(form(client_certificate=CERTIFICATE, client_key=KEY))
    body = KEY.splitlines()[1]
    assert body not in form(made).as_p()
    again = form(made, host="two words", client_certificate=CERTIFICATE, client_key=KEY)
    assert body not in again.as_p()
    assert "client_key" in errors_of(again)


@pytest.mark.parametrize(
    "text",
    [CERTIFICATE, MARKED, KEY.replace("PRIVATE", "ENCRYPTED PRIVATE")],
    ids=["a certificate", "no key at all", "a locked key"],
)
def test_what_is_no_open_private_key_is_refused_without_repeating_it(text: str) -> None:
    error = refused(form(client_certificate=CERTIFICATE, client_key=text), "client_key")
    assert "without a passphrase" in error
    assert text not in error


def test_a_private_key_needs_its_certificate() -> None:
    assert "client_certificate" in errors_of(form(client_key=KEY))


def test_a_key_in_the_place_of_the_certificate_is_refused() -> None:
    filled = form(client_certificate=CERTIFICATE + KEY)
    assert list(errors_of(filled)) == ["client_certificate"]


def test_a_certificate_whose_key_is_gone_is_told() -> None:
    made = saved(form(client_certificate=CERTIFICATE, client_key=KEY))
    filled = form(made, host="mail.example.com", client_certificate=CERTIFICATE)
    saved(filled)
    assert filled.lacks_client_key
