"""Every way in which a scripted server misbehaves at every stage, as one table.

A row is a stage, a manner, and in what kind of fault it may end. The rows are played against a
real socket by ``test_misbehaviours``; what is special about a single one is tested beside it, in
``test_misbehaviour`` and ``test_check``. To add one, write a manner into the table it belongs to.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Security, Stage
from tests.peers.honest import CAPABILITIES
from tests.peers.scripted import Client, Script

Kinds = frozenset[FaultKind]

ONE_BY_ONE = tuple(word for word in CAPABILITIES if word != "PIPELINING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """What a server does from its turn at a stage on.

    ``ends_at`` is the stage of the fault, ``kinds`` what it may be. One that is seen by the clock
    alone ``is_clocked``: it costs time and no work.
    """

    stage: str
    manner: str
    script: Script
    ends_at: Stage
    kinds: Kinds
    security: Security = Security.STARTTLS
    capabilities: tuple[str, ...] = ONE_BY_ONE
    leads: bool = False  # the login passed last time, so that it may lead the group

    @property
    def is_clocked(self) -> bool:
        return FaultKind.TIMEOUT in self.kinds

    def __str__(self) -> str:
        grouped = " in a group" if "PIPELINING" in self.capabilities else ""
        grouped += " behind the login" if self.leads else ""
        return f"{self.security.value}: {self.manner} at {self.stage}{grouped}"


def _kinds(*kinds: FaultKind) -> Kinds:
    return frozenset(kinds)


TIMEOUT, CLOSED, RESET = FaultKind.TIMEOUT, FaultKind.CLOSED, FaultKind.RESET
TOO_MUCH, BAD_REPLY, REPLY = FaultKind.TOO_MUCH, FaultKind.BAD_REPLY, FaultKind.REPLY
HANDSHAKE, NOT_TLS = FaultKind.HANDSHAKE, FaultKind.NOT_TLS


def says(data: bytes) -> Script:
    """Says this, and listens to the end."""

    def script(client: Client) -> None:
        client.send(data)
        client.drain()

    return script


def says_raw(data: bytes) -> Script:
    """The same past TLS."""

    def script(client: Client) -> None:
        client.send_raw(data)
        client.drain()

    return script


def then_leaves(data: bytes, leave: Script) -> Script:
    """Says this and leaves."""

    def script(client: Client) -> None:
        client.send(data)
        leave(client)

    return script


def stays_deaf(client: Client) -> None:
    """Neither reads nor says a word, and keeps the connection."""
    client.stop_reading()


def half_closes(client: Client) -> None:
    """Says that nothing more comes, and reads on."""
    client.half_close()
    client.drain()


# What a server does in place of a reply; the code is the one that would have been right there.

Manner = tuple[Callable[[bytes], Script], Kinds]

IN_PLACE_OF_A_REPLY: dict[str, Manner] = {
    "silence": (lambda code: Client.drain, _kinds(TIMEOUT)),
    "deafness": (lambda code: stays_deaf, _kinds(TIMEOUT)),
    "a byte a second": (lambda code: lambda client: client.drip(code + b" ok"), _kinds(TIMEOUT)),
    "a line a second": (
        lambda code: lambda client: client.repeat(code + b"-wait\r\n", seconds=1.0),
        _kinds(TIMEOUT),
    ),
    "half a line and silence": (lambda code: says(code + b" o"), _kinds(TIMEOUT)),
    "half a reply and silence": (lambda code: says(code + b"-more\r\n"), _kinds(TIMEOUT)),
    "a flood of lines": (
        lambda code: lambda client: client.repeat(code + b"-" + b"x" * 500 + b"\r\n"),
        _kinds(TOO_MUCH),
    ),
    "an endless line": (
        lambda code: then_leaves(code + b" ", lambda client: client.repeat(b"x" * 4096)),
        _kinds(TOO_MUCH),
    ),
    "ten thousand lines": (
        lambda code: says((code + b"-a\r\n") * 10_000 + code + b" b\r\n"),
        _kinds(TOO_MUCH),
    ),
    "close": (lambda code: Client.close, _kinds(CLOSED)),
    "half-close": (lambda code: half_closes, _kinds(CLOSED)),
    "reset": (lambda code: Client.reset, _kinds(RESET)),
    "half a line and close": (lambda code: then_leaves(code[:2], Client.close), _kinds(CLOSED)),
    "half a reply and reset": (
        lambda code: then_leaves(code + b"-more\r\n", Client.reset),
        _kinds(RESET, CLOSED),
    ),
    "two codes in one reply": (
        lambda code: says(code + b"-ok\r\n550 no\r\n"),
        _kinds(BAD_REPLY),
    ),
    "a code out of range": (lambda code: says(b"999 ok\r\n"), _kinds(BAD_REPLY)),
    "a code of two digits": (lambda code: says(b"25 ok\r\n"), _kinds(BAD_REPLY)),
    "an empty line": (lambda code: says(b"\r\n"), _kinds(BAD_REPLY)),
    "octets that are no text": (lambda code: says(b"\x00\xff\xfe\x80\r\n"), _kinds(BAD_REPLY)),
    "a web page": (lambda code: says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), _kinds(BAD_REPLY)),
    "a farewell": (lambda code: says(b"421 4.3.2 going down\r\n"), _kinds(REPLY)),
}

# Those whose end can depend on what went in one flight with the login.
GROUPED = (
    "silence",
    "a byte a second",
    "half a reply and silence",
    "a flood of lines",
    "close",
    "half-close",
    "reset",
    "half a line and close",
    "two codes in one reply",
    "an empty line",
    "a farewell",
)

CODES = {
    "greeting": b"220",
    "ehlo": b"250",
    "starttls": b"220",
    "auth": b"235",
    "mail": b"250",
    "rcpt": b"250",
    "data": b"354",
    "content": b"250",
}


# What a server does in place of its part of the handshake, when it has the ClientHello.

_RECORD = b"\x16\x03\x03\x40\x00"
_FIRST_OF_8_MIB = _RECORD + b"\x02\x80\x00\x00" + bytes(16380)
_HALF_A_HELLO = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(20)


def reflects(client: Client) -> None:
    """Sends the ClientHello back; it was read before the script, so this is one of its own."""
    client.send_raw(b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03" + bytes(43))
    client.drain()


def sends_an_endless_message(client: Client) -> None:
    """One handshake message of 8 MiB, in records of 16 KiB."""
    client.send_raw(_FIRST_OF_8_MIB)
    while True:
        client.send_raw(_RECORD + bytes(16384))


def repeats_raw(data: bytes) -> Script:
    """Says the same without end."""

    def script(client: Client) -> None:
        while True:
            client.send_raw(data * 256)

    return script


def ends_tls(client: Client) -> None:
    """Ends TLS, and keeps the connection."""
    client.close_notify()
    client.drain()


def resets_in_a_record(client: Client) -> None:
    """Leaves before a record is whole."""
    client.send_raw(b"\x17\x03\x03\x00\x20abc")
    client.reset()


_BROKEN = _kinds(HANDSHAKE, NOT_TLS, TOO_MUCH, CLOSED, RESET)

IN_PLACE_OF_A_HANDSHAKE: dict[str, tuple[Script, Kinds]] = {
    "silence": (Client.drain, _kinds(TIMEOUT)),
    "deafness": (stays_deaf, _kinds(TIMEOUT)),
    "a byte a second": (lambda client: client.drip(_HALF_A_HELLO), _kinds(TIMEOUT)),
    "half a hello and silence": (says_raw(_HALF_A_HELLO), _kinds(TIMEOUT)),
    "half a hello and close": (then_leaves(_HALF_A_HELLO, Client.close), _kinds(CLOSED)),
    "close": (Client.close, _kinds(CLOSED)),
    "half-close": (half_closes, _kinds(CLOSED)),
    "reset": (Client.reset, _kinds(RESET)),
    "garbage": (says_raw(b"\x00\x01\x02 garbage" * 9), _kinds(NOT_TLS)),
    "a reply in the clear": (says_raw(b"454 4.3.0 TLS is broken\r\n"), _kinds(NOT_TLS)),
    "a flood in the clear": (repeats_raw(b"220 no TLS here\r\n"), _kinds(NOT_TLS)),
    "a web page": (says_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), _kinds(NOT_TLS)),
    "the banner of another service": (says_raw(b"SSH-2.0-OpenSSH_9.6\r\n"), _kinds(NOT_TLS)),
    "garbage in a record": (says_raw(b"\x16\x03\x03\x00\x05garba" + bytes(50)), _kinds(HANDSHAKE)),
    "a record too long": (says_raw(b"\x16\x03\x03\xff\xff" + bytes(65535)), _kinds(HANDSHAKE)),
    "a message without end": (sends_an_endless_message, _BROKEN),
    "empty records without end": (repeats_raw(b"\x16\x03\x03\x00\x00"), _BROKEN),
    "warnings without end": (repeats_raw(b"\x15\x03\x03\x00\x02\x01\x5a"), _BROKEN),
    "cipher changes without end": (repeats_raw(b"\x14\x03\x03\x00\x01\x01"), _BROKEN),
    "hello requests without end": (repeats_raw(b"\x16\x03\x03\x00\x04" + bytes(4)), _BROKEN),
    "data before the handshake": (says_raw(b"\x17\x03\x03\x00\x10" + bytes(16)), _BROKEN),
    "a hello of a client": (reflects, _kinds(HANDSHAKE)),
    "an alert": (says_raw(b"\x15\x03\x01\x00\x02\x02\x28"), _kinds(HANDSHAKE)),
    "an alert of the version": (says_raw(b"\x15\x03\x01\x00\x02\x02\x46"), _kinds(HANDSHAKE)),
    "an alert that nobody knows": (says_raw(b"\x15\x03\x01\x00\x02\x02\xfe"), _kinds(HANDSHAKE)),
    "a farewell of TLS": (says_raw(b"\x15\x03\x03\x00\x02\x01\x00"), _kinds(HANDSHAKE, CLOSED)),
}

# What a server does inside TLS, past it.
INSIDE_TLS: dict[str, tuple[Script, Kinds]] = {
    "the end of TLS alone": (ends_tls, _kinds(CLOSED)),
    "a reply in the clear": (says_raw(b"250 AUTH PLAIN LOGIN\r\n"), _kinds(HANDSHAKE)),
    "a record that is forged": (says_raw(b"\x17\x03\x03\x00\x20" + bytes(32)), _kinds(HANDSHAKE)),
    "forged records without end": (
        repeats_raw(b"\x17\x03\x03\x00\x20" + bytes(32)),
        _kinds(HANDSHAKE),
    ),
    "half a record and silence": (says_raw(b"\x17\x03\x03\x00\x20" + bytes(9)), _kinds(TIMEOUT)),
    "half a record and reset": (resets_in_a_record, _kinds(RESET)),
}

# What a server does instead of judging the login.
IN_PLACE_OF_A_CHALLENGE: dict[str, tuple[Script, Kinds]] = {
    "challenges without end": (
        lambda client: client.repeat(b"334 " + base64.b64encode(b"and?") + b"\r\n"),
        _kinds(FaultKind.CHALLENGE_LOOP, FaultKind.BAD_CHALLENGE, FaultKind.OUT_OF_STEP),
    ),
    "a challenge that is no base64": (
        says(b"334 %%%\r\n"),
        _kinds(FaultKind.BAD_CHALLENGE),
    ),
    "a challenge of 6,000 octets": (
        says(b"334 " + b"QUJD" * 1500 + b"\r\n"),
        _kinds(FaultKind.BAD_CHALLENGE, FaultKind.CHALLENGE_LOOP, TIMEOUT),
    ),
}

# What a server does that answers at a stage and then does not take what comes: by the stage at
# which that is felt.
ANSWERS = {
    "ehlo": (b"220 hi\r\n", "greeting"),
    "content": (b"354 go\r\n", "data"),
    "rcpt": (b"250 ok\r\n", "mail"),
}


def _replies() -> Iterator[Misbehaviour]:
    """Every manner in place of every reply; some also where TLS comes first, or in a group."""
    for stage, code in CODES.items():
        for manner in IN_PLACE_OF_A_REPLY:
            yield _in_place_of_a_reply(stage, manner, code)
    for manner in ("silence", "close", "reset", "a flood of lines", "an empty line"):
        yield replace(_in_place_of_a_reply("greeting", manner, b"220"), security=Security.TLS)
        for stage in ("mail", "rcpt", "data"):
            alone = _in_place_of_a_reply(stage, manner, CODES[stage])
            yield replace(alone, capabilities=CAPABILITIES)
    for manner in GROUPED:
        for stage in ("auth", "mail", "rcpt", "data"):
            alone = _in_place_of_a_reply(stage, manner, CODES[stage])
            # On the second connection there is less time left than a stage may take.
            kinds = alone.kinds | ({FaultKind.DEADLINE} if alone.is_clocked else set())
            yield replace(alone, capabilities=CAPABILITIES, leads=True, kinds=kinds)


def _in_place_of_a_reply(stage: str, manner: str, code: bytes) -> Misbehaviour:
    make, kinds = IN_PLACE_OF_A_REPLY[manner]
    script = _once_connected(make(code)) if stage == "greeting" else make(code)
    return Misbehaviour(
        stage=stage, manner=manner, script=script, ends_at=Stage(stage), kinds=kinds
    )


def _once_connected(script: Script) -> Script:
    """Waits a moment: a reset that comes at once can still be one of the connection itself."""

    def waiting(client: Client) -> None:
        client.sleep(0.05)
        script(client)

    return waiting


def _handshakes() -> Iterator[Misbehaviour]:
    for security in (Security.STARTTLS, Security.TLS):
        for manner, (script, kinds) in IN_PLACE_OF_A_HANDSHAKE.items():
            yield Misbehaviour(
                stage="tls",
                manner=manner,
                script=_behind_the_hello(script),
                ends_at=Stage.TLS,
                kinds=kinds,
                security=security,
            )


def _at_stages(
    table: Mapping[str, tuple[Script, Kinds]], stages: Sequence[str]
) -> Iterator[Misbehaviour]:
    for manner, (script, kinds) in table.items():
        for stage in stages:
            yield Misbehaviour(
                stage=stage, manner=manner, script=script, ends_at=Stage(stage), kinds=kinds
            )


def _answers() -> Iterator[Misbehaviour]:
    for ends_at, (answer, stage) in ANSWERS.items():
        yield Misbehaviour(
            stage=stage,
            manner="an answer and deafness",
            script=then_leaves(answer, stays_deaf),
            ends_at=Stage(ends_at),
            kinds=_kinds(TIMEOUT),
        )


def _behind_the_hello(script: Script) -> Script:
    """Waits for the ClientHello: what comes sooner is injection."""

    def waiting(client: Client) -> None:
        client.read_client_hello()
        script(client)

    return waiting


MISBEHAVIOURS: tuple[Misbehaviour, ...] = (
    *_replies(),
    *_handshakes(),
    *_at_stages(INSIDE_TLS, ("ehlo", "auth", "mail", "content")),
    *_at_stages(IN_PLACE_OF_A_CHALLENGE, ("auth",)),
    *_answers(),
)
