"""Where `test_smtp` takes a password from: what every command can, and the saved accounts."""

from __future__ import annotations

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.telling import passwords
from smtpcheck.engine.telling.exit_status import USAGE

OPTIONS = (*passwords.OPTIONS, "use_stored_password")


def add_options(parser: CommandParser) -> None:
    """Let the command name one source of the password."""
    passwords.add_options(parser).add_argument(
        "--use-stored-password",
        action="store_true",
        help=_("take it from the saved account with this host, port and user"),
    )


def chosen(options: dict[str, object]) -> Secret | None:
    """The password from where the options say, or None if they name no place."""
    try:
        return passwords.chosen(options)
    except passwords.NoPassword as refused:
        raise CommandError(str(refused), returncode=USAGE) from None
