"""What a server says it can do: the keywords of its EHLO reply.

Knows RFC 5321 section 4.1.1.1 and the replies. The first line is the server's name, every other
line a keyword and its parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from smtpcheck.engine.evidence import Reply

# "AUTH=LOGIN PLAIN" is an old mistake that some servers still repeat beside the right line.
_AUTH_EQUALS = re.compile(r"AUTH=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The extensions offered in one EHLO reply; empty after HELO.

    ``keywords`` maps a keyword in upper case to its parameters as they were written.
    """

    keywords: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms offered, in the server's order and in upper case."""
        return tuple(name.upper() for name in self.keywords.get("AUTH", ()))


# The accounts of a provider meet the same few servers again and again.
@lru_cache(maxsize=32)
def parse_capabilities(reply: Reply) -> Capabilities:
    """Return what an EHLO reply offers; lines that make no sense are kept but mean nothing."""
    keywords: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[1:]:
        words = _AUTH_EQUALS.sub("AUTH ", line, count=1) if "=" in line else line
        keyword, *parameters = words.split()[:64] or [""]
        name = keyword.upper()
        known = keywords.get(name, ())
        keywords[name] = (*known, *(item for item in parameters if item not in known))
    keywords.pop("", None)
    return Capabilities(keywords, reply.lines[1:])
