"""How many round trips a test takes over a slow line, beside other clients on the same line.

    python benchmarks/round_trips.py [--runs 5]

Runs itself again in a network namespace of its own where it may, so that nothing of the machine's
network is touched. What is measured is on the wire: from the client's SYN to its FIN.
"""

from __future__ import annotations

if not __package__:  # started as a file
    import as_module  # type: ignore[import-not-found]

    as_module.run(__file__)

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.clients import (
    ALONE,
    BARE_ALONE,
    BARE_GROUPED,
    CLIENTS,
    GROUPED,
    Client,
    Job,
    versions,
)
from benchmarks.line import ROUND_TRIP_SECONDS, Line, has_tun
from benchmarks.servers import Server, sandbox_server, servers
from benchmarks.tables import machine, markdown
from smtpcheck.engine.stages import Security

INSIDE = "SMTPCHECK_BENCHMARK_NAMESPACE"
SECURITIES = (Security.NONE, Security.STARTTLS, Security.TLS)
NAMES = {Security.NONE: "plain", Security.STARTTLS: "STARTTLS", Security.TLS: "TLS on connect"}
# To the verdict, with PIPELINING and TLS 1.3: TCP, greeting and EHLO; TLS; what comes behind.
THEORY = {ALONE: (6, 9, 7), GROUPED: (5, 8, 6)}
FLOORS = {ALONE: BARE_ALONE, GROUPED: BARE_GROUPED}

Medians = dict[tuple[str, Security], float]


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=5, help="of which the median counts")
    runs = parser.parse_args().runs
    if INSIDE not in os.environ:
        _go_inside()
    missing = [client for client in CLIENTS if client.install]
    for client in missing:
        print(f"- without {client.name}: {client.install}")
    present = [client for client in CLIENTS if not client.install]
    with ExitStack() as stack:
        line = stack.enter_context(Line(is_packets=has_tun()))
        running = stack.enter_context(servers(line.addresses))
        if not running:
            line = stack.enter_context(Line(is_packets=False))
            running = [stack.enter_context(sandbox_server())]
        line.lead_to(sorted({port for server in running for port in server.ports.values()}))
        for server in running:
            print(f"\n## {server.name}\n")
            print(_table(_measure(server, present, line, runs)), flush=True)
        print(f"\n{machine()}; {versions()}.")
        print(
            f"Round trips of {ROUND_TRIP_SECONDS * 1000:.0f} ms, {line.method}; from the client's "
            f"SYN to its FIN, median of {runs} runs in turn."
        )


def _go_inside() -> None:
    """Run again in a network namespace of our own, as root or as a user who may make one."""
    for options in (["--net"], ["--net", "--map-root-user"]):
        if not shutil.which("unshare") or not shutil.which("ip"):
            break
        enter = ["unshare", *options, "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode:
            continue
        os.environ[INSIDE] = "1"
        os.execvp(enter[0], [*enter, sys.executable, "-m", "benchmarks.round_trips", *sys.argv[1:]])
    print("- without delayed packets: needs Linux, `unshare`, `ip`, and root or user namespaces")
    os.environ[INSIDE] = ""


def _measure(server: Server, clients: Sequence[Client], line: Line, runs: int) -> Medians:
    """The median of each client and way, in round trips; the runs take turns."""
    found: dict[tuple[str, Security], list[float]] = {}
    pairs = [(client, security) for client in clients for security in client.securities]
    for turn in range(runs + 1):
        for client, security in list(pairs):
            host, port = line.endpoint(server.ports[security])
            try:
                client.run(Job(host, port, security, server.ca_pem))
            except Exception as error:  # noqa: BLE001 - one that fails is left out, whatever it is
                pairs.remove((client, security))
                found.pop((client.name, security), None)
                print(f"- without {client.name}, {NAMES[security]}: {error!r:.300}\n")
                line.forget()
                continue
            timing = line.timing()
            if turn:  # the first only warms up
                found.setdefault((client.name, security), []).append(timing.round_trips)
    return {key: statistics.median(values) for key, values in found.items()}


def _table(medians: Medians) -> str:
    header = ["client"]
    for security in SECURITIES:
        header += [NAMES[security], "to ours"]
    names = dict.fromkeys(name for name, _ in medians)
    rows = [[name, *_cells(medians, name)] for name in names]
    rows += [
        [
            f"theory, {name.partition(', ')[2]}",
            *(cell for trips in counts for cell in (f"{trips}", "")),
        ]
        for name, counts in THEORY.items()
    ]
    return markdown(header, rows) + "\n\n" + "\n".join(_differences(medians))


def _cells(medians: Medians, name: str) -> list[str]:
    """Round trips, and how many times as many they are as ours with AUTH alone."""
    cells = []
    for security in SECURITIES:
        trips = medians.get((name, security))
        if trips is None:
            cells += ["not possible", ""]
        else:
            cells += [f"{trips:.1f}", f"{trips / medians[ALONE, security]:.2f}"]
    return cells


def _differences(medians: Medians) -> list[str]:
    """How far ours is from the bare client that does the same."""
    return [
        f"{ours} is off the bare client by "
        + ", ".join(
            f"{medians[ours, each] - medians[floor, each]:+.2f} ({NAMES[each]})"
            for each in SECURITIES
        )
        + " round trips."
        for ours, floor in FLOORS.items()
    ]


if __name__ == "__main__":
    main()
