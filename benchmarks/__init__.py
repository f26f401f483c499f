"""Measurements, of ourselves and beside others; what each needs stands in its own first lines."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

_ENVIRONMENT = Path(os.environ.get("SMTPCHECK_VENV") or Path(__file__).parent.parent / ".venv")

# Started by a Python that has nothing of ours, as after the set-up: by the one that was set up.
if importlib.util.find_spec("cryptography") is None and sys.prefix != str(_ENVIRONMENT.absolute()):
    _python = str(_ENVIRONMENT.absolute() / "bin" / "python")
    if not Path(_python).exists():
        sys.exit("First `python3 dev.py run`, or `test`, which set up what this needs.")
    os.execv(_python, [_python, *sys.orig_argv[1:]])
