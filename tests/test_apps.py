"""What the application does when a process starts and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ASK = "from django.db import connection; connection.ensure_connection()"


@pytest.mark.postgres
def test_a_process_that_used_the_pool_ends_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", ASK],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": server_of(os.environ["DATABASE_URL"])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "couldn't stop thread" not in done.stderr


def server_of(url: str) -> str:
    """The same server's own database: the one of the run exists only while tests use it."""
    return url.rpartition("/")[0] + "/postgres"
