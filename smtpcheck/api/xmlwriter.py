"""Writes plain values as the XML of a carrier: elements by name, no default namespace.

Member order is that of the original's service description: a carrier's base members first. What
XML cannot hold is replaced; null is ``i:nil``, booleans are lower-case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

_HEAD = '<?xml version="1.0" encoding="utf-8"?>'
_SCHEMA_INSTANCE = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'

# XML 1.0 section 2.2: every other character has no spelling at all, not even by number.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]|^[^A-Za-z_]")

# Members that the service description puts first, in its order (WSDL, base type Carrier).
_FIRST = ("TableRight", "FieldProperties")

# A dictionary is a list of pairs of this name there.
_DICTIONARIES = {"FieldProperties": "FieldPropertyDictionaryKeyValuePair"}


def to_xml(root: str, value: Mapping[str, object]) -> str:
    """Return a document with one root element."""
    content = "".join(_members(value))
    return f"{_HEAD}<{root} {_SCHEMA_INSTANCE}>{content}</{root}>"


def _members(value: Mapping[str, object]) -> Iterable[str]:
    first = [name for name in _FIRST if name in value]
    for name in (*first, *(name for name in value if name not in _FIRST)):
        member = value[name]
        if isinstance(member, Mapping) and name in _DICTIONARIES:
            yield f"<{name}>{''.join(_pairs(_DICTIONARIES[name], member))}</{name}>"
        else:
            yield _element(encoded_name(name), member)


def _pairs(name: str, dictionary: Mapping[str, object]) -> Iterable[str]:
    for key, value in dictionary.items():
        yield f"<{name}>{_element('Key', key)}{_element('Value', value)}</{name}>"


def _element(name: str, value: object) -> str:
    match value:
        case None:
            return f'<{name} i:nil="true"/>'
        case bool():
            text = "true" if value else "false"
        case Mapping():
            text = "".join(_members(value))
        case list() | tuple():
            text = "".join(_element("Item", item) for item in value)
        case _:
            text = _text(str(value))
    return f"<{name}>{text}</{name}>"


def _text(text: str) -> str:
    # A bare carriage return would be read back as a line feed (XML 1.0 section 2.11).
    return escape(_FORBIDDEN.sub("\ufffd", text), {"\r": "&#13;"})


def encoded_name(name: str) -> str:
    """Return a name that XML takes: any other character as ``_x0024_``, as .NET spells it."""
    return _NOT_IN_A_NAME.sub(lambda match: f"_x{ord(match[0]):04X}_", name) or "_"
