"""How bodies are read: bounded, by the type that the caller declared.

A format is one class here, named in the settings; each returns plain values and leaves it to the
serializers what they mean. This module is loaded by the framework's settings, so it imports no
views.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import IO, Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.utils.mediatypes import media_type_matches

from smtpcheck.api.exceptions import BodyTooLarge

# The three members take a few hundred bytes; a megabyte is room for any mistake but a file.
MAX_BODY_BYTES = 1024 * 1024

# What the original's framework allows (FormattingUtilities.cs).
MAX_DEPTH = 256


def body_of(request: Request) -> object:
    """Return the parsed body of a request.

    Not ``request.data``: that takes a body without Content-Length (a chunked one) and an empty
    one for an empty form. Raises UnsupportedMediaType, BodyTooLarge or ParseError.
    """
    parsers = request.parsers or ()
    fitting = (
        each for each in parsers if media_type_matches(each.media_type, request.content_type)
    )
    parser = next(fitting, None)
    if parser is None:
        advice = _media_type_advice(request, [each.media_type for each in parsers])
        raise UnsupportedMediaType(request.content_type, detail=advice)
    stream = io.BytesIO(_bounded_bytes(request))
    return parser.parse(stream, request.content_type, request.parser_context)


def _media_type_advice(request: Request, known: Sequence[str]) -> str:
    if request.content_type:
        message = _("The Content-Type of the body is not known here. Send one of: %(types)s.")
    else:
        message = _("The body has no Content-Type. Send one of: %(types)s.")
    return message % {"types": ", ".join(known)}


def _bounded_bytes(request: Request) -> bytes:
    declared = request.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BODY_BYTES:
        raise BodyTooLarge
    body: bytes = request.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge
    return body


class JsonNumber(str):
    """A JSON number as it was written.

    Its text is what a member of type string takes, and a number of a million digits costs
    nothing.
    """

    __slots__ = ()


class JsonParser(BaseParser):
    """Reads JSON by the letter of RFC 8259: no NaN, no comments, no raw control characters."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return dicts, lists, strings, JsonNumbers, booleans and None; raises ParseError."""
        text = _decode(stream.read(), _charset(parser_context))
        if not text.strip():
            raise ParseError(_("The body is empty. Send a JSON object."))
        value = _load(text)
        if _deeper_than(MAX_DEPTH, value):
            raise ParseError(_too_deep())
        return value


class TextJsonParser(JsonParser):
    """Reads JSON that is labelled ``text/json``."""

    media_type = "text/json"


def _charset(parser_context: Mapping[str, Any] | None) -> str:
    request = (parser_context or {}).get("request")
    declared: str = request.content_params.get("charset", "") if request else ""
    return declared.strip().lower()


# Any other charset is read as UTF-8, as the original does.
_CODECS = {"utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}


def _decode(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(_CODECS.get(charset, "utf-8")).removeprefix("\ufeff")
    except UnicodeDecodeError as exc:
        message = _("The body is not valid %(charset)s: byte %(position)d cannot be decoded.")
        values = {"charset": exc.encoding.upper(), "position": exc.start}
        raise ParseError(message % values) from None  # the exception holds the whole body


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
        raise ParseError(_too_deep()) from None


def _refuse_constant(name: str) -> NoReturn:
    message = _("The body is not valid JSON: %(constant)s is not a JSON value.")
    raise ParseError(message % {"constant": name})


def _too_deep() -> str:
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
