"""Mail servers that run unpacked: Debian lets only one of them be installed at a time.

Each gets a root directory of its own (chroot) with nothing in it but the program, the libraries
that it needs and its files. So its fixed paths and users lead there, several run side by side, and
the machine's own mail system is neither needed nor touched.
"""

from __future__ import annotations

import os
import shutil
import smtplib
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import trustme

from tests.servers.daemon import Daemon, ServerError
from tests.servers.mailbox import Maildir
from tests.servers.postfix import Ports, free_ports, loopback_addresses

DIRECTORY_VARIABLE: Final = "SMTPCHECK_SERVERS_DIR"
START_TIMEOUT_SECONDS = 20.0
PROBE_TIMEOUT_SECONDS = 5.0


class Package(NamedTuple):
    """A Debian package as the tests look for it."""

    name: str
    program: str
    """The path below the root of the file system, without the first slash."""


class Account(NamedTuple):
    """A user of the jail."""

    name: str
    number: int
    home: str = "/"


class JailedServer:
    """What the servers of this kind share: start, stop, the mailbox, the log, the certificate.

    A server says which files it has and how it is started; it has to stay in the foreground.
    """

    host: Final = "localhost"
    package: Package
    accounts: Sequence[Account]
    command: Sequence[str]
    logs: Sequence[str] = ()
    """Log files below the jail, besides what the program prints."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and return when the ports answer; raises `ServerError` with the log."""
        # Not below the directory of pytest: that one shuts out the users that servers run as.
        self.directory = Path(tempfile.mkdtemp(prefix="jail-", dir="/tmp"))
        self._daemon = Daemon(
            ["chroot", str(self.directory), *self.command], log=self.directory / "output.log"
        )
        is_started = False
        try:
            self._prepare()
            self._start_program()
            is_started = True
        finally:
            if not is_started:
                self.stop()

    def stop(self) -> None:
        """End this server's own processes, wait for them and remove its directory."""
        self._daemon.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def mailbox(self, address: str) -> list[bytes]:
        """The mails that arrived for an address, oldest first, as they lie in the mailbox."""
        return self._mails().mails_for(address)

    def wait_for_mail(self, address: str, *, containing: bytes, timeout_seconds: float) -> bytes:
        """The first mail for an address with these bytes in it, also if it comes only now.

        Raises `TimeoutError` with the server's log when none came.
        """
        return self._mails().wait_for(
            address, containing=containing, timeout_seconds=timeout_seconds
        )

    def client_context(self) -> ssl.SSLContext:
        """A TLS context that trusts this server's authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def process_groups(self) -> list[int]:
        """The process groups that this server runs as, and nothing else does."""
        return [self._daemon.group] if self._daemon.group is not None else []

    def log(self) -> str:
        """All that the server logged so far."""
        logs = (self.directory / name for name in ("output.log", *self.logs))
        return "".join(path.read_text(errors="replace") for path in logs if path.exists())

    def files(self, addresses: Sequence[str]) -> Mapping[str, str]:
        """The configuration: text by path below the jail."""
        raise NotImplementedError

    def probes(self) -> Sequence[Callable[[], None]]:
        """What must pass before the server counts as started."""
        return (self.greet_plain, self.greet_submission)

    def arrange(self) -> None:
        """Make the directories of the server, after its files were written."""

    def greet_plain(self) -> None:
        """Pass if the plain port greets."""
        smtplib.SMTP("127.0.0.1", self.ports.plain, timeout=PROBE_TIMEOUT_SECONDS).close()

    def greet_submission(self) -> None:
        """Pass if the submission port greets."""
        smtplib.SMTP("127.0.0.1", self.ports.submission, timeout=PROBE_TIMEOUT_SECONDS).close()

    def greet_smtps(self) -> None:
        """Pass if the TLS port greets inside TLS."""
        smtplib.SMTP_SSL(
            "127.0.0.1",
            self.ports.smtps,
            timeout=PROBE_TIMEOUT_SECONDS,
            context=self.client_context(),
        ).close()

    def owned_directory(self, path: str, account: Account, mode: int = 0o700) -> None:
        """Make a directory below the jail that belongs to one of its users."""
        directory = self.directory / path
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(mode)
        os.chown(directory, account.number, account.number)

    def _mails(self) -> Maildir:
        return Maildir(self.directory / "mail/inbox", log=self.log)

    def _prepare(self) -> None:
        addresses = loopback_addresses()
        self.ports = Ports(*free_ports(len(Ports._fields), addresses))
        self.ca_file = self.directory / "ca.pem"
        self.directory.chmod(0o755)
        furnish(self.directory, self.package.program, self.accounts)
        self._write_certificate()
        for name, text in self.files(addresses).items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o644)
        self.arrange()

    def _start_program(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        self._daemon.start()
        try:
            for probe in self.probes():
                self._daemon.wait_until(partial(_passes, probe), deadline=deadline)
        except ServerError as error:
            raise ServerError(f"{error}\n{self.log()}") from error

    def _write_certificate(self) -> None:
        authority = trustme.CA(organization_name="Test authority")
        authority.cert_pem.write_to_path(self.ca_file)
        certificate = authority.issue_cert(self.host, "127.0.0.1", "::1")
        (self.directory / "tls").mkdir()
        certificate.cert_chain_pems[0].write_to_path(self.directory / "tls/server.pem")
        key = self.directory / "tls/server.key"
        key.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(key)
        os.chown(key, self.accounts[0].number, -1)


def why_unusable(package: Package) -> tuple[str, str] | None:
    """Why this machine cannot run a package's server, and how to change that; `None` if it can."""
    program = root_of(package.program) / package.program
    if not program.exists():
        return (
            f"{package.name} is missing.",
            f"As root on Debian: .ci/run unpacks it into the folder of {DIRECTORY_VARIABLE}.",
        )
    if os.geteuid() != 0:
        return f"{package.name} runs in a chroot.", "Run these tests as root, best in a container."
    return None


def root_of(program: str) -> Path:
    """The file system that holds a program: the unpacked one, or else that of this machine."""
    unpacked = _unpacked()
    return unpacked if (unpacked / program).exists() else Path("/")


def printed_by(program: str, *options: str) -> str:
    """What a program prints when it is run where it lies."""
    run = subprocess.run(
        [str(root_of(program) / program), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=_environment(),
    )
    return run.stdout


def furnish(jail: Path, program: str, accounts: Sequence[Account]) -> None:
    """Put a program, its libraries, its users and the few system files it reads into a jail."""
    add_program(jail, program)
    (jail / "etc").mkdir(exist_ok=True)
    (jail / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    users = [Account("root", 0), *accounts]
    (jail / "etc/passwd").write_text(
        "".join(f"{name}:x:{number}:{number}::{home}:/bin/sh\n" for name, number, home in users)
    )
    (jail / "etc/group").write_text(
        "".join(f"{name}:x:{number}:\n" for name, number, _home in users)
    )
    (jail / "tmp").mkdir()
    (jail / "tmp").chmod(0o1777)
    # An ordinary file, because devices do not work below a /tmp that is mounted with "nodev".
    (jail / "dev").mkdir()
    (jail / "dev/null").touch()
    (jail / "dev/null").chmod(0o666)


def add_program(jail: Path, program: str) -> None:
    """Copy a program to the same path in a jail, with the libraries that it needs."""
    source = root_of(program) / program
    target = jail / program
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    # Never setuid: the jail may lie where every user of the machine can start the program.
    target.chmod(0o755)
    for library, path in _libraries(source):
        copy = jail / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copyfile(library, copy)
            copy.chmod(0o755)


def _libraries(program: Path) -> Iterator[tuple[Path, str]]:
    """The libraries of a program, each with its path in a jail."""
    listing = subprocess.run(
        ["ldd", str(program)], capture_output=True, text=True, check=False, env=_environment()
    )
    if "not found" in listing.stdout:
        missing = [line.split()[0] for line in listing.stdout.splitlines() if "not found" in line]
        raise ServerError(f"{program} lacks the libraries {', '.join(missing)}")
    for line in listing.stdout.splitlines():
        name, _arrow, found = line.strip().partition(" => ")
        path = (found or name).partition(" (")[0]
        if not path.startswith("/"):
            continue  # the kernel's own, which is no file
        # The loader is asked for by its full path, and it looks for all others in /lib.
        yield Path(path), path.lstrip("/") if not found else f"lib/{name}"


def _unpacked() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(
        os.environ.get(DIRECTORY_VARIABLE) or Path(cache).expanduser() / "smtpcheck-servers"
    )


def _environment() -> dict[str, str]:
    unpacked = _unpacked()
    folders = [unpacked / "usr/lib", *unpacked.glob("usr/lib/*-linux-*")]
    folders += unpacked.glob("lib/*-linux-*")
    return {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": ":".join(map(str, folders))}


def _passes(probe: Callable[[], None]) -> bool:
    try:
        probe()
    except (OSError, smtplib.SMTPException):
        return False
    return True
