"""Where a command takes a password from, so that it need not stand in the process list."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.telling.language import gettext as _

OPTIONS = ("password_stdin", "password_env", "ask_password")


class NoPassword(EngineError):
    """There is no password where the options say; the text is a sentence for who typed them."""


def add_options(parser: argparse.ArgumentParser) -> Any:
    """Let a command name one source of the password; returns the group for further sources."""
    group = parser.add_argument_group(
        _("the password of a URI (better not in the URI: others on this machine could see it)")
    )
    one = group.add_mutually_exclusive_group()
    one.add_argument("--ask-password", action="store_true", help=_("ask for it on the terminal"))
    one.add_argument(
        "--password-stdin", action="store_true", help=_("read it from the first line of the input")
    )
    one.add_argument(
        "--password-env", metavar="NAME", help=_("take it from this environment variable")
    )
    return one


def chosen(options: Mapping[str, object]) -> Secret | None:
    """The password from where the options say, or None if they name no place.

    Raises NoPassword.
    """
    if options["password_stdin"]:
        return Secret(_first_input_line())
    if options["ask_password"]:
        return Secret(_asked())
    name = options["password_env"]
    return None if name is None else Secret(_from_environment(str(name)))


def in_uri(uri: str) -> bool:
    """Say whether a URI carries a password, also one that is too broken to be tested.

    >>> in_uri("smtps://ann:pw@host"), in_uri("smtps://ann@host:465")
    (True, False)
    """
    login, at_sign, _host = uri.partition("://")[2].rpartition("@")
    return bool(at_sign) and ":" in login


def exposed_warning() -> str:
    """What to say about a password in a URI on the command line."""
    return _(
        "Warning: a password in the URI can be seen by everyone on this machine who "
        "lists its processes, and it stays in the shell's history. Better use "
        "--ask-password, --password-stdin or --password-env."
    )


def _first_input_line() -> str:
    """The password as piped in; only its line end is removed, blanks may belong to it."""
    line = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not line:
        raise NoPassword(_("No password came on the standard input."))
    return line


def _asked() -> str:
    import getpass  # loads the terminal's modules, and most calls ask nobody

    try:
        return getpass.getpass(_("Password: "))
    except EOFError:
        raise NoPassword(_("No password was typed.")) from None


def _from_environment(name: str) -> str:
    if name not in os.environ:
        raise NoPassword(
            _("The environment variable %(name)s is not set, so there is no password.")
            % {"name": name}
        )
    return os.environ[name]
