"""A peer that behaves well up to a stage, for scripts that want to misbehave from there on."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence

from tests.peers.scripted import Client, Script

CAPABILITIES = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN")

_REPLIES: Mapping[str, str] = {
    "HELO": "250 peer",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 Go ahead",
    "RSET": "250 2.0.0 Ok",
    "NOOP": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
    "STARTTLS": "220 2.0.0 Ready to start TLS",
}

STAGES = ("greeting", "ehlo", "starttls", "tls", "auth", "mail", "rcpt", "data", "content", "quit")


def until(
    stage: str,
    then: Script,
    *,
    tls: ssl.SSLContext | None = None,
    is_implicit: bool = False,
    capabilities: Sequence[str] = CAPABILITIES,
) -> Script:
    """A script that is honest until it is the server's turn at a stage, and then does ``then``.

    ``ehlo`` means the last EHLO: with STARTTLS the one inside TLS. ``tls`` means in place of the
    handshake, ``auth`` the answer to the credentials, ``content`` the answer to the final dot.
    """

    def talk(client: Client) -> None:
        dialogue = _Honest(client, stage, tls, is_implicit=is_implicit, capabilities=capabilities)
        dialogue.talk()
        if not dialogue.has_ended:
            then(client)

    return talk


def honest(
    *,
    tls: ssl.SSLContext | None = None,
    is_implicit: bool = False,
    capabilities: Sequence[str] = CAPABILITIES,
) -> Script:
    """A script that takes any login and any mail."""
    return until("", Client.drain, tls=tls, is_implicit=is_implicit, capabilities=capabilities)


class _Honest:
    """Talks until it is the server's turn at the stage."""

    def __init__(
        self,
        client: Client,
        stage: str,
        tls: ssl.SSLContext | None,
        *,
        is_implicit: bool,
        capabilities: Sequence[str],
    ) -> None:
        self.client = client
        self.stage = stage
        self.tls = tls
        self.is_implicit = is_implicit
        self.capabilities = capabilities
        self.is_encrypted = False
        self.has_ended = False

    def talk(self) -> None:
        if self.is_implicit and self._is_reached_by_tls():
            return
        if self.stage == "greeting":
            return
        self.client.send("220 peer ESMTP")
        while not self.has_ended:
            line = self.client.read_line()
            if self._is_reached_by(line):
                return

    def _is_reached_by(self, line: str) -> bool:
        """True if this line makes it the server's turn at the stage; else it is answered."""
        verb = line.partition(" ")[0].upper()
        if verb == "AUTH":
            return self._is_reached_by_login(line)
        if verb.lower() == self.stage and (verb != "EHLO" or self._is_last_hello()):
            return True
        self.client.send(self._reply(verb))
        if verb == "STARTTLS" and self.tls:
            return self._is_reached_by_tls()
        if verb == "DATA":
            return self._is_reached_by_content()
        self.has_ended = verb == "QUIT"
        return False

    def _reply(self, verb: str) -> str:
        if verb != "EHLO":
            return _REPLIES.get(verb, "500 5.5.2 Command not recognized")
        offered = list(self.capabilities) if self._is_last_hello() else ["STARTTLS"]
        *early, last = ["peer", *offered]
        return "\n".join([f"250-{word}" for word in early] + [f"250 {last}"])

    def _is_last_hello(self) -> bool:
        return self.is_encrypted or self.tls is None

    def _is_reached_by_tls(self) -> bool:
        if self.stage == "tls" or self.tls is None:
            return True
        self.client.start_tls(self.tls)
        self.is_encrypted = True
        return False

    def _is_reached_by_login(self, line: str) -> bool:
        match line.upper().split():
            case ["AUTH", "LOGIN"]:
                self._ask("VXNlcm5hbWU6")
                self._ask("UGFzc3dvcmQ6")
            case ["AUTH", "LOGIN", _]:
                self._ask("UGFzc3dvcmQ6")
            case ["AUTH", _]:
                self._ask("")
        if self.stage == "auth":
            return True
        self.client.send("235 2.7.0 Welcome")
        return False

    def _ask(self, challenge: str) -> None:
        self.client.send(f"334 {challenge}")
        self.client.read_line()

    def _is_reached_by_content(self) -> bool:
        self.client.read_content()
        if self.stage == "content":
            return True
        self.client.send("250 2.0.0 Ok: queued as PEER1")
        return False
