"""Where `test_smtp` takes a password from, so that it need not stand in the process list."""

from __future__ import annotations

import getpass
import os
import sys

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from smtpcheck.engine.redaction import Secret
from smtpcheck.management.exit_status import USAGE

OPTIONS = ("password_stdin", "password_env", "ask_password", "use_stored_password")


def add_options(parser: CommandParser) -> None:
    """Let the command name one source of the password."""
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
    one.add_argument(
        "--use-stored-password",
        action="store_true",
        help=_("take it from the saved account with this host, port and user"),
    )


def chosen(options: dict[str, object]) -> Secret | None:
    """The password from where the options say, or None if they name no place."""
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


def _first_input_line() -> str:
    """The password as piped in; only its line end is removed, blanks may belong to it."""
    line = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not line:
        raise CommandError(_("No password came on the standard input."), returncode=USAGE)
    return line


def _asked() -> str:
    try:
        return getpass.getpass(_("Password: "))
    except EOFError:
        raise CommandError(_("No password was typed."), returncode=USAGE) from None


def _from_environment(name: str) -> str:
    if name not in os.environ:
        raise CommandError(
            _("The environment variable %(name)s is not set, so there is no password.")
            % {"name": name},
            returncode=USAGE,
        )
    return os.environ[name]
