"""`manage.py generate_encryption_key`: make a key that seals stored passwords."""

from __future__ import annotations

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from smtpcheck.crypto import MAX_KEY_ID_LENGTH, generate_key


class Command(BaseCommand):
    """Prints a new key and nothing else; needs no key, no database and no settings of its own."""

    help = (
        "Print a new key for SMTPCHECK_ENCRYPTION_KEYS, which seals the stored passwords. "
        "To exchange a key, put the new one in front of the old one: NEW,OLD."
    )
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Which name the key gets."""
        parser.add_argument(
            "--id",
            default="k1",
            help=_("The key's name, which stands in each value it seals; every key needs its own."),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the key on a line of its own."""
        key_id = options["id"]
        if not re.fullmatch(rf"[A-Za-z0-9._-]{{1,{MAX_KEY_ID_LENGTH}}}", key_id):
            raise CommandError(
                _(
                    "A key's name is made of letters, digits, dots, hyphens and underscores, "
                    "%(limit)d at most: k2, for example."
                )
                % {"limit": MAX_KEY_ID_LENGTH},
                returncode=2,
            )
        self.stdout.write(generate_key(key_id))
