"""One connection: a non-blocking socket, the replies read from it, and TLS once it is up.

No asyncio transport or stream: those lose a 421 that arrives while we write, and their TLS holds
256 KiB a connection. After a failed send the stream is still read to its end, because the server
often says why before it hangs up.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.evidence import FaultKind, Reply
from smtpcheck.engine.policy import Address
from smtpcheck.engine.replies import ReplyReader, Unreadable
from smtpcheck.engine.tls import HandshakeFailed, TlsChannel

# All bytes of one connection, TLS framing and certificates included.
MAX_RAW_OCTETS = 1024 * 1024

_READ_OCTETS = 64 * 1024

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux


class WireFailed(EngineError):
    """The stream, not the server's words, ended what was going on."""

    def __init__(
        self,
        kind: FaultKind,
        detail: str = "",
        *,
        raw: bytes = b"",
        verify_code: int | None = None,
    ) -> None:
        super().__init__(f"{kind.value} {detail}".rstrip())
        self.kind = kind
        self.detail = detail
        self.raw = raw
        self.verify_code = verify_code


class Wire:
    """Sends octets and reads replies, in the clear or through TLS.

    Every waiting method takes the loop time at which it gives up, and raises WireFailed.
    ``address`` is the server's, as it was dialled.
    """

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self.address = address
        self.reader = ReplyReader()
        self.tls: TlsChannel | None = None
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._raw_octets = 0
        self._listens = False
        self._waiter: asyncio.Future[bytes] | None = None
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def local_address(self) -> tuple[str, int]:
        """Our address and port."""
        host, port = self._sock.getsockname()[:2]
        return host, port

    async def send(self, octets: bytes, deadline: float) -> None:
        """Send octets in one flight, behind whatever the handshake still had to say.

        A connection that is gone is no error here: what the server said before is still to be
        read, and the read will tell.
        """
        if self.tls is not None:
            self.tls.write(octets)
            octets = self.tls.outgoing()
        await self._send_raw(octets, deadline)

    async def read_reply(self, deadline: float) -> Reply:
        """Return the next reply."""
        while True:
            try:
                if (reply := self.reader.next_reply()) is not None:
                    return reply
                data = await self._receive(deadline)
                if not data:
                    raise WireFailed(FaultKind.CLOSED, raw=self.reader.pending)
                self.reader.feed(data)
            except Unreadable as error:
                raise WireFailed(error.kind, error.detail, raw=error.raw) from None

    def unasked(self) -> Reply | bytes | None:
        """Return what is there although nothing was asked: a reply, part of one, or None."""
        try:
            if self.tls is not None and (data := self._decrypted()):
                self.reader.feed(data)
            return self.reader.next_reply() or self.reader.pending or None
        except Unreadable as error:
            return error.raw

    def injected(self) -> bytes:
        """Return bytes that came in the clear although TLS was to begin.

        One read that does not wait: what arrives later is met by the handshake.
        """
        data = b""
        with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionError):
            data = self._sock.recv(_READ_OCTETS)
        return self.reader.pending + data

    async def handshake(self, channel: TlsChannel, deadline: float) -> None:
        """Do the TLS handshake. Our last flight stays back, to leave with the next command."""
        try:
            while not channel.handshake():
                await self._send_raw(channel.outgoing(), deadline)
                channel.feed(await self._receive_raw(deadline))
        except HandshakeFailed as error:
            if error.kind is not FaultKind.PIN:  # there the handshake's end would go out, no alert
                await self._send_alert(channel)
            raise WireFailed(
                error.kind, error.detail, raw=error.raw, verify_code=error.verify_code
            ) from None
        self.tls = channel
        self.reader.restart()

    def close(self, farewell: bytes = b"") -> None:
        """Close at once; ``farewell`` is sent if the socket takes it without waiting."""
        with contextlib.suppress(OSError, HandshakeFailed, ValueError):
            if self.tls is not None and farewell:
                self.tls.write(farewell)
                farewell = self.tls.outgoing() + self.tls.close()
            if farewell:
                self._sock.send(farewell)
        self._stop_listening()
        if self._alarm is not None:
            self._alarm.cancel()
        self._sock.close()

    async def _receive(self, deadline: float) -> bytes:
        if self.tls is None:
            return await self._receive_raw(deadline)
        while (data := self._decrypted()) is None:
            await self._send_raw(self.tls.outgoing(), deadline)
            self.tls.feed(await self._receive_raw(deadline))
        return data

    def _decrypted(self) -> bytes | None:
        assert self.tls is not None
        try:
            return self.tls.read()
        except HandshakeFailed as error:
            raise WireFailed(error.kind, error.detail) from None

    async def _send_raw(self, octets: bytes, deadline: float) -> None:
        try:
            # Commands fit the socket's buffer; only where they do not is there a clock to set.
            octets = octets[self._sock.send(octets) :] if octets else b""
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            return
        if not octets:
            return
        try:
            async with asyncio.timeout_at(deadline):
                await self._loop.sock_sendall(self._sock, octets)
        except TimeoutError:
            raise WireFailed(FaultKind.TIMEOUT, "the server takes no bytes") from None
        except OSError:
            return

    async def _receive_raw(self, deadline: float) -> bytes:
        self._acknowledge_at_once()
        try:
            data = await self._arrival(deadline)
        except TimeoutError:
            raise WireFailed(FaultKind.TIMEOUT, raw=self.reader.pending) from None
        except ConnectionResetError:
            raise WireFailed(FaultKind.RESET) from None
        except OSError as error:
            raise WireFailed(FaultKind.RESET, error.strerror or "") from None
        self._raw_octets += len(data)
        if self._raw_octets > MAX_RAW_OCTETS:
            raise WireFailed(FaultKind.TOO_MUCH, "raw octets", raw=self.reader.first_bytes)
        return data

    async def _arrival(self, deadline: float) -> bytes:
        """Wait for bytes, or b"" at the end of the stream; raises TimeoutError and OSError.

        A future is all that a wait takes: the loop goes on listening from one wait to the next,
        and the alarm is only put off.
        """
        self._waiter = self._loop.create_future()
        self._deadline = deadline
        if self._alarm is None or deadline < self._alarm.when():
            self._set_alarm()
        if not self._listens:
            self._listens = True
            # By number: for an unknown socket the selector would print its two addresses, and ask
            # for them first.
            self._loop.add_reader(self._sock.fileno(), self._on_readable)
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def _stop_listening(self) -> None:
        if self._listens:
            self._listens = False
            self._loop.remove_reader(self._sock.fileno())

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(self._deadline, self._on_alarm)

    def _on_alarm(self) -> None:
        """End the wait if its time is up; one that began later has set a later deadline."""
        self._alarm = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._deadline:
            self._set_alarm()
        else:
            self._waiter.set_exception(TimeoutError())

    def _on_readable(self) -> None:
        """Give what has come to who waits; what nobody waits for stays with the kernel."""
        if self._waiter is None or self._waiter.done():
            self._stop_listening()
            return
        try:
            self._waiter.set_result(self._sock.recv(_READ_OCTETS))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._waiter.set_exception(error)

    def _acknowledge_at_once(self) -> None:
        """Keep the kernel from holding our ACK back.

        Nagle's algorithm on the server would then hold its next reply for 40 ms. The option does
        not stick, so it is set before each read.
        """
        if _QUICKACK is None:
            return
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        except OSError:
            return

    async def _send_alert(self, channel: TlsChannel) -> None:
        """Give the server our reason (RFC 8446 section 6.2), if it can still take it."""
        with contextlib.suppress(OSError):
            if alert := channel.outgoing():
                self._sock.send(alert)
