"""The mailbox of a real server, read from the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.servers.daemon import POLL_SECONDS

# What the servers call the recipient of the envelope in the lines that they put above a mail.
_RECIPIENT_FIELDS = (b"delivered-to", b"envelope-to")


class Maildir:
    """Mails as the server's delivery wrote them, a file each with LF lines."""

    def __init__(self, directory: Path, *, log: Callable[[], str]) -> None:
        self._directory = directory
        self._log = log

    def mails_for(self, address: str) -> list[bytes]:
        """The mails that arrived for an address, oldest first."""
        files = sorted(
            self._directory.glob("new/*"), key=lambda path: (path.stat().st_mtime_ns, path.name)
        )
        mails = [path.read_bytes() for path in files]
        return [mail for mail in mails if _is_delivered_to(mail, address)]

    def wait_for(self, address: str, *, containing: bytes, timeout_seconds: float) -> bytes:
        """The first mail for an address with these bytes in it, also if it comes only now.

        Raises `TimeoutError` with the server's log when none came.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            for mail in self.mails_for(address):
                if containing in mail:
                    return mail
            if time.monotonic() > deadline:
                raise TimeoutError(f"no such mail for {address}; log:\n{self._log()}")
            time.sleep(POLL_SECONDS)


def _is_delivered_to(mail: bytes, address: str) -> bool:
    header = b"\n" + mail.partition(b"\n\n")[0].lower() + b"\n"
    recipient = address.lower().encode()
    return any(b"\n%s: %s\n" % (field, recipient) in header for field in _RECIPIENT_FIELDS)
