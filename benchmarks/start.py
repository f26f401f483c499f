"""How long a whole process takes for one test: ours, swaks, and what each has to load at least.

    python benchmarks/start.py [--runs 11]

CPU time of the process and its wall time, medians of runs in turn. The tests go to a sink on
loopback that answers at once: STARTTLS, AUTH PLAIN and one mail.
"""

from __future__ import annotations

if not __package__:  # started as a file
    import as_module  # type: ignore[import-not-found]

    as_module.run(__file__)

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crowd import HOST, PASSWORD, USER
from benchmarks.load import sink
from benchmarks.tables import machine, markdown

SWAKS = "swaks"
ASYNCIO = "python: import asyncio, ssl"
ENGINE = "python -m smtpcheck.engine"
SETUP = "django.setup() with our apps"
COMMAND = "manage.py test_smtp"


@dataclass(frozen=True, slots=True)
class Took:
    """What one process took, in milliseconds."""

    cpu: float
    wall: float


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=11, help="of which the median counts")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, sink(0.0) as (port, ca_file):
        environ = _environ(Path(folder), ca_file)
        commands = _commands(port, ca_file)
        if SWAKS not in commands:
            print("- without swaks: apt install swaks")
        run_once([sys.executable, "manage.py", "migrate", "-v0"], environ)
        for command in commands.values():  # byte code and disk cache
            run_once(command, environ)
        taken: dict[str, list[Took]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                taken[name].append(run_once(command, environ))
    print(_table(taken))
    print(f"\n{machine()}. One test after STARTTLS on loopback as a process, median of {runs}.")


def _commands(port: str, ca_file: str) -> dict[str, Sequence[str]]:
    uri = f"smtp://ann%40example.org@{HOST}:{port}?starttls=always"
    test = [uri, "--ca", ca_file, "--password-env", "MAIL_PASSWORD"]
    django = "import os, django; os.environ['DJANGO_SETTINGS_MODULE']='project.settings'; "
    commands: dict[str, Sequence[str]] = {
        ASYNCIO: [sys.executable, "-c", "import asyncio, ssl"],
        ENGINE: [sys.executable, "-m", "smtpcheck.engine", *test, "--allow", f"{HOST}/32:*"],
        SETUP: [sys.executable, "-c", django + "django.setup()"],
        COMMAND: [sys.executable, "manage.py", "test_smtp", *test],
    }
    if swaks := shutil.which("swaks"):
        server = [f"{HOST}:{port}", "--tls-verify", "--tls-ca-path", ca_file]
        login = ["--auth", "PLAIN", "--auth-user", USER, "--auth-password", PASSWORD]
        commands[SWAKS] = [swaks, "--server", *server, "-tls", *login, "-f", USER, "-t", USER]
    return commands


def _environ(folder: Path, ca_file: str) -> dict[str, str]:
    """An environment of our own: a new database, and byte code that is kept."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "MAIL_PASSWORD": PASSWORD,
        "SECRET_KEY": "a key for this benchmark alone, which seals nothing",
        "DATABASE_URL": f"sqlite:///{folder}/benchmark.sqlite3",
        "SMTPCHECK_ENCRYPTION_KEYS": "k1:" + "A" * 43 + "=",
        "SMTPCHECK_POLICY": f"{HOST}/32:*",
        "SMTPCHECK_EXTRA_CA_FILE": ca_file,
    }


def run_once(command: Sequence[str], environ: Mapping[str, str]) -> Took:
    """Run a process to its end; a failure ends the benchmark."""
    began = time.monotonic()
    child = os.posix_spawn(
        command[0],
        list(command),
        environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - began
    if status:
        raise SystemExit(
            f"{' '.join(command[:4])} ... ended with {os.waitstatus_to_exitcode(status)}"
        )
    return Took((usage.ru_utime + usage.ru_stime) * 1000, wall * 1000)


def _table(taken: Mapping[str, Sequence[Took]]) -> str:
    cpu = {name: statistics.median(each.cpu for each in took) for name, took in taken.items()}
    wall = {name: statistics.median(each.wall for each in took) for name, took in taken.items()}
    bases = {ENGINE: SWAKS, COMMAND: SETUP}
    rows = []
    for name in taken:
        base = bases.get(name, "")
        ratios = ["", ""]
        if base in cpu:
            ratios = [f"{each[name] / each[base]:.2f} of {base}" for each in (cpu, wall)]
        rows.append([f"`{name}`", f"{cpu[name]:.0f}", f"{wall[name]:.0f}", *ratios])
    return markdown(["process", "CPU ms", "wall ms", "CPU ratio", "wall ratio"], rows)


if __name__ == "__main__":
    main()
