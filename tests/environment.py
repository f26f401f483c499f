"""Sets the environment before Django's settings are read: a run depends on no shell and no file.

A pytest plugin (`-p tests.environment` in pyproject.toml): conftest.py would come too late.
SMTPCHECK_TEST_DATABASE_URL chooses the database of the whole run, SMTPCHECK_REQUIRE_REAL=1 turns
"a program is missing" from a skip into a failure, SMTPCHECK_SERVERS_DIR holds unpacked mail
servers; everything else is fixed here.
"""

from __future__ import annotations

import base64
import os
import signal

KEPT = {
    "SMTPCHECK_TEST_DATABASE_URL",
    "SMTPCHECK_REQUIRE_REAL",
    "SMTPCHECK_SERVERS_DIR",
    "SMTPCHECK_VENV",
}

# Not secrets: they protect nothing but rows that live as long as a test.
SETTINGS = {
    "SECRET_KEY": "for-tests-only-" + "0123456789" * 5,
    "SMTPCHECK_ENCRYPTION_KEYS": "k1:" + base64.b64encode(bytes(range(32))).decode(),
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "DEBUG": "False",
    "DATABASE_URL": "sqlite://:memory:",
}


def prepare(environment: os._Environ[str]) -> None:
    """Replace what could reach the settings from outside by the values of a test run."""
    for name in list(environment):
        is_ours = name.startswith("SMTPCHECK_") and name not in KEPT
        if is_ours or name.removesuffix("_FILE") in SETTINGS:
            del environment[name]
    environment.update(SETTINGS)
    if url := environment.get("SMTPCHECK_TEST_DATABASE_URL"):
        environment["DATABASE_URL"] = url


# A shell has what it starts in the background ignore Ctrl-C, and every program that a test starts
# would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
prepare(os.environ)
