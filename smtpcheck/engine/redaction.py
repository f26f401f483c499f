"""Secrets, and how they are kept out of everything that is shown or stored.

Knows text and bytes only. What we send is masked where it is written (see ``transcript``); this
module answers whether what a server said holds a secret. The promise is limited to the forms
listed at ``_forms``: a server that sends a secret back under another transformation is not found.
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Iterable
from typing import NoReturn
from urllib.parse import quote

MASK = "***"

# A shorter secret ("ok") stands in innocent replies by chance; masking it there would tell it.
MINIMUM_SEARCHED_LENGTH = 6


class NeverPickled:
    """What holds a secret stays in its process: it can be neither pickled nor copied."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be pickled or copied")


class Secret(NeverPickled):
    """A password or token that shows itself nowhere; ``reveal()`` is its only way out."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the plain text, for the one place that sends or seals it."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.reveal()

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, format_spec: str) -> str:
        return MASK


class Redactor:
    """Finds the secrets of one test in what a server says."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        values = [secret.reveal() for secret in secrets if secret]
        self.has_short_secret = any(len(value) < MINIMUM_SEARCHED_LENGTH for value in values)
        self._forms = frozenset(
            form
            for value in values
            if len(value) >= MINIMUM_SEARCHED_LENGTH
            for form in _forms(value)
        )

    def holds_secret(self, text: str) -> bool:
        """Say whether a text holds a secret, also across its line breaks and blanks."""
        if not self._forms:
            return False
        folded = text.casefold()
        candidates = [folded, "".join(folded.split())]
        if "\n" in folded:
            candidates.append(_JOINED_LINES.sub("", folded))
        if "\\u" in folded:
            candidates.append(_NUMBERED.sub(lambda match: chr(int(match[1], 16)), folded))
        for candidate in candidates:
            for form in self._forms:
                if form in candidate:
                    return True
        return False


_WHITE_SPACE = re.compile(r"\s+")
# How `evidence.visible` shows what has no form of its own; a secret may hold such a character.
_NUMBERED = re.compile(r"\\u([0-9a-f]{4})")
# A reply's own code at the start of a continuation line would hide a secret that spans two lines.
_JOINED_LINES = re.compile(r"=?\r?\n(?:\d{3}[- ])?")


def _forms(value: str) -> Iterable[str]:
    """The spellings in which a server may give a secret back, case-folded.

    Verbatim, base64 at its three offsets, URL-encoded, quoted-printable and hex.
    """
    raw = value.encode("utf-8", "surrogateescape")
    quoted = quote(raw, safe="")
    spellings = {
        value,
        _WHITE_SPACE.sub("", value),
        quoted,
        quoted.replace("%2F", "/"),
        quoted.replace("%20", "+"),
        quopri.encodestring(raw).decode("ascii").replace("=\n", ""),
        raw.hex(),
        raw.hex(":"),
        *_base64_cores(raw),
    }
    return {
        spelling.casefold() for spelling in spellings if len(spelling) >= MINIMUM_SEARCHED_LENGTH
    }


def _base64_cores(raw: bytes) -> Iterable[str]:
    """The part of a secret's base64 that does not depend on what stands around it.

    A secret can begin at any of three offsets inside a base64 group (as in AUTH PLAIN, behind the
    user name); the characters that share bits with a neighbour are cut off.
    """
    for offset in range(3):
        padded = b"\0" * offset + raw
        encoded = base64.b64encode(padded).decode("ascii")
        first_full_character = (0, 2, 3)[offset]
        yield encoded[first_full_character : len(padded) * 8 // 6]
