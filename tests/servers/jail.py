"""Mail servers that run unpacked: Debian lets only one of them be installed at a time.

Each gets a root directory of its own (chroot) with nothing in it but the program, the libraries
that it needs and its files. So its fixed paths and users lead there, several run side by side, and
the machine's own mail system is neither needed nor touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.servers.daemon import Daemon, ServerError
from tests.servers.server import MailServer

DIRECTORY_VARIABLE: Final = "SMTPCHECK_SERVERS_DIR"


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


class JailedServer(MailServer):
    """A server of one program, unpacked, in its own root directory.

    It says which files it has and how it is started; it has to stay in the foreground.
    """

    prefix = "jail-"
    logs: Sequence[str] = ("output.log",)
    package: Package
    accounts: Sequence[Account]
    """The users of the jail; the first may read the key of the certificate."""
    command: Sequence[str]

    def prepare(self, addresses: Sequence[str]) -> None:
        """Furnish the jail."""
        furnish(self.directory, self.package.program, self.accounts)
        os.chown(self.directory / "tls/server.key", self.accounts[0].number, -1)
        for name, text in self.files(addresses).items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o644)
        self.arrange()
        command = ["chroot", str(self.directory), *self.command]
        self.daemons = [Daemon(command, log=self.directory / "output.log")]

    def files(self, addresses: Sequence[str]) -> Mapping[str, str]:
        """The configuration: text by path below the jail."""
        raise NotImplementedError

    def arrange(self) -> None:
        """Make the directories of the server, after its files were written."""

    def owned_directory(self, path: str, account: Account, mode: int = 0o700) -> None:
        """Make a directory below the jail that belongs to one of its users."""
        directory = self.directory / path
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(mode)
        os.chown(directory, account.number, account.number)


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
