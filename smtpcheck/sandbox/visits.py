"""What the sandbox remembers of each connection, for tests: commands, replies, TLS, logins."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from smtpcheck.sandbox.tls import TlsEnd

COMMANDS_KEPT = 200
TEXT_KEPT = 1000  # of each; a client could fill the memory otherwise
MASKED = "****"


@dataclass(slots=True)
class Visit:
    """One connection, from the server's side; it grows while the connection lives."""

    port: int  # of the listener
    client: str  # address and port
    commands: list[str] = field(default_factory=list)  # secrets masked, content left out
    replies: list[str] = field(default_factory=list)
    tls_version: str = ""
    cipher: str = ""
    server_name: str = ""  # the name that the client asked for (SNI)
    tls_error: str = ""
    login: str = ""
    refused_logins: int = 0
    mails: int = 0
    early_bytes: int = 0  # bytes that came behind STARTTLS, before the handshake
    ended: str = ""  # quit, closed, reset, gone, idle ...; nothing while it lives

    @property
    def verbs(self) -> list[str]:
        """The commands without what follows them."""
        return [command.partition(" ")[0].upper() for command in self.commands]

    def note_command(self, text: str) -> None:
        """Remember a command; the caller has masked what is secret in it."""
        if len(self.commands) < COMMANDS_KEPT:
            self.commands.append(text[:TEXT_KEPT])

    def note_reply(self, data: bytes) -> None:
        """Remember what the server said."""
        if data and len(self.replies) < COMMANDS_KEPT:
            text = data[:TEXT_KEPT].decode("utf-8", "backslashreplace")
            self.replies.append(text.rstrip("\r\n"))

    def note_tls(self, tls: TlsEnd) -> None:
        """Remember what was agreed upon."""
        self.tls_version, self.cipher = tls.version, tls.cipher
        self.server_name = tls.server_name

    def note_tls_error(self, error: ssl.SSLError) -> None:
        """Remember why there was no agreement, in OpenSSL's words."""
        self.tls_error = error.reason or str(error)
