from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group, User
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from smtpcheck.crypto import generate_key
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal, Security
from smtpcheck.models import CLIENT_KEY, SmtpAccount
from smtpcheck.services import Caller, NotPermitted, TargetRequest
from smtpcheck.services.asking import Asked, ask_account, ask_target
from tests.models.accounts import SECRET, account

pytestmark = pytest.mark.django_db

URI = "smtp://ann%40example.org:typed@mail.example.org:587"
WITHOUT_PASSWORD = "smtp://ann%40example.org@mail.example.org:587"
WITHOUT_USER = "smtp://mail.example.org:587"
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


def ask(caller: Caller, uri: str | None = URI, sender: str | None = None, **options: Any) -> Asked:
    return ask_target(TargetRequest(uri, sender, **options), caller, Goal.CONTENT)


def why_not(asked: Asked) -> str:
    return asked.refused.diagnosis_id if asked.refused else ""


# --- Matching ---


def test_a_target_that_matches_no_account_is_asked_as_it_is_named(operator: Caller) -> None:
    asked = ask(operator, URI + "?starttls=always")
    assert (asked.host, asked.port, asked.username) == ("mail.example.org", 587, "ann@example.org")
    assert asked.security is Security.STARTTLS
    assert asked.password == Secret("typed")
    assert (asked.account, asked.digest, why_not(asked)) == (None, "", "")


def test_a_target_that_nobody_saved_costs_one_short_question(
    operator: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    account(port=465, security="tls")
    with django_assert_num_queries(1):
        assert ask(operator).account is None


def test_a_matching_account_adds_what_it_knows(operator: Caller) -> None:
    made = account(
        ca_bundle=PEM,
        pin="ab" * 32,
        ehlo_name="tester.example.org",
        auth_mechanism="LOGIN",
        recipient="inbox@example.org",
    )
    asked = ask(operator)
    assert asked.account == made
    assert (asked.ca_bundle, asked.pin, asked.ehlo_name) == (PEM, "ab" * 32, "tester.example.org")
    assert (asked.mechanism, asked.recipient) == ("LOGIN", "inbox@example.org")
    assert asked.password == Secret("typed")


def test_the_host_of_a_uri_matches_in_any_spelling(operator: Caller) -> None:
    made = account()
    assert ask(operator, URI.replace("mail.example.org", "MAIL.Example.ORG.")).account == made


@pytest.mark.parametrize(
    ("query", "saved", "used"),
    [
        ("", "starttls", Security.STARTTLS),
        ("?starttls=never", "starttls", Security.STARTTLS),
        ("?starttls=always", "opportunistic", Security.STARTTLS),
        ("?starttls=never", "opportunistic", Security.OPPORTUNISTIC),
        ("", "none", Security.OPPORTUNISTIC),
        ("?starttls=never", "none", Security.NONE),
    ],
)
def test_the_stricter_of_two_securities_applies(
    operator: Caller, query: str, saved: str, used: Security
) -> None:
    account(security=saved)
    assert ask(operator, URI + query).security is used


def test_another_scheme_is_another_account(operator: Caller) -> None:
    account()
    assert ask(operator, URI.replace("smtp:", "smtps:")).account is None


def test_another_user_is_another_account(operator: Caller) -> None:
    account()
    assert ask(operator, WITHOUT_USER).account is None


def test_several_accounts_that_match_are_ambiguous_with_the_flag_or_without(
    operator: Caller,
) -> None:
    account()
    account(name="of a team", team=Group.objects.create(name="Support"))
    assert why_not(ask(operator)) == "config.account-ambiguous"
    assert why_not(ask(operator, use_stored_password=True)) == "config.account-ambiguous"


def test_an_account_of_a_foreign_team_does_not_match(tester: Caller) -> None:
    account(team=Group.objects.create(name="Support"))
    assert ask(tester).account is None
    assert why_not(ask(tester, use_stored_password=True)) == "config.secret-not-found"


# --- Whose secret ---


@pytest.mark.parametrize("uri", [URI, WITHOUT_PASSWORD, WITHOUT_USER])
def test_the_stored_secret_wins_over_one_in_the_uri(operator: Caller, uri: str) -> None:
    account()
    asked = ask(operator, uri, use_stored_password=True)
    assert why_not(asked) == ""
    assert asked.password == SECRET
    assert asked.username == "ann@example.org"
    assert asked.uses_stored_secret


def test_without_the_flag_the_stored_secret_is_left_alone(operator: Caller) -> None:
    account()
    assert ask(operator, WITHOUT_PASSWORD).password is None


def test_without_a_user_host_and_port_must_mean_one_account(operator: Caller) -> None:
    account()
    account(name="other", username="bob@example.org")
    asked = ask(operator, WITHOUT_USER, use_stored_password=True)
    assert why_not(asked) == "config.account-ambiguous"


def test_without_a_user_the_scheme_must_be_that_of_the_secret(operator: Caller) -> None:
    account(security="tls")
    asked = ask(operator, WITHOUT_USER, use_stored_password=True)
    assert why_not(asked) == "config.secret-destination-changed"
    assert asked.password is None


def test_no_account_has_no_stored_secret(operator: Caller) -> None:
    assert why_not(ask(operator, use_stored_password=True)) == "config.secret-not-found"


def test_an_account_without_a_secret_has_none_to_use(operator: Caller) -> None:
    account(password=None)
    assert why_not(ask(operator, use_stored_password=True)) == "config.secret-not-found"


def test_a_stored_secret_that_cannot_be_opened_is_told(
    operator: Caller, settings: Settings
) -> None:
    made = account()
    settings.SMTPCHECK = {"ENCRYPTION_KEYS": generate_key("k9")}
    assert why_not(ask(operator, use_stored_password=True)) == "config.secret-unreadable"
    assert why_not(ask_account(made, operator, None)) == "config.secret-unreadable"


def test_a_stored_secret_never_meets_a_ca_bundle_of_the_request(operator: Caller) -> None:
    account()
    asked = ask(operator, use_stored_password=True, ca_bundle=PEM)
    assert why_not(asked) == "config.secret-destination-changed"
    assert asked.password is None


def test_a_stored_secret_goes_through_the_proxy_it_was_saved_for_alone(operator: Caller) -> None:
    account(proxy="office")
    assert ask(operator, use_stored_password=True).proxy == "office"
    asked = ask(operator, use_stored_password=True, proxy="elsewhere")
    assert why_not(asked) == "config.secret-destination-changed"
    assert asked.password is None


def test_an_account_brings_its_proxy_and_a_request_may_name_another(operator: Caller) -> None:
    made = account(proxy="office")
    assert (ask(operator).proxy, ask(operator, proxy="web").proxy) == ("office", "web")
    assert ask(operator, proxy="web").digest == ""
    assert ask_account(made, operator, None).proxy == "office"


def test_a_ca_bundle_of_the_request_wins_for_a_typed_password(operator: Caller) -> None:
    account()
    assert ask(operator, ca_bundle=PEM).ca_bundle == PEM


def test_a_password_given_apart_wins_over_one_in_the_uri(operator: Caller) -> None:
    assert ask(operator, password=Secret("apart")).password == Secret("apart")


# --- Sender and recipient ---


@pytest.mark.parametrize("missing", [None, "", "  "])
def test_without_from_the_accounts_sender_writes(operator: Caller, missing: str | None) -> None:
    account(sender="News <news@example.org>")
    assert ask(operator, sender=missing).sender == "News <news@example.org>"


def test_without_from_and_sender_the_user_name_writes_if_it_is_an_address(operator: Caller) -> None:
    assert ask(operator).sender == "ann@example.org"
    asked = ask(operator, "smtp://ann:pw@mail.example.org")
    assert why_not(asked) == "config.sender-missing"


def test_a_from_that_is_no_address_is_told(operator: Caller) -> None:
    assert why_not(ask(operator, sender="a@b, c@d")) == "config.sender-invalid"


@pytest.mark.parametrize(
    "sender", ["news@example.org", "Ann <ANN@example.org>", "News <news@EXAMPLE.org>"]
)
def test_the_accounts_own_addresses_may_write_without_a_right(
    account_tester: Caller, sender: str
) -> None:
    account(sender="news@example.org")
    assert why_not(ask(account_tester, sender=sender)) == ""


def test_another_from_takes_the_right_to_test_any_target(
    account_tester: Caller, tester: Caller
) -> None:
    account()
    with pytest.raises(NotPermitted) as caught:
        ask(account_tester, sender="boss@example.org")
    assert caught.value.permission == "smtpcheck.test_any_target"
    assert ask(tester, sender="boss@example.org").sender == "boss@example.org"


def test_the_recipient_is_the_accounts_then_the_settings_then_the_sender(
    operator: Caller, settings: Settings
) -> None:
    asked = ask(operator, sender="boss@example.org")
    assert asked.recipient == "boss@example.org"
    settings.SMTPCHECK = settings.SMTPCHECK | {"TEST_RECIPIENT": "sink@example.org"}
    assert ask(operator).recipient == "sink@example.org"
    account(recipient="inbox@example.org")
    assert ask(operator).recipient == "inbox@example.org"
    assert ask(operator, recipient="named@example.org").recipient == "named@example.org"


def test_with_a_stored_secret_no_mail_goes_to_the_from_of_the_request(operator: Caller) -> None:
    account(sender="news@example.org")
    asked = ask(operator, sender="thief@example.com", use_stored_password=True)
    assert (asked.sender, asked.recipient) == ("thief@example.com", "news@example.org")


def test_with_a_stored_secret_and_no_own_address_there_is_no_recipient(operator: Caller) -> None:
    account(username="ann")
    asked = ask(
        operator,
        "smtp://ann@mail.example.org:587",
        sender="thief@example.com",
        use_stored_password=True,
    )
    assert why_not(asked) == "config.recipient-invalid"


# --- Whether a result speaks of the account ---


@pytest.mark.parametrize(
    ("uri", "options"),
    [
        (URI, {"use_stored_password": True}),
        (URI.replace("typed", "p%40%3A%20%2F%20%25%20%C3%B6%22%27"), {}),
        (URI, {"use_stored_password": True, "sender": "Ann <ann@example.org>"}),
        (URI, {"use_stored_password": True, "recipient": "ann@example.org"}),
    ],
)
def test_a_test_that_uses_what_is_saved_speaks_of_the_account(
    operator: Caller, uri: str, options: dict[str, Any]
) -> None:
    made = account()
    assert ask(operator, uri, **options).digest == made.test_digest()


@pytest.mark.parametrize(
    ("uri", "options"),
    [
        (URI, {}),
        (WITHOUT_PASSWORD, {}),
        (URI + "?starttls=always", {"use_stored_password": True}),
        (URI, {"use_stored_password": True, "sender": "boss@example.org"}),
        (URI, {"use_stored_password": True, "recipient": "boss@example.org"}),
    ],
)
def test_a_test_that_uses_something_else_says_nothing_of_the_account(
    operator: Caller, uri: str, options: dict[str, Any]
) -> None:
    account(security="opportunistic")
    asked = ask(operator, uri, **options)
    assert asked.account is not None
    assert asked.digest == ""


def test_an_account_without_a_login_is_tested_as_saved(operator: Caller) -> None:
    made = account(username="", password=None, sender="ann@example.org", security="opportunistic")
    assert ask(operator, WITHOUT_USER).digest == made.test_digest()


# --- What cannot be understood ---


@pytest.mark.parametrize(
    ("uri", "diagnosis_id"),
    [
        (None, "config.scheme"),
        ("", "config.scheme"),
        ("https://mail.example.org", "config.scheme"),
        ("smtp://a:b:c@host", "config.uri-invalid"),
        ("smtp://host:70000", "config.port-range"),
        ("smtp://a%0d%0ab@host", "config.control-character"),
    ],
)
def test_a_uri_that_cannot_be_understood_is_a_refusal_that_keeps_the_sender(
    operator: Caller, uri: str | None, diagnosis_id: str
) -> None:
    asked = ask(operator, uri, sender="ann@example.org")
    assert why_not(asked) == diagnosis_id
    assert (asked.host, asked.sender) == ("", "ann@example.org")


def test_a_request_shows_neither_uri_nor_password() -> None:
    request = TargetRequest(URI, None, password=Secret("apart"))
    assert "typed" not in repr(request)
    assert "apart" not in repr(request)


# --- Rights ---


def test_a_stranger_may_test_nothing(stranger: Caller) -> None:
    made = account()
    with pytest.raises(NotPermitted, match="permission"):
        ask_account(made, stranger, None)
    with pytest.raises(NotPermitted):
        ask(stranger)
    with pytest.raises(NotPermitted):
        ask(stranger, "no uri")


def test_who_may_test_accounts_only_may_test_what_matches_one(account_tester: Caller) -> None:
    made = account()
    assert ask(account_tester).account == made
    with pytest.raises(NotPermitted):
        ask(account_tester, "smtp://ann:pw@other.example.org")


def test_who_may_test_targets_only_never_gets_an_account(target_tester: Caller) -> None:
    account()
    assert ask(target_tester).account is None
    asked = ask(target_tester, use_stored_password=True)
    assert why_not(asked) == "config.secret-not-found"


def test_an_account_of_a_foreign_team_may_not_be_tested(tester: Caller) -> None:
    team = Group.objects.create(name="Support")
    made = account(team=team)
    with pytest.raises(NotPermitted, match="team"):
        ask_account(made, tester, None)
    assert isinstance(tester.user, User)
    tester.user.groups.add(team)
    assert ask_account(made, tester, None).account == made


# --- A saved account ---


def test_a_saved_account_is_asked_as_it_is_saved(operator: Caller) -> None:
    made = account(sender="news@example.org", goal="login", ehlo_name="t.example.org")
    asked = ask_account(SmtpAccount.objects.get(), operator, None)
    assert (asked.host, asked.port, asked.security) == ("mail.example.org", 587, Security.STARTTLS)
    assert (asked.username, asked.password) == ("ann@example.org", SECRET)
    assert (asked.sender, asked.recipient) == ("news@example.org", "news@example.org")
    assert (asked.goal, asked.ehlo_name) == (Goal.LOGIN, "t.example.org")
    assert asked.digest == made.test_digest()


def test_another_goal_may_be_asked_of_a_saved_account(operator: Caller) -> None:
    assert ask_account(account(), operator, Goal.RECIPIENT).goal is Goal.RECIPIENT


def test_the_ehlo_name_of_the_settings_stands_in(operator: Caller, settings: Settings) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"EHLO_NAME": "us.example.org"}
    assert ask(operator).ehlo_name == "us.example.org"
    assert ask_account(account(), operator, None).ehlo_name == "us.example.org"


# --- The client certificate ---

KEY = Secret("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


def with_client_certificate(*, password: Secret | None = SECRET, key: bool = True) -> SmtpAccount:
    made = account(client_certificate=PEM, sender="ann@example.org", password=password)
    if key:
        made.set_secret(CLIENT_KEY, KEY)
    made.save()
    return made


def test_an_account_is_tested_with_its_client_certificate(operator: Caller) -> None:
    made = with_client_certificate()
    asked = ask_account(made, operator, None)
    assert (asked.client_certificate, asked.client_key) == (PEM, KEY)
    assert KEY.reveal() not in repr(asked)


def test_a_client_certificate_goes_where_the_stored_password_goes(operator: Caller) -> None:
    made = with_client_certificate()
    stored = ask(operator, WITHOUT_PASSWORD, use_stored_password=True)
    typed = ask(operator)
    assert (stored.client_certificate, stored.client_key) == (PEM, KEY)
    assert (typed.client_certificate, typed.client_key) == ("", None)
    assert typed.digest == ""
    assert made.test_digest() == ask_account(made, operator, None).digest


def test_a_stored_client_key_is_a_stored_secret(operator: Caller) -> None:
    with_client_certificate(password=None)
    asked = ask(operator, WITHOUT_PASSWORD, use_stored_password=True)
    assert (why_not(asked), asked.password, asked.client_key) == ("", None, KEY)


def test_a_client_certificate_without_its_key_is_no_secret(operator: Caller) -> None:
    with_client_certificate(password=None, key=False)
    asked = ask(operator, WITHOUT_PASSWORD, use_stored_password=True)
    assert why_not(asked) == "config.secret-not-found"


def test_a_client_certificate_of_the_request_is_used_and_is_not_the_accounts(
    operator: Caller,
) -> None:
    account()
    uri = URI.replace("typed", quote(SECRET.reveal(), safe=""))
    assert ask(operator, uri).digest
    asked = ask(operator, uri, client_certificate=PEM, client_key=Secret("the key"))
    assert (asked.client_certificate, asked.client_key) == (PEM, Secret("the key"))
    assert not asked.digest


def test_the_stored_client_certificate_wins_over_one_of_the_request(operator: Caller) -> None:
    made = with_client_certificate()
    asked = ask(
        operator,
        use_stored_password=True,
        client_certificate="another",
        client_key=Secret("another key"),
    )
    assert asked.client_certificate == made.client_certificate
    assert asked.client_key == made.reveal_secret(CLIENT_KEY)
