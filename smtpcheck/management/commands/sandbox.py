"""``manage.py sandbox``: run the embedded mail server until Ctrl-C, and tell what it gets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import secrets
import signal
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from smtpcheck.sandbox import (
    FAULTS,
    Authority,
    DirectoryMailbox,
    Listener,
    ListenError,
    Mail,
    Sandbox,
    Tls,
    UnknownFaultError,
    find_fault,
)
from smtpcheck.sandbox.mailbox import NEWEST_KEPT

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

PASSWORD_VARIABLE = "SMTPCHECK_SANDBOX_PASSWORD"  # noqa: S105 - the name of a variable
GENERATED_BYTES = 9


class Command(BaseCommand):
    """Runs the sandbox mail server; needs neither a database nor keys."""

    help = "Run a mail server on this machine to test against, and play faults."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add = parser.add_argument
        add(
            "--directory",
            type=Path,
            default=Path("var/sandbox"),
            help=_("Where the certificate authority, the login and the mails are kept."),
        )
        add("--port", type=_port, default=2525, help=_("The port with STARTTLS; 0 takes any."))
        add("--tls-port", type=_port, default=2465, help=_("The port with TLS on connect."))
        add(
            "--fault",
            action="append",
            default=[],
            metavar="[PORT:]FAULT",
            help=_(
                "A fault from --list-faults, or STAGE=REPLY for a reply of choice. "
                "With a port, one more port with STARTTLS plays it; without, both ports do."
            ),
        )
        add(
            "--login",
            default="tester@sandbox.example",
            metavar="USER",
            help=_(
                "The user name that is accepted. The password is read from the variable "
                "%(variable)s or --password-stdin; else one is made and kept."
            )
            % {"variable": PASSWORD_VARIABLE},
        )
        add(
            "--password-stdin",
            action="store_true",
            help=_("Read the password from the first line of standard input."),
        )
        add(
            "--keep",
            type=int,
            default=NEWEST_KEPT,
            metavar="MAILS",
            help=_("How many of the newest mails are kept."),
        )
        add("--list-faults", action="store_true", help=_("List the faults and end."))

    def handle(self, **options: Any) -> None:
        """Serve until Ctrl-C or a request to end, or tell why that is impossible."""
        if options["list_faults"]:
            self._list_faults()
            return
        sandbox = self._sandbox(options)
        try:
            asyncio.run(self._serve(sandbox))
        except ListenError as error:
            raise CommandError(_port_problem(error)) from error

    def _list_faults(self) -> None:
        width = max(map(len, FAULTS))
        for fault in FAULTS.values():
            self.stdout.write(f"{fault.name:{width}}  {fault.about}")

    def _sandbox(self, options: dict[str, Any]) -> Sandbox:
        directory: Path = options["directory"].absolute()
        listeners = _listeners(options["port"], options["tls_port"], options["fault"])
        try:
            directory.mkdir(parents=True, exist_ok=True)
            authority = Authority.load_or_create(directory)
            mailbox = DirectoryMailbox(directory / "mails", limit=max(1, options["keep"]))
            login = self._login(directory, options["login"], from_stdin=options["password_stdin"])
        except OSError as error:
            raise CommandError(
                _(
                    "The sandbox cannot keep its files in %(directory)s: %(reason)s. "
                    "Choose another place with --directory."
                )
                % {"directory": directory, "reason": error.strerror}
            ) from error
        return Sandbox(
            listeners, logins=login, authority=authority, mailbox=mailbox, on_mail=self._tell_mail
        )

    def _login(self, directory: Path, user: str, *, from_stdin: bool) -> dict[str, str]:
        self._generated = ""
        if from_stdin:
            return {user: sys.stdin.readline().rstrip("\r\n")}
        if given := os.environ.get(PASSWORD_VARIABLE):
            return {user: given}
        self._generated = _kept_password(directory / "logins.json", user)
        return {user: self._generated}

    async def _serve(self, sandbox: Sandbox) -> None:
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows ends by KeyboardInterrupt
                loop.add_signal_handler(number, end.set)
        async with sandbox:
            self._tell_start(sandbox)
            await end.wait()
        self._tell(_("The sandbox has ended."))

    def _tell_start(self, sandbox: Sandbox) -> None:
        for listener in sandbox.listeners:
            self._tell(_listening(listener))
        for user in sandbox.logins:
            self._tell_login(user, sandbox.listeners[0].port, sandbox.listeners[1].port)
        self._tell(_("Authority to trust: %(file)s") % {"file": sandbox.authority.ca_file})
        self._tell(_("Waiting for mail; Ctrl-C ends it."))

    def _tell_login(self, user: str, port: int, tls_port: int) -> None:
        # A password that was given may be used elsewhere too; a made one is for the sandbox only.
        shown = self._generated or _("as given")
        self._tell(_("Login: %(user)s, password: %(shown)s") % {"user": user, "shown": shown})
        if self._generated:
            account = f"{quote(user, safe='')}:{quote(self._generated, safe='')}@localhost"
            self._tell(f"  smtp://{account}:{port}?starttls=always")
            self._tell(f"  smtps://{account}:{tls_port}")

    def _tell_mail(self, mail: Mail) -> None:
        self._tell(
            _("Mail from <%(sender)s> to <%(recipients)s>: %(subject)s (%(file)s)")
            % {
                "sender": _printable(mail.sender),
                "recipients": _printable(">, <".join(mail.recipients)),
                "subject": _printable(mail.subject) or _("no subject"),
                "file": mail.path,
            }
        )

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()  # a program that waits for this line may sit behind a pipe


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError(_("%(text)s is not a port from 0 to 65535") % {"text": text})
    return int(text)


def _listeners(port: int, tls_port: int, faults: list[str]) -> list[Listener]:
    """The two ports, and one more for each fault that names its own."""
    both, own = "none", []
    for spec in faults:
        head, colon, name = spec.partition(":")
        if colon and head.isdecimal():
            own.append(_faulty(_port_of(head), Tls.STARTTLS, name))
        else:
            both = spec
    return [_faulty(port, Tls.STARTTLS, both), _faulty(tls_port, Tls.IMPLICIT, both), *own]


def _faulty(port: int, tls: Tls, fault: str) -> Listener:
    try:
        return Listener(port, tls=tls, fault=find_fault(fault))
    except UnknownFaultError as error:
        raise CommandError(
            _("No fault is called %(name)s. See --list-faults, or say STAGE=REPLY.")
            % {"name": repr(error.spec)}
        ) from error


def _port_of(text: str) -> int:
    try:
        return _port(text)
    except ArgumentTypeError as error:
        raise CommandError(str(error)) from error


def _kept_password(path: Path, user: str) -> str:
    """The password made for a user at the first start, so that saved accounts stay right."""
    try:
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        kept = {}
    if user not in kept:
        kept[user] = secrets.token_urlsafe(GENERATED_BYTES)
        path.touch(mode=0o600)
        path.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
    return kept[user]


def _port_problem(error: ListenError) -> str:
    if error.errno == errno.EADDRINUSE:
        cause = _("Port %(port)s is in use by another program.")
    else:
        cause = _("Port %(port)s cannot be used: %(reason)s.")
    advice = _("End that program, or choose another port with --port, --tls-port or --fault.")
    return f"{cause % {'port': error.port, 'reason': error.strerror}} {advice}"


def _listening(listener: Listener) -> str:
    how = _("TLS on connect") if listener.tls is Tls.IMPLICIT else _("STARTTLS")
    line = _("Listening on %(host)s port %(port)s, %(how)s")
    line %= {"host": listener.host, "port": listener.port, "how": how}
    fault = find_fault(listener.fault) if isinstance(listener.fault, str) else listener.fault
    if fault is FAULTS["none"]:
        return line
    return _("%(line)s; fault %(fault)s: %(about)s") % {
        "line": line,
        "fault": fault.name,
        "about": fault.about,
    }


def _printable(text: str) -> str:
    """Text from a mail as it may be shown on a terminal, which control characters could steer."""
    return "".join(each if each.isprintable() else "?" for each in text)
