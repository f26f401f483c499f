"""Runs a benchmark that was started as a file, as in `python benchmarks/cpu.py`, as a module.

Imported by that file alone, in whose folder Python looks first; where the project stands is what it
has to be told.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path


def run(file: str) -> None:
    """Run it from the root of the project, and end."""
    path = Path(file).resolve()
    root = path.parent.parent
    sys.path[0] = str(root)
    os.chdir(root)  # the programs that it starts are named from there
    runpy.run_module(f"benchmarks.{path.stem}", run_name="__main__", alter_sys=True)
    sys.exit()
