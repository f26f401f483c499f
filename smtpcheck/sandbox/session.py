"""The server's side of one SMTP conversation: RFC 5321 with the extensions that it offers.

Written after the standards and independent of the tester's engine, so that the two can be wrong
only apart. Each reply passes through ``_turn``, where a fault may put something else in its place;
what the server then holds to be true follows from the code it has said, not from what it meant.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from smtpcheck.sandbox.faults import NO_FAULT, Fault, Stage, Then
from smtpcheck.sandbox.logins import Logins
from smtpcheck.sandbox.mailbox import Mail, Mailbox
from smtpcheck.sandbox.visits import MASKED, Visit
from smtpcheck.sandbox.wire import GoneError, LineTooLongError, Wire


class Tls(StrEnum):
    """When a listener speaks TLS."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"  # on connect, as on port 465


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may take of the sandbox before it is refused."""

    line_bytes: int = 8192  # RFC 5321 asks for 512, and the longest password's login fits
    message_bytes: int = 1024 * 1024  # test mails have some kilobytes
    recipients: int = 100  # RFC 5321 section 4.5.3.1.8 asks for at least 100
    refused_logins: int = 3  # as servers in the field
    bad_commands: int = 20
    connections: int = 1000
    idle_seconds: float = 60.0
    life_seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a listener offers to each client."""

    name: str
    tls: Tls
    context: ssl.SSLContext | None
    mailbox: Mailbox
    logins: Logins = field(default_factory=lambda: Logins({}))
    auth_in_clear: bool = False
    requires_login: bool = True
    fault: Fault = NO_FAULT
    limits: Limits = field(default_factory=Limits)
    on_mail: Callable[[Mail], None] | None = None


_Credentials = tuple[bytes, bytes] | None


@dataclass(slots=True)
class _Envelope:
    sender: str
    is_utf8: bool
    recipients: list[str] = field(default_factory=list)


class _OverError(Exception):
    """The conversation ends here."""

    def __init__(self, ended: str) -> None:
        super().__init__(ended)
        self.ended = ended


class _RefusedError(Exception):
    """A command cannot be obeyed; carries the reply that says so."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.reply = _reply(code, text)


class Session:
    """Serves one client until one of the two has had enough."""

    def __init__(self, wire: Wire, service: Service, visit: Visit) -> None:
        self._wire = wire
        self._service = service
        self._visit = visit
        self._has_greeted = False
        self._is_extended = False
        self._envelope: _Envelope | None = None
        self._bad_commands = 0

    async def run(self) -> None:
        """Talk to the end. What the client does is noted in the visit and never raised."""
        try:
            async with asyncio.timeout(self._service.limits.life_seconds):
                await self._talk()
        except _OverError as over:
            self._visit.ended = over.ended
        except ssl.SSLError as error:
            self._visit.note_tls_error(error)
            self._visit.ended = "tls"
        except TimeoutError:
            self._visit.ended = "idle"
        except GoneError:
            self._visit.ended = "gone"
        except OSError as error:
            self._visit.ended = error.strerror or "broken"
        if self._visit.ended != "reset":
            await self._wire.finish()

    # The frame: greeting, then commands one by one

    async def _talk(self) -> None:
        if self._service.tls is Tls.IMPLICIT:
            await self._secure()
        code = await self._turn(Stage.GREETING, _reply(220, f"{self._service.name} ESMTP sandbox"))
        is_welcome = code < 400  # RFC 5321 section 3.1: after 554 only QUIT is served
        while True:
            await self._obey_next(is_welcome=is_welcome)

    async def _obey_next(self, *, is_welcome: bool) -> None:
        try:
            verb, argument = await self._next_command()
            self._check_verb(verb, is_welcome=is_welcome)
            await self._commands[verb](self, argument)
        except _RefusedError as refused:
            await self._complain(refused.reply)

    def _check_verb(self, verb: str, *, is_welcome: bool) -> None:
        if verb not in self._commands:
            raise _RefusedError(500, "5.5.2 Command not recognized")
        if not is_welcome and verb != "QUIT":
            raise _RefusedError(503, "5.5.1 Only QUIT is of use here")

    async def _next_command(self) -> tuple[str, str]:
        line = await self._read_line()
        if self._service.fault.forgets_pipelined:
            self._wire.take_early()
        verb, _, argument = line.rstrip(" ").partition(" ")
        self._visit.note_command(self._masked(line, verb.upper(), argument))
        return verb.upper(), argument

    def _masked(self, line: str, verb: str, argument: str) -> str:
        """A command as it may be remembered."""
        mechanism, _, initial = argument.partition(" ")
        if verb == "AUTH" and initial:
            return f"{verb} {mechanism} {MASKED}"
        # What is no command may be the answer to a challenge that the client believed it had seen.
        return line if verb in self._commands else MASKED

    async def _read_line(self) -> str:
        """The next line without its end; refused if it is no line of SMTP."""
        try:
            raw = await self._wire.read_line()
        except LineTooLongError:
            raise _RefusedError(500, "5.5.6 Line too long") from None
        except TimeoutError:
            await self._say(_reply(421, "4.4.2 Idle for too long"))
            raise
        if not raw.endswith(b"\r\n") or b"\r" in raw[:-2] or b"\0" in raw:
            raise _RefusedError(500, "5.5.2 Lines end with CRLF and hold no CR, LF or NUL")
        try:
            return raw[:-2].decode()
        except UnicodeDecodeError:
            raise _RefusedError(500, "5.5.2 That is not UTF-8") from None

    async def _complain(self, reply: bytes) -> None:
        self._bad_commands += 1
        await self._say(reply)
        if self._bad_commands >= self._service.limits.bad_commands:
            await self._say(_reply(421, "4.7.0 Too many errors"))

    # What the server says

    async def _turn(self, stage: Stage, own: bytes) -> int:
        """Say a reply, or do what the fault does at this stage; the code that was said, or 0."""
        turn = self._service.fault.at(stage)
        said = self._service.fault.says_at(stage, own)
        await asyncio.sleep(turn.delay_seconds)
        await self._say(said + turn.adds, pace_seconds=turn.pace_seconds)
        while turn.repeats:
            await self._wire.send(said)
            await asyncio.sleep(0)  # a client that reads quickly would keep the loop for itself
        await self._end_turn(turn.then)
        return _code(said)

    async def _end_turn(self, then: Then) -> None:
        match then:
            case Then.CLOSE:
                raise _OverError("closed")
            case Then.RESET:
                self._visit.ended = "reset"
                self._wire.reset()
                raise _OverError("reset")
            case Then.HANG:
                await self._wire.drain()
            case Then.DEAF:
                await asyncio.sleep(self._service.limits.life_seconds)

    async def _say(self, data: bytes, *, pace_seconds: float = 0) -> None:
        self._visit.note_reply(data)
        await self._wire.send(data, pace_seconds=pace_seconds)
        if data.startswith(b"421"):  # RFC 5321 section 3.8: 421 is the last word
            raise _OverError("closed")

    # Hello and TLS

    async def _ehlo(self, argument: str) -> None:
        if not argument:
            raise _RefusedError(501, "5.5.4 EHLO needs a name")
        reply = _reply(250, f"{self._service.name} greets {argument}", *self._capabilities())
        self._said_hello(await self._turn(Stage.EHLO, reply), is_extended=True)

    async def _helo(self, argument: str) -> None:
        if not argument:
            raise _RefusedError(501, "5.5.4 HELO needs a name")
        await self._say(_reply(250, self._service.name))
        self._said_hello(250, is_extended=False)

    def _said_hello(self, code: int, *, is_extended: bool) -> None:
        if _is_yes(code):
            self._has_greeted, self._is_extended, self._envelope = True, is_extended, None

    def _capabilities(self) -> list[str]:
        offered = ["PIPELINING", f"SIZE {self._service.limits.message_bytes}"]
        if self._service.tls is Tls.STARTTLS and not self._wire.is_encrypted:
            offered.append("STARTTLS")
        if self._may_log_in():
            offered.append("AUTH PLAIN LOGIN")
        offered += ["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]
        hidden = self._service.fault.without
        return [line for line in offered if line.partition(" ")[0] not in hidden]

    def _may_log_in(self) -> bool:
        is_safe = self._wire.is_encrypted or self._service.auth_in_clear
        return bool(self._service.logins) and is_safe

    async def _starttls(self, argument: str) -> None:
        if argument:
            raise _RefusedError(501, "5.5.4 STARTTLS takes no argument")
        if self._wire.is_encrypted:
            raise _RefusedError(503, "5.5.1 This connection is encrypted already")
        is_hidden = "STARTTLS" in self._service.fault.without
        if self._service.tls is not Tls.STARTTLS or is_hidden:
            raise _RefusedError(502, "5.5.1 STARTTLS is not offered")
        self._refuse_early_bytes(self._wire.take_early())
        if _is_yes(await self._turn(Stage.STARTTLS, _reply(220, "2.0.0 Ready to start TLS"))):
            await self._secure()

    def _refuse_early_bytes(self, early: bytes) -> None:
        # Commands behind STARTTLS, in the clear, may have been put there by an attacker, to be
        # taken for the client's after the handshake (CVE-2011-0411).
        if early:
            self._visit.early_bytes = len(early)
            raise _RefusedError(421, "4.7.0 Bytes behind STARTTLS")

    async def _secure(self) -> None:
        turn = self._service.fault.at(Stage.TLS)
        if turn.says is not None:
            # Said any sooner, it would be taken for bytes injected behind the 220.
            await self._wire.wait_for_bytes()
            await self._turn(Stage.TLS, b"")
            return
        if self._service.context is None:
            raise _OverError("closed")
        await asyncio.sleep(turn.delay_seconds)
        await self._wire.start_tls(self._service.context)
        if self._wire.tls:
            self._visit.note_tls(self._wire.tls)
        self._has_greeted, self._is_extended, self._envelope = False, False, None
        self._visit.login = ""

    # Login

    async def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        self._check_may_auth(mechanism.upper())
        credentials = await self._mechanisms[mechanism.upper()](self, initial)
        if credentials:
            await self._judge_login(*credentials)

    async def _judge_login(self, user: bytes, password: bytes) -> None:
        is_right = self._service.logins.accepts(user, password)
        own = (
            _reply(235, "2.7.0 Authentication successful")
            if is_right
            else _reply(535, "5.7.8 Authentication credentials invalid")
        )
        if _is_yes(await self._turn(Stage.AUTH, own)):
            self._visit.login = user.decode("utf-8", "replace")
        else:
            await self._count_refused_login()

    def _check_may_auth(self, mechanism: str) -> None:
        self._check_hello()
        is_hidden = "AUTH" in self._service.fault.without
        if is_hidden or not self._is_extended or not self._service.logins:
            raise _RefusedError(502, "5.5.1 AUTH is not offered")
        if self._visit.login or self._envelope:
            raise _RefusedError(503, "5.5.1 Not now")
        if mechanism not in self._mechanisms:
            raise _RefusedError(504, "5.5.4 Unrecognized authentication type")
        if not self._may_log_in():
            raise _RefusedError(538, "5.7.11 Encryption required for this mechanism")

    async def _count_refused_login(self) -> None:
        self._visit.refused_logins += 1
        if self._visit.refused_logins >= self._service.limits.refused_logins:
            await self._say(_reply(421, "4.7.0 Too many refused logins"))

    async def _plain(self, initial: str) -> _Credentials:
        """RFC 4616: who to be, who one is, the password."""
        response = _decoded(initial) if initial else await self._ask("")
        if response is None:
            return None
        match response.split(b"\0"):
            case [identity, user, password] if identity in (b"", user):
                return user, password
        raise _RefusedError(501, "5.5.2 That is not a PLAIN response")

    async def _login(self, initial: str) -> _Credentials:
        user = _decoded(initial) if initial else await self._ask("Username:")
        password = None if user is None else await self._ask("Password:")
        return None if user is None or password is None else (user, password)

    async def _ask(self, question: str) -> bytes | None:
        """The client's answer; None if a fault has refused in place of asking."""
        challenge = base64.b64encode(question.encode()).decode()
        code = await self._turn(Stage.CHALLENGE, _reply(334, challenge))
        if code != 334:
            return None
        line = await self._read_line()
        self._visit.note_command(line if line == "*" else MASKED)
        return _decoded(line)

    # The mail

    def _check_hello(self) -> None:
        if not self._has_greeted:
            raise _RefusedError(503, "5.5.1 Say EHLO or HELO first")

    async def _mail(self, argument: str) -> None:
        self._check_hello()
        if self._envelope:
            raise _RefusedError(503, "5.5.1 Nested MAIL command")
        if self._service.requires_login and self._service.logins and not self._visit.login:
            raise _RefusedError(530, "5.7.0 Authentication required")
        path, parameters = _path_and_parameters("FROM", argument)
        is_utf8 = self._check_mail_parameters(parameters)
        if path:
            _check_address(path, is_utf8=is_utf8, bad=(501, "5.1.7"))
        if _is_yes(await self._turn(Stage.MAIL, _reply(250, "2.1.0 Ok"))):
            self._envelope = _Envelope(path, is_utf8)

    def _check_mail_parameters(self, parameters: Mapping[str, str]) -> bool:
        """True if SMTPUTF8 is among them; refused if one is unknown or cannot be met."""
        unknown = set(parameters) - {"SIZE", "BODY", "SMTPUTF8", "AUTH"}
        if unknown or (parameters and not self._is_extended):
            raise _RefusedError(555, "5.5.4 Unsupported parameter")
        if parameters.get("BODY", "7BIT").upper() not in {"7BIT", "8BITMIME"}:
            raise _RefusedError(501, "5.5.4 BODY is 7BIT or 8BITMIME")
        size = parameters.get("SIZE", "0")
        if not re.fullmatch(r"[0-9]{1,20}", size):
            raise _RefusedError(501, "5.5.4 SIZE is a number")
        if int(size) > self._service.limits.message_bytes:
            raise _RefusedError(552, "5.3.4 Message too big")
        return "SMTPUTF8" in parameters

    async def _rcpt(self, argument: str) -> None:
        if not self._envelope:
            raise _RefusedError(503, "5.5.1 MAIL first")
        path, parameters = _path_and_parameters("TO", argument)
        if parameters:
            raise _RefusedError(555, "5.5.4 Unsupported parameter")
        if path.lower() != "postmaster":
            _check_address(path, is_utf8=self._envelope.is_utf8, bad=(501, "5.1.3"))
        if len(self._envelope.recipients) >= self._service.limits.recipients:
            raise _RefusedError(452, "4.5.3 Too many recipients")
        if _is_yes(await self._turn(Stage.RCPT, _reply(250, "2.1.5 Ok"))):
            self._envelope.recipients.append(path)

    async def _data(self, argument: str) -> None:
        if argument:
            raise _RefusedError(501, "5.5.4 DATA takes no argument")
        if not self._envelope:
            raise _RefusedError(503, "5.5.1 MAIL first")
        own = (
            _reply(354, "End data with <CR><LF>.<CR><LF>")
            if self._envelope.recipients
            else _reply(554, "5.5.1 No valid recipients")
        )
        if await self._turn(Stage.DATA, own) == 354:
            await self._take_content(self._envelope)

    async def _take_content(self, envelope: _Envelope) -> None:
        self._envelope = None
        content = await self._wire.read_content(self._service.limits.message_bytes)
        if content is None:
            await self._say(_reply(552, "5.3.4 Message too big"))
            return
        if re.search(rb"\r(?!\n)|(?<!\r)\n|\0", content):
            await self._say(_reply(554, "5.6.0 Bare CR, bare LF or NUL in the message"))
            return
        await self._judge_content(envelope, content)

    async def _judge_content(self, envelope: _Envelope, content: bytes) -> None:
        mail = Mail(
            queue_id=secrets.token_hex(6).upper(),
            sender=envelope.sender,
            recipients=tuple(envelope.recipients),
            login=self._visit.login,
            content=content,
            taken_at=datetime.now(UTC),
        )
        own = _reply(250, f"2.0.0 Ok: queued as {mail.queue_id}")
        # Kept before it is said, so that a client that has read the 250 finds its mail.
        if envelope.recipients and _is_yes(_code(self._service.fault.says_at(Stage.CONTENT, own))):
            own = self._keep(mail) or own
        await self._turn(Stage.CONTENT, own)

    def _keep(self, mail: Mail) -> bytes | None:
        """Keep a mail; what to say if that went wrong."""
        try:
            kept = self._service.mailbox.keep(mail)
        except OSError:
            return _reply(451, "4.3.0 The mail could not be stored")
        self._visit.mails += 1
        if self._service.on_mail:
            self._service.on_mail(kept)
        return None

    # The rest

    async def _rset(self, _: str) -> None:
        self._envelope = None
        await self._turn(Stage.RSET, _reply(250, "2.0.0 Ok"))

    async def _noop(self, _: str) -> None:
        await self._say(_reply(250, "2.0.0 Ok"))

    async def _vrfy(self, _: str) -> None:
        await self._say(_reply(252, "2.5.2 Send some mail, and it will be seen"))

    async def _quit(self, _: str) -> None:
        await self._turn(Stage.QUIT, _reply(221, "2.0.0 Bye"))
        raise _OverError("quit")

    _mechanisms: ClassVar[Mapping[str, Callable[[Session, str], Awaitable[_Credentials]]]] = {
        "PLAIN": _plain,
        "LOGIN": _login,
    }
    _commands: ClassVar[Mapping[str, Callable[[Session, str], Awaitable[None]]]] = {
        "EHLO": _ehlo,
        "HELO": _helo,
        "STARTTLS": _starttls,
        "AUTH": _auth,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data,
        "RSET": _rset,
        "NOOP": _noop,
        "VRFY": _vrfy,
        "QUIT": _quit,
    }


# RFC 5321 section 4.1.2: no blank after the colon; a quoted local part may hold blanks and ">".
_PATH = re.compile(r'(\w+):<((?:"(?:[^"\\]|\\.)*"|[^\s<>"])*)>(?: +(.*))?')


def _path_and_parameters(keyword: str, argument: str) -> tuple[str, dict[str, str]]:
    match = _PATH.fullmatch(argument)
    if not match or match[1].upper() != keyword:
        raise _RefusedError(501, f"5.5.4 Syntax: {keyword}:<address>")
    pairs = (word.partition("=") for word in (match[3] or "").split())
    return match[2], {name.upper(): value for name, _, value in pairs}


def _check_address(address: str, *, is_utf8: bool, bad: tuple[int, str]) -> None:
    local, at, domain = address.rpartition("@")
    if not (local and at and domain):
        code, enhanced = bad
        raise _RefusedError(code, f"{enhanced} That is not an address")
    if not (address.isascii() or is_utf8):
        raise _RefusedError(553, "5.6.7 Addresses beyond ASCII need SMTPUTF8")


def _decoded(text: str) -> bytes:
    """The bytes behind the base64 of a login. RFC 4954 section 4: ``=`` is empty, ``*`` cancels."""
    if text == "*":
        raise _RefusedError(501, "5.7.0 Authentication cancelled")
    if text == "=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise _RefusedError(501, "5.5.2 That is not base64") from None


def _reply(code: int, *texts: str) -> bytes:
    *early, last = texts
    return "".join([f"{code}-{text}\r\n" for text in early] + [f"{code} {last}\r\n"]).encode()


def _code(data: bytes) -> int:
    return int(data[:3]) if re.match(rb"[0-9]{3}", data) else 0


def _is_yes(code: int) -> bool:
    return 200 <= code < 300  # RFC 5321 section 4.2.1: 2 is completed
