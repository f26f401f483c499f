"""A connection as the server's dialogue sees it: lines in, bytes out, TLS in between when asked.

Own socket calls instead of asyncio streams, because the server has to know exactly which bytes
came before the handshake, to stop reading when a fault says so, and to reset a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct

from smtpcheck.sandbox.tls import TlsEnd

CHUNK_BYTES = 16384
END_OF_CONTENT = b"\r\n.\r\n"
GOODBYE_SECONDS = 1.0  # how long the last reply may take to be read before the socket is closed


class GoneError(ConnectionError):
    """The client has closed the connection."""


class LineTooLongError(Exception):
    """A line was longer than the limit; it has been read to its end and thrown away."""


class Wire:
    """One connection to a client. A read or write that takes too long is a TimeoutError."""

    def __init__(self, sock: socket.socket, *, idle_seconds: float, line_bytes: int) -> None:
        self.sock = sock
        self.tls: TlsEnd | None = None
        self._idle_seconds = idle_seconds
        self._line_bytes = line_bytes
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()

    @property
    def is_encrypted(self) -> bool:
        """True from the end of the handshake on."""
        return self.tls is not None

    async def read_line(self) -> bytes:
        """The next line with its end, whatever that is: CRLF as it must be, or LF alone."""
        dropped = 0
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > self._line_bytes:
                dropped += len(self._buffer)
                self._buffer.clear()
            await self._fill()
        line = self._take(end + 1)
        if dropped + len(line) > self._line_bytes:
            raise LineTooLongError
        return line

    async def read_content(self, limit_bytes: int) -> bytes | None:
        """A mail up to the line with the dot, dots unstuffed; None if it was over the limit.

        RFC 5321 section 4.5.2. Only CRLF ends a line here, so a bare LF cannot smuggle a dot.
        """
        self._buffer[:0] = b"\r\n"  # an empty mail is the dot at once
        seen, is_over = 0, False
        while (end := self._buffer.find(END_OF_CONTENT, max(0, seen - 4))) < 0:
            if len(self._buffer) > limit_bytes:
                is_over = True
                del self._buffer[:-4]
            seen = len(self._buffer)
            await self._fill()
        content = self._take(end + len(END_OF_CONTENT))
        if is_over or len(content) > limit_bytes + 5:
            return None
        return content[:-3].replace(b"\r\n.", b"\r\n")[2:]

    async def drain(self) -> None:
        """Read and throw away until the client has gone, however long it says nothing."""
        while True:
            self._buffer.clear()
            try:
                await self._fill()
            except TimeoutError:
                continue

    async def wait_for_bytes(self) -> None:
        """Wait until the client has sent something, whatever it is, and throw it away."""
        if not self._buffer:
            await self._fill()
        self._buffer.clear()

    def take_early(self) -> bytes:
        """Bytes the client sent before it was its turn, read or waiting; they are gone then."""
        with contextlib.suppress(OSError):  # nothing waits, or the client has gone
            self._arrived(self.sock.recv(CHUNK_BYTES))
        return self._take(len(self._buffer))

    async def send(self, data: bytes, *, pace_seconds: float = 0) -> None:
        """Send bytes, one at a time with a pause before each if there is a pace."""
        if not pace_seconds:
            await self._send(data)
            return
        for byte in data:
            await asyncio.sleep(pace_seconds)
            await self._send(bytes((byte,)))

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands as the server; ssl.SSLError when the client and we do not agree."""
        tls = TlsEnd(context)
        while not await self._handshake_step(tls):
            raw = await self._receive()
            if not raw:
                raise GoneError
            tls.feed(raw)
        self.tls = tls

    async def finish(self) -> None:
        """Close so that the client still gets the last reply."""
        with contextlib.suppress(OSError):
            if self.tls:
                self.tls.close_notify()
                self.sock.send(self.tls.outgoing())
            self.sock.shutdown(socket.SHUT_WR)
            # Closing a socket with unread bytes is a reset, which takes the last reply with it.
            async with asyncio.timeout(GOODBYE_SECONDS):
                while await self._loop.sock_recv(self.sock, CHUNK_BYTES):
                    pass
        self.sock.close()

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _handshake_step(self, tls: TlsEnd) -> bool:
        try:
            return tls.handshake()
        finally:  # the alert goes out also when it failed
            await self._send_raw(tls.outgoing())

    async def _fill(self) -> None:
        """Wait for more plain bytes."""
        before = len(self._buffer)
        if self.tls:
            self._arrived(b"")  # what came in one flight with the end of the handshake
        while len(self._buffer) == before:
            raw = await self._receive()
            if not raw:
                raise GoneError
            self._arrived(raw)

    def _arrived(self, raw: bytes) -> None:
        if self.tls is None:
            self._buffer += raw
            return
        self.tls.feed(raw)
        plain = self.tls.read()
        if plain is None:
            raise GoneError
        self._buffer += plain

    async def _send(self, data: bytes) -> None:
        if self.tls and data:
            self.tls.write(data)
            data = self.tls.outgoing()
        await self._send_raw(data)

    async def _send_raw(self, data: bytes) -> None:
        async with asyncio.timeout(self._idle_seconds):
            await self._loop.sock_sendall(self.sock, data)

    async def _receive(self) -> bytes:
        async with asyncio.timeout(self._idle_seconds):
            return await self._loop.sock_recv(self.sock, CHUNK_BYTES)
