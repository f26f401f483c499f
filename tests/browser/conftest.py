"""A real browser, the whole application in a process of its own, and a mail server for it to test.

Nothing here touches the database of the test run: a server thread and a test must not share the
one connection of an SQLite database in memory.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from smtpcheck.sandbox import Authority, BackgroundSandbox, Listener, Sandbox, Tls
from tests.real_servers import require_or_skip

ROOT = Path(__file__).parent.parent.parent
APP = "project.asgi:application"
OPERATOR = "operator"
LOGINS = {"ann@sandbox.example": "p:/ö"}

# No sandbox: tests may run as root. The others keep it from calling home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@dataclass(frozen=True, slots=True)
class Site:
    """Where the application serves, and the port of the mail server that it may test."""

    url: str
    mail_port: int

    def uri(self, user: str, password: str) -> str:
        """The SMTP URI of a login at the mail server."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"smtps://{login}@localhost:{self.mail_port}"


# Not for the session: while Playwright is up, an event loop runs in this thread, and every test
# that starts one of its own would fail.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, started once; tests are skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        require_or_skip("Chromium is not installed.", "Debian: apt install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def site(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The application as it is served, with a fresh database and one superuser."""
    listener = Listener(tls=Tls.IMPLICIT)
    with BackgroundSandbox(Sandbox([listener], logins=LOGINS, authority=authority)):
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('site')}/db.sqlite3",
            "SMTPCHECK_EXTRA_CA_FILE": str(authority.ca_file),
            "SMTPCHECK_POLICY": f"127.0.0.0/8:*;::1/128:{listener.port}",
            "DJANGO_SUPERUSER_PASSWORD": OPERATOR,
        }
        manage(environment, "migrate")
        manage(environment, "createsuperuser", "--username", OPERATOR, "--email", "")
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            server = serve(environment, listening)
        yield Site(f"http://127.0.0.1:{port}", listener.port)
        server.terminate()
        server.wait(10)


def manage(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments, "--no-input", "-v0"]
    subprocess.run(command, env=environment, cwd=ROOT, check=True)


def serve(environment: dict[str, str], listening: socket.socket) -> subprocess.Popen[bytes]:
    """Serve on a socket that listens already: the first page may be asked for at once."""
    handle = listening.fileno()
    return subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--no-access-log", "--fd", str(handle), APP],
        env=environment,
        cwd=ROOT,
        pass_fds=[handle],
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def complaints() -> list[str]:
    """Blocked styles and scripts, faults, missing files, and requests to another site."""
    return []


@pytest.fixture
def page(browser: Browser, site: Site, complaints: list[str]) -> Iterator[Page]:
    """A tab in which the operator has signed in; addresses are relative to the site."""
    context = browser.new_context(base_url=site.url)
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    opened.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((site.url, "data:"))
            else complaints.append(f"another site was asked: {request.url}")
        ),
    )
    # Browsers ask for an icon by themselves; we have none.
    opened.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    opened.goto("/admin/login/?next=/admin/")
    opened.fill("#id_username", OPERATOR)
    opened.fill("#id_password", OPERATOR)
    opened.click("[type=submit]")
    yield opened
    context.close()
