"""The sandbox's ports: the same at every start while they are free."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from smtpcheck.management.demonstration.files import write_private

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """One port for each thing that the examples show; ``refused`` is held and never listens."""

    starttls: int = 3587
    tls: int = 3465
    expired: int = 3466
    refused: int = 3526

    @property
    def policy_entry(self) -> str:
        """The line of the policy that allows tests of exactly these ports."""
        return f"{HOST}/32:{','.join(map(str, sorted(asdict(self).values())))}"


def kept_ports(path: Path) -> Ports | None:
    """The ports of the last start, or None if there was none."""
    try:
        return Ports(**{name: int(port) for name, port in json.loads(path.read_text()).items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def choose_ports(kept: Ports | None) -> Ports:
    """The kept ports, or the usual ones; each that is taken by another program is replaced."""
    wanted = asdict(kept or Ports())
    with contextlib.ExitStack() as held:
        # All are held at once, so that no free one is handed out twice.
        return Ports(**{field.name: _hold(held, wanted[field.name]) for field in fields(Ports)})


def keep_ports(path: Path, ports: Ports) -> None:
    """Remember the ports for the next start."""
    write_private(path, json.dumps(asdict(ports), indent=2) + "\n")


def hold_without_listening(port: int) -> socket.socket:
    """Take a port so that every connection to it is refused while the socket lives."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind((HOST, port))
    return sock


def _hold(held: contextlib.ExitStack, wanted: int) -> int:
    for port in (wanted, 0):
        sock = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        # Without it the port of a sandbox that ended a moment ago would count as taken.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            sock.bind((HOST, port))
            return int(sock.getsockname()[1])
    raise OSError("this machine has no free port left on 127.0.0.1")
