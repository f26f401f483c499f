from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from pytest_django.fixtures import Settings

from smtpcheck.crypto import generate_key
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.redaction import Secret
from smtpcheck.models import CLIENT_KEY, PASSWORD, SmtpAccount
from tests.models.accounts import SECRET, account, fresh

pytestmark = pytest.mark.django_db

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


def why_not(made: SmtpAccount) -> str:
    """The diagnosis for which a stored secret is not given out."""
    with pytest.raises(Refused) as caught:
        made.reveal_secret(PASSWORD)
    return caught.value.diagnosis_id


# --- Secrets ---


def test_a_saved_secret_comes_back_as_it_was() -> None:
    assert fresh(account()).reveal_secret(PASSWORD) == SECRET


def test_an_account_without_a_secret_has_none() -> None:
    made = account(password=None)
    assert not made.has_secret(PASSWORD)
    assert made.reveal_secret(PASSWORD) is None


def test_no_column_holds_the_secret_in_clear() -> None:
    made = account(password=Secret("hunter22"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM smtpcheck_smtpaccount")
        assert "hunter22" not in repr(cursor.fetchall())
    assert "hunter22" not in repr(vars(made))


@pytest.mark.parametrize(
    "change",
    [
        {"host": "mail.example.com"},
        {"port": 465},
        {"security": "tls"},
        {"username": "bob@example.org"},
        {"ca_bundle": PEM},
        {"pin": "ab" * 32},
        {"proxy": "office"},
        {"auth_mechanism": "LOGIN"},
    ],
)
def test_changing_the_destination_clears_the_stored_secret(change: dict[str, Any]) -> None:
    made = fresh(account())
    for name, value in change.items():
        setattr(made, name, value)
    made.save()
    assert not fresh(made).has_secret(PASSWORD)
    assert fresh(made).password_key_id == fresh(made).password_destination == ""


@pytest.mark.parametrize(
    "change",
    [{"name": "Other"}, {"sender": "a@b.org"}, {"host": "MAIL.example.org."}, {"paused": True}],
)
def test_changing_something_else_keeps_the_stored_secret(change: dict[str, Any]) -> None:
    made = fresh(account())
    for name, value in change.items():
        setattr(made, name, value)
    made.save()
    assert fresh(made).reveal_secret(PASSWORD) == SECRET


def test_line_ends_of_a_form_make_no_other_bundle() -> None:
    made = fresh(account(ca_bundle=PEM))
    made.ca_bundle = PEM.replace("\n", "\r\n") + "\r\n"
    made.save()
    assert fresh(made).has_secret(PASSWORD)


def test_saving_some_fields_only_clears_the_secret_all_the_same() -> None:
    made = fresh(account())
    made.host = "evil.example.com"
    made.save(update_fields=["host"])
    assert not fresh(made).has_secret(PASSWORD)


@pytest.mark.parametrize("secret_first", [True, False])
def test_a_new_secret_in_the_same_step_belongs_to_the_new_destination(secret_first: bool) -> None:
    made = fresh(account())
    if secret_first:
        made.set_secret(PASSWORD, Secret("new one"))
    made.host = "mail.example.com"
    if not secret_first:
        made.set_secret(PASSWORD, Secret("new one"))
    made.save()
    assert fresh(made).reveal_secret(PASSWORD) == Secret("new one")


def test_after_a_save_the_next_change_of_destination_clears_again() -> None:
    made = account()
    made.host = "mail.example.com"
    made.save()
    assert not fresh(made).has_secret(PASSWORD)


def test_a_row_changed_behind_our_back_does_not_give_the_secret_out() -> None:
    made = account()
    SmtpAccount.objects.update(host="evil.example.com")
    assert why_not(fresh(made)) == "config.secret-destination-changed"


def test_a_secret_copied_to_another_row_does_not_open() -> None:
    first = account()
    second = account(name="Second", username="bob@example.org", password=Secret("of bob"))
    SmtpAccount.objects.filter(pk=second.pk).update(
        password_sealed=first.password_sealed,
        password_destination=second.destination_digest(),
    )
    assert why_not(fresh(second)) == "config.secret-unreadable"


def test_a_forged_destination_digest_does_not_open_the_secret() -> None:
    made = fresh(account())
    made.host = "evil.example.com"
    made.password_destination = made.destination_digest()
    assert why_not(made) == "config.secret-unreadable"


def test_a_missing_key_is_told_by_its_id(settings: Settings) -> None:
    made = account()
    settings.SMTPCHECK = {"ENCRYPTION_KEYS": generate_key("k9")}
    with pytest.raises(Refused) as caught:
        fresh(made).reveal_secret(PASSWORD)
    assert caught.value.diagnosis_id == "config.secret-unreadable"
    assert caught.value.parameters == {"key_id": "k1"}


def test_an_account_whose_key_is_missing_can_get_a_new_secret(settings: Settings) -> None:
    made = account()
    settings.SMTPCHECK = {"ENCRYPTION_KEYS": generate_key("k9")}
    made = fresh(made)
    made.set_secret(PASSWORD, Secret("typed anew"))
    made.save()
    assert fresh(made).password_key_id == "k9"
    assert fresh(made).reveal_secret(PASSWORD) == Secret("typed anew")


@pytest.mark.parametrize("nothing", [None, Secret("")])
def test_setting_nothing_removes_the_secret(nothing: Secret | None) -> None:
    made = fresh(account())
    made.set_secret(PASSWORD, nothing)
    made.save()
    assert not fresh(made).has_secret(PASSWORD)


# --- Digests ---


def test_the_destination_has_one_spelling() -> None:
    plain = account(name="a", host="mail.example.org", pin="ab" * 32, ca_bundle=PEM)
    other = SmtpAccount(host="MAIL.Example.ORG.", username="ann@example.org")
    other.pin, other.ca_bundle = ":".join(["AB"] * 32), PEM + "\r\n"
    assert other.destination() == plain.destination()


def test_no_value_can_pretend_to_be_two() -> None:
    first = SmtpAccount(host="h", username='a","b')
    second = SmtpAccount(host="h", username="a", pin="b")
    assert first.destination() != second.destination()
    assert json.loads(first.destination())[3] == 'a","b'


@pytest.mark.parametrize("field", ["host", "username", "sender", "recipient", "ehlo_name", "proxy"])
def test_what_a_test_uses_changes_the_test_digest(field: str) -> None:
    made = account()
    before = made.test_digest()
    setattr(made, field, "other.example.org")
    assert made.test_digest() != before


def test_another_password_changes_the_test_digest_and_the_same_one_does_not() -> None:
    made = account()
    before = made.test_digest()
    made.set_secret(PASSWORD, SECRET)
    assert made.test_digest() == before
    made.set_secret(PASSWORD, Secret("other"))
    assert made.test_digest() != before


@pytest.mark.parametrize("field", ["name", "check_interval_seconds", "paused", "goal"])
def test_what_no_test_uses_leaves_the_test_digest(field: str) -> None:
    made = account()
    before = made.test_digest()
    setattr(made, field, "1")
    assert made.test_digest() == before


# --- Questions ---


@pytest.fixture
def team() -> Group:
    return Group.objects.create(name="Support")


def test_an_account_is_usable_by_its_team_and_one_without_by_everybody(team: Group) -> None:
    common = account()
    own = account(name="own", team=team)
    member, other = User.objects.create_user("member"), User.objects.create_user("other")
    member.groups.add(team)
    usable = SmtpAccount.objects.usable_by
    assert set(usable(member)) == {common, own}
    assert set(usable(other)) == {common}
    assert set(usable(User.objects.create_superuser("root"))) == {common, own}
    assert set(usable(None)) == {common, own}


def test_nothing_is_usable_by_nobody() -> None:
    account()
    inactive = User.objects.create_superuser("gone", is_active=False)
    assert not SmtpAccount.objects.usable_by(AnonymousUser())
    assert not SmtpAccount.objects.usable_by(inactive)


def test_a_member_of_two_teams_sees_each_account_once(team: Group) -> None:
    member = User.objects.create_user("member")
    member.groups.add(team, Group.objects.create(name="Other"))
    account(team=team)
    assert SmtpAccount.objects.usable_by(member).count() == 1


def test_an_uri_means_an_account_of_its_scheme_host_port_and_user() -> None:
    starttls = account()
    tls = account(name="tls", security="tls")
    matching = SmtpAccount.objects.matching
    assert list(matching("smtp", "mail.example.org", 587, "ann@example.org")) == [starttls]
    assert list(matching("smtps", "mail.example.org", 587, "ann@example.org")) == [tls]
    assert not matching("smtp", "mail.example.org", 587, "bob@example.org")
    assert not matching("smtp", "mail.example.org", 587, "")
    assert not matching("smtp", "mail.example.org", 25, "ann@example.org")


def test_whether_there_is_any_account_at_a_server() -> None:
    account()
    assert SmtpAccount.objects.is_any_at("mail.example.org", 587)
    assert not SmtpAccount.objects.is_any_at("mail.example.org", 465)
    assert not SmtpAccount.objects.is_any_at("other.example.org", 587)


def test_without_a_user_host_and_port_alone_decide() -> None:
    account()
    account(name="tls", security="tls")
    assert SmtpAccount.objects.matching("smtp", "mail.example.org", 587, None).count() == 2


# --- What the database holds to ---


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"port": 70000},
        {"security": "ssl"},
        {"goal": "delivery"},
        {"check_interval_seconds": 59},
        {"name": "News", "host": "other.example.org"},
        {"name": "twin"},
        {"name": "twin", "security": "none"},
    ],
)
def test_the_database_refuses(wrong: dict[str, Any]) -> None:
    account()
    with pytest.raises(IntegrityError), transaction.atomic():
        account(**{"name": "x", "host": "mail.example.org"} | wrong)


@pytest.mark.parametrize(
    "other",
    [
        {"security": "tls"},
        {"host": "other.example.org"},
        {"port": 25},
        {"username": "bob@example.org"},
        {"username": "ANN@example.org"},
    ],
)
def test_the_database_takes_an_account_that_a_uri_can_tell_apart(other: dict[str, Any]) -> None:
    account()
    account(name="other", **other)


def test_each_team_may_have_the_same_account_once(team: Group) -> None:
    account()
    account(name="own", team=team)
    with pytest.raises(IntegrityError), transaction.atomic():
        account(name="own twin", team=team)


def test_a_twin_is_told_in_words_before_the_database_refuses(team: Group) -> None:
    for number, of_team in enumerate((None, team)):
        account(name=f"{number}", team=of_team)
        twin = SmtpAccount(
            name=f"{number} twin", host="mail.example.org", username="ann@example.org", team=of_team
        )
        with pytest.raises(ValidationError, match="for this host, port and user already"):
            twin.full_clean()


def test_half_a_sealed_password_is_refused() -> None:
    made = account()
    with pytest.raises(IntegrityError), transaction.atomic():
        SmtpAccount.objects.filter(pk=made.pk).update(password_key_id="")


def test_a_team_with_accounts_cannot_be_deleted(team: Group) -> None:
    account(team=team)
    with pytest.raises(ProtectedError):
        team.delete()


# --- Spelling ---


def test_cleaning_brings_values_into_their_one_spelling() -> None:
    made = SmtpAccount(
        name="x",
        host=" MAIL.Bücher.example. ",
        sender=" Ann <ann@example.org> ",
        pin=":".join(["AB"] * 32),
        ca_bundle=PEM + "\r\n\r\n",
    )
    made.full_clean()
    assert made.host == "mail.xn--bcher-kva.example"
    assert made.sender == "Ann <ann@example.org>"
    assert made.pin == "ab" * 32
    assert made.ca_bundle == PEM


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("host", "smtp://mail.example.org", "config.host-is-url"),
        ("host", "mail..example.org", "config.label-invalid"),
        ("username", "ann\r\nRCPT", "config.control-character"),
        ("sender", "ann", "config.sender-invalid"),
        ("recipient", "a@b.org, c@d.org", "config.recipient-invalid"),
        ("ehlo_name", "two words", "config.host-is-url"),
        ("ca_bundle", "no pem", "config.ca-invalid"),
        ("pin", "abc", "config.pin-invalid"),
    ],
)
def test_a_value_that_no_test_could_use_is_refused_in_words(
    field: str, value: str, code: str
) -> None:
    made = SmtpAccount(**{"name": "x", "host": "mail.example.org"} | {field: value})
    with pytest.raises(ValidationError) as caught:
        made.full_clean()
    (error,) = caught.value.error_dict[field]
    assert error.code == code
    assert "cannot be used in a test" not in str(error.message)


def test_saving_without_cleaning_keeps_to_the_spelling_that_matching_needs() -> None:
    assert fresh(account(host="MAIL.example.org.")).host == "mail.example.org"
    assert fresh(account(name="odd", host="not a host")).host == "not a host"


def test_the_text_of_an_account_is_its_name() -> None:
    assert str(account()) == "News"


# --- The client certificate ---

KEY = Secret("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


def with_client_certificate(**fields: Any) -> SmtpAccount:
    made = account(client_certificate=PEM, **fields)
    made.set_secret(CLIENT_KEY, KEY)
    made.save()
    return made


def test_a_client_key_comes_back_as_it_was_beside_the_password() -> None:
    made = fresh(with_client_certificate())
    assert made.reveal_secret(CLIENT_KEY) == KEY
    assert made.reveal_secret(PASSWORD) == SECRET


def test_a_client_key_opens_in_no_other_place() -> None:
    made = with_client_certificate()
    made.password_sealed = made.client_key_sealed
    assert why_not(made) == "config.secret-unreadable"


def test_another_destination_clears_the_client_key_too() -> None:
    made = with_client_certificate()
    made.host = "mail.example.com"
    made.save(update_fields=["host"])
    assert not fresh(made).has_secret(CLIENT_KEY)
    assert not fresh(made).has_secret(PASSWORD)
    assert fresh(made).client_certificate == PEM


def test_another_client_certificate_keeps_the_secrets() -> None:
    made = with_client_certificate()
    made.client_certificate = PEM.replace("AAAA", "BBBB")
    made.save()
    assert fresh(made).reveal_secret(PASSWORD) == SECRET
    assert fresh(made).has_secret(CLIENT_KEY)


def test_a_client_certificate_and_its_key_are_part_of_what_is_tested() -> None:
    made = account()
    without = made.test_digest()
    made.client_certificate = PEM
    with_certificate = made.test_digest()
    made.set_secret(CLIENT_KEY, KEY)
    assert len({without, with_certificate, made.test_digest()}) == 3
    made.client_certificate = ""
    made.set_secret(CLIENT_KEY, None)
    assert made.test_digest() == without


@pytest.mark.parametrize("text", ["a certificate", PEM + "\n" + KEY.reveal()])
def test_a_client_certificate_is_pem_and_holds_no_key(text: str) -> None:
    made = account()
    made.client_certificate = text
    with pytest.raises(ValidationError) as caught:
        made.full_clean()
    assert list(caught.value.error_dict) == ["client_certificate"]
    assert "AAAA" not in str(caught.value)
