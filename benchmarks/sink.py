"""An SMTP server to measure clients with: takes everything, and thinks before each answer.

Started by the benchmarks as a process of its own, so that its work is nobody else's CPU time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from pathlib import Path

from smtpcheck.sandbox import Authority, Kind

CAPABILITIES = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n"

REPLIES = {
    b"EHLO": CAPABILITIES + b"250 AUTH PLAIN LOGIN\r\n",
    b"STARTTLS": b"220 2.0.0 Ready\r\n",
    b"AUTH": b"235 2.7.0 Welcome\r\n",
    b"DATA": b"354 Go ahead\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}
OTHERS = b"250 2.0.0 Ok\r\n"


class Sink:
    """Serves one client after its greeting until it leaves."""

    def __init__(self, context: ssl.SSLContext, think_seconds: float) -> None:
        self._context = context
        self._think_seconds = think_seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await self._talk(reader, writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._say(writer, b"220 sink ESMTP\r\n")
        is_encrypted = False
        while line := await reader.readline():
            verb = line.split(None, 1)[0].upper() if line.strip() else b""
            reply = REPLIES.get(verb, OTHERS)
            if verb == b"EHLO" and not is_encrypted:
                reply = CAPABILITIES + b"250 STARTTLS\r\n"
            await self._say(writer, reply)
            if verb == b"STARTTLS":
                await writer.start_tls(self._context)
                is_encrypted = True
            elif verb == b"DATA":
                await reader.readuntil(b"\r\n.\r\n")
                await self._say(writer, OTHERS)
            elif verb == b"QUIT":
                return

    async def _say(self, writer: asyncio.StreamWriter, reply: bytes) -> None:
        if self._think_seconds:
            await asyncio.sleep(self._think_seconds)
        writer.write(reply)
        await writer.drain()


def certified(ca_file: str) -> ssl.SSLContext:
    """A server's context; its authority is written to a file."""
    authority = Authority.create()
    Path(ca_file).write_bytes(authority.ca_pem)
    return authority.certificate_of(Kind.GOOD).server_context()


async def serve(context: ssl.SSLContext, think_seconds: float) -> None:
    """Serve until the standard input ends; prints the port."""
    sink = Sink(context, think_seconds)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main(ca_file: str, think_seconds: str) -> None:
    """Serve on the faster loop where there is one."""
    serving = serve(certified(ca_file), float(think_seconds))
    try:
        import uvloop
    except ImportError:
        asyncio.run(serving)
    else:
        uvloop.run(serving)


if __name__ == "__main__":
    main(*sys.argv[1:])
