"""A name server on loopback that answers as a test tells it, or misbehaves as it is told.

    with NameServer({"example.org": {"MX": ["10 mx.example.org."]}}) as server:
        ...                                       # ask server.address: (host, port)
    assert server.asked == [("example.org", "MX")]

A name that no zone has is NXDOMAIN; one without the type asked for is an empty answer. ``faults``
names what happens to a name instead, see ``FAULTS``.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL = 60
JOIN_SECONDS = 5.0
BIND_TRIES = 20

Zones = Mapping[str, Mapping[str, Sequence[str]]]


class NameServer:
    """Serves ``zones``: name -> type -> records as in zone files, over UDP and TCP on one port.

    ``secure`` sets AD in every answer, as a name server does that has verified it.
    """

    def __init__(
        self, zones: Zones, *, faults: Mapping[str, str] | None = None, secure: bool = False
    ) -> None:
        self._zones = zones
        self._faults = faults or {}
        self._secure = secure
        self.asked: list[tuple[str, str]] = []
        self.unchecked: list[tuple[str, str]] = []
        self.over_tcp: list[tuple[str, str]] = []
        self._tcp, self._udp = _on_one_port()
        self.address: tuple[str, int] = self._tcp.getsockname()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=serve, daemon=True)
            for serve in (self._serve_udp, self._serve_tcp)
        ]

    def __enter__(self) -> Self:
        for sock in (self._udp, self._tcp):
            sock.settimeout(0.05)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while not self._ended.is_set():
            try:
                wire, client = self._udp.recvfrom(65535)
            except TimeoutError:
                continue
            for answer in self._answers(wire, over_tcp=False):
                self._udp.sendto(answer, client)

    def _serve_tcp(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._tcp.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(JOIN_SECONDS)
                head = connection.recv(2, socket.MSG_WAITALL)
                if len(head) < 2:
                    continue
                wire = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                for answer in self._answers(wire, over_tcp=True):
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answers(self, wire: bytes, *, over_tcp: bool) -> list[bytes]:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True)
        asked = (name, dns.rdatatype.to_text(question.rdtype))
        self.asked.append(asked)
        if query.flags & dns.flags.CD:
            self.unchecked.append(asked)
        if over_tcp:
            self.over_tcp.append(asked)
        response = self._honest(query, *asked)
        fault = self._faults.get(name, "")
        return FAULTS[fault](query, response, over_tcp) if fault else [response.to_wire()]

    def _honest(self, query: dns.message.Message, name: str, type_: str) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        if self._secure:
            response.flags |= dns.flags.AD
        asked, seen = name, name
        while alias := self._zones.get(seen, {}).get("CNAME"):
            response.answer.append(_rrset(seen, "CNAME", alias))
            seen = alias[0].rstrip(".").lower()
        zone = self._zones.get(seen)
        if zone is None:
            # A name above one that exists exists too (RFC 8020).
            if not any(known.endswith(f".{asked}") for known in self._zones):
                response.set_rcode(dns.rcode.NXDOMAIN)
        elif records := zone.get(type_):
            response.answer.append(_rrset(seen, type_, records))
        return response


def _on_one_port() -> tuple[socket.socket, socket.socket]:
    """A listening TCP socket and a UDP one with the same port, which others may be after too."""
    for _ in range(BIND_TRIES):
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            tcp.close()
            udp.close()
        else:
            return tcp, udp
    raise OSError("no port is free for both TCP and UDP")


def _rrset(name: str, type_: str, records: Sequence[str]) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(f"{name}.", TTL, "IN", type_, list(records))


def _failing(rcode: dns.rcode.Rcode) -> Callable[..., list[bytes]]:
    def answer(
        query: dns.message.Message, _honest: dns.message.Message, _over_tcp: bool
    ) -> list[bytes]:
        response = dns.message.make_response(query)
        response.set_rcode(rcode)
        return [response.to_wire()]

    return answer


def _bogus(query: dns.message.Message, honest: dns.message.Message, over_tcp: bool) -> list[bytes]:
    """The signature does not verify: nothing for who wants it verified (RFC 4035 section 5.5)."""
    if query.flags & dns.flags.CD:
        return [honest.to_wire()]
    return _failing(dns.rcode.SERVFAIL)(query, honest, over_tcp)


def _truncated(
    query: dns.message.Message, honest: dns.message.Message, over_tcp: bool
) -> list[bytes]:
    if over_tcp:
        return [honest.to_wire()]
    cut = dns.message.make_response(query)
    cut.flags |= dns.flags.TC
    return [cut.to_wire()]


def _wrong_id(
    _query: dns.message.Message, honest: dns.message.Message, _over_tcp: bool
) -> list[bytes]:
    honest.id ^= 1
    return [honest.to_wire()]


FAULTS: dict[str, Callable[[dns.message.Message, dns.message.Message, bool], list[bytes]]] = {
    "servfail": _failing(dns.rcode.SERVFAIL),
    "refused": _failing(dns.rcode.REFUSED),
    "silence": lambda _query, _honest, _over_tcp: [],
    "garbage": lambda _query, _honest, _over_tcp: [b"\x00garbage\xff"],
    "bogus": _bogus,
    "truncated": _truncated,
    "wrong-id": _wrong_id,
}
