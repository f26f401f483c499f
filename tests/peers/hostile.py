"""A server whose every word tries to harm whoever shows it, and how to find that it did."""

from __future__ import annotations

import re
import ssl
from typing import Final

from tests.peers.scripted import Client, Script

FORGED: Final = "2026-01-01 00:00:00,000 ERROR root: forged by the server"

# One of each: a terminal's escapes in 7 and 8 bits, script and markup, the ends of the blocks in
# which text may be quoted, line ends of every kind, format strings, reading direction, bytes of no
# encoding, NUL.
HOSTILE: Final = (
    b"\x1b[2J\x1b]0;title\x07 \xc2\x9b31m "
    b"<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
    b"\"'><a href=javascript:alert(1)>x</a></textarea></pre>--> ]]> &xxe; "
    b"%s %n %(password)s {0.__class__} {} ${jndi} {{ 7|add:7 }} "
    b"\xe2\x80\xae\xe2\x81\xa6live\xe2\x81\xa9 \xef\xbb\xbf \xe2\x80\xa8" + FORGED.encode() + b" "
    b"\xff\xfe\x80 \x0b\x0c\x85\x7f\x08 \x00 end"
)
FORMULA: Final = "=HYPERLINK(0)"

# What no door may let out as it is: controls but for line ends and tabs of its own, and what turns
# the reading direction or ends a line unseen.
_LIVE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def hostile(context: ssl.SSLContext) -> Script:
    """A script that takes a login over implicit TLS and refuses it, in hostile words throughout."""

    def talk(client: Client) -> None:
        client.start_tls(context)
        client.send(b"220 peer " + HOSTILE + b"\r\n")
        client.expect("EHLO")
        client.send(b"250-peer " + HOSTILE + b"\r\n250-X" + HOSTILE + b"\r\n250 AUTH PLAIN\r\n")
        client.expect("AUTH PLAIN")
        client.send(f"535-{FORMULA}")
        client.send(b"535-" + HOSTILE + b"\r\n535 5.7.8 no\r\n")

    return talk


def live(text: bytes | str) -> set[str]:
    """The harmful characters in what a door has told, and whatever else gives it away."""
    plain = text.decode(errors="surrogateescape") if isinstance(text, bytes) else text
    found = set(_LIVE.findall(plain))
    forged = [line for line in plain.splitlines() if line.startswith(FORGED)]
    return found | set(forged)
