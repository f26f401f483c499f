"""`manage.py rotate_encryption_keys`: seal what is stored anew, so that an old key can go."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from smtpcheck import services
from smtpcheck.crypto import key_ring
from smtpcheck.presentation import inert
from smtpcheck.wording import describe

# Something is left that has to be done before an old key can go.
LEFT = 1

_BAR_WIDTH = 30


class Command(BaseCommand):
    """May be killed at any moment and run again; a secret that does not open is never touched."""

    help = (
        "Seal every stored secret under the first key of SMTPCHECK_ENCRYPTION_KEYS. Put the new "
        "key in front first: NEW,OLD. When this says that nothing is left, OLD can go."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether only to look."""
        parser.add_argument(
            "--check",
            action="store_true",
            help=_("Change nothing: say what is left, and open every stored secret to see that "
                   "it can be read. Exit status 1 if anything is left."),
        )  # fmt: skip

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, or look."""
        left = self._check() if options["check"] else self._rotate()
        if left:
            raise SystemExit(LEFT)

    def _rotate(self) -> bool:
        state = services.reseal_secrets(self._show)
        if self.stdout.isatty() and state.total:
            self.stdout.write()
        count = state.resealed
        self.stdout.write(
            ngettext(
                "%(count)d secret was sealed under the key %(key)s.",
                "%(count)d secrets were sealed under the key %(key)s.",
                count,
            )
            % {"count": count, "key": _first_key_id()}
        )
        return self._tell(state.unopened)

    def _check(self) -> bool:
        outdated = services.count_outdated()
        if outdated:
            text = ngettext(
                "%(count)d secret is not sealed under the key %(key)s yet. Run this command "
                "without --check.",
                "%(count)d secrets are not sealed under the key %(key)s yet. Run this command "
                "without --check.",
                outdated,
            )
            self.stdout.write(text % {"count": outdated, "key": _first_key_id()})
        return self._tell(list(services.find_unopened())) or bool(outdated)

    def _tell(self, unopened: list[services.Unopened]) -> bool:
        for secret in unopened:
            cause = describe(secret.diagnosis_id, {"key_id": secret.key_id}).cause
            self.stdout.write(inert(f"{secret.account} ({secret.kind}): {cause}"))
        if not unopened:
            self.stdout.write(_("Every stored secret that this run looked at can be opened."))
        return bool(unopened)

    def _show(self, state: services.Resealing) -> None:
        """A bar on a terminal; a log wants the sum only."""
        if not self.stdout.isatty() or not state.total:
            return
        done = min(1.0, state.seen / state.total)
        bar = "#" * round(done * _BAR_WIDTH)
        line = f"\r[{bar:<{_BAR_WIDTH}}] {state.seen}/{state.total}"
        self.stdout.write(line, ending="")
        self.stdout.flush()


def _first_key_id() -> str:
    return key_ring().first_key_id
