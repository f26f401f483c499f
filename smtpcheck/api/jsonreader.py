"""Reads a JSON body by the letter of RFC 8259: no NaN, no comments, no raw control characters."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError

# What the original's framework allows (FormattingUtilities.cs).
MAX_DEPTH = 256


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
    value = _load(text)
    if _deeper_than(MAX_DEPTH, value):
        raise ParseError(too_deep())
    return value


def _load(text: str) -> object:
    try:
        return json.loads(
            text, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as exc:
        message = _("The body is not valid JSON, at line %(line)d, column %(column)d.")
        # from None: the exception holds the whole body, passwords included
        raise ParseError(message % {"line": exc.lineno, "column": exc.colno}) from None
    except RecursionError:
        raise ParseError(too_deep()) from None


def _refuse_constant(name: str) -> NoReturn:
    message = _("The body is not valid JSON: %(constant)s is not a JSON value.")
    raise ParseError(message % {"constant": name})


def too_deep() -> str:
    """Return what the caller is told of a body with too many levels."""
    return _("The body is nested deeper than %(limit)d levels.") % {"limit": MAX_DEPTH}


def _deeper_than(limit: int, value: object) -> bool:
    level = _nested([value])
    for _depth in range(limit):
        level = _nested(child for parent in level for child in _children(parent))
    return bool(level)


def _nested(values: Iterable[object]) -> list[Collection[object]]:
    return [value for value in values if isinstance(value, (dict, list))]


def _children(parent: Collection[object]) -> Iterable[object]:
    return parent.values() if isinstance(parent, dict) else parent
