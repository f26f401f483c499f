"""A slow line on one machine: every IP packet is held back, so that TCP's own trips are not hidden.

A TUN device leads to an address that nobody has. A program at its other end holds each packet back
for half a round trip, swaps its two addresses and gives it to the kernel again, which so meets a
distant host in itself: client and server are ordinary sockets, and handshake, acknowledgements and
Nagle's algorithm are the kernel's. (Swapping leaves all checksums right, because they are sums.)

It also looks at the clock: a test takes from the client's first SYN to its FIN, which is when the
client knows all it wants to know. Needs Linux and root, or a user who may make namespaces. Where
neither is to be had, a proxy holds back what it is sent instead; TCP's handshake is then added to
the time by arithmetic, and what TCP does besides is not seen.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
import queue
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Self

ROUND_TRIP_SECONDS = 0.050
NEAR, FAR = "10.83.0.1", "10.83.0.2"  # ours, and the one that stands for the distant host
DEVICE = "slow0"
TUN = "/dev/net/tun"

# linux/if_tun.h
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
# RFC 9293 section 3.1
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_TCP = 6
_MAX_PACKET = 2048
_WAIT_SECONDS = 30.0
_QUIET_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Timing:
    """One connection: seconds from the client's SYN to its end, and packets both ways."""

    seconds: float
    packets: int

    @property
    def round_trips(self) -> float:
        """How many round trips of the line that is."""
        return self.seconds / ROUND_TRIP_SECONDS


class Line:
    """The line as the benchmark holds it; the work is done in a process of its own.

    Servers listen on ``addresses`` too, and start when the line is open.
    """

    def __init__(self, *, is_packets: bool) -> None:
        self.is_packets = is_packets
        self.addresses = [NEAR] if self.is_packets else []
        self._process: subprocess.Popen[str] | None = None
        self._near_ports: dict[int, int] = {}
        self._timings: queue.SimpleQueue[Timing] = queue.SimpleQueue()

    @property
    def method(self) -> str:
        """How the delay is made, in a sentence."""
        half = ROUND_TRIP_SECONDS * 500
        if self.is_packets:
            return f"IP packets held back {half:.0f} ms each way (TUN device, own namespace)"
        return (
            f"a proxy on loopback holds back data {half:.0f} ms each way, and one round trip is "
            "added for TCP's handshake; acknowledgements are not delayed"
        )

    def endpoint(self, port: int) -> tuple[str, int]:
        """Where a client finds, at the far end, the server of a port."""
        return (FAR, port) if self.is_packets else ("127.0.0.1", self._near_ports[port])

    def lead_to(self, ports: Sequence[int]) -> None:
        """Say which ports the servers have, and begin to look at the clock."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if not self.is_packets:
            self._process.stdin.write(json.dumps(list(ports)) + "\n")
            self._process.stdin.flush()
            near_ports = json.loads(self._process.stdout.readline())
            self._near_ports = {int(port): near for port, near in near_ports.items()}
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()

    def _listen(self, told: IO[str]) -> None:
        for text in told:
            self._timings.put(Timing(**json.loads(text)))

    def timing(self) -> Timing:
        """Wait for the timing of the next connection to end."""
        return self._timings.get(timeout=_WAIT_SECONDS)

    def forget(self) -> None:
        """Forget the connections of a client that has failed."""
        time.sleep(_QUIET_SECONDS)
        while not self._timings.empty():
            self._timings.get()

    def __enter__(self) -> Self:
        way = "tun" if self.is_packets else "proxy"
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "benchmarks.line", way],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,  # its end is the end of the line, however this process ends
            text=True,
            bufsize=1,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it is open
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()


def has_tun() -> bool:
    """Whether packets can be held back here: a TUN device, and the right to make one."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        os.close(_tun("probe0"))
    except OSError:
        return False
    return True


def _tun(name: str) -> int:
    descriptor = os.open(TUN, os.O_RDWR)
    try:
        request = struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(descriptor, _TUNSETIFF, request)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@dataclass(slots=True)
class _Flow:
    """A connection as its packets show it."""

    client_port: int
    began: float
    packets: int = 0
    is_over: bool = False


@dataclass(slots=True)
class _Watch:
    """Looks at every packet as it comes onto the line, and tells each connection that ends."""

    flows: dict[frozenset[int], _Flow] = field(default_factory=dict)

    def see(self, packet: bytes, now: float) -> None:
        header = (packet[0] & 0x0F) * 4
        if packet[0] >> 4 != 4 or packet[9] != _TCP:
            return
        source, target = struct.unpack_from("!HH", packet, header)
        flags = packet[header + 13]
        ports = frozenset((source, target))
        if flags & (_SYN | _ACK) == _SYN and (ports not in self.flows or self.flows[ports].is_over):
            self.flows[ports] = _Flow(client_port=source, began=now)
        flow = self.flows.get(ports)
        if flow is None or flow.is_over:
            return
        flow.packets += 1
        if flags & (_FIN | _RST) and source == flow.client_port:
            flow.is_over = True
            _tell(now - flow.began, flow.packets)


def _tell(seconds: float, packets: int) -> None:
    print(json.dumps({"seconds": seconds, "packets": packets}), flush=True)


def hold_packets() -> None:
    """Be the line, until the program that wanted it has ended."""
    device = _tun(DEVICE)
    for command in (f"address add {NEAR}/30 dev {DEVICE}", f"link set {DEVICE} up"):
        subprocess.run(["ip", *command.split()], check=True)
    print("open", flush=True)
    watch, count = _Watch(), 0
    held: list[tuple[float, int, bytes]] = []
    while True:
        wait = max(0.0, held[0][0] - time.monotonic()) if held else None
        ready, _, _ = select.select([device, sys.stdin], [], [], wait)
        if sys.stdin in ready:
            return
        now = time.monotonic()
        if device in ready:
            packet = os.read(device, _MAX_PACKET)
            watch.see(packet, now)
            count += 1  # keeps the order of packets that are due at once
            heapq.heappush(held, (now + ROUND_TRIP_SECONDS / 2, count, packet))
        while held and held[0][0] <= time.monotonic():
            os.write(device, _turned_round(heapq.heappop(held)[2]))


def _turned_round(packet: bytes) -> bytes:
    """The packet with its two addresses swapped (RFC 791 section 3.1)."""
    if packet[0] >> 4 != 4:
        return packet
    return packet[:12] + packet[16:20] + packet[12:16] + packet[20:]


def hold_data() -> None:
    """Be the proxy instead, with a port of its own for each of a server."""
    print("open", flush=True)
    ports = json.loads(sys.stdin.readline())
    listening = {port: socket.create_server(("127.0.0.1", 0)) for port in ports}
    print(json.dumps({port: sock.getsockname()[1] for port, sock in listening.items()}), flush=True)
    for port, sock in listening.items():
        threading.Thread(target=_accept, args=(sock, port), daemon=True).start()
    sys.stdin.read()


def _accept(listening: socket.socket, port: int) -> None:
    while True:
        client, _ = listening.accept()
        threading.Thread(target=_lead, args=(client, port), daemon=True).start()


def _lead(client: socket.socket, port: int) -> None:
    """Lead one client to its server, who hears of it when the end of the handshake has come."""
    began = time.monotonic()
    time.sleep(ROUND_TRIP_SECONDS / 2)
    server = socket.create_connection(("127.0.0.1", port))
    for sock in (client, server):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=_pass_on, args=(server, client, None), daemon=True).start()
    _pass_on(client, server, began - ROUND_TRIP_SECONDS)


def _pass_on(source: socket.socket, target: socket.socket, began: float | None) -> None:
    """Pass data on, each piece half a round trip later.

    ``began`` is when the client's first packet would have left; None on the server's side.
    """
    held: list[tuple[float, bytes]] = []
    is_open = True
    while is_open or held:
        wait = max(0.0, held[0][0] - time.monotonic()) if held else None
        if is_open and source in select.select([source], [], [], wait)[0]:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            held.append((time.monotonic() + ROUND_TRIP_SECONDS / 2, data))
            is_open = bool(data)
            if not data and began is not None:
                _tell(time.monotonic() - began, 0)
        elif not is_open and wait:
            time.sleep(wait)
        while held and held[0][0] <= time.monotonic():
            try:
                data = held.pop(0)[1]
                target.sendall(data) if data else target.shutdown(socket.SHUT_WR)
            except OSError:
                return


if __name__ == "__main__":
    if sys.argv[1] == "tun":
        hold_packets()
    else:
        hold_data()
