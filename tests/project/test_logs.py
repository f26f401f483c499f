from __future__ import annotations

import logging
from typing import Any

import pytest

from project.logs import RefusalsInOneLine, SafeFormatter, masked


def formatted(message: str, exc_info: Any = None) -> str:
    record = logging.LogRecord("name", logging.ERROR, "file", 1, message, (), exc_info)
    return SafeFormatter("{levelname} {message}", style="{").format(record)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("smtps://me:hunter2@host:465 x", "smtps://***@host:465 x"),
        ("postgres://me:p@ss/word@db/name", "postgres://***@db/name"),
        ("mail ann@example.org", "mail ann@example.org"),
        ("https://example.org/a", "https://example.org/a"),
    ],
)
def test_the_login_of_a_url_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_message_cannot_forge_a_second_line_or_steer_a_terminal() -> None:
    assert formatted("a\nERROR b\r\x1b[2J") == "ERROR a\\nERROR b\\x0d\\x1b[2J"


def test_a_traceback_keeps_its_lines_and_loses_logins() -> None:
    with pytest.raises(ValueError, match="literal") as caught:
        int("smtp://me:hunter2@host")
    error = caught.value
    text = formatted("failed", (type(error), error, error.__traceback__))
    assert text.startswith("ERROR failed\nTraceback")
    assert "base 10: 'smtp://***@host'" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("logger", "has_traceback"),
    [("django.security.DisallowedHost", False), ("django.request", True), ("smtpcheck", True)],
)
def test_what_django_refuses_is_one_line(logger: str, has_traceback: bool) -> None:
    error = ValueError("no such host")
    record = logging.LogRecord(
        logger, logging.ERROR, "file", 1, "refused", (), (ValueError, error, None)
    )
    assert RefusalsInOneLine().filter(record) is True
    assert ("no such host" in SafeFormatter("{message}", style="{").format(record)) is has_traceback
