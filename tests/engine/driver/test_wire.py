from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest

from smtpcheck.engine.driver.wire import MAX_RAW_OCTETS, Wire, WireFailed
from smtpcheck.engine.evidence import FaultKind, Reply
from smtpcheck.engine.replies import Unreadable
from smtpcheck.engine.tls import TlsChannel, Trust, build_context
from smtpcheck.sandbox import Authority
from tests.peers.scripted import Client, ScriptedPeer

T = TypeVar("T")
MakePeer = Callable[..., ScriptedPeer]
HOME = ipaddress.ip_address("127.0.0.1")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end of a connection, and the server's."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(5)
    with ours, theirs:
        yield ours, theirs


Ends = tuple[socket.socket, socket.socket]


def on_wire(sock: socket.socket, use: Callable[[Wire], Awaitable[T]]) -> T:
    async def run() -> T:
        return await use(Wire(sock, HOME))

    return asyncio.run(run())


def soon(seconds: float = 2.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def read(wire: Wire) -> Reply:
    return await wire.read_reply(soon())


def failure_of(sock: socket.socket, *, seconds: float = 2.0) -> WireFailed:
    async def use(wire: Wire) -> WireFailed:
        try:
            while True:
                await wire.read_reply(soon(seconds))
        except WireFailed as failure:
            return failure

    return on_wire(sock, use)


def test_replies_come_one_by_one_however_their_bytes_came(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"220-one\r\n220 two\r\n250 th")

    async def use(wire: Wire) -> list[Reply]:
        first = await read(wire)
        theirs.sendall(b"ree\r\n")
        return [first, await read(wire)]

    assert on_wire(ours, use) == [Reply(220, ("one", "two")), Reply(250, ("three",))]


def test_replies_are_told_where_they_arrive_until_no_more_is_wanted(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"220 one\r\n")
    told: list[int] = []

    async def use(wire: Wire) -> Reply:
        def on_reply(reply: Reply) -> float | None:
            told.append(reply.code)
            theirs.sendall(f"{250 + len(told)} next\r\n".encode())
            return soon() if len(told) < 3 else None

        await wire.read_replies(on_reply, soon())
        return await read(wire)

    assert on_wire(ours, use).code == 253
    assert told == [220, 251, 252]


def test_what_is_raised_at_a_reply_is_raised_where_replies_are_awaited(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"220 one\r\n")

    async def use(wire: Wire) -> None:
        def on_reply(reply: Reply) -> float | None:
            raise LookupError(reply.code)

        with pytest.raises(LookupError, match="220"):
            await wire.read_replies(on_reply, soon())
        theirs.sendall(b"250 two\r\n")
        assert (await read(wire)).code == 250

    on_wire(ours, use)


def test_each_reply_says_how_long_the_next_is_waited_for(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"220 one\r\n")

    async def use(wire: Wire) -> FaultKind:
        with pytest.raises(WireFailed) as failed:
            await wire.read_replies(lambda _: soon(0.05), soon(30))
        return failed.value.kind

    assert on_wire(ours, use) is FaultKind.TIMEOUT


def test_the_last_reply_is_told_before_the_end_of_the_stream(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    def talk(client: Client) -> None:
        client.start_tls(server_context)
        client.send("220 hi")

    async def use(wire: Wire) -> list[int]:
        await shake_hands(wire, authority)
        told: list[int] = []

        def on_reply(reply: Reply) -> float | None:
            told.append(reply.code)
            return soon()

        with pytest.raises(WireFailed) as failed:
            await wire.read_replies(on_reply, soon())
        assert failed.value.kind is FaultKind.CLOSED
        return told

    assert connected(peer(talk), use) == [220]


def test_what_is_sent_arrives_in_one_piece(ends: Ends) -> None:
    ours, theirs = ends

    async def use(wire: Wire) -> None:
        await wire.send(b"EHLO x\r\n", soon())

    on_wire(ours, use)
    assert theirs.recv(100) == b"EHLO x\r\n"


def test_silence_ends_by_the_clock_and_keeps_what_had_come(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"220 hal")

    error = failure_of(ours, seconds=0.05)

    assert (error.kind, error.raw) == (FaultKind.TIMEOUT, b"220 hal")


@pytest.mark.parametrize(("before", "seconds"), [(0.1, 0.3), (30.0, 0.05)])
def test_each_wait_has_its_own_clock(ends: Ends, before: float, seconds: float) -> None:
    ours, theirs = ends

    async def use(wire: Wire) -> float:
        theirs.sendall(b"220 hi\r\n")
        await wire.read_reply(soon(before))
        began = soon(0)
        with pytest.raises(WireFailed) as failed:
            await wire.read_reply(began + seconds)
        assert failed.value.kind is FaultKind.TIMEOUT
        return soon(0) - began

    assert seconds * 0.9 < on_wire(ours, use) < 10


def test_what_comes_while_nobody_waits_stays_for_the_next_read(ends: Ends) -> None:
    ours, theirs = ends

    async def use(wire: Wire) -> list[Reply]:
        theirs.sendall(b"220 hi\r\n")
        first = await read(wire)
        theirs.sendall(b"250 there\r\n")
        await asyncio.sleep(0.05)
        assert wire.unasked() is None
        return [first, await read(wire)]

    assert on_wire(ours, use) == [Reply(220, ("hi",)), Reply(250, ("there",))]


def test_a_server_that_takes_no_bytes_ends_by_the_clock(ends: Ends) -> None:
    ours, _ = ends

    async def use(wire: Wire) -> FaultKind:
        with pytest.raises(WireFailed) as caught:
            await wire.send(bytes(16 * 1024 * 1024), soon(0.05))
        return caught.value.kind

    assert on_wire(ours, use) is FaultKind.TIMEOUT


def test_the_end_of_the_stream_is_told_with_what_had_come(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"220 a\r\n221")
    theirs.close()

    error = failure_of(ours)

    assert (error.kind, error.raw) == (FaultKind.CLOSED, b"221")


def test_a_reset_is_told(peer: MakePeer) -> None:
    server = peer(Client.reset)
    with socket.create_connection((server.host, server.port)) as ours:
        server.wait_until_idle()
        ours.setblocking(False)
        assert failure_of(ours).kind is FaultKind.RESET


def test_after_a_failed_send_the_servers_last_words_are_still_read(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"421 4.3.2 shutting down\r\n")
    theirs.close()

    async def use(wire: Wire) -> Reply:
        await wire.send(b"EHLO x\r\n", soon())
        return await read(wire)

    assert on_wire(ours, use).code == 421


def test_what_is_no_reply_is_told_with_its_bytes(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"hello there\r\n")

    error = failure_of(ours)

    assert (error.kind, error.raw) == (FaultKind.BAD_REPLY, b"hello there")


def test_octets_that_carry_hardly_any_text_are_bounded_too(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    def pad(client: Client) -> None:
        client.start_tls(server_context)
        while True:
            for octet in b"250 x\r\n":
                client.send(bytes((octet,)))  # in a record of its own, of 23 octets

    server = peer(pad)

    async def use(wire: Wire) -> WireFailed:
        await shake_hands(wire, authority)
        try:
            while True:
                await wire.read_reply(soon(10))
        except WireFailed as failure:
            return failure

    error = connected(server, use)
    assert (error.kind, error.detail) == (FaultKind.TOO_MUCH, "raw octets")
    assert server.clients[0].sent_bytes < 16 * MAX_RAW_OCTETS


def connected(server: ScriptedPeer, use: Callable[[Wire], Awaitable[T]]) -> T:
    with socket.create_connection((server.host, server.port)) as ours:
        ours.setblocking(False)
        return on_wire(ours, use)


async def shake_hands(wire: Wire, authority: Authority) -> None:
    trust = Trust(verifies=True, ca_bundle=authority.ca_pem.decode())
    await wire.handshake(TlsChannel(trust, build_context(trust), "localhost"), soon())


# Out of turn


def test_nothing_is_unasked_while_nothing_has_come(ends: Ends) -> None:
    async def use(wire: Wire) -> Reply | bytes | None:
        return wire.unasked()

    assert on_wire(ends[0], use) is None


@pytest.mark.parametrize(
    ("extra", "unasked"),
    [
        (b"250 more\r\n", Reply(250, ("more",))),
        (b"250-mo", b"250-mo"),
        (b"what?\r\n", b"what?"),
    ],
)
def test_what_came_behind_a_reply_is_unasked(
    ends: Ends, extra: bytes, unasked: Reply | bytes
) -> None:
    ours, theirs = ends
    theirs.sendall(b"220 hi\r\n" + extra)

    async def use(wire: Wire) -> Reply | bytes | None:
        await read(wire)
        return wire.unasked()

    assert on_wire(ours, use) == unasked


def test_too_much_that_is_unasked_is_told_and_not_raised(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    both_are_sent = threading.Event()

    def talk(client: Client) -> None:
        client.start_tls(server_context)
        client.send("220 hi")
        client.send("250 more")
        both_are_sent.set()
        client.drain()

    async def use(wire: Wire) -> Reply | bytes | None:
        await shake_hands(wire, authority)
        await wire.send(b"", soon())  # the end of the handshake, which else waits for a command
        await asyncio.to_thread(both_are_sent.wait, 5)
        await read(wire)
        with contextlib.suppress(Unreadable):
            while True:
                wire.reader.feed(b"250 x\r\n")
                wire.reader.next_reply()
        return wire.unasked()

    assert connected(peer(talk), use) == b"220 hi\r\n"


def test_bytes_before_the_handshake_are_injection(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"220 go\r\n250 in")

    async def use(wire: Wire) -> bytes:
        await read(wire)
        theirs.sendall(b"jected\r\n")
        return wire.injected()

    assert on_wire(ours, use) == b"250 injected\r\n"


def test_without_such_bytes_nothing_is_injected_and_nobody_waits(ends: Ends) -> None:
    async def use(wire: Wire) -> bytes:
        return wire.injected()

    assert on_wire(ends[0], use) == b""


# TLS


def test_through_tls_replies_come_as_without(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    def talk(client: Client) -> None:
        client.start_tls(server_context)
        client.send("220 hi")
        client.expect("EHLO")
        client.send("250 there")
        client.drain()

    server = peer(talk)

    async def use(wire: Wire) -> list[Reply]:
        await shake_hands(wire, authority)
        first = await read(wire)
        await wire.send(b"EHLO x\r\n", soon())
        second = await read(wire)
        wire.close(b"QUIT\r\n")
        return [first, second]

    assert [reply.code for reply in connected(server, use)] == [220, 250]
    server.wait_until_idle()
    assert server.verbs == ["EHLO", "QUIT"]


def test_a_failed_handshake_tells_the_server_why(
    peer: MakePeer, server_context: ssl.SSLContext
) -> None:
    told: list[str] = []

    def talk(client: Client) -> None:
        try:
            client.start_tls(server_context)
            client.read_line()
        except ssl.SSLError as error:
            told.append(error.reason)

    server = peer(talk)

    async def use(wire: Wire) -> WireFailed:
        with pytest.raises(WireFailed) as caught:
            await shake_hands(wire, Authority.create())
        wire.close()
        return caught.value

    assert connected(server, use).kind is FaultKind.CERTIFICATE
    server.wait_until_idle()
    assert told == ["TLSV1_ALERT_UNKNOWN_CA"]


def test_closing_is_done_at_once_and_may_be_done_twice(ends: Ends) -> None:
    ours, theirs = ends

    async def use(wire: Wire) -> None:
        wire.close(b"QUIT\r\n")
        wire.close(b"QUIT\r\n")

    on_wire(ours, use)
    assert theirs.recv(100) == b"QUIT\r\n"
    assert theirs.recv(100) == b""


def test_a_farewell_that_the_socket_does_not_take_is_left_unsaid(ends: Ends) -> None:
    ours, theirs = ends
    filled = 0
    try:
        while True:
            filled += ours.send(bytes(65536))
    except BlockingIOError:
        pass

    async def use(wire: Wire) -> None:
        wire.close(bytes(1024 * 1024))

    on_wire(ours, use)
    received = 0
    while chunk := theirs.recv(1024 * 1024):
        received += len(chunk)
    assert received < filled + 1024 * 1024
