"""Servers that do exactly what a test tells them: real sockets on loopback, scripts in Python.

A script is a function that gets each connection and talks in blocking calls:

    def refuse_starttls(client):
        client.send("220 hi")
        client.expect("EHLO")
        client.send("250-hi\\n250 STARTTLS")
        client.expect("STARTTLS")
        client.send("454 4.7.0 TLS not available")

    with ScriptedPeer(refuse_starttls) as peer:
        ...                                   # connect to peer.host, peer.port
    assert peer.commands == ["EHLO x", "STARTTLS", "QUIT"]

A script that returns has its connection half-closed and read to its end, so that what the client
still says is recorded too. Each connection has its own thread, so a peer serves synchronous and
asynchronous tests alike. A script that the client leaves early ends quietly; a wrong expectation
is raised when the peer closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from smtpcheck.sandbox.tls import TlsEnd

LIFE_SECONDS = 30.0  # no peer outlives this, whatever the test does
JOIN_SECONDS = 5.0
LAST_WORDS_SECONDS = 0.2  # for the last words of a client that has just left
ACCEPT_SECONDS = 0.5  # where closing a listening socket does not wake who waits on it
CHUNK_BYTES = 16384
RAW_KEPT_BYTES = 4 * 1024 * 1024

Script = Callable[["Client"], object]
Reply = str | bytes | Script


class UnexpectedCommandError(AssertionError):
    """The client said something else than the script expected."""


class GoneError(ConnectionError):
    """The client has closed, or the peer is being closed: the script ends."""


class Client:
    """A connection to the program under test, as its script sees it."""

    def __init__(self, sock: socket.socket, number: int, end: threading.Event) -> None:
        self.number = number  # 1 for the first connection
        self.raw = bytearray()  # as it came over the wire
        self.received = bytearray()  # plain, decrypted
        self.commands: list[str] = []  # the lines read; the content of a mail is not among them
        self.content = b""  # of the last mail, dots as they were sent
        self.server_name = ""  # that the client asked for in TLS (SNI)
        self.tls_version = ""
        self.sent_bytes = 0
        self.turns = 0  # how often the client has been answered: what is sent in a row is one turn
        self.has_left = False  # the client closed or reset
        self.is_paused = False  # the script waits for time to pass and not for the client
        self._sock = sock
        self._end = end
        self._buffer = bytearray()
        self._tls: TlsEnd | None = None
        self._is_over = False
        self._has_turn = True

    # Talking

    def send(self, data: str | bytes) -> None:
        """Send bytes as they are, or text as lines with CRLF (``\\n`` parts several)."""
        plain = as_bytes(data)
        if self._tls and plain:
            self._tls.write(plain)
            plain = self._tls.outgoing()
        self.send_raw(plain)

    def send_raw(self, data: bytes) -> None:
        """Send bytes past TLS, as an attacker or a broken server would."""
        if data and self._has_turn:
            self.turns += 1
            self._has_turn = False
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise self._gone() from error
        self.sent_bytes += len(data)

    def drip(self, data: str | bytes, *, seconds: float = 1.0) -> None:
        """Send one byte, wait, send the next."""
        for byte in as_bytes(data):
            self.send(bytes((byte,)))
            self.sleep(seconds)

    def repeat(self, data: str | bytes, *, seconds: float = 0, times: int | None = None) -> None:
        """Send the same again and again: so many times, or until the client has gone."""
        sent = 0
        while times is None or sent < times:
            self.send(data)
            sent += 1
            if seconds:
                self.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        """Wait; ends the script if the peer is closed meanwhile."""
        self.is_paused = True
        if self._end.wait(seconds):
            raise GoneError
        self.is_paused = False

    # Listening

    def read_line(self) -> str:
        """The next line, without its end."""
        while b"\n" not in self._buffer:
            self._fill()
        line = self._take(self._buffer.index(b"\n") + 1)
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        self.commands.append(text)
        return text

    def expect(self, prefix: str) -> str:
        """The next line, which must begin so (in any case of letters)."""
        line = self.read_line()
        if not line.upper().startswith(prefix.upper()):
            raise UnexpectedCommandError(f"expected {prefix!r}, the client said {line!r}")
        return line

    def read_content(self) -> bytes:
        """The content of a mail up to the line with the dot, which is cut off."""
        self._buffer[:0] = b"\r\n"
        while b"\r\n.\r\n" not in self._buffer:
            self._fill()
        self.content = self._take(self._buffer.index(b"\r\n.\r\n") + 5)[2:-3]
        return self.content

    def read_bytes(self) -> bytes:
        """Whatever comes next, at least one byte."""
        if not self._buffer:
            self._fill()
        return self._take(len(self._buffer))

    def drain(self) -> None:
        """Read until the client has gone; its lines count as commands."""
        with contextlib.suppress(GoneError):
            while True:
                self.read_line()

    def stop_reading(self) -> None:
        """Keep the connection open and never read again, until the peer is closed."""
        self.sleep(LIFE_SECONDS)
        raise GoneError

    # TLS

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands as the server. Raises ssl.SSLError, which ends the script quietly."""
        tls = TlsEnd(context)
        if self._buffer:  # bytes that came early: a wrong client has begun TLS before the 220
            tls.feed(self._take(len(self._buffer)))
        while not self._handshake_step(tls):
            tls.feed(self._receive())
        self._tls = tls
        self.server_name, self.tls_version = tls.server_name, tls.version

    def read_client_hello(self) -> bytes:
        """The first bytes of a handshake that the script does not want to finish."""
        return self._receive()

    def close_notify(self) -> None:
        """End TLS and keep the connection."""
        if self._tls:
            self._tls.close_notify()
            self.send_raw(self._tls.outgoing())

    # Leaving

    def close(self) -> None:
        """Close the connection in the usual way (FIN)."""
        self._is_over = True
        self.half_close()
        with contextlib.suppress(GoneError):  # unread bytes would turn the FIN into a reset
            self._sock.settimeout(0)
            while True:
                self._receive()
        self._sock.close()

    def half_close(self) -> None:
        """Say that nothing more comes (FIN), and go on reading."""
        with contextlib.suppress(OSError, GoneError):
            self.close_notify()
            self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self._is_over = True
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def finish(self) -> None:
        """What happens to a connection whose script has returned."""
        if not self._is_over:
            self.half_close()
            self.drain()

    def cut(self) -> None:
        """Wake whoever waits on this connection; called when the peer is closed."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _handshake_step(self, tls: TlsEnd) -> bool:
        try:
            return tls.handshake()
        finally:
            self.send_raw(tls.outgoing())

    def _fill(self) -> None:
        before = len(self._buffer)
        if self._tls:
            self._arrived(b"")
        while len(self._buffer) == before:
            self._arrived(self._receive())

    def _arrived(self, raw: bytes) -> None:
        plain: bytes | None = raw
        if self._tls:
            self._tls.feed(raw)
            plain = self._tls.read()
        if plain is None:
            raise self._gone()
        self._buffer += plain
        self.received += plain

    def _receive(self) -> bytes:
        try:
            raw = self._sock.recv(CHUNK_BYTES)
        except OSError as error:
            raise self._gone() from error
        if not raw:
            raise self._gone()
        self.raw += raw
        self._has_turn = True
        if len(self.raw) > RAW_KEPT_BYTES:
            raise GoneError
        return raw

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _gone(self) -> GoneError:
        self.has_left = not self._end.is_set()
        return GoneError()


class ScriptedPeer:
    """A server on 127.0.0.1 with a port of its own; ``with`` or ``async with`` opens and closes it.

    ``port`` is for tests in which its number counts.
    With several scripts each connection takes the next one, and the last one is taken again.
    """

    def __init__(
        self,
        *scripts: Script,
        host: str = "127.0.0.1",
        port: int = 0,
        life_seconds: float = LIFE_SECONDS,
        receive_buffer_bytes: int | None = None,
    ) -> None:
        self.host = host
        self.clients: list[Client] = []
        self.errors: list[BaseException] = []
        self._scripts = scripts
        self._end = threading.Event()
        self._acceptor = threading.Thread(target=self._accept_all, name="peer", daemon=True)
        self._threads: list[threading.Thread] = []  # one for each of the clients
        self._news = threading.Condition()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, port), family=family)
        self._listening.settimeout(ACCEPT_SECONDS)
        if receive_buffer_bytes:  # so that a client soon feels that nobody reads
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.port: int = self._listening.getsockname()[1]
        self._timer = threading.Timer(min(life_seconds, LIFE_SECONDS), self._end_all)
        self._timer.daemon = True

    @classmethod
    def replies(
        cls,
        replies: Sequence[Reply],
        *,
        tls: ssl.SSLContext | None = None,
        is_implicit: bool = False,
        host: str = "127.0.0.1",
    ) -> Self:
        """A peer that greets with the first reply and gives the next one to each line it reads.

        A reply is text, bytes as they are, or a function of the connection. After a 354 the
        content counts as one line; after a 220 to STARTTLS the handshake follows, if there is a
        context. When the replies have run out, or QUIT comes early, QUIT gets 221 and all else
        silence.
        """
        return cls(_dialogue(replies, tls, is_implicit=is_implicit), host=host)

    @property
    def count(self) -> int:
        """How many connections there were."""
        return len(self.clients)

    @property
    def commands(self) -> list[str]:
        """The lines read from all connections, one connection after the other."""
        return [command for client in self.clients for command in client.commands]

    @property
    def verbs(self) -> list[str]:
        """The first words of the commands, in capitals."""
        return [command.partition(" ")[0].upper() for command in self.commands]

    @property
    def received(self) -> bytes:
        """The plain bytes of all connections, one connection after the other."""
        return b"".join(bytes(client.received) for client in self.clients)

    @property
    def raw(self) -> bytes:
        """The bytes of the wire of all connections."""
        return b"".join(bytes(client.raw) for client in self.clients)

    def open(self) -> Self:
        """Begin to take connections."""
        self._timer.start()
        self._acceptor.start()
        return self

    def close(self) -> None:
        """Drop all connections, end all threads; raises what went wrong in a script."""
        self.shut()
        if self.errors:
            raise self.errors[0]

    def shut(self) -> None:
        """Drop all connections and end all threads."""
        self._timer.cancel()
        self._end_all()
        for thread in (self._acceptor, *self._threads):
            thread.join(JOIN_SECONDS)
        self._listening.close()

    def wait_for(self, count: int, seconds: float = 5.0) -> None:
        """Wait until there were so many connections."""
        with self._news:
            if not self._news.wait_for(lambda: self.count >= count, seconds):
                raise AssertionError(f"{self.count} connections came instead of {count}")

    def wait_until_idle(self, seconds: float = 5.0) -> None:
        """Wait until every connection so far has ended, so that what was said is complete.

        Connections whose script sleeps are not waited for.
        """
        with self._news:
            pairs = list(zip(self.clients, self._threads, strict=True))
        for client, thread in pairs:
            if not client.is_paused:
                thread.join(seconds)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.wait_until_idle(LAST_WORDS_SECONDS)
            self.close()
        else:
            self.shut()

    async def __aenter__(self) -> Self:
        return self.open()

    async def __aexit__(self, kind: object, *rest: object) -> None:
        await asyncio.to_thread(self.__exit__, kind, *rest)  # the client's loop goes on meanwhile

    def _start(self, sock: socket.socket, client: Client) -> None:
        thread = threading.Thread(target=self._serve, args=(sock, client), name="peer", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept_all(self) -> None:
        while not self._end.is_set():
            try:
                sock, _ = self._listening.accept()
            except TimeoutError:
                continue
            except OSError:
                return  # the peer is being closed
            if self._end.is_set():
                sock.close()
                return
            sock.settimeout(None)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._news:
                client = Client(sock, len(self.clients) + 1, self._end)
                self.clients.append(client)
                self._start(sock, client)
                self._news.notify_all()

    def _serve(self, sock: socket.socket, client: Client) -> None:
        script = self._scripts[min(client.number, len(self._scripts)) - 1]
        with sock:
            try:
                script(client)
                client.finish()
            except (GoneError, ssl.SSLError):
                return  # the client has left, or did not like our TLS: the test looks at that
            except AssertionError as error:
                self.errors.append(error)

    def _end_all(self) -> None:
        self._end.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes accept()
        for client in self.clients:
            client.cut()


def as_bytes(data: str | bytes) -> bytes:
    """Bytes as they are; text as lines that end with CRLF."""
    if isinstance(data, bytes):
        return data
    return "".join(f"{line}\r\n" for line in data.split("\n")).encode()


def _dialogue(replies: Sequence[Reply], tls: ssl.SSLContext | None, *, is_implicit: bool) -> Script:
    def talk(client: Client) -> None:
        if tls and is_implicit:
            client.start_tls(tls)
        rest = iter(replies)
        _answer(client, next(rest))
        for line in _turns(client):
            reply = next(rest, None)
            if line.upper() == "QUIT" and reply is not replies[-1]:
                client.send("221 2.0.0 Bye")
                return
            if reply is None:
                client.drain()
                return
            _answer(client, reply)
            if tls and line.upper() == "STARTTLS" and _begins(reply, "220"):
                client.start_tls(tls)
            if _begins(reply, "354"):
                client.read_content()
                _answer(client, next(rest, "250 2.0.0 Ok"))

    return talk


def _turns(client: Client) -> Iterator[str]:
    while True:
        yield client.read_line()


def _answer(client: Client, reply: Reply) -> None:
    if callable(reply):
        reply(client)
    else:
        client.send(reply)


def _begins(reply: Reply, code: str) -> bool:
    return not callable(reply) and as_bytes(reply).startswith(code.encode())
