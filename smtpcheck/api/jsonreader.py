"""Reads a JSON body by the letter of RFC 8259: no NaN, no comments, no raw control characters."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError

# What the original's framework allows (FormattingUtilities.cs).
MAX_DEPTH = 256

# The request has three members; a document of more values is no request.
MAX_VALUES = 10_000


class JsonNumber(str):
    """A JSON number as it was written.

    Its text is what a member of type string takes, and a number of a million digits costs
    nothing.
    """

    __slots__ = ()


def read_json(text: str) -> object:
    """Return dicts, lists, strings, JsonNumbers, booleans and None; raises ParseError.

    The error tells the line and column, never the text.
    """
    if not text.strip():
        raise ParseError(_("The body is empty. Send a JSON object."))
    _refuse_too_much(_STRING.sub("", text))
    try:
        return json.loads(
            text, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as exc:
        message = _("The body is not valid JSON, at line %(line)d, column %(column)d.")
        # from None: the exception holds the whole body, passwords included
        raise ParseError(message % {"line": exc.lineno, "column": exc.colno}) from None


# What is outside of these is structure; one that never ends goes on to the end of the text.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)


def _refuse_too_much(structure: str) -> None:
    """Refuse what would take much time and memory to read, before any of it is read."""
    depth = 0
    for mark in structure:
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ParseError(too_deep())
        elif mark in "]}":
            depth -= 1
    # Each value but the first of its container stands behind a comma.
    if sum(map(structure.count, ",[{")) > MAX_VALUES:
        message = _("The body has more than %(limit)d values.")
        raise ParseError(message % {"limit": MAX_VALUES})


def _refuse_constant(name: str) -> NoReturn:
    message = _("The body is not valid JSON: %(constant)s is not a JSON value.")
    raise ParseError(message % {"constant": name})


def too_deep() -> str:
    """Return what the caller is told of a body with too many levels."""
    return _("The body is nested deeper than %(limit)d levels.") % {"limit": MAX_DEPTH}
