"""`manage.py test_smtp`: test an SMTP account from the command line."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from smtpcheck import services
from smtpcheck.conf import conf, require_runtime
from smtpcheck.engine.stages import Goal, Verdict
from smtpcheck.engine.telling import exit_status
from smtpcheck.engine.telling.answer import (
    answer_lines,
    heading_line,
    heading_of_uri,
    verdict_line,
)
from smtpcheck.engine.telling.document import json_lines
from smtpcheck.engine.telling.ladder import LiveLadder
from smtpcheck.engine.telling.passwords import exposed_warning, in_uri
from smtpcheck.engine.telling.terminal import BLANK, Line, Span, Terminal
from smtpcheck.management import client_certificate, explaining, junit, nagios, passwords
from smtpcheck.management.live_accounts import LiveAccounts
from smtpcheck.management.options import (
    EpilogFormatter,
    add_options,
    epilog,
    is_for_programs,
    refuse_contradictions,
)
from smtpcheck.models import Door, SmtpAccount, SmtpTestResult
from smtpcheck.models.account import SmtpAccountQuerySet
from smtpcheck.models.roles import all_teams
from smtpcheck.presentation import as_plain, inert, policy_hint_of
from smtpcheck.wording import explain

# Who starts a command on this machine may use every account: the keys are in its environment.
CALLER = services.Caller(user=None, door=Door.COMMAND)

# What the line above a ladder tells, by the names that accounts, URIs and results have for it.
TARGET = ("host", "port", "security", "username")


class Command(BaseCommand):
    """Tests one SMTP server or saved accounts; the exit status tells how it ended."""

    help = (
        "Test whether an SMTP account works, and if not, say why and what to do about it. "
        "A test mail is sent unless --goal stops the test before."
    )
    # A fault in some page or address table must not keep an account from being tested.
    requires_system_checks = ()

    # Set once the options are read: argparse ends the process before if they cannot be.
    _is_parsed = False

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as manage.py does; a call that cannot be read is UNKNOWN to a monitoring system.

        Argparse leaves with 2, which such a system would take for a mail server that fails.
        """
        try:
            super().run_from_argv(argv)
        except SystemExit as end:
            if end.code != exit_status.USAGE or self._is_parsed or "--nagios" not in argv:
                raise
            sys.exit(self._unknown(_("The call is wrong, nothing was tested; see --help.")))

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser with the examples and exit statuses below the options."""
        shown = {"epilog": epilog(), "formatter_class": EpilogFormatter}
        return super().create_parser(prog_name, subcommand, **{**shown, **kwargs})

    def add_arguments(self, parser: CommandParser) -> None:
        """What to test, as whom, how far, and how the answer is printed."""
        add_options(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Test what was asked for; leaves with the exit status that --help lists."""
        self._is_parsed = True
        self.stdout.ending = ""
        if os.environ.get("NO_COLOR"):
            self.stderr.style_func = None  # Django does not ask for it
        try:
            status = self._run(options)
        except KeyboardInterrupt:
            self.stderr.write(_("Interrupted."))
            status = exit_status.INTERRUPTED
            if options["nagios"]:
                status = self._unknown(_("Interrupted."))
        except CommandError as refused:
            if not options["nagios"]:
                raise
            status = self._unknown(str(refused))
        if status:
            sys.exit(status)

    def _unknown(self, text: str) -> int:
        Terminal.of(self.stdout).show((Span(nagios.unknown_line(text)),))
        return nagios.State.UNKNOWN

    def _run(self, options: dict[str, Any]) -> int:
        refuse_contradictions(options)
        if options["explain"] is not None:
            return self._explain(options)
        try:
            require_runtime()
            return self._test_all(options) if options["all"] else self._test_one(options)
        except ImproperlyConfigured as refused:
            raise CommandError(str(refused), returncode=exit_status.USAGE) from refused
        except services.Busy as busy:
            raise CommandError(str(busy), returncode=exit_status.INCONCLUSIVE) from busy
        except (OperationalError, ProgrammingError) as broken:
            raise CommandError(
                _(
                    "The database cannot be used (%(error)s). "
                    "If it is new, prepare it first: manage.py migrate"
                )
                % {"error": broken},
                returncode=exit_status.INTERNAL,
            ) from broken

    def _explain(self, options: dict[str, Any]) -> int:
        """Tell what a diagnosis means, or list them all; asks for no key and no database."""
        terminal = self._terminal(options)
        if not options["explain"]:
            if options["json"]:
                terminal.show(*as_lines(explaining.overview_as_plain()))
            else:
                terminal.show(*explaining.overview_lines())
            return exit_status.WORKS
        found = explain(options["explain"])
        if found is None:
            raise CommandError(unknown_diagnosis(options["explain"]), returncode=exit_status.USAGE)
        if options["json"]:
            terminal.show(*as_lines(explaining.explanation_as_plain(found)))
        else:
            terminal.show(*explaining.explanation_lines(found, terminal.width))
        return exit_status.WORKS

    def _test_one(self, options: dict[str, Any]) -> int:
        terminal = self._terminal(options)
        ladder = None if is_for_programs(options) else LiveLadder(terminal)
        try:
            result = self._tested(options, ladder)
        finally:
            if ladder:
                ladder.close()
        plain = as_plain(result)
        if options["json"]:
            terminal.show(*as_lines(plain))
        elif not options["nagios"]:
            terminal.show(*answer_lines(plain, terminal.width), *hint_lines(result))
        return self._status(options, terminal, [result])

    def _status(
        self, options: dict[str, Any], terminal: Terminal, results: Sequence[SmtpTestResult]
    ) -> int:
        """The exit status of all results, once what other programs read is written."""
        plain = [as_plain(result) for result in results]
        if options["junit"]:
            junit.write(Path(options["junit"]), plain)
        if not options["nagios"]:
            return exit_status.worst(map(exit_status.of_document, plain))
        terminal.show((Span(nagios.status_line(plain)),))
        return nagios.state_of(plain)

    def _tested(self, options: dict[str, Any], ladder: LiveLadder | None) -> SmtpTestResult:
        how: dict[str, Any] = {
            "caller": CALLER,
            "budget_seconds": _budget(options),
            "route": _route(options),
        }
        if options["account"]:
            account = account_named(options["account"], accounts_of(options["team"]))
            asked = {name: getattr(account, name) for name in (*TARGET, "goal")}
            self._show_heading(options, asked, account.name)
            return services.test_account(account, goal=_goal(options), observer=ladder, **how)
        goal = _goal(options) or Goal.CONTENT
        request = self._target_request(options)
        heading = heading_of_uri(options["uri"], goal)
        if heading and not is_for_programs(options):
            self._terminal(options).show(heading)
        return services.test_target(request, goal=goal, observer=ladder, **how)

    def _target_request(self, options: dict[str, Any]) -> services.TargetRequest:
        if in_uri(options["uri"]):
            self.stderr.write(exposed_warning())
        certificate, key = client_certificate.chosen(options)
        return services.TargetRequest(
            uri=options["uri"],
            sender=options["sender"],
            use_stored_password=options["use_stored_password"],
            recipient=options["recipient"],
            ca_bundle=read_ca_bundle(options["ca"]) if options["ca"] else None,
            proxy=options["proxy"],
            password=passwords.chosen(options),
            client_certificate=certificate,
            client_key=key,
        )

    def _test_all(self, options: dict[str, Any]) -> int:
        accounts = list(accounts_of(options["team"]).order_by("name"))
        if not accounts:
            raise CommandError(
                _("No account is saved, so nothing was tested. Add one in the admin."),
                returncode=exit_status.USAGE,
            )
        terminal = self._terminal(options)
        live = None if is_for_programs(options) else LiveAccounts(terminal)
        try:
            results = services.test_accounts(
                accounts,
                caller=CALLER,
                goal=_goal(options),
                budget_seconds=_budget(options),
                route=_route(options),
                observer_of=live.watch if live else None,
                on_result=lambda result: show_one_of_many(result, live, terminal.width),
            )
        finally:
            if live:
                live.close()
        if options["json"]:
            terminal.show(*as_lines([as_plain(result) for result in results]))
        elif not options["nagios"]:
            terminal.show(BLANK, (Span(summary(results)),))
        return self._status(options, terminal, results)

    def _show_heading(
        self, options: dict[str, Any], asked: dict[str, Any], account_name: str
    ) -> None:
        if not is_for_programs(options):
            asked["goal"] = options["goal"] or asked["goal"]
            self._terminal(options).show(heading_line(asked, account=account_name))

    def _terminal(self, options: dict[str, Any]) -> Terminal:
        return Terminal.of(
            self.stdout, no_color=options["no_color"], force_color=options["force_color"]
        )


def show_one_of_many(result: SmtpTestResult, live: LiveAccounts | None, width: int | None) -> None:
    """One line for an account that simply works, the whole answer for any other."""
    if live is None:
        return
    plain, name = as_plain(result), result.account_name
    if plain["diagnosis"] is None and not plain["warnings"]:
        live.ended(name, verdict_line(plain, name=name))
        return
    asked = {column: getattr(result, column) for column in (*TARGET, "goal")}
    heading = heading_line(asked, account=name)
    live.ended(name, BLANK, heading, *answer_lines(plain, width), *hint_lines(result), BLANK)


def hint_lines(result: SmtpTestResult) -> Iterator[Line]:
    """What the policy lacks, for whoever holds the keys and so may say it."""
    if hint := policy_hint_of(result):
        yield (Span(inert(hint)),)


def unknown_diagnosis(wanted: str) -> str:
    """The sentences for an id that no diagnosis has, with near ones."""
    near = ", ".join(explaining.near_ids(wanted))
    unknown = _("No diagnosis has the id “%(id)s”.") % {"id": inert(wanted)}
    hint = _("Did you mean %(names)s?") % {"names": near} if near else _("--explain lists them.")
    return f"{unknown} {hint}"


def read_ca_bundle(path: str) -> str:
    """The text of a PEM file; whether it holds certificates is judged by the test itself."""
    try:
        return Path(path).read_text("ascii", "backslashreplace")
    except OSError as broken:
        raise CommandError(
            _("The file %(path)s cannot be read: %(error)s")
            % {"path": path, "error": broken.strerror},
            returncode=exit_status.USAGE,
        ) from broken


def accounts_of(team: str | None) -> SmtpAccountQuerySet:
    """The saved accounts, or those of a team; "" is none. A usage error if there is no such."""
    if team is None:
        return SmtpAccount.objects.all()
    if not team:
        return SmtpAccount.objects.filter(team=None)
    teams = dict(all_teams().values_list("name", "pk"))
    if team in teams:
        return SmtpAccount.objects.filter(team=teams[team])
    unknown = _("No team is named “%(name)s”. There are: %(teams)s.") % {
        "name": team,
        "teams": ", ".join(f"“{name}”" for name in teams) or _("none"),
    }
    raise CommandError(inert(unknown), returncode=exit_status.USAGE)


def account_named(name: str, accounts: SmtpAccountQuerySet) -> SmtpAccount:
    """The account of that name; a usage error that suggests near ones if there is none, or several.

    A name means one account in each team.
    """
    found = list(accounts.filter(name=name).select_related("team").order_by("team__name"))
    if len(found) == 1:
        return found[0]
    if found:
        teams = [f"“{account.team}”" if account.team else _("no team") for account in found]
        sentence = _(
            "Several accounts are named “%(name)s”: in %(teams)s. Add --team NAME, or --team '' "
            "for the one without a team."
        ) % {"name": name, "teams": ", ".join(teams)}
    else:
        unknown = _("No saved account is named “%(name)s”.") % {"name": name}
        sentence = f"{unknown} {_suggestion(name, accounts)}"
    raise CommandError(inert(sentence), returncode=exit_status.USAGE)


def _suggestion(name: str, accounts: SmtpAccountQuerySet) -> str:
    names = {known.casefold(): known for known in accounts.values_list("name", flat=True)}
    if not names:
        return _("None is saved yet: add one in the admin.")
    near = difflib.get_close_matches(name.casefold(), names, cutoff=0.5)
    if not near:
        return _("The admin lists them all.")
    return _("Did you mean %(names)s?") % {"names": ", ".join(f"“{names[key]}”" for key in near)}


def _goal(options: dict[str, Any]) -> Goal | None:
    return Goal(options["goal"]) if options["goal"] else None


def _route(options: dict[str, Any]) -> services.Route:
    return services.Route(
        family=options["family"],
        source_address=options["source_address"] or "",
        every_address=options["all_addresses"],
    )


def _budget(options: dict[str, Any]) -> float:
    return float(options["budget"] or conf().COMMAND_BUDGET_SECONDS)


def as_lines(document: object) -> Iterator[Line]:
    """A document as lines for a terminal."""
    for line in json_lines(document):
        yield (Span(line),)


def summary(results: Sequence[SmtpTestResult]) -> str:
    """One sentence that counts the verdicts."""
    verdicts = [result.shown_verdict for result in results]
    works, fails = verdicts.count(Verdict.WORKS), verdicts.count(Verdict.FAILS)
    counted = _("%(works)d works, %(fails)d fails, %(rest)d inconclusive") % {
        "works": works,
        "fails": fails,
        "rest": len(results) - works - fails,
    }
    tested = ngettext("%(count)d account tested", "%(count)d accounts tested", len(results))
    return f"{tested % {'count': len(results)}}: {counted}."
