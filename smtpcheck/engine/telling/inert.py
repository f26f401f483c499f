"""Text of others, made harmless before anybody sees it."""

from __future__ import annotations


def inert(text: str) -> str:
    r"""Return a text with every character escaped that could deceive the eye or drive a terminal.

    That is control characters, escape sequences, line ends, and the invisible ones that change the
    reading direction; letters of any script stay.

    >>> inert("250 ok\x1b[2J")
    '250 ok\\x1b[2J'
    """
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
