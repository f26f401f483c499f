"""Markdown tables and the lines that say what they were measured with."""

from __future__ import annotations

import os
import platform
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column is text, the others are figures."""
    rule = ["---", *(["---:"] * (len(header) - 1))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *rows])


def machine() -> str:
    """Date, machine and versions, in one line."""
    today = datetime.now(UTC).date().isoformat()
    return (
        f"{today}; {os.cpu_count()} CPUs, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}"
    )
