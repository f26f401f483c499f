"""Where a password left a trace: in clear, and in every spelling that a program may give it."""

from __future__ import annotations

import base64
from typing import Final

# Of a password only this part is looked for: no encoding of characters changes it half-way, so it
# is found in whatever the whole was written as, also next to another text.
MARK: Final = "Zuckerschl0ss4711"
PASSWORD: Final = f"{MARK}@:/%ö"


def spellings(mark: str = MARK) -> dict[str, bytes]:
    """The mark as bytes, by the name of the spelling; letters of any case count as the same."""
    raw = mark.encode()
    as_base64 = {f"base64 at offset {offset}": _inside_base64(raw, offset) for offset in range(3)}
    return as_base64 | {
        "clear": raw,
        "backwards": raw[::-1],
        "hex": raw.hex().encode(),
        "hex with blanks": raw.hex(" ").encode(),
        "URL": "".join(f"%{byte:02x}" for byte in raw).encode(),
        "quoted-printable": "".join(f"={byte:02x}" for byte in raw).encode(),
        "HTML": "".join(f"&#{byte};" for byte in raw).encode(),
        "UTF-16": mark.encode("utf-16-le"),
    }


def traces(*places: bytes | str, mark: str = MARK) -> list[str]:
    """The spellings of the password that occur anywhere in the places."""
    searched = b"\n".join(
        place.encode("utf-8", "backslashreplace") if isinstance(place, str) else place
        for place in places
    ).lower()
    return [name for name, spelling in spellings(mark).items() if spelling.lower() in searched]


def _inside_base64(raw: bytes, offset: int) -> bytes:
    """The characters of base64 that depend on nothing but these bytes."""
    whole = base64.b64encode(b"\0" * offset + raw)
    first = 0 if offset == 0 else 4
    last = len(whole) if (offset + len(raw)) % 3 == 0 else -4
    return whole[first:last]
