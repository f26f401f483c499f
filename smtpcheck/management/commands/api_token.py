"""`manage.py api_token`: issue, list and revoke the tokens by which programs call the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from smtpcheck import services
from smtpcheck.models import AccessToken
from smtpcheck.presentation import inert

_USAGE_ERROR = 2


class Command(BaseCommand):
    """Runs as whoever holds the keys, so it may issue tokens in anybody's name."""

    help = "Issue, list and revoke the tokens by which programs call the API (Bearer)."

    def add_arguments(self, parser: CommandParser) -> None:
        """One action, and what it needs."""
        actions = parser.add_subparsers(dest="action", required=True)
        issue = actions.add_parser("issue", help=_("Print a new token; it is shown only now."))
        issue.add_argument("user", help=_("In whose name the program calls."))
        issue.add_argument("--label", default="", help=_("What it is for: which program, where."))
        issue.add_argument(
            "--days", type=int, help=_("After how many days it expires; never unless given.")
        )
        actions.add_parser("list", help=_("Show all tokens, without what opens anything."))
        revoke = actions.add_parser("revoke", help=_("Close what a token opened, at once."))
        revoke.add_argument("id", help=_("The id that `list` shows."))

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do the one action."""
        actions = {"issue": self._issue, "list": self._list, "revoke": self._revoke}
        actions[options["action"]](options)

    def _issue(self, options: dict[str, Any]) -> None:
        users = get_user_model().objects
        owner = users.filter(username=options["user"]).first()
        if owner is None:
            raise _usage(_("There is no user of this name. Make one in the admin first."))
        if not owner.is_active:
            raise _usage(_("This user is not active, so a token would open nothing."))
        days = options["days"]
        if days is not None and not 1 <= days <= 36_500:
            raise _usage(_("--days is a number from 1 to 36500."))
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        token = services.issue_token(
            services.auditing.KEY_HOLDER, owner, label=options["label"], expires_at=expires_at
        )
        # Alone on standard output, so that it can be piped into a file or a vault.
        self.stderr.write(_("Keep it now: it is stored nowhere and not shown again."))
        self.stdout.write(token.issued_text)

    def _list(self, _options: dict[str, Any]) -> None:
        for token in AccessToken.objects.select_related("owner"):
            state = _("usable") if token.is_usable else _("closed")
            used = _moment(token.last_used_at) or _("never used")
            line = f"{token.pk}  {token.hint}…  {state}  {token.owner}  {used}  {token.label}"
            self.stdout.write(inert(line))

    def _revoke(self, options: dict[str, Any]) -> None:
        try:
            token = AccessToken.objects.filter(pk=options["id"]).first()
        except (ValidationError, ValueError):
            token = None
        if token is None:
            raise _usage(_("There is no token with this id. `api_token list` shows them."))
        services.revoke_tokens(services.auditing.KEY_HOLDER, [token])
        self.stdout.write(_("Revoked."))


def _moment(when: Any) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC" if when else ""


def _usage(message: str) -> CommandError:
    return CommandError(message, returncode=_USAGE_ERROR)
