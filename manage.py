#!/usr/bin/env python
"""Runs Django's commands and our own; `python manage.py help` lists them."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    try:
        # Inside, because it may be missing, and a person deserves a sentence about that.
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as exc:
        raise SystemExit(
            "Django is not installed for this Python. Run `python3 dev.py run` once, "
            "then use .venv/bin/python manage.py."
        ) from exc
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)  # Ctrl-C is a way to end a command, not a fault to trace


if __name__ == "__main__":
    main()
