"""The pages of the accounts, with real transactions around an engine that needs no server."""

from __future__ import annotations

import re

import pytest
import trustme
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from smtpcheck.admin.accounts import MAX_TESTS_AT_ONCE, budget_of
from smtpcheck.engine.redaction import Secret
from smtpcheck.models import CLIENT_KEY, PASSWORD, SmtpAccount, SmtpTestResult
from tests.admin.conftest import SignIn
from tests.admin.pages import (
    ACCOUNTS,
    ADD_ACCOUNT,
    RESULTS,
    account_page,
    fields_of,
    result_page,
    seen,
    text,
)
from tests.models.accounts import account, fresh
from tests.models.results import result
from tests.services.scripted import ScriptedEngine, fails

pytestmark = pytest.mark.django_db(transaction=True)

MARKED = "marked-Secret-4711"
TEST = "test_smtpaccount"
VIEW = "view_smtpaccount"
CHANGE = "change_smtpaccount"
SEE_RESULTS = "view_smtptestresult"


@pytest.fixture
def saved() -> SmtpAccount:
    return account(password=Secret(MARKED))


@pytest.fixture
def team() -> Group:
    return Group.objects.create(name="Sales")


def password_of(made: SmtpAccount) -> str | None:
    secret = fresh(made).reveal_secret(PASSWORD)
    return secret.reveal() if secret else None


# --- The password goes in and never comes out ---


def test_an_empty_password_keeps_the_saved_one(administrator: Client, saved: SmtpAccount) -> None:
    administrator.post(account_page(saved), fields_of(saved, name="Newsletter"))
    assert fresh(saved).name == "Newsletter"
    assert password_of(saved) == MARKED


def test_a_typed_password_replaces_the_saved_one(administrator: Client, saved: SmtpAccount) -> None:
    administrator.post(account_page(saved), fields_of(saved, password=" new / ö one "))
    assert password_of(saved) == " new / ö one "


def test_a_checkbox_deletes_the_saved_password(administrator: Client, saved: SmtpAccount) -> None:
    administrator.post(account_page(saved), fields_of(saved, clear_password="on"))
    assert password_of(saved) is None


def test_the_page_says_whether_a_password_is_saved(
    administrator: Client, saved: SmtpAccount
) -> None:
    assert "A password is saved." in text(administrator, account_page(saved))
    bare = account(name="Bare", host="other.example.org", password=None)
    page = text(administrator, account_page(bare))
    assert "None is saved." in page
    assert "Delete the saved password" not in page


def test_another_server_without_a_password_deletes_the_saved_one_and_says_so(
    administrator: Client, saved: SmtpAccount
) -> None:
    typed = fields_of(saved, host="elsewhere.example.org")
    page = administrator.post(account_page(saved), typed, follow=True).content.decode()
    assert password_of(saved) is None
    assert "The saved password was deleted" in page


def test_another_server_with_its_password_in_the_same_step_keeps_that(
    administrator: Client, saved: SmtpAccount
) -> None:
    typed = fields_of(saved, host="elsewhere.example.org", password="theirs")
    page = administrator.post(account_page(saved), typed, follow=True).content.decode()
    assert password_of(saved) == "theirs"
    assert "was deleted" not in page


def test_a_user_name_without_a_password_is_saved_with_a_warning(administrator: Client) -> None:
    page = administrator.post(ADD_ACCOUNT, fields_of(), follow=True).content.decode()
    assert SmtpAccount.objects.get().name == "News"
    assert "no password is saved" in page


def test_no_page_and_no_log_entry_shows_a_password(
    administrator: Client, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    typed = fields_of(saved, password=f"{MARKED}-new", port="70000")
    refused = administrator.post(account_page(saved), typed).content.decode()
    pasted = fields_of(uri=f"smtps://ann%40example.org:{MARKED}@mail.example.org", name="")
    bad_uri = fields_of(uri=f"smtps://ann:{MARKED}@mail.example.org:99999")
    pages = [
        refused,
        administrator.post(ADD_ACCOUNT, pasted).content.decode(),
        administrator.post(ADD_ACCOUNT, bad_uri).content.decode(),
        administrator.post(
            account_page(saved), fields_of(saved, password=f"{MARKED}-new"), follow=True
        ).content.decode(),
        administrator.post(account_page(saved, "test"), follow=True).content.decode(),
    ]
    assert f"{MARKED}-new" == password_of(saved)
    addresses = [account_page(saved, page) for page in ("change", "history", "delete")]
    pages += [seen(administrator, address) for address in (*addresses, ACCOUNTS, RESULTS)]
    assert [MARKED in page for page in pages] == [False] * len(pages)
    assert not [entry for entry in LogEntry.objects.all() if MARKED in entry.change_message]


def test_the_history_names_the_fields_that_a_pasted_uri_changed(
    administrator: Client, saved: SmtpAccount
) -> None:
    uri = "smtps://ann%40example.org:other@elsewhere.example.org"
    administrator.post(account_page(saved), fields_of(saved, uri=uri))
    (entry,) = LogEntry.objects.all()
    for name in ("Host", "Port", "Security"):
        assert name in entry.change_message


def test_a_pasted_uri_makes_a_whole_account(administrator: Client) -> None:
    uri = "smtps://ann%40example.org:p%3A%2F%C3%B6@Mail.Example.org"
    administrator.post(ADD_ACCOUNT, {"name": "News", "goal": "content", "uri": uri})
    made = SmtpAccount.objects.get()
    assert (made.host, made.port, made.security) == ("mail.example.org", 465, "tls")
    assert made.username == "ann@example.org"
    assert password_of(made) == "p:/ö"


# --- Nor does the private key of a client certificate ---

CLIENT = trustme.CA().issue_cert("client.example")
CERTIFICATE = "".join(part.bytes().decode() for part in CLIENT.cert_chain_pems)
KEY = CLIENT.private_key_pem.bytes().decode()
KEY_BODY = KEY.splitlines()[1]


def save_client_key(administrator: Client, made: SmtpAccount) -> None:
    filled = fields_of(made, client_certificate=CERTIFICATE, client_key=KEY)
    assert administrator.post(account_page(made), filled).status_code == 302
    assert fresh(made).reveal_secret(CLIENT_KEY) == Secret(KEY.strip())


def test_the_private_key_is_on_no_page(administrator: Client, saved: SmtpAccount) -> None:
    save_client_key(administrator, saved)
    for address in (account_page(saved), account_page(saved, "history"), ACCOUNTS):
        assert KEY_BODY not in seen(administrator, address)
    assert "A key is saved." in text(administrator, account_page(saved))
    assert KEY_BODY not in repr(list(LogEntry.objects.values()))


def test_a_refused_form_does_not_show_the_private_key_again(
    administrator: Client, saved: SmtpAccount
) -> None:
    filled = fields_of(saved, host="two words", client_certificate=CERTIFICATE, client_key=KEY)
    answer = administrator.post(account_page(saved), filled)
    assert answer.status_code == 200
    assert KEY_BODY not in answer.content.decode()


def test_another_destination_clears_the_private_key_and_says_so(
    administrator: Client, saved: SmtpAccount
) -> None:
    save_client_key(administrator, saved)
    moved = fields_of(saved, host="mail.example.com", client_certificate=CERTIFICATE)
    answer = administrator.post(account_page(saved), moved, follow=True)
    assert "its private key is not saved, or was deleted" in answer.content.decode()
    assert not fresh(saved).has_secret(CLIENT_KEY)


def test_an_empty_key_keeps_the_saved_one_as_long_as_there_is_a_certificate(
    administrator: Client, saved: SmtpAccount
) -> None:
    save_client_key(administrator, saved)
    administrator.post(account_page(saved), fields_of(saved, client_certificate=CERTIFICATE))
    assert fresh(saved).has_secret(CLIENT_KEY)
    administrator.post(account_page(saved), fields_of(saved, client_certificate=""))
    assert not fresh(saved).has_secret(CLIENT_KEY)


def test_who_may_only_look_has_no_field_for_the_key(
    sign_in: SignIn, administrator: Client, saved: SmtpAccount
) -> None:
    save_client_key(administrator, saved)
    page = seen(sign_in(VIEW), account_page(saved))
    assert "client_key" not in page
    assert KEY_BODY not in page


# --- Who may do what ---


def test_a_viewer_sees_an_account_and_can_do_nothing_with_it(
    sign_in: SignIn, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    viewer = sign_in(VIEW)
    page = seen(viewer, account_page(saved))
    assert "mail.example.org" in page
    assert "Test now" not in page
    assert 'name="password"' not in page
    assert 'name="uri"' not in page
    assert viewer.post(account_page(saved), fields_of(saved)).status_code == 403
    assert viewer.post(account_page(saved, "test")).status_code == 403
    assert engine.plans == []


def test_who_may_test_sees_the_button_and_still_no_form(
    sign_in: SignIn, saved: SmtpAccount
) -> None:
    page = seen(sign_in(VIEW, TEST), account_page(saved))
    assert "Test now" in page
    assert 'name="_save"' not in page


def test_the_account_of_another_team_does_not_exist(
    sign_in: SignIn, saved: SmtpAccount, engine: ScriptedEngine, team: Group
) -> None:
    SmtpAccount.objects.update(team=Group.objects.create(name="Others"))
    person = sign_in(VIEW, CHANGE, TEST, "delete_smtpaccount", SEE_RESULTS, team=team)
    assert "mail.example.org" not in seen(person, ACCOUNTS)
    assert person.get(account_page(saved)).status_code == 302
    assert person.post(account_page(saved), fields_of(saved, name="Mine")).status_code == 302
    assert person.post(account_page(saved, "test")).status_code == 302
    person.post(ACCOUNTS, {"action": "test_selected", "_selected_action": [saved.pk]})
    assert engine.plans == []
    assert fresh(saved).name == "News"


def test_a_member_of_the_team_can_use_its_account(
    sign_in: SignIn, saved: SmtpAccount, engine: ScriptedEngine, team: Group
) -> None:
    SmtpAccount.objects.update(team=team)
    person = sign_in(VIEW, TEST, team=team)
    assert "Test now" in seen(person, account_page(saved))
    person.post(account_page(saved, "test"))
    assert len(engine.plans) == 1


def test_only_a_superuser_chooses_the_team(
    administrator: Client, sign_in: SignIn, saved: SmtpAccount, team: Group
) -> None:
    person = sign_in(VIEW, CHANGE, team=team)
    assert 'name="team"' not in seen(person, account_page(saved))
    person.post(account_page(saved), fields_of(saved, team=team.pk))
    assert fresh(saved).team is None
    administrator.post(account_page(saved), fields_of(saved, team=team.pk))
    assert fresh(saved).team == team


def test_a_second_account_for_the_same_login_in_a_team_is_an_error_of_the_form(
    sign_in: SignIn, saved: SmtpAccount, team: Group
) -> None:
    other = account(name="Other", host="other.example.org", password=None)
    SmtpAccount.objects.update(team=team)
    person = sign_in(VIEW, CHANGE, team=team)
    answer = person.post(account_page(other), fields_of(saved, name="Other"))
    assert answer.status_code == 200
    assert "There is an account for this host, port and user already." in answer.content.decode()


# --- Test now ---


def test_test_now_tests_the_account_and_leads_to_the_result(
    administrator: Client, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    answer = administrator.post(account_page(saved, "test"), follow=True)
    row = SmtpTestResult.objects.get()
    assert engine.password == MARKED
    assert (row.door, row.asked_by_name, row.account) == ("admin", "administrator", saved)
    assert answer.redirect_chain == [(result_page(row), 302)]
    assert "“News” works." in answer.content.decode()


def test_a_failure_is_told_with_its_title(
    administrator: Client, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    engine.answer = fails
    answer = administrator.post(account_page(saved, "test"), follow=True)
    assert "“News” fails: Wrong user name or password" in answer.content.decode()
    assert "Fails" in text(administrator, account_page(saved))


def test_reading_the_address_of_a_test_tests_nothing(
    administrator: Client, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    answer = administrator.get(account_page(saved, "test"))
    assert answer.headers["Location"] == account_page(saved)
    assert engine.plans == []


def test_another_site_cannot_start_a_test(
    sign_in: SignIn, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    person = sign_in(VIEW, TEST, csrf=True)
    assert person.post(account_page(saved, "test")).status_code == 403
    assert engine.plans == []


def test_a_test_waits_in_no_transaction_even_where_every_request_is_one(
    administrator: Client,
    saved: SmtpAccount,
    engine: ScriptedEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    administrator.post(account_page(saved, "test"))
    assert len(engine.plans) == 1


def test_who_may_not_see_results_is_led_back_to_the_account(
    sign_in: SignIn, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    answer = sign_in(VIEW, TEST).post(account_page(saved, "test"), follow=True)
    assert answer.redirect_chain == [(account_page(saved), 302)]
    assert "“News” works." in answer.content.decode()


def test_a_busy_process_says_when_to_try_again(
    administrator: Client, saved: SmtpAccount, engine: ScriptedEngine, settings: Settings
) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_PROCESS": 0}
    answer = administrator.post(account_page(saved, "test"), follow=True)
    assert "Try again in 10 seconds." in answer.content.decode()
    assert engine.plans == []


def test_the_button_stands_outside_the_form_and_says_what_it_tests(
    administrator: Client, saved: SmtpAccount
) -> None:
    page = seen(administrator, account_page(saved))
    before_the_form = page.split('id="smtpaccount_form"')[0]
    assert f'action="{account_page(saved, "test")}"' in before_the_form
    assert "tests the account as it was last saved" in before_the_form
    assert "Test now" not in seen(administrator, ADD_ACCOUNT)


# --- A selection ---


def select(client: Client, *accounts: SmtpAccount) -> str:
    chosen = {"action": "test_selected", "_selected_action": [made.pk for made in accounts]}
    return client.post(ACCOUNTS, chosen, follow=True).content.decode()


def test_a_selection_is_tested_and_its_results_are_listed(
    administrator: Client, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    engine.answer = fails
    earlier = result(saved, host="earlier.example.org")
    other = account(name="Bills", host="bills.example.org")
    page = select(administrator, saved, other)
    assert "2 accounts tested. Fails: 2." in page
    assert earlier.host not in page
    assert "bills.example.org" in page


def test_a_selection_that_is_too_large_is_not_tested(
    administrator: Client, engine: ScriptedEngine
) -> None:
    many = [
        account(name=f"{number}", host=f"m{number}.example.org", password=None)
        for number in range(MAX_TESTS_AT_ONCE + 1)
    ]
    assert "manage.py test_smtp --all" in select(administrator, *many)
    assert engine.plans == []


def test_who_may_not_test_is_not_offered_to(
    sign_in: SignIn, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    person = sign_in(VIEW, CHANGE)
    assert "test_selected" not in seen(person, ACCOUNTS)
    select(person, saved)
    assert engine.plans == []


def test_tests_that_wait_for_each_other_share_the_time(settings: Settings) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"ADMIN_BUDGET_SECONDS": 18.0, "TESTS_PER_HOST": 2}
    apart = [SmtpAccount(host=f"m{number}.example.org") for number in range(4)]
    together = [SmtpAccount(host="mail.example.org") for _ in range(4)]
    same_login = [SmtpAccount(host="mail.example.org", username="ann") for _ in range(3)]
    assert [budget_of(group) for group in (apart, together, same_login)] == [18.0, 9.0, 6.0]


# --- The list ---


def test_the_list_shows_what_is_known(
    administrator: Client, saved: SmtpAccount, engine: ScriptedEngine
) -> None:
    engine.answer = fails
    assert "Untested" in seen(administrator, ACCOUNTS)
    administrator.post(account_page(saved, "test"))
    shown = text(administrator, ACCOUNTS)
    assert "mail.example.org:587 STARTTLS" in shown
    assert re.search(r"Fails since .*minutes? ago", shown)


def test_the_list_costs_no_query_for_an_account(
    administrator: Client,
    engine: ScriptedEngine,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(12):
        made = account(name=f"{number}", host=f"m{number}.example.org")
        administrator.post(account_page(made, "test"))
    with django_assert_max_num_queries(8):
        assert "m11.example.org" in seen(administrator, ACCOUNTS)


@pytest.mark.parametrize(("state", "names"), [("works", ["Good"]), ("untested", ["News"])])
def test_the_list_is_filtered_by_state(
    administrator: Client, saved: SmtpAccount, engine: ScriptedEngine, state: str, names: list[str]
) -> None:
    good = account(name="Good", host="good.example.org")
    administrator.post(account_page(good, "test"))
    listed = administrator.get(ACCOUNTS, {"verdict": state}).context["cl"].result_list
    assert [made.name for made in listed] == names


def test_the_admin_carries_the_name_of_the_program(administrator: Client) -> None:
    assert "<title>SMTP accounts and their tests | smtpcheck</title>" in seen(
        administrator, "/admin/"
    )
    assert User.objects.get().username == "administrator"
