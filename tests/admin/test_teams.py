from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from smtpcheck.models import SmtpAccount, SmtpTestResult
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

pytestmark = pytest.mark.django_db

ADD, CHANGE, VIEW = "add_smtpaccount", "change_smtpaccount", "view_smtpaccount"
SET_POLICY, SEE_RESULTS = "set_policy", "view_smtptestresult"


@pytest.fixture
def sales() -> Group:
    return Group.objects.create(name="Sales")


@pytest.fixture
def support() -> Group:
    return Group.objects.create(name="Support")


# --- The team of a new account ---


def test_who_has_one_team_gives_it_to_a_new_account(sign_in: SignIn, sales: Group) -> None:
    client = sign_in(ADD, VIEW, team=sales)
    assert 'name="team"' not in seen(client, ADD_ACCOUNT)
    client.post(ADD_ACCOUNT, fields_of())
    assert SmtpAccount.objects.get().team == sales


def test_a_ready_group_beside_the_team_changes_nothing(sign_in: SignIn, sales: Group) -> None:
    client = sign_in(ADD, VIEW, team=sales)
    User.objects.get().groups.add(Group.objects.get(name="operator"))
    client.post(ADD_ACCOUNT, fields_of())
    assert SmtpAccount.objects.get().team == sales


def test_who_has_several_teams_chooses_one_of_them(
    sign_in: SignIn, sales: Group, support: Group
) -> None:
    foreign = Group.objects.create(name="Foreign")
    client = sign_in(ADD, VIEW, team=sales)
    User.objects.get().groups.add(support)
    page = text(client, ADD_ACCOUNT)
    assert "Sales" in page
    assert "Foreign" not in page
    client.post(ADD_ACCOUNT, fields_of())
    client.post(ADD_ACCOUNT, fields_of(team=foreign.pk))
    assert not SmtpAccount.objects.exists()
    client.post(ADD_ACCOUNT, fields_of(team=support.pk))
    assert SmtpAccount.objects.get().team == support


def test_who_has_no_team_adds_an_account_for_everybody(sign_in: SignIn, sales: Group) -> None:
    sign_in(ADD, VIEW).post(ADD_ACCOUNT, fields_of(team=sales.pk))
    assert SmtpAccount.objects.get().team is None


def test_a_superuser_gives_it_to_any_team_but_no_ready_group(
    administrator: Client, sales: Group
) -> None:
    page = seen(administrator, ADD_ACCOUNT)
    choice = re.search(r'<select name="team".*?</select>', page, re.DOTALL)
    assert choice
    assert "Sales" in choice[0]
    assert "operator" not in choice[0]
    administrator.post(ADD_ACCOUNT, fields_of(team=sales.pk))
    assert SmtpAccount.objects.get().team == sales


def test_nobody_but_a_superuser_takes_an_account_from_its_team(
    sign_in: SignIn, sales: Group, support: Group
) -> None:
    made = account(team=sales)
    client = sign_in(CHANGE, team=sales)
    User.objects.get().groups.add(support)
    client.post(account_page(made), fields_of(made, name="renamed", team=support.pk))
    assert (fresh(made).name, fresh(made).team) == ("renamed", sales)


# --- What an account is allowed ---

ENTRIES = "10.0.0.0/8:587\n[fd00::]/8:587"


@pytest.fixture
def allowed() -> SmtpAccount:
    made = account()
    made.set_policy(ENTRIES)
    made.save()
    return made


def test_who_may_sets_what_an_account_is_allowed(sign_in: SignIn) -> None:
    made = account()
    client = sign_in(CHANGE, SET_POLICY)
    wrong = client.post(account_page(made), fields_of(made, policy_entries="everywhere"))
    assert "is not a policy entry" in wrong.content.decode()
    client.post(account_page(made), fields_of(made, policy_entries=ENTRIES))
    assert fresh(made).policy_entries == ENTRIES
    client.post(account_page(made), fields_of(made, policy_entries=""))
    assert fresh(made).policy_entries == ""


def test_another_host_clears_it_also_where_the_form_sends_it_back(
    sign_in: SignIn, allowed: SmtpAccount
) -> None:
    client = sign_in(CHANGE, SET_POLICY)
    as_browsers_do = ENTRIES.replace("\n", "\r\n")
    typed = fields_of(allowed, host="other.example.org", policy_entries=as_browsers_do)
    page = client.post(account_page(allowed), typed, follow=True)
    assert fresh(allowed).policy_entries == ""
    assert "that were allowed for this account were deleted" in page.content.decode()


def test_what_is_typed_with_another_host_is_for_that(sign_in: SignIn, allowed: SmtpAccount) -> None:
    client = sign_in(CHANGE, SET_POLICY)
    typed = fields_of(allowed, host="other.example.org", policy_entries="10.9.9.9:587")
    client.post(account_page(allowed), typed)
    assert len(fresh(allowed).allowed_entries()) == 1


def test_who_may_not_neither_sees_nor_changes_it(sign_in: SignIn, allowed: SmtpAccount) -> None:
    client = sign_in(CHANGE)
    assert "10.0.0.0/8" not in seen(client, account_page(allowed))
    client.post(account_page(allowed), fields_of(allowed, name="x", policy_entries="0.0.0.0/0:*"))
    assert (fresh(allowed).name, fresh(allowed).policy_entries) == ("x", ENTRIES)
    client.post(account_page(allowed), fields_of(allowed, name="x", host="other.example.org"))
    assert fresh(allowed).policy_entries == ""


# --- The exact line ---


def refused() -> SmtpTestResult:
    return result(
        verdict="fails", diagnosis_id="config.destination-forbidden", policy_lines="10.1.2.3:587"
    )


def test_the_exact_line_is_shown_to_who_may_add_it_and_to_nobody_else(sign_in: SignIn) -> None:
    made = refused()
    SmtpTestResult.objects.update(account=account())
    assert "10.1.2.3:587" in text(sign_in(SEE_RESULTS, SET_POLICY), result_page(made))
    assert "10.1.2.3" not in seen(sign_in(SEE_RESULTS), result_page(made))


def test_the_exact_line_is_in_no_answer_of_the_api(sign_in: SignIn) -> None:
    made = refused()
    SmtpTestResult.objects.update(account=account())
    answer = sign_in(SEE_RESULTS).get(f"/api/v1/results/{made.pk}/")
    assert answer.status_code == 200
    assert "10.1.2.3" not in answer.content.decode()


@pytest.mark.parametrize(
    "lookup", ["policy_entries__contains", "policy_host", "password_sealed__startswith"]
)
def test_a_list_of_accounts_cannot_be_searched_by_what_it_does_not_show(
    administrator: Client, lookup: str
) -> None:
    assert administrator.get(ACCOUNTS, {lookup: "x"}).status_code == 400
    assert administrator.get(ACCOUNTS, {"host__contains": "x"}).status_code == 200


def test_a_list_of_results_cannot_be_searched_by_refused_addresses(administrator: Client) -> None:
    assert administrator.get(RESULTS, {"policy_lines__startswith": "10."}).status_code == 400
