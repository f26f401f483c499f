"""A peer that is honest but at AUTH: it counts the logins and does with each what it is told.

Its SCRAM is another program's (scramp), so that we are not our own witness.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import scramp

from tests.peers.fixtures import PASSWORD, USER
from tests.peers.honest import until
from tests.peers.scripted import Client, Script

UNUSUAL = ("500", "501", "502", "503", "504")


@dataclass
class Login:
    """One login as its peer sees it."""

    client: Client
    mechanism: str
    initial: str  # "" where the AUTH command carried none
    asked: list[str] = field(default_factory=list)
    is_cancelled: bool = False
    verdict: str = ""

    def ask(self, challenge: bytes | str) -> bytes:
        """Send a challenge and return the answer."""
        octets = challenge if isinstance(challenge, bytes) else challenge.encode()
        return self.ask_raw(base64.b64encode(octets).decode())

    def ask_raw(self, text: str) -> bytes:
        """Send a challenge as it is and return the answer; b"" to a login that is cancelled."""
        self.asked.append(text)
        self.client.send(f"334 {text}")
        line = self.client.read_line()
        self.is_cancelled = self.is_cancelled or line == "*"
        return b"" if line == "*" else base64.b64decode(line, validate=True)

    def say(self, verdict: str) -> None:
        """Say how it ended."""
        self.verdict = verdict
        self.client.send(verdict)

    def said_first(self) -> str:
        """The client's first message, asked for if the AUTH command did not carry it."""
        octets = base64.b64decode(self.initial) if self.initial else self.ask(b"")
        return octets.decode()

    @property
    def is_judged(self) -> bool:
        """Whether it was refused or left without an answer, so that it counts against the user."""
        not_understood = self.verdict.startswith(UNUSUAL) and not self.asked
        return not (self.is_cancelled or not_understood or self.verdict.startswith("235"))


Behaviour = Callable[[Login], object]


class LoginPeer:
    """The script of a peer and the logins it was given; each gets its behaviour, the last stays."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self._behaviours = behaviours
        self.logins: list[Login] = []
        self.has_mail = False

    @property
    def judged(self) -> int:
        """How many logins count against the user."""
        return sum(login.is_judged for login in self.logins)

    def script(self, offered: Sequence[str], tls: ssl.SSLContext | None = None) -> Script:
        """A script that offers these mechanisms, inside TLS if there is a context."""

        def talk(client: Client) -> None:
            client.send(f"250-peer\n250 AUTH {' '.join(offered)}")
            while True:
                self._take(client, client.read_line())

        return until("ehlo", talk, tls=tls)

    def _take(self, client: Client, line: str) -> None:
        verb, _, rest = line.partition(" ")
        if verb == "AUTH":
            mechanism, _, initial = rest.partition(" ")
            behave = self._behaviours[min(len(self.logins), len(self._behaviours) - 1)]
            self.logins.append(Login(client, mechanism, initial))
            behave(self.logins[-1])
            return
        self.has_mail = self.has_mail or verb == "MAIL"
        client.send({"QUIT": "221 bye", "DATA": "354 go"}.get(verb, "250 ok"))
        if verb == "DATA":
            client.read_content()
            client.send("250 taken")


def scram_server(
    mechanism: str,
    *,
    user: str = USER,
    password: str = PASSWORD,
    rounds: int | None = None,
    binding: bytes = b"",
) -> scramp.core.ScramServer:
    """A server side of SCRAM that knows one user."""
    kind = scramp.ScramMechanism(mechanism)
    known = kind.make_auth_info(password, iteration_count=rounds)
    channel = ("tls-server-end-point", binding) if binding else None
    server: scramp.core.ScramServer = kind.make_server(
        lambda asked: known if asked == user else None, channel_binding=channel
    )
    return server


def honest_scram(server: scramp.core.ScramServer) -> Behaviour:
    """Lets in whoever has the password, proves that it knows it too, and refuses others."""

    def behave(login: Login) -> None:
        server.set_client_first(login.said_first())
        try:
            server.set_client_final(login.ask(server.get_server_first()).decode())
        except scramp.ScramException:
            login.ask(server.get_server_final())
            login.say("535 5.7.8 wrong")
        else:
            login.ask(server.get_server_final())
            login.say("235 2.7.0 welcome")

    return behave
