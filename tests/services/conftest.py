"""Callers, and an engine that needs no server."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User

from smtpcheck.models import Door
from smtpcheck.services import Caller
from tests.services.scripted import ScriptedEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """Stands where the engine stands."""
    scripted = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", scripted)
    return scripted


@pytest.fixture
def operator() -> Caller:
    """Whoever holds the keys."""
    return Caller(user=None, door=Door.COMMAND)


def _user_with(name: str, *codenames: str) -> Caller:
    user = User.objects.create_user(name)
    of_application = Permission.objects.filter(content_type__app_label="smtpcheck")
    user.user_permissions.set(of_application.filter(codename__in=codenames))
    return Caller(user=User.objects.get(pk=user.pk), door=Door.REST)


@pytest.fixture
def account_tester(db: None) -> Caller:
    """May test saved accounts and nothing else."""
    return _user_with("accounts", "test_smtpaccount")


@pytest.fixture
def target_tester(db: None) -> Caller:
    """May test any target, but no saved account."""
    return _user_with("targets", "test_any_target")


@pytest.fixture
def tester(db: None) -> Caller:
    """May test both."""
    return _user_with("both", "test_smtpaccount", "test_any_target")


@pytest.fixture
def stranger(db: None) -> Caller:
    """May test nothing."""
    return _user_with("stranger")
