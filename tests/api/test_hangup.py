"""A caller who hangs up, from outside: a server process, a database file, real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.callers import PATH, basic

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
PATIENCE_SECONDS = 20.0

PREPARE = """
import django; django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
call_command("migrate", verbosity=0)
get_user_model().objects.create_superuser("tester", password="hang up")
"""


def until(condition: Callable[[], bool]) -> bool:
    """Wait for another process, at most as long as patience lasts."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A mail server that lets clients in and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "db.sqlite3"


@pytest.fixture
def environment(database: Path, silent_server: socket.socket) -> dict[str, str]:
    port = silent_server.getsockname()[1]
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "DATABASE_URL": f"sqlite:///{database}",
        "SMTPCHECK_POLICY": f"127.0.0.1/32:{port} cleartext=no",
    }


@pytest.fixture
def api_port(environment: dict[str, str]) -> Iterator[int]:
    """The port of a uvicorn that serves the project, with one user in its database."""
    subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=environment, check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "project.asgi:application"]
    command += ["--port", str(port), "--log-level", "warning"]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as server:
        try:
            assert until(lambda: answers(port)), "the server did not start"
            yield port
        finally:
            server.terminate()


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def rows(database: Path) -> list[tuple[str, str]]:
    """Verdict and diagnosis of every result."""
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
        return connection.execute(
            "SELECT verdict, diagnosis_id FROM smtpcheck_smtptestresult"
        ).fetchall()


def test_a_caller_who_hangs_up_ends_the_test(
    api_port: int, database: Path, silent_server: socket.socket
) -> None:
    caller = http.client.HTTPConnection("127.0.0.1", api_port, timeout=PATIENCE_SECONDS)
    port = silent_server.getsockname()[1]
    body = json.dumps({"SmtpUri": f"smtp://127.0.0.1:{port}", "From": "ann@example.org"})
    headers = {"Content-Type": "application/json", "Authorization": basic("tester", "hang up")}
    caller.request("POST", PATH, body, headers)

    silent_server.settimeout(PATIENCE_SECONDS)
    visitor, _address = silent_server.accept()
    with visitor:
        assert rows(database) == [("", "")]  # open before the network was touched
        caller.close()
        visitor.settimeout(PATIENCE_SECONDS)
        began = time.monotonic()
        assert visitor.recv(1) == b""  # the engine let go of the mail server
        assert time.monotonic() - began < 5
    assert until(lambda: rows(database) == [("inconclusive", "tool.interrupted")])
