from __future__ import annotations

import asyncio
import gc
import smtplib
import socket
from collections.abc import Callable

import pytest

from smtpcheck.sandbox import (
    Authority,
    BackgroundSandbox,
    Limits,
    Listener,
    ListenError,
    Mail,
    Sandbox,
    Tls,
)
from tests.peers.fixtures import RunningSandbox


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "mail.example.org", ""])
def test_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(ValueError, match="loopback addresses only"):
        Listener(host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9"])
def test_every_loopback_address_is_taken(make_sandbox: Callable[..., object], host: str) -> None:
    assert make_sandbox(Listener(host=host))


def test_a_port_that_is_in_use_is_told_and_nothing_is_left_listening(
    authority: Authority,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        sandbox = Sandbox([Listener(), Listener(taken.getsockname()[1])], authority=authority)
        with pytest.raises(ListenError, match=f"port {sandbox.listeners[1].port}"):
            BackgroundSandbox(sandbox).start()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sandbox.listeners[0].port))


def test_it_starts_and_stops_within_a_running_loop(authority: Authority) -> None:
    async def greeting() -> bytes:
        async with Sandbox([Listener()], authority=authority) as sandbox:
            reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.listeners[0].port)
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line

    assert asyncio.run(greeting()) == b"220 sandbox.localhost ESMTP sandbox\r\n"


def test_stopping_drops_the_clients_and_gives_the_port_back(authority: Authority) -> None:
    running = BackgroundSandbox(Sandbox([Listener(tls=Tls.NONE)], authority=authority))
    running.start()
    port = running.sandbox.listeners[0].port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        assert client.recv(100)
        running.stop()
        assert client.recv(100) == b""
    socket.create_server(("127.0.0.1", port)).close()
    gc.collect()  # an unclosed socket would warn here


def test_a_client_too_many_is_turned_away(make_sandbox: Callable[..., RunningSandbox]) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, limits=Limits(connections=1))
    address = ("127.0.0.1", sandbox.plain_port)
    with (
        socket.create_connection(address, timeout=10) as first,
        socket.create_connection(address, timeout=10) as second,
    ):
        assert first.recv(100).startswith(b"220")
        assert second.recv(100) == b"421 4.7.0 Too many connections\r\n"


def test_each_mail_is_told(make_sandbox: Callable[..., RunningSandbox]) -> None:
    told: list[Mail] = []
    sandbox = make_sandbox(tls=Tls.NONE, logins={}, on_mail=told.append)
    with smtplib.SMTP("127.0.0.1", sandbox.plain_port, timeout=10) as client:
        client.sendmail("a@b.c", ["d@e.f", "g@h.i"], "Subject: =?utf-8?q?gr=C3=BCn?=\r\n\r\nhi\r\n")
    assert [(mail.recipients, mail.subject) for mail in told] == [(("d@e.f", "g@h.i"), "grün")]


def test_a_mailbox_that_fails_is_a_temporary_refusal(
    make_sandbox: Callable[..., RunningSandbox], full_mailbox: object
) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, logins={}, mailbox=full_mailbox)
    with smtplib.SMTP("127.0.0.1", sandbox.plain_port, timeout=10) as client:
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            client.sendmail("a@b.c", ["d@e.f"], "hi")
        assert refusal.value.smtp_code == 451


@pytest.fixture
def full_mailbox() -> object:
    from smtpcheck.sandbox import Mailbox

    class Full(Mailbox):
        def keep(self, mail: Mail) -> Mail:
            raise OSError(28, "No space left on device")

    return Full()
