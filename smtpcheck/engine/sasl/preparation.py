"""SASLprep (RFC 4013): the one spelling of user names and passwords that SCRAM computes with.

Knows RFC 3454 by way of ``stringprep``, which keeps to Unicode 3.2 as that RFC demands.
"""

from __future__ import annotations

import stringprep
from collections.abc import Callable
from unicodedata import ucd_3_2_0

# RFC 4013 section 2.3.
_PROHIBITED: tuple[Callable[[str], bool], ...] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepared(text: str, *, stored: bool) -> str:
    """Return a text as SASLprep has it, or unchanged where it cannot be prepared.

    ``stored`` strings (passwords, RFC 5802 section 2.2) may hold no character that Unicode 3.2 did
    not know, such as an emoji; queries (user names, section 5.1) may. The RFC would have the login
    given up then. Going on unchanged can only help: a server that prepares could never have taken
    such a password, and one that compares octets (Dovecot does, and PostgreSQL falls back to it)
    takes it as it is.

    Where preparing changes a text, the standard's way is gone although such a server refuses it:
    a login is tried once, and it is the server that departs from the standard.
    """
    if text.isascii():
        return text
    mapped = "".join(_mapped(character) for character in text)
    normal = ucd_3_2_0.normalize("NFKC", mapped)
    return normal if normal and _is_allowed(normal, stored=stored) else text


def _mapped(character: str) -> str:
    """RFC 4013 section 2.1: blanks of all kinds are blanks, and what is not seen goes."""
    if stringprep.in_table_c12(character):
        return " "
    return "" if stringprep.in_table_b1(character) else character


def _is_allowed(text: str, *, stored: bool) -> bool:
    if any(prohibits(character) for character in text for prohibits in _PROHIBITED):
        return False
    if stored and any(stringprep.in_table_a1(character) for character in text):
        return False
    return _is_one_way(text)


def _is_one_way(text: str) -> bool:
    """RFC 3454 section 6: right-to-left text is so from end to end, without left-to-right in it."""
    if not any(stringprep.in_table_d1(character) for character in text):
        return True
    at_both_ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return at_both_ends and not any(stringprep.in_table_d2(character) for character in text)
