"""Reads an XML body into the same plain values as JSON: bounded, and without any DTD.

No DTD means no entity but the five of XML itself, nothing is fetched and nothing grows (XML 1.0
sections 2.8 and 4.1). Namespaces do not matter, nor does the name of the root.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError

from smtpcheck.api.jsonreader import MAX_DEPTH, JsonNumber, too_deep

# The request has three members; a document of more elements is no request.
MAX_ELEMENTS = 10_000

_NIL = "http://www.w3.org/2001/XMLSchema-instance nil"
_YES = {"true", "1"}

# XML Schema writes a boolean as a digit, too (part 2, section 3.2.2).
_DIGITS = {"0", "1"}


@dataclass(slots=True)
class _Element:
    is_nil: bool
    members: dict[str, object] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)

    @property
    def value(self) -> object:
        """None, the members of an element that has some, or its text."""
        if self.is_nil:
            return None
        if self.members:
            return self.members
        text = "".join(self.text)
        return JsonNumber(text) if text.strip() in _DIGITS else text


def read_xml(octets: bytes, *, encoding: str | None = None) -> dict[str, object]:
    """Return the members of the root element.

    ``encoding`` overrides what the document says of itself, None leaves it to the document.
    Raises ParseError with the line and column, never with the text.
    """
    reader = _Reader(encoding)
    try:
        reader.parser.Parse(octets, True)  # noqa: FBT003 - positional only
    except expat.ExpatError as error:
        message = _("The body is not valid XML, at line %(line)d, column %(column)d.")
        values = {"line": error.lineno, "column": error.offset + 1}
        raise ParseError(message % values) from None  # the exception may hold a part of the body
    except (LookupError, ValueError):
        raise ParseError(_("The XML declaration names an encoding that is not known.")) from None
    return reader.members


class _Reader:
    def __init__(self, encoding: str | None) -> None:
        self.members: dict[str, object] = {}
        self.parser = expat.ParserCreate(encoding, namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._open: list[_Element] = []
        self._count = 0

    def _refuse_doctype(self, *_declaration: Any) -> None:
        raise ParseError(_("The XML has a DOCTYPE. It is not read: send the elements alone."))

    def _start(self, _name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            message = _("The XML has more than %(limit)d elements.")
            raise ParseError(message % {"limit": MAX_ELEMENTS})
        if len(self._open) >= MAX_DEPTH:
            raise ParseError(too_deep())
        self._open.append(_Element(is_nil=attributes.get(_NIL, "").strip() in _YES))

    def _end(self, name: str) -> None:
        element = self._open.pop()
        if self._open:
            local_name = name.rpartition(" ")[2]
            self._open[-1].members[local_name] = element.value  # the last one wins, as in JSON
        else:
            self.members = element.members

    def _text(self, text: str) -> None:
        self._open[-1].text.append(text)
