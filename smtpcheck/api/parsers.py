"""How bodies are read: bounded, by the type that the caller declared.

A format is one class here, named in the settings; each returns plain values and leaves it to the
serializers what they mean. This module is loaded by the framework's settings, so it imports no
views.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import IO, Any
from urllib.parse import parse_qsl

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.utils.mediatypes import media_type_matches

from smtpcheck.api.exceptions import BodyTooLarge
from smtpcheck.api.jsonreader import read_json
from smtpcheck.api.xmlreader import read_xml

# The three members take a few hundred bytes; a megabyte is room for any mistake but a file.
MAX_BODY_BYTES = 1024 * 1024

# Django's own limit for the fields of a form.
MAX_FORM_FIELDS = 1000


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


class JsonParser(BaseParser):
    """Reads JSON in UTF-8, or in UTF-16 where the caller says so."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return dicts, lists, strings, JsonNumbers, booleans and None; raises ParseError."""
        return read_json(_decode(stream.read(), _charset(parser_context)))


class TextJsonParser(JsonParser):
    """Reads JSON that is labelled ``text/json``."""

    media_type = "text/json"


class MergePatchParser(JsonParser):
    """Reads a merge patch (RFC 7396): onto an empty request it is the request itself."""

    media_type = "application/merge-patch+json"


class JsonPatchParser(JsonParser):
    """Reads a plain object, or the operations of a JSON Patch onto an empty request (RFC 6902).

    Paths may lack the leading slash, as the original's client writes them.
    """

    media_type = "application/json-patch+json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object that the operations make; raises ParseError for any but add/replace."""
        body = super().parse(stream, media_type, parser_context)
        return _patched(body) if isinstance(body, list) else body


def _patched(operations: Sequence[object]) -> dict[str, object]:
    members: dict[str, object] = {}
    for number, operation in enumerate(operations, start=1):
        match operation:
            case {"op": "add" | "replace", "path": str(path), "value": value}:
                members[path.removeprefix("/")] = value
            case _:
                message = _(
                    "Operation %(number)d of the patch is none that can be applied. Send add or "
                    "replace, each with a path and a value."
                )
                raise ParseError(message % {"number": number})
    return members


class XmlParser(BaseParser):
    """Reads XML: the encoding of the Content-Type counts, else the document's own."""

    media_type = "application/xml"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the members of the root element; raises ParseError."""
        octets = stream.read()
        charset = _charset(parser_context)
        if not charset:
            return read_xml(octets)
        return read_xml(_decode(octets, charset).encode(), encoding="utf-8")


class TextXmlParser(XmlParser):
    """Reads XML that is labelled ``text/xml``."""

    media_type = "text/xml"


class FormParser(BaseParser):
    """Reads the fields of an HTML form; of a field that comes twice the last value counts."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the fields as texts, or as bytes what is no UTF-8; raises ParseError."""
        text = _decode(stream.read(), _charset(parser_context))
        try:
            fields = parse_qsl(
                text,
                keep_blank_values=True,
                errors="surrogateescape",
                max_num_fields=MAX_FORM_FIELDS,
            )
        except ValueError:
            message = _("The form has more than %(limit)d fields.")
            raise ParseError(message % {"limit": MAX_FORM_FIELDS}) from None
        return {name: _text_or_octets(value) for name, value in fields}


def _text_or_octets(value: str) -> str | bytes:
    """The value of a field; who knows its name refuses bytes."""
    octets = value.encode("utf-8", "surrogateescape")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets


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
