from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from smtpcheck.engine.redaction import Secret
from smtpcheck.models import PASSWORD, SmtpAccount, SmtpAccountState
from tests.models.accounts import account, fresh
from tests.models.results import later, result

pytestmark = pytest.mark.django_db


def record(made: SmtpAccount, verdict: str, **columns: Any) -> bool:
    with transaction.atomic():
        return SmtpAccountState.objects.record(result(made, verdict, **columns))


def state_of(made: SmtpAccount) -> SmtpAccountState:
    return SmtpAccountState.objects.get(pk=made.pk)


def test_a_new_account_is_untested_and_due() -> None:
    state = state_of(account())
    assert state.verdict == "untested"
    assert state.next_check_at is not None
    assert str(state) == "untested"


def test_a_paused_account_is_never_due() -> None:
    made = account(paused=True)
    assert state_of(made).next_check_at is None
    made.paused = False
    made.save()
    assert state_of(made).next_check_at is not None
    made.paused = True
    made.save()
    assert state_of(made).next_check_at is None


@pytest.mark.parametrize("verdict", ["works", "fails"])
def test_a_conclusive_result_becomes_the_state(verdict: str) -> None:
    made = account()
    assert record(made, verdict, started_at=(start := later(1)))
    state = state_of(made)
    assert (state.verdict, state.goal, state.since) == (verdict, "content", start)
    assert state.last_result == made.results.get()


def test_the_same_verdict_again_leaves_its_beginning() -> None:
    made = account()
    record(made, "works", started_at=(start := later(1)))
    record(made, "works", started_at=later(2))
    assert state_of(made).since == start


def test_a_shallower_goal_that_works_does_not_clear_a_deeper_failure() -> None:
    made = account()
    record(made, "fails", goal="content", started_at=later(1))
    record(made, "works", goal="login", started_at=later(2))
    assert (state_of(made).verdict, state_of(made).goal) == ("fails", "content")
    record(made, "works", goal="content", started_at=later(3))
    assert state_of(made).verdict == "works"


def test_a_failure_keeps_the_deepest_goal_it_was_seen_at() -> None:
    made = account()
    record(made, "fails", goal="content", started_at=later(1))
    record(made, "fails", goal="login", started_at=later(2))
    record(made, "works", goal="recipient", started_at=later(3))
    assert state_of(made).verdict == "fails"


def test_a_shallower_goal_that_fails_ends_a_deeper_success() -> None:
    made = account()
    record(made, "works", goal="content", started_at=later(1))
    record(made, "fails", goal="login", started_at=later(2))
    assert (state_of(made).verdict, state_of(made).goal) == ("fails", "login")


def test_inconclusive_results_are_counted_and_leave_the_verdict() -> None:
    made = account()
    record(made, "works", started_at=later(1))
    record(made, "inconclusive", started_at=(start := later(2)))
    record(made, "inconclusive", started_at=later(3))
    state = state_of(made)
    assert (state.verdict, state.inconclusive_count) == ("works", 2)
    assert state.inconclusive_since == start


@pytest.mark.parametrize("verdict", ["works", "fails"])
def test_a_conclusive_result_ends_the_inconclusive_ones(verdict: str) -> None:
    made = account()
    record(made, "inconclusive", started_at=later(1))
    record(made, verdict, started_at=later(2))
    assert (state_of(made).inconclusive_count, state_of(made).inconclusive_since) == (0, None)


@pytest.mark.parametrize("diagnosis_id", ["tool.budget", "tool.interrupted"])
def test_a_test_that_was_not_run_to_its_end_says_nothing(diagnosis_id: str) -> None:
    made = account()
    assert not record(made, "inconclusive", diagnosis_id=diagnosis_id)
    assert state_of(made).inconclusive_count == 0


def test_the_newest_start_wins_whichever_ends_first() -> None:
    made = account()
    record(made, "works", started_at=later(2))
    assert not record(made, "fails", started_at=later(1))
    assert state_of(made).verdict == "works"


def test_a_result_of_an_account_that_changed_meanwhile_is_not_its_state() -> None:
    made = account()
    old = result(made, "works")
    made.sender = "other@example.org"
    made.save()
    assert not SmtpAccountState.objects.record(old)
    assert state_of(made).verdict == "untested"


def test_a_result_of_another_login_is_not_its_state() -> None:
    made = account()
    assert not record(made, "fails", digest="")


def test_a_result_without_an_account_is_nobodys_state() -> None:
    assert not SmtpAccountState.objects.record(result(None, digest="x"))


@pytest.mark.parametrize("change", ["host", "sender", "recipient", "ehlo_name", "secret"])
def test_changing_what_a_test_uses_makes_the_account_untested(change: str) -> None:
    made = account()
    record(made, "works", started_at=later(1))
    record(made, "inconclusive", started_at=later(2))
    made = fresh(made)
    if change == "secret":
        made.set_secret(PASSWORD, Secret("another one"))
    else:
        setattr(made, change, "x@other.example.org" if change != "host" else "o.example.org")
    made.save()
    state = state_of(made)
    assert (state.verdict, state.goal, state.inconclusive_count) == ("untested", "", 0)
    assert state.last_result is not None


def test_changing_the_name_keeps_the_state() -> None:
    made = account()
    record(made, "works")
    made.name = "Renamed"
    made.save()
    assert state_of(made).verdict == "works"


def test_saving_an_account_leaves_a_lease_alone() -> None:
    made = account()
    SmtpAccountState.objects.update(lease_token=made.pk, lease_until=later(60))
    made.name = "Renamed"
    made.save()
    assert state_of(made).lease_token == made.pk


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "inconclusive"},
        {"goal": "delivery"},
        {"inconclusive_count": 1},
        {"lease_until": later(1)},
    ],
)
def test_the_database_refuses(wrong: dict[str, Any]) -> None:
    account()
    with pytest.raises(IntegrityError), transaction.atomic():
        SmtpAccountState.objects.update(**wrong)


ENCRYPTED = {"version": "TLSv1.3", "certificate": {"fingerprint": "ab" * 32}}


class TestMemory:
    """What later tests are compared with."""

    def test_a_test_that_works_is_remembered(self) -> None:
        made = account()
        record(made, "works", tls=ENCRYPTED, capabilities=["SIZE 1"])
        state = state_of(made)
        assert state.known_destination == made.destination_digest()
        assert (state.was_encrypted, state.certificate) == (True, "ab" * 32)
        assert (state.capabilities, state.no_groups) == (["SIZE 1"], False)

    @pytest.mark.parametrize("verdict", ["fails", "inconclusive"])
    def test_encryption_is_remembered_whatever_came_after_it(self, verdict: str) -> None:
        made = account()
        record(made, verdict, tls=ENCRYPTED, capabilities=["AUTH PLAIN"])
        assert state_of(made).was_encrypted
        assert state_of(made).capabilities == []

    @pytest.mark.parametrize("verdict", ["works", "fails", "inconclusive"])
    def test_a_test_without_encryption_does_not_forget_it(self, verdict: str) -> None:
        made = account()
        record(made, "works", tls=ENCRYPTED, started_at=later(1))
        record(made, verdict, started_at=later(2))
        assert state_of(made).was_encrypted
        assert state_of(made).certificate == "ab" * 32

    def test_a_server_that_refuses_groups_once_is_remembered(self) -> None:
        made = account()
        record(made, "works", evidence={"refuses_groups": True}, started_at=later(1))
        record(made, "works", evidence={"refuses_groups": False}, started_at=later(2))
        assert state_of(made).no_groups

    def test_a_new_password_or_sender_forgets_nothing(self) -> None:
        made = account()
        record(made, "works", tls=ENCRYPTED, started_at=later(1))
        made.set_secret(PASSWORD, Secret("another"))
        made.sender = "bob@example.org"
        made.save()
        record(made, "fails", started_at=later(2))
        assert state_of(made).was_encrypted

    def test_another_destination_begins_anew(self) -> None:
        made = account()
        groups = {"refuses_groups": True}
        record(made, "works", tls=ENCRYPTED, evidence=groups, started_at=later(1))
        made.host = "other.example.org"
        made.save()
        record(made, "fails", started_at=later(2))
        state = state_of(made)
        assert state.known_destination == made.destination_digest()
        assert (state.was_encrypted, state.certificate, state.no_groups) == (False, "", False)
