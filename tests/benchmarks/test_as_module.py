"""Each benchmark can be started as a file, from wherever somebody stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.parametrize("name", ["round_trips", "cpu", "memory", "start", "rest"])
def test_a_benchmark_starts_as_a_file_from_anywhere(name: str, tmp_path: Path) -> None:
    path = BENCHMARKS / f"{name}.py"

    ended = subprocess.run(
        [sys.executable, str(path), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"usage: {name}.py")
