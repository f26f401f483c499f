"""Logins are remembered by count and time, and what passed forgets what was refused."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from smtpcheck.models import LoginMemory
from tests.models.results import later

pytestmark = pytest.mark.django_db

LOGIN = "ab" * 32


def known() -> LoginMemory:
    return LoginMemory.objects.recall(LOGIN)


def test_of_an_unknown_login_nothing_is_known_and_nothing_saved() -> None:
    assert not known().has_passed
    assert (known().refused_count, known().refused_at) == (0, None)
    assert not LoginMemory.objects.exists()


def test_refusals_are_counted_with_the_time_of_the_last() -> None:
    LoginMemory.objects.refused(LOGIN, later(0))
    LoginMemory.objects.refused(LOGIN, last := later(1))
    assert (known().refused_count, known().refused_at) == (2, last)
    assert not known().has_passed


def test_a_login_that_passes_begins_anew() -> None:
    LoginMemory.objects.refused(LOGIN, later(0))
    LoginMemory.objects.passed(LOGIN, later(1))
    assert (known().refused_count, known().refused_at, known().has_passed) == (0, None, True)


def test_a_login_that_passed_before_and_is_refused_now_has_not_passed() -> None:
    LoginMemory.objects.passed(LOGIN, later(0))
    LoginMemory.objects.refused(LOGIN, later(1))
    assert (known().refused_count, known().has_passed) == (1, False)


def test_passing_again_changes_nothing() -> None:
    LoginMemory.objects.passed(LOGIN, first := later(0))
    LoginMemory.objects.passed(LOGIN, later(1))
    assert known().passed_at == first


def test_a_row_shows_no_whole_fingerprint() -> None:
    assert LOGIN not in str(LoginMemory(login=LOGIN))


def test_a_login_is_never_passed_and_refused_at_once() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        LoginMemory.objects.create(
            login=LOGIN, refused_count=1, refused_at=later(0), passed_at=later(0)
        )
