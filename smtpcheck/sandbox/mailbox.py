"""Where the sandbox keeps the mails it took: the newest few, in memory or as ``.eml`` files."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import format_datetime
from pathlib import Path

NEWEST_KEPT = 100
_OWN_FILE = re.compile(r"\d{8}T\d{6}\.\d{6}-[0-9A-F]+\.eml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail as it was taken."""

    queue_id: str  # as told to the client in the final 250
    sender: str
    recipients: tuple[str, ...]
    login: str  # who had logged in, or nothing
    content: bytes  # byte for byte as sent, dots unstuffed
    taken_at: datetime
    path: Path | None = None

    @property
    def message(self) -> Message:
        """The content, parsed; header values are as they were sent."""
        return message_from_bytes(self.content)

    @property
    def subject(self) -> str:
        """The Subject line, decoded where that is possible; nothing if there is none."""
        raw = str(self.message.get("Subject", ""))
        try:
            return str(make_header(decode_header(raw)))
        except (HeaderParseError, LookupError, ValueError):
            return raw


class Mailbox:
    """Keeps the newest mails in memory."""

    def __init__(self, *, limit: int = NEWEST_KEPT) -> None:
        self.limit = limit
        self._mails: deque[Mail] = deque(maxlen=limit)

    @property
    def mails(self) -> list[Mail]:
        """What was taken since the start, the oldest first."""
        return list(self._mails)

    def keep(self, mail: Mail) -> Mail:
        """Keep a mail; returns it as it is kept. An OSError if it cannot be."""
        self._mails.append(mail)
        return mail


class DirectoryMailbox(Mailbox):
    """Also writes each mail to a file, and removes the oldest files beyond the limit.

    A file holds Return-Path, Delivered-To and Received as final delivery adds them (RFC 5321
    section 4.4), and then the content as it was sent.
    """

    def __init__(self, directory: Path, *, limit: int = NEWEST_KEPT) -> None:
        super().__init__(limit=limit)
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def keep(self, mail: Mail) -> Mail:
        """Write the mail to its file and keep it; returns it with its path."""
        path = self.directory / f"{mail.taken_at:%Y%m%dT%H%M%S.%f}-{mail.queue_id}.eml"
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(_trace(mail) + mail.content)
        for old in own_files(self.directory)[: -self.limit]:
            old.unlink(missing_ok=True)
        return super().keep(replace(mail, path=path))


def own_files(directory: Path) -> list[Path]:
    """The files of the mails kept in a directory, the oldest first."""
    return sorted(path for path in directory.glob("*.eml") if _OWN_FILE.fullmatch(path.name))


def _trace(mail: Mail) -> bytes:
    return "".join(f"{line}\r\n" for line in _trace_lines(mail)).encode()


def _trace_lines(mail: Mail) -> Iterator[str]:
    yield f"Return-Path: <{mail.sender}>"
    for recipient in mail.recipients:
        yield f"Delivered-To: {recipient}"
    by = f" by sandbox (login {mail.login})" if mail.login else " by sandbox"
    yield f"Received:{by} id {mail.queue_id};\r\n {format_datetime(mail.taken_at.astimezone(UTC))}"
