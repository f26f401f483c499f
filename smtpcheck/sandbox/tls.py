"""One end of a TLS connection over memory buffers, without a socket.

Bytes that arrived before the handshake can so never slip into it, and every byte on the wire is
seen: what the tests of STARTTLS injection are about. Used by the server and by scripted peers.
"""

from __future__ import annotations

import ssl
from weakref import WeakKeyDictionary

_asked_names: WeakKeyDictionary[ssl.SSLObject | ssl.SSLSocket, str] = WeakKeyDictionary()


def _note_name(
    connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext
) -> None:
    if name:
        _asked_names[connection] = name


class TlsEnd:
    """Turns bytes of the wire into plain bytes and back; ``outgoing()`` is what must be sent."""

    def __init__(self, context: ssl.SSLContext, *, server_side: bool = True) -> None:
        if server_side:
            context.sni_callback = _note_name
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=server_side)

    @property
    def version(self) -> str:
        """The version agreed upon, such as ``TLSv1.3``."""
        return self._tls.version() or ""

    @property
    def cipher(self) -> str:
        """The name of the cipher suite agreed upon."""
        cipher = self._tls.cipher()
        return cipher[0] if cipher else ""

    @property
    def server_name(self) -> str:
        """The name that the client asked for (SNI), or nothing."""
        return _asked_names.get(self._tls, "")

    def feed(self, raw: bytes) -> None:
        """Take bytes that came over the wire."""
        self._in.write(raw)

    def outgoing(self) -> bytes:
        """Take the bytes that are to go over the wire; call it after every other method."""
        return self._out.read()

    def handshake(self) -> bool:
        """One step of the handshake; True when it is done. An ssl.SSLError when it failed."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self) -> bytes | None:
        """The plain bytes at hand: none yet is ``b""``, none ever again is None."""
        plain = bytearray()
        try:
            while chunk := self._tls.read(16384):
                plain += chunk
        except ssl.SSLWantReadError:
            return bytes(plain)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        return bytes(plain) or None

    def write(self, plain: bytes) -> None:
        """Encrypt bytes for ``outgoing()``."""
        self._tls.write(plain)

    def close_notify(self) -> None:
        """Say that no more comes from this end; the peer's answer is not waited for."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            return  # it wants the peer's answer, or the connection is broken already
