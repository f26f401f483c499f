"""Where the settings' values come from: the environment, files that it names, one optional file.

Knows text only. Every secret NAME may also stand in a file that NAME_FILE names, and is read
byte for byte: ``environ`` would take a value that begins with "$" for another variable's name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

ENV_FILE = "SMTPCHECK_ENV_FILE"
PREFIX = "SMTPCHECK_"

# Variables that begin like ours but belong to dev.py, the tests or a command.
NOT_SETTINGS = frozenset({
    ENV_FILE,
    "SMTPCHECK_ENCRYPTION_KEYS_FILE",
    "SMTPCHECK_APP_TOKENS_FILE",
    "SMTPCHECK_PROXIES_FILE",
    "SMTPCHECK_VENV",
    "SMTPCHECK_TEST_DATABASE_URL",
    "SMTPCHECK_REQUIRE_REAL",
    "SMTPCHECK_SERVERS_DIR",
    "SMTPCHECK_SANDBOX_PASSWORD",
    "SMTPCHECK_DEMO_RESTARTED",
})  # fmt: skip


class Secrets:
    """Reads secrets; what could not be read is remembered instead of raised.

    The command that makes a key must run while the file for it does not exist yet.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.unreadable: list[str] = []

    def get(self, name: str) -> str:
        """Return the value of NAME, else the text of the file that NAME_FILE names, else ""."""
        if value := self._environment.get(name):
            return value
        path = self._environment.get(f"{name}_FILE")
        return self._text_of(name, path) if path else ""

    def _text_of(self, name: str, path: str) -> str:
        try:
            # The line break that editors and `echo` put at the end is not part of a secret.
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self.unreadable.append(f"{name}_FILE names {path}, which cannot be read: {reason}.")
            return ""


def load_env_file(environment: MutableMapping[str, str]) -> None:
    """Add the lines of the file that SMTPCHECK_ENV_FILE names; what is set already wins.

    A file that was asked for and cannot be read raises OSError: starting without it would be
    starting with other settings than meant.
    """
    if path := environment.get(ENV_FILE):
        for name, value in parse_env_file(Path(path).read_text(encoding="utf-8")).items():
            environment.setdefault(name, value)


def parse_env_file(text: str) -> dict[str, str]:
    r"""Return the NAME=VALUE lines of a file; the last line of a name counts.

    A value is everything behind the first "=": quotes, blanks inside and "$" are characters.

    >>> parse_env_file("# made by hand\nSECRET_KEY=a$b=c\n\nDEBUG = no\n")
    {'SECRET_KEY': 'a$b=c', 'DEBUG': 'no'}
    """
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def own_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the values of SMTPCHECK_NAME as {NAME: text}; ``smtpcheck.conf`` gives them types."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and name not in NOT_SETTINGS
    }


def environment() -> MutableMapping[str, str]:
    """The environment of this process, completed from the optional file."""
    load_env_file(os.environ)
    return os.environ
