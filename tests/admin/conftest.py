"""People who use the admin, and an engine that needs no server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from tests.services.scripted import ScriptedEngine

SignIn = Callable[..., Client]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """Stands where the engine stands."""
    scripted = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", scripted)
    return scripted


@pytest.fixture
def sign_in() -> SignIn:
    """A browser in which a person with exactly these permissions has signed in."""

    def signed_in(*codenames: str, team: Group | None = None, csrf: bool = False) -> Client:
        user = User.objects.create_user(f"person {User.objects.count()}", is_staff=True)
        own = Permission.objects.filter(content_type__app_label="smtpcheck")
        user.user_permissions.set(own.filter(codename__in=codenames))
        if team is not None:
            user.groups.add(team)
        client = Client(enforce_csrf_checks=csrf)
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def administrator() -> Client:
    """A browser in which a superuser has signed in."""
    client = Client()
    client.force_login(User.objects.create_superuser("administrator"))
    return client
