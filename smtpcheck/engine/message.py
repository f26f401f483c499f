"""The test mail, as it goes on the wire between DATA and the final dot.

Knows RFC 5322 and the plan. Always 7-bit: header words by RFC 2047, the body in base64 where it
needs it. Time and randomness come in as arguments.
"""

from __future__ import annotations

import base64
import textwrap
from datetime import datetime
from typing import NamedTuple

from smtpcheck.engine.grammar import Mailbox
from smtpcheck.engine.plan import Plan

# RFC 2047 section 2: an encoded word has at most 75 characters and a line that holds one at most
# 76, of which "=?utf-8?b?", "?=" and the blank before it take 13.
_AROUND_ENCODED_WORD = 13
# RFC 5322 section 2.1.1 asks for 78; RFC 2045 section 6.8 demands 76 for base64.
_LINE_LENGTH = 76
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Message(NamedTuple):
    """A finished test mail: its Message-ID, and its octets with CRLF lines, not yet dot-stuffed."""

    message_id: str
    octets: bytes


def compose(plan: Plan, *, now: datetime, nonce: str) -> Message:
    """Return the test mail of a plan; ``nonce`` makes it findable in a mailbox."""
    message_id = f"<{nonce}.smtpcheck@{_id_domain(plan.sender)}>"
    body = f"{plan.message.body}\n\n{nonce}\n"
    ascii_body = all(_fits_as_it_is(line, _LINE_LENGTH) for line in body.split("\n"))
    headers = [
        f"From: {_address(plan.sender)}",
        f"To: {_address(plan.recipient)}",
        f"Date: {_date(now)}",
        f"Message-ID: {message_id}",
        f"Subject: {_words(plan.message.subject, first_line_used=len('Subject: '))}",
        # RFC 3834 section 5: no vacation notice answers a mail that says so.
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f"Content-Type: text/plain; charset={'us-ascii' if ascii_body else 'utf-8'}",
        f"Content-Transfer-Encoding: {'7bit' if ascii_body else 'base64'}",
    ]
    lines = body.splitlines() if ascii_body else _base64_lines(body)
    return Message(message_id, "".join(f"{line}\r\n" for line in [*headers, "", *lines]).encode())


def dot_stuffed(octets: bytes) -> bytes:
    """Return a message as DATA carries it, with its final dot (RFC 5321 section 4.5.2)."""
    stuffed = octets.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + b".\r\n"


def _id_domain(sender: Mailbox) -> str:
    return sender.domain.strip("[]").replace(":", "-")


def _address(mailbox: Mailbox) -> str:
    if not mailbox.display_name:
        return mailbox.address
    name = mailbox.display_name
    if _fits_as_it_is(name, _LINE_LENGTH):
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return _folded(f'"{quoted}"', f"<{mailbox.address}>")
    words = _encoded_words(name, first_line_used=len("From: "))
    return _folded(words, f"<{mailbox.address}>")


def _folded(name: str, address: str) -> str:
    """A name and an address, on two lines where one would be too long."""
    used = len("From: ") + len(name.rpartition("\r\n")[2])
    fits = used + 1 + len(address) <= _LINE_LENGTH
    return f"{name} {address}" if fits else f"{name}\r\n {address}"


def _words(text: str, *, first_line_used: int) -> str:
    """Text for a header: as it is where it is short ASCII, else as encoded words."""
    if _fits_as_it_is(text, _LINE_LENGTH - first_line_used):
        return text
    return _encoded_words(text, first_line_used=first_line_used)


def _fits_as_it_is(text: str, length: int) -> bool:
    """Whether a line of text needs no encoding: short, printable ASCII that looks like none."""
    return text.isascii() and text.isprintable() and len(text) <= length and "=?" not in text


def _encoded_words(text: str, *, first_line_used: int) -> str:
    chunks = _chunks(text, first_line_used)
    words = [f"=?utf-8?b?{base64.b64encode(chunk.encode()).decode()}?=" for chunk in chunks]
    return "\r\n ".join(words)


def _chunks(text: str, first_line_used: int) -> list[str]:
    """Cut text into pieces that fit an encoded word each, never inside a character."""
    pieces = [""]
    room = _LINE_LENGTH - _AROUND_ENCODED_WORD - first_line_used
    for character in text:
        if len((pieces[-1] + character).encode()) > room // 4 * 3:
            pieces.append("")
            room = _LINE_LENGTH - _AROUND_ENCODED_WORD
        pieces[-1] += character
    return pieces


def _base64_lines(text: str) -> list[str]:
    crlf = text.replace("\n", "\r\n").encode()
    return textwrap.wrap(base64.b64encode(crlf).decode(), _LINE_LENGTH)


def _date(now: datetime) -> str:
    """RFC 5322 section 3.3, in English whatever the process's locale is."""
    zone = now.strftime("%z") or "+0000"
    day, month = _DAYS[now.weekday()], _MONTHS[now.month - 1]
    return f"{day}, {now.day:02d} {month} {now.year} {now:%H:%M:%S} {zone}"
