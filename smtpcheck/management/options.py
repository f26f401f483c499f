"""What `test_smtp` can be asked: its options, what --help says, and which calls contradict."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser, DjangoHelpFormatter
from django.utils.translation import gettext as _

from smtpcheck.engine.stages import Goal
from smtpcheck.engine.telling import exit_status
from smtpcheck.management import client_certificate, junit, nagios, passwords

# What belongs to a URI; a saved account brings its own.
URI_OPTIONS = (
    *("sender", "recipient", "ca", "proxy"),
    *client_certificate.OPTIONS,
    *passwords.OPTIONS,
)

# What belongs to a test; an explanation is made without one.
TEST_OPTIONS = (
    *("uri", "account", "team", "all", *URI_OPTIONS, "goal", "budget", "junit", "nagios"),
    *("all_addresses", "family", "source_address"),
)


class EpilogFormatter(DjangoHelpFormatter):
    """Django's help, with the text below the options kept as it was written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Argparse asks this for the description and the epilog; only the latter has lines."""
        return text if "\n" in text else super()._fill_text(text, width, indent)


def epilog() -> str:
    """Examples and exit statuses, as `--help` shows them."""
    rows, nagios_rows = (
        "\n".join(f"  {number:>3}  {meaning}" for number, meaning in table)
        for table in (exit_status.table(), nagios.table())
    )
    return _(
        """\
examples:
  manage.py test_smtp smtps://ann%%40example.org@mail.example.org --ask-password
  manage.py test_smtp "smtp://mail.example.org:587?starttls=always" --goal recipient --from a@b.org
  manage.py test_smtp --account Newsletter --json
  manage.py test_smtp --all --junit smtp.xml
  manage.py test_smtp --account Newsletter --goal login --nagios
  manage.py test_smtp --explain auth.invalid

exit status:
%(rows)s

With --all the worst one counts: a failure (that of the earliest stage) before an internal error,
before inconclusive, before works.

exit status with --nagios:
%(nagios_rows)s

With --all the worst one counts: CRITICAL before WARNING, before UNKNOWN, before OK. That a goal was
chosen below the whole test is no warning here."""
    ) % {"rows": rows, "nagios_rows": nagios_rows}


def add_options(parser: CommandParser) -> None:
    """What to test, as whom, how far, and how the answer is printed."""
    _add_targets(parser)
    client_certificate.add_options(parser)
    passwords.add_options(parser)
    _add_route(parser)
    _add_limits(parser)


def _add_targets(parser: CommandParser) -> None:
    what = parser.add_argument_group(_("what to test (one of these)"))
    what.add_argument(
        "uri",
        nargs="?",
        metavar="URI",
        help=_(
            "smtps://user:password@host:465 (TLS on connect) or smtp://host:587 (STARTTLS when "
            "offered; ?starttls=always demands it). User and password are URL-encoded: @ is %%40."
        ),
    )
    what.add_argument("--account", metavar="NAME", help=_("a saved account"))
    what.add_argument(
        "--team",
        metavar="NAME",
        help=_("with --account or --all: the accounts of this team only; '' for those without one"),
    )
    what.add_argument("--all", action="store_true", help=_("all saved accounts, paused ones too"))
    what.add_argument(
        "--explain",
        nargs="?",
        const="",
        metavar="ID",
        help=_("test nothing: tell what a diagnosis means; without an id list them all"),
    )
    mail = parser.add_argument_group(_("the test mail and the trust of a URI"))
    mail.add_argument("--from", dest="sender", metavar="ADDRESS", help=_("who sends the test mail"))
    mail.add_argument(
        "--to",
        dest="recipient",
        metavar="ADDRESS",
        help=_("who gets it; without it the test recipient of the settings, else the sender"),
    )
    mail.add_argument(
        "--ca",
        metavar="FILE",
        help=_("certificate authorities (PEM) to trust instead of the system's"),
    )
    mail.add_argument(
        "--proxy",
        metavar="NAME",
        help=_("the outgoing proxy to go through, by its name in the settings"),
    )


def _add_route(parser: CommandParser) -> None:
    way = parser.add_argument_group(_("the way to the server"))
    way.add_argument(
        "--all-addresses",
        action="store_true",
        help=_(
            "test every address of the server's name, at most 8: one of them logs in and goes on, "
            "the others are left before the login"
        ),
    )
    way.add_argument(
        "--family",
        type=int,
        choices=(4, 6),
        help=_("use this version of IP alone"),
    )
    for version in (4, 6):
        way.add_argument(
            f"-{version}",
            dest="family",
            action="store_const",
            const=version,
            help=_("the same as --family %(version)d") % {"version": version},
        )
    way.add_argument(
        "--source-address",
        metavar="ADDRESS",
        help=_(
            "the address of this machine to come from, and so the version of IP; without it "
            "SMTPCHECK_SOURCE_ADDRESS, else the system chooses"
        ),
    )


def _add_limits(parser: CommandParser) -> None:
    how = parser.add_argument_group(_("how"))
    how.add_argument(
        "--goal",
        choices=[goal.value for goal in Goal],
        help=_(
            "stop when this is proven: login (no mail), recipient (addresses accepted, no mail) or "
            "content (a test mail accepted); without it the account's own goal, for a URI content"
        ),
    )
    how.add_argument(
        "--budget",
        metavar="SECONDS",
        type=_seconds,
        help=_("how long one test may take in all, 1 to 3600; without it as the settings say"),
    )
    how.add_argument(
        "--json",
        action="store_true",
        help=_("print one JSON document and nothing else (with --all a list)"),
    )
    how.add_argument(
        "--nagios",
        action="store_true",
        help=_(
            "print one line for monitoring systems, with the time of each stage, and exit with "
            "0 to 3 as they expect"
        ),
    )
    how.add_argument(
        "--junit",
        metavar="FILE",
        help=_(
            "also write a JUnit report for build servers: fails is a failure, inconclusive is "
            "skipped, or an error where the machine that tests was itself in the way"
        ),
    )


def _seconds(text: str) -> float:
    """Read a budget; below a second no server could answer, beyond an hour nobody waits."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(_("give a number of seconds from 1 to 3600"))
    return seconds


def refuse_contradictions(options: dict[str, Any]) -> None:
    """Raise a usage error unless exactly one thing is to be tested, with options that belong."""
    if options["explain"] is not None:
        refuse_test_options(options)
        return
    chosen = [name for name in ("uri", "account", "all") if options[name]]
    if len(chosen) != 1:
        raise CommandError(
            _("Name one thing to test: a URI, --account NAME or --all. Or --explain a diagnosis."),
            returncode=exit_status.USAGE,
        )
    foreign = [_flag(name) for name in URI_OPTIONS if options[name]]
    if foreign and chosen != ["uri"]:
        raise CommandError(
            _(
                "%(options)s: only together with a URI. A saved account brings its own sender, "
                "recipient, certificates and password."
            )
            % {"options": ", ".join(foreign)},
            returncode=exit_status.USAGE,
        )
    if options["team"] is not None and chosen == ["uri"]:
        raise CommandError(
            _("--team: only together with --account or --all."), returncode=exit_status.USAGE
        )
    if options["json"] and options["nagios"]:
        raise CommandError(
            _("--json and --nagios: both would be all that is printed. Choose one."),
            returncode=exit_status.USAGE,
        )
    if options["junit"]:
        junit.refuse_file(Path(options["junit"]))


def refuse_test_options(options: dict[str, Any]) -> None:
    """Raise a usage error for what --explain, which tests nothing, could not obey."""
    useless = [_flag(name) for name in TEST_OPTIONS if options[name]]
    if useless:
        raise CommandError(
            _("%(options)s: not together with --explain, which tests nothing.")
            % {"options": ", ".join(useless)},
            returncode=exit_status.USAGE,
        )


def is_for_programs(options: dict[str, Any]) -> bool:
    """Say whether standard output belongs to a program that reads it, not to a person."""
    return bool(options["json"] or options["nagios"])


def _flag(name: str) -> str:
    renamed = {"sender": "from", "recipient": "to"}
    if name == "uri":
        return "URI"
    return "--" + renamed.get(name, name).replace("_", "-")
