"""How much CPU time a test costs the process that makes it, beside other clients in the same run.

    python benchmarks/cpu.py [--tests 1000] [--runs 3] [--at-once 50 200]

The server thinks for 100 ms before each reply, as real ones do, so the clients have time to spare
and what is measured is work, not waiting. Loading the program is not counted: `benchmarks.start`
measures that.
"""

from __future__ import annotations

if not __package__:  # started as a file
    import as_module  # type: ignore[import-not-found]

    as_module.run(__file__)

import argparse
import statistics
from collections.abc import Sequence

from benchmarks.load import NAMES, Figures, in_turn
from benchmarks.tables import machine, markdown

THINK_SECONDS = 0.1
HANDSHAKE = "handshake"
CLIENTS = [name for name in NAMES if name != HANDSHAKE]


def main() -> None:
    """Measure, and print a table for each number of tests at once."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tests", type=int, default=1000, help="of each client in a run")
    parser.add_argument("--runs", type=int, default=3, help="of which the median counts")
    parser.add_argument("--at-once", type=int, nargs="+", default=[50, 200])
    options = parser.parse_args()
    for at_once in options.at_once:
        figures = in_turn(CLIENTS, THINK_SECONDS, options.tests, at_once, options.runs)
        alone = in_turn([HANDSHAKE], 0.0, options.tests, 1, options.runs)
        print(f"\n## {at_once} at once\n")
        print(_table(figures | alone), flush=True)
    print(
        f"\n{machine()}. {options.tests} mails after STARTTLS and AUTH PLAIN on loopback, "
        f"{THINK_SECONDS * 1000:.0f} ms before each reply, median of {options.runs} runs in turn; "
        "CPU of the client's process, user and system, without its start."
    )


def _table(figures: dict[str, list[Figures]]) -> str:
    cpu = {name: _median(runs, "cpu_ms") for name, runs in figures.items()}
    rows = [
        [
            NAMES[name],
            f"{cpu[name]:.2f}",
            f"{cpu[name] / cpu['smtplib']:.2f}",
            _of_floor(name, cpu),
            "" if name == HANDSHAKE else f"{_median(figures[name], 'tests_per_second'):.0f}",
        ]
        for name in figures
    ]
    header = ["client", "CPU ms a test", "of smtplib", "of bare on its loop", "tests/s"]
    return markdown(header, rows)


def _of_floor(name: str, cpu: dict[str, float]) -> str:
    """The ratio to the bare script on the same loop."""
    floor = "bare+uvloop" if name.endswith("+uvloop") else "bare"
    has_loop = name not in ("smtplib", HANDSHAKE) and floor in cpu
    return f"{cpu[name] / cpu[floor]:.2f}" if has_loop else ""


def _median(runs: Sequence[Figures], name: str) -> float:
    return statistics.median(run[name] for run in runs)


if __name__ == "__main__":
    main()
