"""Brings the settings file to what the sandbox needs, and starts the process again if it had to.

The policy has to name the sandbox's ports, and its authority has to be trusted. Both are settings
that a person can read in the file, the same for this process and for every other command.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from smtpcheck.conf import conf
from smtpcheck.engine.telling.exit_status import USAGE
from smtpcheck.management.demonstration.files import settings_in, with_settings, write_private
from smtpcheck.management.demonstration.ports import Ports, choose_ports, keep_ports, kept_ports
from smtpcheck.sandbox import Authority

# Set across the one restart, so that settings which do not take effect end in a sentence.
RESTARTED = "SMTPCHECK_DEMO_RESTARTED"


def settings_file() -> Path:
    """The file that holds the settings of the demo; everything else is kept beside it."""
    name = os.environ.get("SMTPCHECK_ENV_FILE")
    if not name or not Path(name).is_file():
        raise CommandError(
            _(
                "The demo writes its settings to the file that SMTPCHECK_ENV_FILE names, and there "
                "is none. Start it with `python3 dev.py run`, which makes one."
            ),
            returncode=USAGE,
        )
    return Path(name).absolute()


def sandbox_directory(env_file: Path) -> Path:
    """Where the sandbox keeps its files: beside the settings, unless those name a whole path."""
    configured = Path(conf().SANDBOX_DIRECTORY)
    return configured if configured.is_absolute() else env_file.with_name("sandbox")


def ready_ports(env_file: Path, directory: Path) -> Ports:
    """The sandbox's ports for this start; does not return if the settings had to be changed."""
    was_restarted = os.environ.pop(RESTARTED, "")
    path = directory / "ports.json"
    kept = kept_ports(path)
    ports = choose_ports(kept)
    wanted = _wanted(ports, directory)
    if not _is_so(wanted, ports):
        if was_restarted:
            raise CommandError(_not_taken(env_file, wanted), returncode=USAGE)
        keep_ports(path, ports)
        others = [entry for entry in conf().POLICY if not kept or entry != kept.policy_entry]
        wanted["SMTPCHECK_POLICY"] = ";".join([*others, ports.policy_entry])
        _write(env_file, wanted)
        _start_again()
    return ports


def _wanted(ports: Ports, directory: Path) -> dict[str, str]:
    """What the settings have to say; the policy may have further entries."""
    ca_file = Authority.load_or_create(directory).ca_file
    ca_file.chmod(0o600)
    return {
        "SMTPCHECK_POLICY": ports.policy_entry,
        "SMTPCHECK_EXTRA_CA_FILE": str(ca_file),
        "SMTPCHECK_SANDBOX_DIRECTORY": str(directory),
    }


def _is_so(wanted: dict[str, str], ports: Ports) -> bool:
    now = conf()
    return (
        ports.policy_entry in now.POLICY
        and wanted["SMTPCHECK_EXTRA_CA_FILE"] == now.EXTRA_CA_FILE
        and wanted["SMTPCHECK_SANDBOX_DIRECTORY"] == now.SANDBOX_DIRECTORY
    )


def _write(env_file: Path, new: dict[str, str]) -> None:
    text = env_file.read_text()
    write_private(env_file, with_settings(text, new))
    old = settings_in(text)
    for name in new:
        # The old line of the file came into the environment, where it would win over the new one.
        if os.environ.get(name) == old.get(name):
            os.environ.pop(name, None)


def _not_taken(env_file: Path, wanted: dict[str, str]) -> str:
    lines = ", ".join(f"{name}={value}" for name, value in wanted.items())
    return _(
        "The sandbox needs these settings: %(settings)s. They stand in %(file)s, but the "
        "environment says otherwise and wins. Unset them there, or set them so."
    ) % {"settings": lines, "file": env_file}


def _start_again() -> NoReturn:
    """Replace this process by one that reads the new settings as every process does."""
    os.environ[RESTARTED] = "1"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command line
