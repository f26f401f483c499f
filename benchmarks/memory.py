"""How much memory a test in flight costs, beside other clients in the same run (Linux).

    python benchmarks/memory.py [--at-once 500] [--runs 3]

All tests begin together and the server thinks for half a second before each reply, so that all of
them are in flight. Counted is how far the process's resident memory rises above what it was after
its first test.
"""

from __future__ import annotations

if not __package__:  # started as a file
    import as_module  # type: ignore[import-not-found]

    as_module.run(__file__)

import argparse
import statistics

from benchmarks.load import NAMES, in_turn
from benchmarks.tables import machine, markdown

THINK_SECONDS = 0.5
CLIENTS = [name for name in NAMES if name != "handshake"]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--at-once", type=int, default=500, help="tests in flight")
    parser.add_argument("--runs", type=int, default=3, help="of which the median counts")
    options = parser.parse_args()
    at_once: int = options.at_once
    rows = []
    for name, runs in in_turn(CLIENTS, THINK_SECONDS, at_once, at_once, options.runs).items():
        idle = statistics.median(run["idle_kib"] for run in runs)
        risen = statistics.median(run["risen_kib"] for run in runs)
        rows.append([NAMES[name], f"{idle / 1024:.0f}", f"{risen / at_once:.0f}"])
    print("\n" + markdown(["client", "idle MiB", "KiB a test in flight"], rows))
    print(
        f"\n{machine()}. {at_once} mails after STARTTLS and AUTH PLAIN on loopback, all at once, "
        f"{THINK_SECONDS * 1000:.0f} ms before each reply, median of {options.runs} runs in turn."
    )


if __name__ == "__main__":
    main()
