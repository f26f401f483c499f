from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from smtpcheck.crypto import KeyRing

ROOT = Path(__file__).parent.parent.parent.parent


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("generate_encryption_key", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_a_key_that_the_settings_take() -> None:
    assert KeyRing.parse(printed()).first_key_id == "k1"


def test_every_key_is_another_one() -> None:
    assert printed() != printed()


def test_a_second_key_gets_a_name_of_its_own() -> None:
    assert printed("--id", "k2").startswith("k2:")


def test_a_name_that_would_break_the_setting_is_refused() -> None:
    with pytest.raises(CommandError, match="letters, digits"):
        printed("--id", "a:b")


def test_it_runs_where_no_key_exists_yet() -> None:
    bare = {name: value for name, value in os.environ.items() if "KEY" not in name}
    command = [sys.executable, "manage.py", "generate_encryption_key"]
    environment = bare | {"SMTPCHECK_ENCRYPTION_KEYS_FILE": "/no/such/file"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert KeyRing.parse(done.stdout).first_key_id == "k1"
