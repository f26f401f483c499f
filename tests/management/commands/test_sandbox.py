"""The command in a process of its own, as a person runs it, with smtplib as the mail program."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from smtpcheck.management.commands.sandbox import Command

# The command alone: it must run without a database, keys and the project's settings.
PROGRAM = """
import sys, django
from django.conf import settings
settings.configure()
django.setup()
from smtpcheck.management.commands.sandbox import Command
Command().run_from_argv(["manage.py", "sandbox", *sys.argv[1:]])
"""
ROOT = Path(__file__).parents[3]
LAST_LINE_OF_START = "Waiting for mail; Ctrl-C ends it.\n"
SECONDS = 20


class Running:
    """The command while it runs; ``lines`` is what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        while self.lines[-1:] != [LAST_LINE_OF_START]:
            self.lines.append(self.next_line())

    def next_line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the command ended"
        return line

    @property
    def text(self) -> str:
        return "".join(self.lines)

    @property
    def ports(self) -> list[int]:
        return [
            int(port) for port in re.findall(r"Listening on 127\.0\.0\.1 port (\d+)", self.text)
        ]

    @property
    def password(self) -> str:
        return str(re.findall(r"password: (.*)", self.text)[0])

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out + err


def begin(*arguments: str | Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


@contextlib.contextmanager
def running(
    directory: Path, *arguments: str, stdin: str = "", **variables: str
) -> Iterator[Running]:
    ports = ("--port", "0", "--tls-port", "0")
    with begin("--directory", directory, *ports, *arguments, **variables) as process:
        limit = threading.Timer(SECONDS, process.kill)  # a test that hangs must not stay
        limit.start()
        try:
            if stdin and process.stdin:
                process.stdin.write(stdin)
                process.stdin.flush()
            yield Running(process)
        finally:
            limit.cancel()
            process.kill()


def ended(*arguments: str | Path) -> tuple[int, str]:
    """What a start that cannot succeed says."""
    with begin(*arguments) as process:
        out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out + err


def context(directory: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(directory / "ca.pem"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_takes_a_mail_tells_it_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path / "sandbox") as command:
        uri = urlsplit(re.findall(r"smtp://\S+", command.text)[0])
        with smtplib.SMTP("localhost", uri.port or 0, timeout=10) as client:
            client.starttls(context=context(tmp_path / "sandbox"))
            client.login(unquote(uri.username or ""), unquote(uri.password or ""))
            client.sendmail("a@b.example", ["c@d.example"], "Subject: \x1b[2J hi\r\n\r\nhello\r\n")
        line = command.next_line()
        assert line.startswith("Mail from <a@b.example> to <c@d.example>: ?[2J hi (")
        assert Path(line.rstrip(")\n").rpartition("(")[2]).read_bytes().endswith(b"\r\nhello\r\n")
        assert command.end(number) == (0, "The sandbox has ended.\n")


def test_tls_on_connect_and_a_password_from_standard_input(tmp_path: Path) -> None:
    with running(tmp_path, "--login", "ann", "--password-stdin", stdin="pa ss:/%\n") as command:
        assert "pa ss" not in command.text
        with smtplib.SMTP_SSL(
            "localhost", command.ports[1], context=context(tmp_path), timeout=10
        ) as client:
            assert client.login("ann", "pa ss:/%")[0] == 235


def test_a_password_from_the_environment(tmp_path: Path) -> None:
    password = "päss wörd"
    with running(tmp_path, SMTPCHECK_SANDBOX_PASSWORD=password) as command:
        assert command.password == "as given"
        assert "smtp://" not in command.text
    assert not (tmp_path / "logins.json").exists()


def test_the_second_start_keeps_password_and_authority(tmp_path: Path) -> None:
    with running(tmp_path) as command:
        password, authority = command.password, (tmp_path / "ca.pem").read_bytes()
    with running(tmp_path) as command:
        assert (command.password, (tmp_path / "ca.pem").read_bytes()) == (password, authority)
    assert (tmp_path / "logins.json").stat().st_mode & 0o777 == 0o600


def test_faults_play_on_both_ports_or_on_one_of_their_own(tmp_path: Path) -> None:
    faults = ("--fault", "rcpt=550 5.1.1 no: none", "--fault", "0:expired-certificate")
    with running(tmp_path, *faults) as command:
        starttls, _, expired = command.ports
        assert f"port {expired}, STARTTLS; fault expired-certificate: shows" in command.text
        assert f"port {starttls}, STARTTLS; fault rcpt=550 5.1.1 no: none" in command.text
        with smtplib.SMTP("localhost", expired, timeout=10) as client:
            with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
                client.starttls(context=context(tmp_path))
            client.close()


def test_the_faults_are_listed() -> None:
    out = io.StringIO()
    call_command(Command(stdout=out), "--list-faults")
    assert re.search(r"^greylisting +asks to come back later$", out.getvalue(), re.MULTILINE)


def test_a_port_in_use_is_told_with_advice(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out = ended("--directory", tmp_path, "--port", str(port), "--tls-port", "0")
    assert code == 1
    assert out.startswith(f"CommandError: Port {port} is in use by another program. End that")


def test_a_directory_that_cannot_be_is_told_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CommandError, match=r"Not a directory\. Choose another place"):
        call_command(Command(), directory=tmp_path / "file" / "sandbox")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "70000"], "70000 is not a port from 0 to 65535"),
        (["--tls-port", "x"], "x is not a port from 0 to 65535"),
        (["--fault", "nonsense"], "No fault is called 'nonsense'. See --list-faults"),
        (["--fault", "70000:silent"], "70000 is not a port from 0 to 65535"),
    ],
)
def test_an_option_that_makes_no_sense_is_told(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    with pytest.raises(CommandError, match=complaint):
        call_command(Command(), "--directory", str(tmp_path), *arguments)
