"""Proxies: what the settings say of them, and how one is asked to open a connection.

SOCKS5 (RFC 1928 and 1929) and HTTP CONNECT (RFC 9110 section 9.3.6), as generators that do no I/O:
they say what to send and how many octets to read, so everything a proxy can answer is tested
without a socket. A proxy is given the address that was judged, never a name: else it could look up
another one.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Container, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, unquote, urlsplit

from smtpcheck.engine.errors import EngineError, Refused
from smtpcheck.engine.evidence import FaultKind, escape
from smtpcheck.engine.grammar import canonical_host
from smtpcheck.engine.policy import Address
from smtpcheck.engine.redaction import Redactor, Secret

# The head of an honest answer to CONNECT has a few hundred octets.
MAX_HEAD_OCTETS = 8 * 1024
# RFC 1929 section 2: the length of each is one octet, and may not be 0.
MAX_SOCKS_LOGIN_OCTETS = 255
# Of what a proxy says, as much as a person reads.
MAX_SAID_LENGTH = 200

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})(?: ([^\r\n]*))?\r?\n")
_HTTP = b"HTTP/"


class ProxyKind(StrEnum):
    """The protocol of a proxy; the value is the scheme of its URL."""

    SOCKS5 = "socks5"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy of the settings. ``username`` and ``password`` are empty where it wants no login."""

    name: str
    kind: ProxyKind
    host: str
    port: int
    username: Secret = field(default_factory=lambda: Secret(""))
    password: Secret = field(default_factory=lambda: Secret(""))


class ProxyObjects(EngineError):
    """The proxy did not open the connection.

    ``said`` is what it said, in printable ASCII and without its login. ``kind`` is REFUSED or
    UNREACHABLE where that is what the proxy met at the server itself, else PROXY_REFUSED.
    """

    def __init__(self, said: str, kind: FaultKind = FaultKind.PROXY_REFUSED) -> None:
        super().__init__(said)
        self.said = said
        self.kind = kind


class NotAProxy(EngineError):
    """What answers does not speak the protocol; ``raw`` is what it said so far."""

    def __init__(self, raw: bytes) -> None:
        super().__init__("another protocol")
        self.raw = raw


@dataclass(frozen=True, slots=True)
class Say:
    """Send these octets; they can hold the proxy's password."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hear:
    """Read exactly so many octets. ``what`` names the answer for whoever waits in vain."""

    count: int
    what: str


Dialogue = Generator[Say | Hear, bytes, None]


# --- The settings -----------------------------------------------------------------------------


def parse_proxies(entries: Iterable[str]) -> dict[str, Proxy]:
    """Return the proxies of ``name=socks5://user:password@host:port`` entries, by name.

    Raises ValueError with a sentence that tells an entry by its number: any part of its text could
    be a piece of a password.
    """
    found: dict[str, Proxy] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            proxy = _parsed(entry, found)
        except ValueError as error:
            raise ValueError(f"entry {number}: {error}.") from None
        found[proxy.name] = proxy
    return found


def _parsed(entry: str, known: Container[str]) -> Proxy:
    name, equals, url = (part.strip() for part in entry.partition("="))
    if not equals or not _NAME.fullmatch(name):
        raise ValueError(
            "write name=socks5://host:port or name=http://host:port, the name in letters, digits, "
            "dots, hyphens and underscores; a semicolon within a password is written %3B"
        )
    if name in known:
        raise ValueError("another entry has the same name")
    parts, port = _split(url)
    kind = _kind_of(parts)
    login = unquote(parts.username or ""), unquote(parts.password or "")
    _check_login(kind, *login)
    return Proxy(
        name=name,
        kind=kind,
        host=_host_of(parts),
        port=port,
        username=Secret(login[0]),
        password=Secret(login[1]),
    )


def _split(url: str) -> tuple[SplitResult, int]:
    with contextlib.suppress(ValueError):  # whose own words repeat the value
        parts = urlsplit(url)
        if parts.port:
            return parts, parts.port
    raise ValueError(
        "the address needs a port from 1 to 65535 at its end, and special characters of a user "
        "name or password are written as %XX"
    )


def _kind_of(parts: SplitResult) -> ProxyKind:
    try:
        kind = ProxyKind(parts.scheme)
    except ValueError:
        raise ValueError("the address begins with socks5:// or http://") from None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing may stand behind the port")
    return kind


def _host_of(parts: SplitResult) -> str:
    try:
        return canonical_host(parts.hostname or "")
    except Refused:
        raise ValueError("there is no host name or address before the port") from None


def _check_login(kind: ProxyKind, username: str, password: str) -> None:
    if kind is ProxyKind.HTTP:
        if ":" in username:  # RFC 7617 section 2
            raise ValueError("the user name of an HTTP proxy has no colon")
        return
    lengths = len(username.encode()), len(password.encode())
    if lengths != (0, 0) and not all(0 < length <= MAX_SOCKS_LOGIN_OCTETS for length in lengths):
        raise ValueError("a SOCKS5 login has a user name and a password of 1 to 255 octets each")


# --- The dialogues ----------------------------------------------------------------------------


def ask(proxy: Proxy, address: Address, port: int) -> Dialogue:
    """The dialogue after which the connection leads to ``address``.

    It reads not one octet more than its own answers have: the next is the server's. Raises
    ProxyObjects or NotAProxy into whoever runs it.
    """
    return _DIALOGUES[proxy.kind](proxy, address, port)


def inert(proxy: Proxy, said: bytes) -> str:
    """What a proxy said as it may be shown: printable, short, and nothing that holds its login."""
    redactor = Redactor((proxy.username, proxy.password))
    if redactor.has_short_secret or redactor.holds_secret(said.decode("latin-1")):
        return ""
    return escape(said.strip())[:MAX_SAID_LENGTH]


# RFC 1928 section 6. The first three say what the proxy met on its way to the server.
_SOCKS_REPLIES: Mapping[int, tuple[FaultKind, str]] = {
    3: (FaultKind.UNREACHABLE, "network unreachable"),
    4: (FaultKind.UNREACHABLE, "host unreachable"),
    5: (FaultKind.REFUSED, "connection refused"),
    1: (FaultKind.PROXY_REFUSED, "general failure"),
    2: (FaultKind.PROXY_REFUSED, "not allowed by its rules"),
    6: (FaultKind.PROXY_REFUSED, "TTL expired"),
    7: (FaultKind.PROXY_REFUSED, "command not supported"),
    8: (FaultKind.PROXY_REFUSED, "kind of address not supported"),
}

_VERSION, _LOGIN_VERSION = 5, 1
_NO_LOGIN, _PASSWORD, _NO_METHOD = 0, 2, 0xFF
_CONNECT = 1
_IPV4, _NAMED, _IPV6 = 1, 3, 4
_BOUND_OCTETS = {_IPV4: 4, _IPV6: 16}


def _socks(proxy: Proxy, address: Address, port: int) -> Dialogue:
    methods = bytes((_NO_LOGIN, _PASSWORD)) if proxy.username else bytes((_NO_LOGIN,))
    yield Say(bytes((_VERSION, len(methods))) + methods)
    version, method = yield Hear(2, "the answer to its greeting")
    if version != _VERSION:
        raise NotAProxy(bytes((version, method)))
    if method == _PASSWORD and proxy.username:
        yield from _socks_login(proxy)
    elif method == _NO_METHOD:
        raise ProxyObjects("it offers no login that the settings allow")
    elif method != _NO_LOGIN:
        raise ProxyObjects(f"it asks for login method {method}, which was not offered")
    kind = _IPV4 if address.version == 4 else _IPV6
    request = bytes((_VERSION, _CONNECT, 0, kind)) + address.packed + port.to_bytes(2, "big")
    yield Say(request)
    yield from _socks_reply()


def _socks_login(proxy: Proxy) -> Dialogue:
    """RFC 1929."""
    username, password = proxy.username.reveal().encode(), proxy.password.reveal().encode()
    yield Say(
        bytes((_LOGIN_VERSION, len(username))) + username + bytes((len(password),)) + password
    )
    _version, status = yield Hear(2, "the answer to its login")
    if status != 0:
        raise ProxyObjects("it refused its user name or password")


def _socks_reply() -> Dialogue:
    """RFC 1928 section 6; a refusal may end after its code."""
    what = "the answer to the request for a connection"
    version, code = yield Hear(2, what)
    if version != _VERSION:
        raise NotAProxy(bytes((version, code)))
    if code != 0:
        kind, words = _SOCKS_REPLIES.get(code, (FaultKind.PROXY_REFUSED, "unknown reply"))
        raise ProxyObjects(f"SOCKS reply {code}: {words}", kind)
    _reserved, bound = yield Hear(2, what)
    if bound == _NAMED:
        (octets,) = yield Hear(1, what)
    elif bound in _BOUND_OCTETS:
        octets = _BOUND_OCTETS[bound]
    else:
        raise NotAProxy(bytes((version, code, _reserved, bound)))
    yield Hear(octets + 2, what)


def _http(proxy: Proxy, address: Address, port: int) -> Dialogue:
    host = f"[{address}]" if address.version == 6 else str(address)
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.username:
        login = f"{proxy.username.reveal()}:{proxy.password.reveal()}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}")
    yield Say("".join(f"{line}\r\n" for line in (*lines, "")).encode())
    code, reason = yield from _status()
    if code // 100 != 2:
        said = inert(proxy, reason)
        raise ProxyObjects(f"HTTP {code} {said}".rstrip())


def _status() -> Generator[Say | Hear, bytes, tuple[int, bytes]]:
    """The status and its reason; of a success the whole head has been read then.

    A refusal is told by its first line, and what else it says is left unread. A success has no
    body here, whatever its head says.
    """
    left, code, reason = MAX_HEAD_OCTETS, 0, b""
    while code < 200:  # interim answers can come first (RFC 9110 section 15.2)
        line = yield from _line(left, begins=_HTTP)
        status = _STATUS_LINE.fullmatch(line)
        if status is None:
            raise NotAProxy(line)
        code, reason = int(status[1]), status[2] or b""
        left -= len(line)
        while code < 300 and line.strip(b"\r\n"):
            line = yield from _line(left)
            left -= len(line)
    return code, reason


def _line(limit: int, begins: bytes = b"") -> Generator[Say | Hear, bytes, bytes]:
    """The next line with its end, read octet by octet: behind the head the server speaks."""
    line = b""
    while not line.endswith(b"\n"):
        if len(line) >= limit:
            raise ProxyObjects("an answer without end")
        line += yield Hear(1, "the answer to the request for a connection")
        if not line.startswith(begins[: len(line)]):
            raise NotAProxy(line)
    return line


_DIALOGUES = {ProxyKind.SOCKS5: _socks, ProxyKind.HTTP: _http}
