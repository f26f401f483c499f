"""How log lines look: one line each, no control characters, no password of a URL."""

from __future__ import annotations

import logging
import re

# scheme://user:password@ - an address with a login can reach a log through an error's message.
# Up to the last "@" of the word: a password that was not URL-encoded may hold one itself.
_LOGIN_IN_URL = re.compile(r"(://)\S*@")
# Everything that could begin a new line or steer a terminal; the tab and our own \n stay.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class SafeFormatter(logging.Formatter):
    """Writes a record so that it can neither forge a second one nor show a URL's password."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        """Return the line of the record itself; a line break in it is shown, not made."""
        return super().formatMessage(record).replace("\n", "\\n")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record with its traceback, which never has values of variables."""
        return masked(super().format(record))


class RefusalsInOneLine(logging.Filter):
    """Takes the traceback from what Django refuses by itself: it shows Django and nothing of ours.

    Anybody can send a wrong Host header, and each would fill the log with a page.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record; those of refusals lose their exception."""
        if record.name.startswith("django.security."):
            record.exc_info = None
        return True


def masked(text: str) -> str:
    """Return a text with logins in URLs masked and control characters made visible.

    >>> masked("cannot open smtps://me:hunter2@mail.example.org")
    'cannot open smtps://***@mail.example.org'
    """
    without_logins = _LOGIN_IN_URL.sub(r"\1***@", text)
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", without_logins)
