"""Core files: a crash would write the passwords in memory to disk."""

from __future__ import annotations

import contextlib
import sys


def forbid_core_files() -> None:
    """Have the system write none for this process."""
    if sys.platform == "win32":  # has no core files
        return
    import resource  # not there on Windows

    with contextlib.suppress(ValueError, OSError):  # a sandbox may forbid the call itself
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
