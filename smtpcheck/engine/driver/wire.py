"""One connection: a non-blocking socket, the replies read from it, and TLS once it is up.

No asyncio transport or stream: those lose a 421 that arrives while we write, and their TLS holds
256 KiB a connection. After a failed send the stream is still read to its end, because the server
often says why before it hangs up.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from smtpcheck.engine.errors import EngineError
from smtpcheck.engine.evidence import FaultKind, Reply
from smtpcheck.engine.policy import Address
from smtpcheck.engine.replies import ReplyReader, Unreadable
from smtpcheck.engine.tls import HandshakeFailed, TlsChannel

# All bytes of one connection, TLS framing and certificates included.
MAX_RAW_OCTETS = 1024 * 1024

# One record of TLS. Each read takes a buffer of this size, and one of 64 KiB has the C library tidy
# up its heap when it goes.
_READ_OCTETS = 16 * 1024 + 512

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


# Told a reply, it says until when the next one is waited for, or None where none is.
OnReply = Callable[[Reply], float | None]


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
        self._owes_ack = False  # something has come, and nothing gone out since
        self._left = b""  # what the socket has not taken of what TLS says by itself
        self._waiter: asyncio.Future[bytes] | None = None
        self._on_reply: OnReply | None = None
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
        if left := self.send_at_once(octets):
            await self.send_rest(left, deadline)

    def send_at_once(self, octets: bytes) -> bytes:
        """Send what the socket takes without waiting; the rest is for ``send_rest``.

        Commands fit the socket's buffer, so nearly always there is none, and no clock to set.
        """
        if self.tls is not None:
            self.tls.write(octets)
            octets = self._left + self.tls.outgoing()
            self._left = b""
        return self._send_raw(octets)

    async def send_rest(self, left: bytes, deadline: float) -> None:
        """Send what ``send_at_once`` has left over, as it goes on the wire."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._loop.sock_sendall(self._sock, left)
        except TimeoutError:
            raise WireFailed(FaultKind.TIMEOUT, "the server takes no bytes") from None
        except OSError:
            return

    async def read_reply(self, deadline: float) -> Reply:
        """Return the next reply."""
        while (reply := self._reply()) is None:
            self._take_in(await self._arrival(deadline))
        return reply

    async def read_replies(self, on_reply: OnReply, deadline: float) -> None:
        """Give each reply to ``on_reply`` until it wants no more; raises what that raises.

        It is called where a reply arrives. To wake a coroutine for each takes a future and another
        turn of the loop, which is as much as all the rest of reading it.
        """
        while (reply := self._reply()) is not None:
            wanted = on_reply(reply)
            if wanted is None:
                return
            deadline = wanted
        self._on_reply = on_reply
        try:
            await self._arrival(deadline)
        finally:
            self._on_reply = None

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
                if left := self._send_raw(channel.outgoing()):
                    await self.send_rest(left, deadline)
                channel.feed(await self._arrival(deadline))
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
        if self._sock.fileno() < 0:
            return
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

    def _reply(self) -> Reply | None:
        """The next reply if it has come; raises WireFailed, at the end of the stream too."""
        try:
            while (reply := self.reader.next_reply()) is None and self.tls is not None:
                if (text := self._decrypted()) is None:
                    break
                self._feed(text)
        except Unreadable as error:
            raise WireFailed(error.kind, error.detail, raw=error.raw) from None
        return reply

    def _take_in(self, data: bytes) -> None:
        """Keep what has come, for TLS or for the reader."""
        if self.tls is None:
            self._feed(data)
        else:
            self.tls.feed(data)

    def _feed(self, text: bytes) -> None:
        if not text:
            raise WireFailed(FaultKind.CLOSED, raw=self.reader.pending)
        try:
            self.reader.feed(text)
        except Unreadable as error:
            raise WireFailed(error.kind, error.detail, raw=error.raw) from None

    def _decrypted(self) -> bytes | None:
        assert self.tls is not None
        try:
            return self.tls.read()
        except HandshakeFailed as error:
            raise WireFailed(error.kind, error.detail) from None

    def _send_raw(self, octets: bytes) -> bytes:
        """Send what the socket takes; the rest, of which there is none where nobody listens."""
        if not octets:
            return b""
        try:
            sent = self._sock.send(octets)
        except (BlockingIOError, InterruptedError):
            return octets
        except OSError:
            return b""
        self._owes_ack = False
        return octets[sent:]

    def _arrival(self, deadline: float) -> asyncio.Future[bytes]:
        """What comes next, or b"" at the end of the stream; await it. Ends with WireFailed.

        The loop goes on listening from one wait to the next, and the alarm is only put off.
        """
        waiter = self._waiter = self._loop.create_future()
        self._wait_until(deadline)
        if not self._listens:
            self._listens = True
            # By number: for an unknown socket the selector would print its two addresses, and ask
            # for them first.
            self._loop.add_reader(self._sock.fileno(), self._on_readable)
        return waiter

    def _wait_until(self, deadline: float) -> None:
        # What TLS says by itself, such as the end of a handshake without a command to leave with.
        if self.tls is not None and (octets := self.tls.outgoing()):
            self._left = self._send_raw(self._left + octets)
        self._acknowledge_at_once()
        self._deadline = deadline
        if self._alarm is None or deadline < self._alarm.when():
            self._set_alarm()

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
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._set_alarm()
        else:
            self._end_wait(WireFailed(FaultKind.TIMEOUT, raw=self.reader.pending))

    def _on_readable(self) -> None:
        """Give what has come to who waits; what nobody waits for stays with the kernel."""
        if self._waiter is None or self._waiter.done():  # cancelled, with the test
            self._stop_listening()
            return
        try:
            data = self._sock.recv(_READ_OCTETS)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            is_reset = isinstance(error, ConnectionResetError)
            detail = "" if is_reset else error.strerror or ""
            self._end_wait(WireFailed(FaultKind.RESET, detail))
            return
        self._owes_ack = True
        self._raw_octets += len(data)
        if self._raw_octets > MAX_RAW_OCTETS:
            raw = self.reader.first_bytes
            self._end_wait(WireFailed(FaultKind.TOO_MUCH, "raw octets", raw=raw))
        elif self._on_reply is None:
            self._end_wait(data)
        else:
            self._tell_replies(data, self._on_reply)

    def _tell_replies(self, data: bytes, on_reply: OnReply) -> None:
        """Tell the replies that have come, and wait for more as long as more are wanted."""
        deadline: float | None = self._deadline
        try:
            self._take_in(data)
            while deadline is not None and (reply := self._reply()) is not None:
                deadline = on_reply(reply)
        except Exception as error:  # noqa: BLE001 - raised where the replies are awaited
            self._end_wait(error)
            return
        if deadline is None:
            self._end_wait(b"")
        else:
            self._wait_until(deadline)

    def _end_wait(self, outcome: bytes | Exception) -> None:
        """Let who waits go on. Nothing keeps the future: its error leads to their frames."""
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        if isinstance(outcome, Exception):
            waiter.set_exception(outcome)
        else:
            waiter.set_result(outcome)

    def _acknowledge_at_once(self) -> None:
        """Keep the kernel from holding our ACK back where no command carries it.

        Nagle's algorithm on the server would then hold the rest of its reply for 40 ms. The option
        does not stick: it sends the ACK that is due, and the next one may be put off again.
        """
        if _QUICKACK is None or not self._owes_ack:
            return
        self._owes_ack = False
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        except OSError:
            return

    async def _send_alert(self, channel: TlsChannel) -> None:
        """Give the server our reason (RFC 8446 section 6.2), if it can still take it."""
        with contextlib.suppress(OSError):
            if alert := channel.outgoing():
                self._sock.send(alert)
