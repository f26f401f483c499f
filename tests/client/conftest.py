"""A served application that the official client calls, and a mail server for it to test."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from smtpcheck.sandbox import Authority
from tests.client.official import why_unusable
from tests.end_to_end.application import Application
from tests.end_to_end.conftest import Serve, prepared, serve
from tests.end_to_end.databases import ADMINISTRATOR, ROOT
from tests.peers.fixtures import PASSWORD, USER, RunningSandbox
from tests.real_servers import require_or_skip

__all__ = ["prepared", "serve"]  # fixtures

APP_TOKEN = "application-of-the-tests"
AT_ONCE = "1000"


@pytest.fixture(scope="session")
def official_client() -> None:
    """Let a test drive the official client; skips (or fails) where it is not installed."""
    if problem := why_unusable():
        require_or_skip(*problem)


@pytest.fixture(scope="module")
def application(serve: Serve, authority: Authority) -> Application:
    """An application that may test any port of this machine, with limits out of the way."""
    return serve(
        SMTPCHECK_POLICY="127.0.0.1/32:* cleartext=no",
        SMTPCHECK_EXTRA_CA_FILE=str(authority.ca_file),
        SMTPCHECK_APP_TOKENS=APP_TOKEN,
        SMTPCHECK_CALLS_PER_MINUTE=AT_ONCE,
        SMTPCHECK_TESTS_PER_HOST=AT_ONCE,
        SMTPCHECK_TESTS_PER_LOGIN=AT_ONCE,
    )


@pytest.fixture(scope="module")
def token(application: Application) -> str:
    """An API token, as a person gets one."""
    issued = subprocess.run(
        [sys.executable, "manage.py", "api_token", "issue", ADMINISTRATOR],
        cwd=ROOT,
        env=application.environment,
        capture_output=True,
        check=True,
        text=True,
    )
    return issued.stdout.strip()


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A login at a mail server that works."""

    sandbox: RunningSandbox

    @property
    def uri(self) -> str:
        """Its SMTP URI."""
        return self.uri_with(PASSWORD)

    def uri_with(self, password: str) -> str:
        """Its SMTP URI with another password."""
        login = f"{quote(USER, safe='')}:{quote(password, safe='')}"
        return f"smtps://{login}@127.0.0.1:{self.sandbox.tls_port}"


@pytest.fixture
def mailbox(sandbox: RunningSandbox) -> Mailbox:
    return Mailbox(sandbox)
