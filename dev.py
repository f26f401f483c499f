#!/usr/bin/env python3
"""What a person does with this project, one command each: run, test, lint, lock.

Needs Python 3.11 or newer and nothing else: the environment is made in .venv/ on first use, and
again when requirements/ or the Python version change. SMTPCHECK_VENV names another folder for it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = Path(os.environ.get("SMTPCHECK_VENV") or HERE / ".venv").absolute()
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
VAR = HERE / "var"
ENV_FILE = VAR / "smtpcheck.env"

USAGE = """usage: python3 dev.py COMMAND [ARGUMENTS]

  run [--port N]   start smtpcheck with a sandbox mail server and example accounts
  test [ARGS]      run the tests; ARGS go to pytest (-k name, -n0, a path)
  lint             style, format, types, import contracts, security rules
  lock [--upgrade] write requirements/*.txt again from pyproject.toml (needs uv)"""


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the person may well start it with an older one
        return complain(
            f"smtpcheck needs Python 3.11 or newer, this is {sys.version.split()[0]}. "
            "Install a newer Python and start dev.py with it, for example: python3.12 dev.py run"
        )
    commands = {"run": run, "test": test, "lint": lint, "lock": lock}
    name, *rest = arguments or ["help"]
    if name not in commands:
        print(USAGE)
        return 0 if name in {"help", "-h", "--help"} else 2
    try:
        return commands[name](rest)
    except KeyboardInterrupt:
        return 130
    except Refused as refused:
        return complain(str(refused))


class Refused(Exception):
    """Something outside this script is missing or failed; the text says what to do."""


def run(arguments: list[str]) -> int:
    """Start the whole application for a look at it, keys and examples included."""
    install("run")
    make_keys()
    os.environ["SMTPCHECK_ENV_FILE"] = str(ENV_FILE)
    return become(PYTHON, "manage.py", "demo", *arguments)


def test(arguments: list[str]) -> int:
    """Run the tests on all cores (four at most); reasons of skipped ones are printed."""
    install("test")
    # loadgroup: tests that share one expensive server stay in one process.
    workers = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadgroup"]
    return become(PYTHON, "-m", "pytest", "-rs", *workers, *arguments)


def lint(_arguments: list[str]) -> int:
    """Run every check that needs no test; all of them, also after one has failed."""
    install("test", "lint")
    checks: dict[str, list[str]] = {
        "style": ["ruff", "check", "."],
        "format": ["ruff", "format", "--check", "."],
        "types": ["mypy"],
        "contracts": ["lint-imports"],
        # From medium severity on; what bandit calls low is ruff's, with one place to answer it.
        "security": ["bandit", "-q", "-ll", "-r", "-c", "pyproject.toml", "smtpcheck", "project"],
    }
    failed = [name for name, check in checks.items() if run_check(name, check)]
    print(f"lint: failed: {', '.join(failed)}" if failed else "lint: all clean", flush=True)
    return 1 if failed else 0


def lock(arguments: list[str]) -> int:
    """Write requirements/ again; pins of one file constrain the next, so that they agree."""
    options = "--universal --python-version 3.11 --generate-hashes --no-header --no-annotate"
    command = ["uv", "pip", "compile", "-q", *options.split(), "--no-emit-index-url", *arguments]
    locks = {
        "run": ["pyproject.toml"],
        "postgres": ["pyproject.toml", "--extra", "postgres"],
        "test": ["pyproject.toml", "--extra", "postgres", *groups("test", "browser", "contract")],
        "bench": ["pyproject.toml", "--group", "bench"],
        "lint": ["--group", "lint"],
    }
    made: list[str] = []
    for name, sources in locks.items():
        constraints = [part for other in made for part in ("-c", other)]
        made.append(f"requirements/{name}.txt")
        try:
            if call(*command, *sources, *constraints, "-o", made[-1]):
                return 1
        except FileNotFoundError:
            raise Refused("`lock` needs uv on the path: pip install uv, inside .venv") from None
    return 0


def groups(*names: str) -> list[str]:
    """The options that name dependency groups."""
    return [part for name in names for part in ("--group", name)]


def install(*names: str) -> None:
    """Bring the environment up to requirements/NAME.txt for each name, or do nothing if it is."""
    for name in names:
        lock_file = HERE / "requirements" / f"{name}.txt"
        stamp, wanted = VENV / f"installed-{name}", fingerprint(lock_file)
        if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
            continue
        started = time.monotonic()
        say(f"Installing what `{name}` needs into {shown(VENV)} (once, 10 to 30 seconds) ...")
        make_environment()
        pip("install", "--require-hashes", "--quiet", "-r", str(lock_file))
        stamp.write_text(wanted)
        say(f"Installed in {time.monotonic() - started:.1f} s.")


def fingerprint(lock_file: Path) -> str:
    """What an environment depends on: the locked packages and the Python it was made with."""
    return f"{hashlib.sha256(lock_file.read_bytes()).hexdigest()} {sys.version.split()[0]}"


def make_environment() -> None:
    """Make an empty environment unless one of this Python is there already."""
    made_with = VENV / "made-with"
    if PYTHON.exists() and made_with.exists() and made_with.read_text() == sys.version:
        return
    if VENV.exists() and any(VENV.iterdir()) and not made_with.exists():
        raise Refused(
            f"{shown(VENV)} is there but was not made by dev.py, so it is left alone. "
            "Remove it, or name another folder: SMTPCHECK_VENV=/some/folder python3 dev.py ..."
        )
    # Debian ships Python without ensurepip; its pip, if there is one, can fill an environment too.
    own_pip = [] if is_installed("ensurepip") else ["--without-pip"]
    if own_pip and not is_installed("pip"):
        raise Refused(
            "This Python has neither ensurepip nor pip, so nothing can be installed with it. "
            "Install one of them (Debian and Ubuntu: apt install python3-venv), then try again."
        )
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir(parents=True)
    made_with.write_text("")  # from here on it is ours, also if this start is interrupted
    quiet_call([sys.executable, "-m", "venv", *own_pip, str(VENV)], "make the environment")
    made_with.write_text(sys.version)


def pip(*arguments: str) -> None:
    """Run pip on the environment; it is heard only if it fails."""
    inside = [str(PYTHON), "-m", "pip"]
    outside = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    has_own = any(VENV.glob("[Ll]ib/**/site-packages/pip/__init__.py"))
    command = [*(inside if has_own else outside), "--disable-pip-version-check", *arguments]
    quiet_call(command, "install the packages (is the package index reachable?)")


def make_keys() -> None:
    """Write var/smtpcheck.env with fresh keys, once; a second start finds its secrets readable."""
    VAR.mkdir(mode=0o700, exist_ok=True)
    VAR.chmod(0o700)
    if ENV_FILE.exists():
        return
    ring = subprocess.run(
        [PYTHON, "manage.py", "generate_encryption_key"],
        cwd=HERE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ring.returncode:
        raise Refused(f"No encryption key could be made:\n{ring.stderr.strip()}")
    lines = [
        "# Made by dev.py for this folder only. Who has this file can read the stored passwords.",
        f"SECRET_KEY={secrets.token_urlsafe(50)}",
        f"SMTPCHECK_ENCRYPTION_KEYS={ring.stdout.strip()}",
        "ALLOWED_HOSTS=127.0.0.1,localhost",
    ]
    # Written beside and moved: an interrupted first start leaves no half file behind.
    half = ENV_FILE.with_suffix(".new")
    half.touch(mode=0o600)
    half.write_text("\n".join(lines) + "\n")
    half.replace(ENV_FILE)
    say(f"Made keys in {shown(ENV_FILE)}.")


def become(program: Path, *arguments: str) -> int:
    """Turn this process into another program, so that Ctrl-C and signals reach that one alone."""
    os.chdir(HERE)
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(program, [str(program), *arguments])
    return call(program, *arguments)


def call(*command: str | Path) -> int:
    """Run a program on our terminal and return its status."""
    return subprocess.call(command, cwd=HERE)


def run_check(name: str, command: list[str]) -> int:
    """Run a program of the environment under a heading, with the time it took."""
    say(f"-- {name}: {' '.join(command)}")
    started = time.monotonic()
    status = call(PYTHON.parent / command[0], *command[1:])
    say(f"-- {name}: {'failed' if status else 'clean'} in {time.monotonic() - started:.1f} s")
    return status


def quiet_call(command: list[str], purpose: str) -> None:
    """Run a program silently; raise Refused with its words if it fails."""
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise Refused(f"Could not {purpose}. What was said:\n{said}")


def is_installed(module: str) -> bool:
    """True if the Python that runs this script has the module."""
    return importlib.util.find_spec(module) is not None


def shown(path: Path) -> str:
    """The path as a person in this folder would write it."""
    return str(path.relative_to(HERE)) if path.is_relative_to(HERE) else str(path)


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def complain(text: str) -> int:
    """Print what is wrong to standard error and return 1, the status of a failure."""
    print(text, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
