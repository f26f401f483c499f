"""Callers of the API, and how they call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from smtpcheck.api.verifiedlogins import verified_logins
from tests.api.callers import PASSWORD, PATH, allow, basic


@pytest.fixture(autouse=True)
def _fresh_process(settings: Settings) -> None:
    """Forget what a process remembers of callers, and hash passwords fast."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    verified_logins.clear()


@pytest.fixture
def stranger(db: None) -> User:
    """A user who may log in and nothing else."""
    return User.objects.create_user("strangér", password=PASSWORD)


@pytest.fixture
def tester(db: None) -> User:
    """A user who may test what they like."""
    user = User.objects.create_user("tester", password=PASSWORD)
    allow(user, "test_smtpaccount", "test_any_target")
    return user


@pytest.fixture
def call(client: Client) -> Callable[..., Any]:
    """Call TestSmtpServer; ``user`` logs in by Basic, ``data`` is sent as JSON."""

    def do_call(user: User | None, data: Any = None, path: str = PATH, **options: Any) -> Any:
        headers = options.pop("headers", {})
        if user is not None:
            headers = {"Authorization": basic(user.username, PASSWORD)} | headers
        content_type = options.pop("content_type", "application/json")
        method = options.pop("method", "POST")
        body = data if isinstance(data, (bytes, str)) else _json(data)
        return client.generic(
            method, path, body, headers=headers, CONTENT_TYPE=content_type, **options
        )

    return do_call


def _json(data: Any) -> bytes:
    return json.dumps({} if data is None else data).encode()
