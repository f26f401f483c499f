from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable

import pytest

from smtpcheck.sandbox import Authority
from tests.peers.scripted import Client, ScriptedPeer, UnexpectedCommandError

MakePeer = Callable[..., ScriptedPeer]


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.ca_pem.decode())


def connect(peer: ScriptedPeer, timeout: float = 10) -> socket.socket:
    return socket.create_connection((peer.host, peer.port), timeout=timeout)


def everything(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def say_helo(peer: ScriptedPeer) -> None:
    with connect(peer) as sock:
        sock.sendall(b"HELO x\r\n")
        everything(sock)


def refuse_starttls(client: Client) -> None:
    client.send("220 hi")
    client.expect("EHLO")
    client.send("250-hi\n250 STARTTLS")
    client.expect("starttls")
    client.send("454 4.7.0 TLS not available")


def test_a_script_talks_and_what_the_client_said_is_recorded(peer: MakePeer) -> None:
    server = peer(refuse_starttls)
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.ehlo("client.example")
        assert client.docmd("STARTTLS") == (454, b"4.7.0 TLS not available")
    server.wait_until_idle()
    assert server.commands == ["ehlo client.example", "STARTTLS", "QUIT"]
    assert server.verbs == ["EHLO", "STARTTLS", "QUIT"]
    assert server.received == server.raw == b"ehlo client.example\r\nSTARTTLS\r\nQUIT\r\n"
    assert server.count == 1


def test_a_wrong_expectation_is_raised_when_the_peer_closes() -> None:
    server = ScriptedPeer(refuse_starttls).open()
    say_helo(server)
    with pytest.raises(UnexpectedCommandError, match="expected 'EHLO', the client said 'HELO x'"):
        server.close()


def test_an_error_of_the_test_itself_is_not_hidden_by_the_peer() -> None:
    server = ScriptedPeer(refuse_starttls).open()
    say_helo(server)
    server.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert server.errors


def test_a_client_that_leaves_early_is_no_error(peer: MakePeer) -> None:
    server = peer(refuse_starttls)
    connect(server).close()
    server.wait_for(1)
    server.wait_until_idle()
    assert server.clients[0].has_left
    assert not server.errors


def test_each_connection_takes_the_next_script(peer: MakePeer) -> None:
    server = peer(lambda client: client.send("220 one"), lambda client: client.send("220 more"))
    answers = []
    for _ in range(3):
        with connect(server) as sock:
            answers.append(everything(sock))
    assert answers == [b"220 one\r\n", b"220 more\r\n", b"220 more\r\n"]
    assert server.count == 3


def test_tls_by_script(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority
) -> None:
    def talk(client: Client) -> None:
        client.start_tls(server_context)
        client.send("220 hi")
        client.expect("EHLO")
        client.send("250 hi")

    server = peer(talk)
    context = trusting(authority)
    with smtplib.SMTP_SSL("localhost", server.port, context=context, timeout=10) as client:
        client.ehlo("x")
    server.wait_until_idle()
    assert server.clients[0].server_name == "localhost"
    assert server.clients[0].tls_version == "TLSv1.3"
    assert server.commands == ["ehlo x", "QUIT"]
    assert server.raw.startswith(b"\x16\x03")


def test_a_refused_certificate_ends_the_script_quietly(
    peer: MakePeer, server_context: ssl.SSLContext
) -> None:
    server = peer(lambda client: client.start_tls(server_context))
    with connect(server) as sock, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(sock, server_hostname="localhost")


def test_replies_serve_a_whole_mail(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority
) -> None:
    server = peer(
        [
            "220 hi",
            "250-hi\n250 STARTTLS",
            "220 go",
            "250-hi\n250 AUTH LOGIN",
            "334 VXNlcm5hbWU6",
            "334 UGFzc3dvcmQ6",
            "235 in",
            "250 from",
            "250 to",
            "354 go on",
            "250 taken",
        ],
        tls=server_context,
    )
    with smtplib.SMTP("localhost", server.port, timeout=10) as client:
        client.starttls(context=trusting(authority))
        client.login("ann", "pw")
        client.sendmail("a@b.c", ["d@e.f"], "hi\n.\nyou\n")
    assert server.verbs[-5:] == ["CHC=", "MAIL", "RCPT", "DATA", "QUIT"]
    assert server.clients[0].content == b"hi\r\n..\r\nyou\r\n"


def test_replies_over_tls_on_connect(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority
) -> None:
    server = peer(["220 hi"], tls=server_context, is_implicit=True)
    with smtplib.SMTP_SSL("localhost", server.port, context=trusting(authority), timeout=10):
        pass
    assert server.verbs == ["QUIT"]


def test_replies_may_be_bytes_and_functions(peer: MakePeer) -> None:
    server = peer([b"220 bare\n", lambda client: client.drip("250 slow", seconds=0.001), "250 ok"])
    with connect(server) as sock:
        sock.sendall(b"EHLO x\r\nNOOP\r\nQUIT\r\n")
        assert everything(sock) == b"220 bare\n250 slow\r\n250 ok\r\n221 2.0.0 Bye\r\n"


def test_when_replies_run_out_there_is_silence(peer: MakePeer) -> None:
    with connect(peer(["220 hi"]), timeout=0.1) as sock:
        sock.recv(100)
        sock.sendall(b"EHLO x\r\n")
        with pytest.raises(TimeoutError):
            sock.recv(100)


def test_reset_is_a_reset(peer: MakePeer) -> None:
    server = peer(Client.reset)
    with pytest.raises(ConnectionResetError), connect(server) as sock:
        sock.recv(1)


def test_close_is_a_proper_end_even_with_unread_bytes(peer: MakePeer) -> None:
    def talk(client: Client) -> None:
        client.read_line()
        client.send("221 bye")
        client.close()

    with connect(peer(talk)) as sock:
        sock.sendall(b"QUIT\r\nand more\r\n")
        assert everything(sock) == b"221 bye\r\n"


def test_bytes_can_go_past_tls(
    peer: MakePeer, server_context: ssl.SSLContext, authority: Authority
) -> None:
    def talk(client: Client) -> None:
        client.start_tls(server_context)
        client.send_raw(b"220 in the clear\r\n")

    context = trusting(authority)
    with (
        connect(peer(talk)) as sock,
        pytest.raises(ssl.SSLError, match=r"WRONG_VERSION|RECORD"),
        context.wrap_socket(sock, server_hostname="localhost") as secure,
    ):
        secure.recv(100)


def test_a_flood_ends_when_the_client_goes(peer: MakePeer) -> None:
    server = peer(lambda client: client.repeat("250-more"))
    with connect(server) as sock:
        assert sock.recv(10) == b"250-more\r\n"
    server.wait_until_idle()
    assert server.clients[0].has_left


def test_one_that_never_reads_fills_the_pipe_and_still_closes_at_once(peer: MakePeer) -> None:
    with ScriptedPeer(Client.stop_reading, receive_buffer_bytes=4096) as server:
        with connect(server, timeout=0.2) as sock, pytest.raises(TimeoutError):
            sock.sendall(b"x" * 20_000_000)
        begin = time.monotonic()
    assert time.monotonic() - begin < 1


def test_a_sleeping_script_does_not_hold_up_the_end(peer: MakePeer) -> None:
    begin = time.monotonic()
    with ScriptedPeer(lambda client: client.sleep(20)) as server, connect(server):
        pass
    assert time.monotonic() - begin < 1


def test_a_peer_does_not_outlive_its_time() -> None:
    with ScriptedPeer(Client.drain, life_seconds=0.1) as server, connect(server) as sock:
        assert everything(sock) == b""


def test_no_thread_is_left() -> None:
    with ScriptedPeer(Client.drain) as server, connect(server):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "peer"]


def test_it_serves_asynchronous_tests() -> None:
    async def talk() -> tuple[bytes, list[str]]:
        async with ScriptedPeer.replies(["220 hi", "250 ok"]) as server:
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(b"EHLO x\r\nQUIT\r\n")
            received = await reader.read()
            writer.close()
            await writer.wait_closed()
        return received, server.commands

    assert asyncio.run(talk()) == (
        b"220 hi\r\n250 ok\r\n221 2.0.0 Bye\r\n",
        ["EHLO x", "QUIT"],
    )
