"""`manage.py demo`: the whole application for a look at it, with a sandbox and example accounts."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from smtpcheck.conf import require_runtime
from smtpcheck.engine.telling.exit_status import USAGE
from smtpcheck.engine.telling.terminal import BLANK, Line, Span, Terminal
from smtpcheck.management.demonstration import serving
from smtpcheck.management.demonstration.asking import RestClient
from smtpcheck.management.demonstration.examples import EXAMPLES, sandbox_for, save_examples
from smtpcheck.management.demonstration.files import private_directory
from smtpcheck.management.demonstration.login import Login, ensure_administrator, kept_login
from smtpcheck.management.demonstration.ports import Ports, hold_without_listening
from smtpcheck.management.demonstration.settings import (
    ready_ports,
    sandbox_directory,
    settings_file,
)
from smtpcheck.management.demonstration.telling import closing_lines, table_lines
from smtpcheck.sandbox import BackgroundSandbox, SandboxError


class Command(BaseCommand):
    """Starts everything in one process, tests the examples through REST, and goes on serving."""

    help = (
        "Show smtpcheck at work: an administrator, a sandbox mail server on this machine, example "
        "accounts that are tested through the REST call, and the admin to click in."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to serve."""
        parser.add_argument("--host", default="127.0.0.1", help=_("address to serve on"))
        parser.add_argument("--port", type=int, default=8000, help=_("port to serve on"))

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until Ctrl-C or SIGTERM."""
        self.stdout.ending = ""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        os.umask(0o077)
        try:
            self._run(options["host"], options["port"])
        except KeyboardInterrupt:
            serving.leave()
        except ImproperlyConfigured as refused:
            raise CommandError(str(refused), returncode=USAGE) from refused
        except SandboxError as failure:
            raise CommandError(str(failure)) from failure

    def _run(self, host: str, port: int) -> None:
        require_runtime()
        env_file = settings_file()
        sock = bind(host, port)
        url = serving.base_url(host, sock.getsockname()[1])
        directory = private_directory(sandbox_directory(env_file))
        ports = ready_ports(env_file, directory)
        self._migrate()
        login = self._administrator(env_file.with_name("netrc"), host)
        save_examples(ports)
        connection.close()
        sandbox = sandbox_for(ports, directory)
        with contextlib.closing(hold(ports.refused)), BackgroundSandbox(sandbox):
            sock.listen()  # from here on a call waits until the server takes it
            self._present(url, login, ports, directory / "mails")
            serving.serve(sock)

    def _migrate(self) -> None:
        """Bring the database up to date; asking whether it is costs less than migrating nothing."""
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self._show((Span(_("Preparing the database ...")),))
            call_command("migrate", verbosity=0, interactive=False)

    def _administrator(self, netrc_path: Path, host: str) -> Login:
        login = kept_login(netrc_path, host)
        if ensure_administrator(login):
            sentence = _("The administrator's password was changed back to the one kept in %s.")
            self._show((Span(sentence % netrc_path),))
        return login

    def _present(self, url: str, login: Login, ports: Ports, mails: Path) -> None:
        """Test and tell in a thread: the server that is asked runs in this one."""
        client = RestClient(url, login)

        def present() -> None:
            outcomes = [client.test(example, ports) for example in EXAMPLES]
            self._show(*table_lines(outcomes), BLANK)
            self._show(*closing_lines(url, login, ports, mails))

        self._show((Span(_("Serving on %s and testing the examples ...") % url),), BLANK)
        threading.Thread(target=present, name="examples", daemon=True).start()

    def _show(self, *lines: Line) -> None:
        Terminal.of(self.stdout).show(*lines)


def hold(port: int) -> socket.socket:
    """Take the port that refuses connections, or end the command with a sentence."""
    try:
        return hold_without_listening(port)
    except OSError as failure:
        # It was free a moment ago: the next start finds another one.
        sentence = _("Port %(port)d was taken by another program just now. Start again.")
        raise CommandError(sentence % {"port": port}) from failure


def bind(host: str, port: int) -> socket.socket:
    """Take the port to serve on, or end the command with a sentence."""
    try:
        return serving.bind(host, port)
    except (OSError, OverflowError) as failure:
        raise CommandError(
            _(
                "Cannot serve on %(host)s port %(port)s: %(reason)s. "
                "Stop the program that uses the port, or choose another one: --port %(other)s"
            )
            % {"host": host, "port": port, "reason": failure, "other": port % 65535 + 1}
        ) from failure
