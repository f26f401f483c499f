from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from smtpcheck.crypto import generate_key
from smtpcheck.models import SmtpAccount
from tests.models.accounts import account

PROJECT = Path(__file__).resolve().parents[3]
OLD, NEW = generate_key("old"), generate_key("new")


def load(settings: Settings, *keys: str) -> None:
    loaded = {**getattr(settings, "SMTPCHECK", {}), "ENCRYPTION_KEYS": ",".join(keys)}
    settings.SMTPCHECK = loaded


def run(*arguments: str) -> tuple[int, str]:
    """The exit status and what was said."""
    out = StringIO()
    try:
        call_command("rotate_encryption_keys", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.django_db
def test_the_check_changes_nothing_and_says_what_is_left(settings: Settings) -> None:
    load(settings, OLD)
    account()
    load(settings, NEW, OLD)
    status, said = run("--check")
    assert status == 1
    assert "1 secret is not sealed under the key new" in said
    assert SmtpAccount.objects.get().password_key_id == "old"


@pytest.mark.django_db
def test_a_rotation_leaves_nothing_for_the_check(settings: Settings) -> None:
    load(settings, OLD)
    account()
    load(settings, NEW, OLD)
    assert run() == (
        0,
        (
            "1 secret was sealed under the key new.\n"
            "Every stored secret that this run looked at can be opened.\n"
        ),
    )
    load(settings, NEW)
    assert run("--check")[0] == 0


@pytest.mark.django_db
def test_what_does_not_open_is_named_with_its_reason(settings: Settings) -> None:
    load(settings, OLD)
    account(name="News\x1b[31m")
    load(settings, NEW)
    status, said = run()
    assert status == 1
    assert "News" in said
    assert "old" in said  # the key that is missing
    assert "\x1b" not in said


class Installation:
    """A database in a file, and the command as a process of its own."""

    COUNT = 1500

    def __init__(self, directory: Path) -> None:
        self.file = directory / "kept.sqlite3"
        self.environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{self.file}",
            "SECRET_KEY": "of this test",
        }

    def manage(self, keys: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment | {"SMTPCHECK_ENCRYPTION_KEYS": keys},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **options,
        )

    def finished(self, keys: str, *arguments: str) -> tuple[int, str]:
        process = self.manage(keys, *arguments)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    def fill(self) -> None:
        assert self.finished(OLD, "migrate", "--verbosity", "0") == (0, "")
        script = (
            "from smtpcheck.models import SmtpAccount\n"
            "from smtpcheck.engine.redaction import Secret\n"
            "made = []\n"
            f"for n in range({self.COUNT}):\n"
            "    each = SmtpAccount(name=f'a{n}', host='h.example', username=f'u{n}')\n"
            "    each.set_secret('password', Secret(f'secret {n}'))\n"
            "    made.append(each)\n"
            "SmtpAccount.objects.bulk_create(made)\n"
        )
        assert self.finished(OLD, "shell", "--verbosity", "0", "-c", script) == (0, "")

    def outdated(self) -> int:
        with closing(sqlite3.connect(self.file, timeout=20)) as connection:
            sql = "SELECT count(*) FROM smtpcheck_smtpaccount WHERE password_key_id = 'old'"
            return int(connection.execute(sql).fetchone()[0])


@pytest.mark.slow
def test_a_rotation_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    kept = Installation(tmp_path)
    kept.fill()
    both = f"{NEW},{OLD}"
    process = kept.manage(both, "rotate_encryption_keys")
    while kept.outdated() == kept.COUNT and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 0 <= kept.outdated() < kept.COUNT
    status, said = kept.finished(both, "rotate_encryption_keys")
    assert status == 0, said
    status, said = kept.finished(NEW, "rotate_encryption_keys", "--check")
    assert status == 0, said
