"""`python -m smtpcheck.engine URI`: the test of `manage.py test_smtp`, without Django or a history.

The same test, words, JSON and exit status; it starts in the time that Django alone would take to.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from smtpcheck.engine import check, refuse
from smtpcheck.engine.core_files import forbid_core_files
from smtpcheck.engine.driver.loop import run_alone
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import parse_mailbox
from smtpcheck.engine.plan import Budget, Credentials, Envelope, Plan, Target, make_plan
from smtpcheck.engine.policy import USUAL_PORTS, Policy, PolicyEntry, parse_entry
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal, Security
from smtpcheck.engine.telling import exit_status, passwords
from smtpcheck.engine.telling.answer import answer_lines, heading_of_uri
from smtpcheck.engine.telling.columns import columns_of, columns_without_report
from smtpcheck.engine.telling.document import as_document, json_lines
from smtpcheck.engine.telling.ladder import LiveLadder
from smtpcheck.engine.telling.language import gettext as _
from smtpcheck.engine.telling.terminal import Span, Terminal
from smtpcheck.engine.telling.watch import Watch, place_of
from smtpcheck.engine.telling.wording import words_of_test_mail
from smtpcheck.engine.uri import parse_uri

DEFAULT_BUDGET_SECONDS = 60.0

EPILOG = """\
examples:
  python -m smtpcheck.engine smtps://ann%40example.org@mail.example.org --ask-password
  python -m smtpcheck.engine "smtp://mail.example.org:587?starttls=always" --goal recipient \\
      --from a@b.org
  python -m smtpcheck.engine smtp://127.0.0.1:2525 --from a@b.org --allow 127.0.0.1/32

exit status:
{statuses}"""


class _Help(argparse.HelpFormatter):
    """Wraps the description, and keeps the lines of the epilog."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


class Usage(Exception):
    """The call cannot be obeyed; the text is a sentence for who typed it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Test what the arguments name, print the answer and return the exit status."""
    forbid_core_files()
    options = parser().parse_args(arguments)
    try:
        return Run(options).run()
    except (Usage, passwords.NoPassword) as refused:
        print(refused, file=sys.stderr)
        return exit_status.USAGE
    except KeyboardInterrupt:
        print(_("Interrupted."), file=sys.stderr)
        return exit_status.INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The options, and below them examples and exit statuses."""
    statuses = "\n".join(f"  {number:>3}  {meaning}" for number, meaning in exit_status.table())
    made = argparse.ArgumentParser(
        prog="python -m smtpcheck.engine",
        description=_(
            "Test whether an SMTP account works, and if not, say why and what to do about it. "
            "A test mail is sent unless --goal stops the test before. Saved accounts and a "
            "history are the business of manage.py test_smtp."
        ),
        epilog=EPILOG.format(statuses=statuses),
        formatter_class=_Help,
        add_help=False,
    )
    _add_help(made)
    _add_target(made)
    passwords.add_options(made)
    _add_limits(made)
    return made


def _add_help(made: argparse.ArgumentParser) -> None:
    """The parser's own option, in a group: outside of one a formatter is made, and loads much."""
    made.add_argument_group("options").add_argument(
        "-h", "--help", action="help", help="show this help message and exit"
    )


def _add_target(made: argparse.ArgumentParser) -> None:
    what = made.add_argument_group(_("what to test"))
    what.add_argument(
        "uri",
        metavar="URI",
        help=_(
            "smtps://user:password@host:465 (TLS on connect) or smtp://host:587 (STARTTLS when "
            "offered; ?starttls=always demands it). User and password are URL-encoded: @ is %%40."
        ),
    )
    what.add_argument(
        "--from",
        dest="sender",
        metavar="ADDRESS",
        help=_("who sends the test mail; without it the user name, if that is an address"),
    )
    what.add_argument(
        "--to", dest="recipient", metavar="ADDRESS", help=_("who gets it; without it the sender")
    )
    what.add_argument(
        "--ca",
        metavar="FILE",
        help=_("certificate authorities (PEM) to trust instead of the system's"),
    )
    what.add_argument(
        "--allow",
        metavar="ENTRY",
        type=_policy_entry,
        action="append",
        default=[],
        help=_(
            "a network that may be tested although it is not public, in one argument: "
            '"10.0.0.0/8", with ports "10.0.0.0/8:25,587" or all of them "[fd00::]/8:*", and '
            '"10.0.0.0/8:587 cleartext=yes" where a password may go unencrypted; may be repeated'
        ),
    )


def _add_limits(made: argparse.ArgumentParser) -> None:
    how = made.add_argument_group(_("how"))
    how.add_argument(
        "--goal",
        choices=[goal.value for goal in Goal],
        default=Goal.CONTENT.value,
        help=_(
            "stop when this is proven: login (no mail), recipient (addresses accepted, no mail) or "
            "content (a test mail accepted), which is the default"
        ),
    )
    how.add_argument(
        "--timeout",
        "--budget",
        dest="budget",
        metavar="SECONDS",
        type=_seconds,
        default=DEFAULT_BUDGET_SECONDS,
        help=_("how long the test may take in all, 1 to 3600; 60 without it"),
    )
    how.add_argument("--json", action="store_true", help=_("print one JSON document"))
    how.add_argument("--no-color", action="store_true", help=_("use no colours"))
    how.add_argument("--force-color", action="store_true", help=_("use colours in a file too"))


class Run:
    """One test: from the options to the answer and the exit status."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._goal = Goal(options.goal)
        self._terminal = Terminal.of(
            sys.stdout, no_color=options.no_color, force_color=options.force_color
        )
        # What a refused test is told to have been about: as much as was understood.
        self._asked: dict[str, Any] = {
            "host": "",
            "port": 0,
            "security": "",
            "username": "",
            "sender": (options.sender or "").strip(),
            "recipient": "",
            "ehlo_name": "",
            "goal": self._goal.value,
        }

    def run(self) -> int:
        """Test and tell; returns the exit status. Raises Usage or NoPassword."""
        result = self._tested()
        if self._options.json:
            self._terminal.show(*((Span(line),) for line in json_lines(result)))
        else:
            self._terminal.show(*answer_lines(result, self._terminal.width))
        return exit_status.of_document(result)

    def _tested(self) -> dict[str, object]:
        if passwords.in_uri(self._options.uri):
            print(passwords.exposed_warning(), file=sys.stderr)
        ca_bundle = read_ca_bundle(self._options.ca) if self._options.ca else ""
        password = passwords.chosen(vars(self._options))
        if not self._options.json and (heading := heading_of_uri(self._options.uri, self._goal)):
            self._terminal.show(heading)
        started_at = datetime.now(UTC)
        try:
            plan = self._plan(password, ca_bundle)
        except Refused as refused:
            found = self._refused(refused, started_at)
        else:
            found = self._checked(plan)
        return as_document({"started_at": started_at, **self._asked, **found})

    def _plan(self, password: Secret | None, ca_bundle: str) -> Plan:
        """What the test is going to do; raises Refused."""
        uri = parse_uri(self._options.uri)
        self._asked |= {
            "host": uri.host,
            "port": uri.port,
            "security": uri.security.value,
            "username": uri.username,
        }
        self._asked["sender"] = sender = self._sender(uri.username)
        self._asked["recipient"] = recipient = self._options.recipient or sender
        seconds = self._options.budget
        credentials = None
        if uri.username:
            credentials = Credentials(
                username=uri.username, password=password or uri.password or Secret("")
            )
        return make_plan(
            target=Target(host=uri.host, port=uri.port, security=uri.security, ca_bundle=ca_bundle),
            credentials=credentials,
            envelope=Envelope(sender=sender, recipient=recipient),
            goal=self._goal,
            budget=Budget(
                total_seconds=seconds, connect_seconds=min(seconds, Budget().connect_seconds)
            ),
            message=words_of_test_mail(),
        )

    def _sender(self, username: str) -> str:
        """The sender asked for, else the user name if it is an address."""
        asked: str = self._asked["sender"]
        if asked:
            parse_mailbox(asked)
            return asked
        try:
            return parse_mailbox(username).address
        except Refused:
            if self._goal is Goal.LOGIN:
                return ""
            raise Refused("config.sender-missing") from None

    def _refused(self, refused: Refused, started_at: datetime) -> dict[str, Any]:
        asked = self._asked
        report = refuse(
            refused,
            started_at=started_at,
            host=asked["host"],
            port=asked["port"],
            security=Security(asked["security"] or Security.OPPORTUNISTIC),
            goal=self._goal,
            username=asked["username"],
            sender=asked["sender"],
            recipient=asked["recipient"],
        )
        return columns_of(report)

    def _checked(self, plan: Plan) -> dict[str, Any]:
        ladder = None if self._options.json else LiveLadder(self._terminal)
        watch = Watch(ladder)
        policy = Policy(tuple(self._options.allow), USUAL_PORTS)
        try:
            report = run_alone(check(plan, policy=policy, observer=watch))
        except Exception as error:  # noqa: BLE001 - a fault of our own is a result too
            print(f"{type(error).__qualname__} at {place_of(error)}", file=sys.stderr)
            return columns_without_report("tool.internal-error", watch.stage, 0)
        finally:
            if ladder:
                ladder.close()
        return columns_of(report)


def read_ca_bundle(path: str) -> str:
    """The text of a PEM file; whether it holds certificates is judged by the test itself."""
    try:
        # pathlib would be loaded for this alone.
        with open(path, encoding="ascii", errors="backslashreplace") as file:  # noqa: PTH123
            return file.read()
    except OSError as broken:
        raise Usage(
            _("The file %(path)s cannot be read: %(error)s")
            % {"path": path, "error": broken.strerror}
        ) from broken


def _policy_entry(text: str) -> PolicyEntry:
    try:
        return parse_entry(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


def _seconds(text: str) -> float:
    """Read a budget; below a second no server could answer, beyond an hour nobody waits."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(_("give a number of seconds from 1 to 3600"))
    return seconds


if __name__ == "__main__":
    gc.disable()  # one test is over before there is anything to collect
    status = main()
    gc.freeze()  # nor at the end of the process, where Python looks through everything once more
    sys.exit(status)
