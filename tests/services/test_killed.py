"""A process that is killed in the middle of a test, from outside."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
PATIENCE_SECONDS = 30.0


def query(file: Path, sql: str) -> list[tuple[str, ...]]:
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database, database:
        return database.execute(sql).fetchall()


def test_a_killed_test_leaves_an_open_row_that_the_next_one_closes(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite3"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE_SECONDS)
        port = silent.getsockname()[1]
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{file}",
            "SMTPCHECK_POLICY": f"127.0.0.1/32:{port}",
        }
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
        command = [*manage, "test_smtp", f"smtp://127.0.0.1:{port}", "--from", "a@example.org"]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        ) as victim:
            visitor, _address = silent.accept()
            with visitor:
                victim.kill()
    rows = "SELECT verdict, diagnosis_id FROM smtpcheck_smtptestresult ORDER BY id"
    assert query(file, rows) == [("", "")]

    query(file, "UPDATE smtpcheck_smtptestresult SET expires_at = '2020-01-01 00:00:00'")
    command = [*manage, "test_smtp", "smtp://127.0.0.1:1", "--from", "a@example.org"]
    subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False, timeout=60
    )
    assert query(file, rows)[0] == ("inconclusive", "tool.interrupted")
