"""The call as it is used: through the real engine to the embedded mail server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.peers.fixtures import PASSWORD, USER, RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

Test = Callable[..., Any]


@pytest.fixture
def run(
    call: Callable[..., Any], tester: User, sandbox: RunningSandbox, settings: Settings
) -> Test:
    """Test a port of the sandbox, whose address and authority the settings allow."""
    ports = f"{sandbox.tls_port},{sandbox.starttls_port}"
    settings.SMTPCHECK = settings.SMTPCHECK | {
        "POLICY": (f"127.0.0.1/32:{ports} cleartext=no",),
        "EXTRA_CA_FILE": str(sandbox.ca_file),
    }

    def run_test(scheme: str, port: int, password: str = PASSWORD) -> Any:
        login = f"{quote(USER, safe='')}:{quote(password, safe='')}"
        response = call(tester, {"smtpUri": f"{scheme}://{login}@127.0.0.1:{port}"})
        assert response.status_code == 200
        return response.json()

    return run_test


def test_tls_on_connect_works_and_the_mail_arrives(run: Test, sandbox: RunningSandbox) -> None:
    answer = run("smtps", sandbox.tls_port)
    assert answer["Success"] is True, answer["ErrorMessage"]
    assert len(sandbox.mailbox.mails) == 1


def test_starttls_works_and_the_mail_arrives(run: Test, sandbox: RunningSandbox) -> None:
    answer = run("smtp", sandbox.starttls_port)
    assert answer["Success"] is True, answer["ErrorMessage"]
    assert len(sandbox.mailbox.mails) == 1


def test_a_wrong_password_is_told_in_the_servers_words(run: Test, sandbox: RunningSandbox) -> None:
    answer = run("smtps", sandbox.tls_port, "wrong-" + PASSWORD)
    assert answer["Success"] is False
    assert "535" in answer["ErrorMessage"]
    assert "wrong-" not in answer["ErrorMessage"]
    assert not sandbox.mailbox.mails


def test_a_port_that_the_policy_forbids_is_a_failed_test(
    run: Test, sandbox: RunningSandbox
) -> None:
    answer = run("smtps", sandbox.plain_port)
    assert answer["Success"] is False
    assert answer["ErrorMessage"]
