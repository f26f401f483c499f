"""Starts the sink and the clients of `benchmarks.crowd`, each as a process of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from benchmarks.crowd import MISSING

# What a person reads in the tables, and what is to be installed for it.
NAMES = {
    "ours": "smtpcheck",
    "ours+uvloop": "smtpcheck, uvloop",
    "smtplib": "smtplib in threads",
    "aiosmtplib": "aiosmtplib",
    "aiosmtplib+uvloop": "aiosmtplib, uvloop",
    "smtpproto": "smtpproto",
    "smtpproto+uvloop": "smtpproto, uvloop",
    "bare": "bare asyncio streams",
    "bare+uvloop": "bare asyncio streams, uvloop",
    "handshake": "both ends of a TLS handshake, no network",
}
INSTALL = "pip install --require-hashes -r requirements/bench.txt"

Figures = dict[str, float]


@contextlib.contextmanager
def sink(think_seconds: float) -> Iterator[tuple[str, str]]:
    """The port of a running sink, and the file of its certificate authority."""
    with tempfile.TemporaryDirectory() as folder:
        ca_file = str(Path(folder) / "ca.pem")
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sink", ca_file, str(think_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # clients that leave are no news
            text=True,
        )
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), ca_file
        finally:
            process.kill()
            process.communicate()


def figures_of(name: str, port: str, ca_file: str, tests: int, at_once: int) -> Figures | None:
    """What a client took; None if it is not installed. A client that fails ends the benchmark."""
    command = [sys.executable, "-m", "benchmarks.crowd", name, port, ca_file]
    ended = subprocess.run(
        [*command, str(tests), str(at_once)], capture_output=True, text=True, check=False
    )
    if ended.returncode == MISSING:
        return None
    if ended.returncode:
        raise SystemExit(f"{name} failed:\n{ended.stderr}")
    return cast("Figures", json.loads(ended.stdout))


def in_turn(
    names: Sequence[str], think_seconds: float, tests: int, at_once: int, runs: int
) -> dict[str, list[Figures]]:
    """The figures of every client that is there, each in so many runs by turns.

    What is missing is said once, with what to install.
    """
    figures: dict[str, list[Figures]] = {name: [] for name in names}
    missing: set[str] = set()
    with sink(think_seconds) as (port, ca_file):
        for _ in range(runs):
            for name in [name for name in names if name not in missing]:
                found = figures_of(name, port, ca_file, tests, at_once)
                if found is None:
                    missing.add(name)
                    print(f"- without {NAMES[name]}: {INSTALL}", flush=True)
                else:
                    figures[name].append(found)
    return {name: each for name, each in figures.items() if each}
