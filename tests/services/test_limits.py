from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from smtpcheck.engine.stages import Goal
from smtpcheck.models import SmtpAccount
from smtpcheck.services import Busy
from smtpcheck.services.asking import Asked
from smtpcheck.services.limits import objection, process_slots
from tests.models.accounts import account
from tests.models.results import later, open_result, result

HOST = "mail.example.org"
FREE = Asked(goal=Goal.CONTENT, host=HOST, username="new@example.org")


def of(made: SmtpAccount, **options: Any) -> Asked:
    return Asked(goal=Goal.CONTENT, host=made.host, username=made.username, account=made, **options)


def is_free(asked: Asked) -> bool:
    refused = objection(asked, timezone.now())
    assert refused is None or refused.diagnosis_id == "tool.budget"
    return refused is None


@pytest.mark.django_db
class TestRows:
    """What is counted by rows, over all processes."""

    def test_a_quiet_host_has_no_limit_reached(self) -> None:
        assert is_free(FREE)

    def test_a_host_takes_so_many_tests_at_once(self, settings: Settings) -> None:
        settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_HOST": 2}
        made = account()
        open_result(host=HOST, username="a")
        assert is_free(of(made))
        open_result(host=HOST, username="b")
        assert not is_free(of(made))

    def test_a_login_is_tested_once_at_a_time(self) -> None:
        made = account()
        open_result(host=HOST, username=made.username)
        assert not is_free(of(made))
        assert is_free(of(account(name="other", username="bob@example.org")))

    def test_tests_without_a_login_are_no_login(self) -> None:
        open_result(host=HOST, username="")
        assert is_free(Asked(goal=Goal.CONTENT, host=HOST))

    def test_tests_elsewhere_finished_or_dead_do_not_count(self, settings: Settings) -> None:
        settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_HOST": 1}
        open_result(host="other.example.org")
        open_result(host=HOST, expires_in_seconds=-1)
        result(host=HOST)
        assert is_free(FREE)

    def test_targets_that_nobody_saved_get_a_share(self, settings: Settings) -> None:
        settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_HOST": 8, "FREE_TARGET_SHARE": 0.25}
        for name in ("a", "b"):
            assert is_free(FREE)
            open_result(host=HOST, username=name)
        assert not is_free(FREE)
        assert is_free(of(account()))

    def test_the_share_is_one_test_at_least(self, settings: Settings) -> None:
        settings.SMTPCHECK = settings.SMTPCHECK | {"FREE_TARGET_SHARE": 0}
        assert is_free(FREE)

    def test_after_some_refused_logins_typed_passwords_wait(self, settings: Settings) -> None:
        settings.SMTPCHECK = settings.SMTPCHECK | {"REFUSED_LOGINS_PER_WINDOW": 2}
        made = account()
        login: dict[str, Any] = {"host": HOST, "username": made.username, "stage": "auth"}
        login["verdict"] = "fails"
        result(**login, started_at=later(-3600))
        result(**login)
        assert is_free(of(made))
        result(**login)
        assert not is_free(of(made))
        assert is_free(of(made, uses_stored_secret=True))
        assert is_free(FREE)


def test_a_process_takes_so_many_tests_at_once(settings: Settings) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_PROCESS": 3}
    with process_slots(), process_slots(2):
        with pytest.raises(Busy, match="seconds") as caught, process_slots():
            pass
        assert caught.value.retry_after_seconds > 0
    with process_slots(3):
        pass


def test_a_place_is_given_back_whatever_happens(settings: Settings) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_PROCESS": 1}
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), process_slots():
            raise KeyboardInterrupt
