"""Proxies on loopback that really forward, and remember what they were asked for.

Written from the standards and apart from the code under test: SOCKS5 (RFC 1928 and 1929) and HTTP
CONNECT (RFC 9110 section 9.3.6). Proxies that misbehave are scripted peers.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

LIFE_SECONDS = 30.0


@dataclass
class ForwardingProxy:
    """``asked`` are the hosts and ports as they came over the wire, a name as a name.

    ``login`` None lets everybody in. ``logins`` are those that were shown.
    """

    scheme: str
    port: int
    login: tuple[str, str] | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    host = "127.0.0.1"

    def entry(self, name: str = "office") -> str:
        """The proxy as an entry of the setting, without a login."""
        return f"{name}={self.scheme}://{self.host}:{self.port}"


@contextlib.contextmanager
def forwarding(scheme: str, login: tuple[str, str] | None = None) -> Iterator[ForwardingProxy]:
    """A proxy that runs in threads until the end of the block."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    class Handler(socketserver.StreamRequestHandler):
        rbufsize = 0

        def handle(self) -> None:
            self.request.settimeout(LIFE_SECONDS)
            with contextlib.suppress(OSError, EOFError):
                (_socks if scheme == "socks5" else _http)(self.request, proxy)

    with Server((ForwardingProxy.host, 0), Handler) as server:
        proxy = ForwardingProxy(scheme, server.server_address[1], login)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


def _read(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _socks(client: socket.socket, proxy: ForwardingProxy) -> None:
    _version, count = _read(client, 2)
    methods = _read(client, count)
    wanted = 2 if proxy.login else 0
    if wanted not in methods:
        client.sendall(b"\x05\xff")
        return
    client.sendall(bytes((5, wanted)))
    if wanted and not _socks_login(client, proxy):
        return
    _version, _command, _reserved, kind = _read(client, 4)
    if kind == 3:
        host = _read(client, _read(client, 1)[0]).decode()
    else:
        host = str(ipaddress.ip_address(_read(client, 4 if kind == 1 else 16)))
    (port,) = struct.unpack(">H", _read(client, 2))
    proxy.asked.append((host, port))
    try:
        server = socket.create_connection((host, port), timeout=LIFE_SECONDS)
    except OSError:
        client.sendall(b"\x05\x05\x00\x01\0\0\0\0\0\0")
        return
    # The bound address as a name, which is the longest form of it.
    client.sendall(b"\x05\x00\x00\x03\x05bound\x12\x34")
    _forward(client, server)


def _socks_login(client: socket.socket, proxy: ForwardingProxy) -> bool:
    _version, length = _read(client, 2)
    username = _read(client, length).decode()
    password = _read(client, _read(client, 1)[0]).decode()
    proxy.logins.append((username, password))
    is_right = proxy.login == (username, password)
    client.sendall(b"\x01\x00" if is_right else b"\x01\x01")
    return is_right


def _http(client: socket.socket, proxy: ForwardingProxy) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += _read(client, 1)
    first, *headers = head.decode().split("\r\n")
    method, target, _version = first.split(" ")
    host, _, port = target.rpartition(":")
    proxy.asked.append((host.strip("[]"), int(port)))
    named = dict(line.split(": ", 1) for line in headers if line)
    assert (method, named["Host"]) == ("CONNECT", target)
    shown = named.get("Proxy-Authorization", "Basic ").removeprefix("Basic ")
    username, _, password = base64.b64decode(shown).decode().partition(":")
    proxy.logins.append((username, password))
    if proxy.login not in (None, (username, password)):
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        return
    try:
        server = socket.create_connection((host.strip("[]"), int(port)), timeout=LIFE_SECONDS)
    except OSError:
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        return
    # In one segment with the server's first words where those are fast.
    greeting = b""
    with contextlib.suppress(OSError):
        server.settimeout(0.2)
        greeting = server.recv(4096)
    server.settimeout(LIFE_SECONDS)
    client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 here\r\n\r\n" + greeting)
    _forward(client, server)


def _forward(client: socket.socket, server: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(server, client), daemon=True)
    back.start()
    _copy(client, server)
    back.join(LIFE_SECONDS)
    server.close()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
