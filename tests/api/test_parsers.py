from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request

from smtpcheck.api.exceptions import BodyTooLarge
from smtpcheck.api.parsers import (
    MAX_BODY_BYTES,
    MAX_DEPTH,
    JsonNumber,
    JsonParser,
    TextJsonParser,
    body_of,
)

JSON = "application/json"


def request_with(body: bytes, content_type: str | None = JSON, **headers: str) -> Request:
    plain = RequestFactory().generic(
        "POST", "/", body, headers=headers, CONTENT_TYPE=content_type or ""
    )
    plain._stream = io.BytesIO(body)
    parsers = [JsonParser(), TextJsonParser()]
    return Request(plain, parsers=parsers)


def parsed(body: bytes, content_type: str | None = JSON) -> Any:
    return body_of(request_with(body, content_type))


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/json",
        "Application/JSON; charset=utf-8",
        'application/json; charset="UTF-8"',
        "application/json; charset=latin-9000",
    ],
)
def test_a_json_type_is_read_as_utf_8(content_type: str) -> None:
    assert parsed('{"a": "ö"}'.encode(), content_type) == {"a": "ö"}


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("utf-16", "utf-16"), ("UTF-16LE", "utf-16-le"), ("utf-16be", "utf-16-be")],
)
def test_utf_16_is_read_when_it_is_declared(charset: str, codec: str) -> None:
    body = '{"a": "ö"}'.encode(codec)
    assert parsed(body, f"application/json; charset={charset}") == {"a": "ö"}


def test_a_byte_order_mark_is_tolerated() -> None:
    assert parsed(b'\xef\xbb\xbf{"a": null}') == {"a": None}


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/xml", "multipart/form-data; boundary=x", "json"],
)
@pytest.mark.parametrize("body", [b"{}", b""])
def test_another_content_type_or_none_is_unsupported(content_type: str | None, body: bytes) -> None:
    with pytest.raises(UnsupportedMediaType, match="application/json, text/json"):
        parsed(body, content_type)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b"{", "not valid JSON, at line 1, column 2"),
        (b'{"SmtpUri": "a",}', "not valid JSON"),
        (b"{'SmtpUri': 'a'}", "not valid JSON"),
        (b'{"a": 1} x', "not valid JSON"),
        (b'{"a": "line\nbreak"}', "not valid JSON"),
        (b'{"a": "\\ud8"}', "not valid JSON"),
        (b"NaN", "NaN is not a JSON value"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON value"),
        (b'{"a": "\xff"}', "not valid UTF-8: byte 7"),
        (b"[" * 100_000, "deeper than 256"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "deeper than 256"),
        (b"[" * 257 + b"]" * 257, "deeper than 256"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(body: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parsed(body)


def test_the_deepest_nesting_allowed_is_read() -> None:
    assert parsed(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@pytest.mark.parametrize("number", ["0", "-1", "1.0", "1e400", "9" * 10_000])
def test_a_number_keeps_its_text(number: str) -> None:
    value = parsed(number.encode())
    assert isinstance(value, JsonNumber)
    assert value == number


def test_the_last_of_two_equal_names_wins() -> None:
    assert parsed(b'{"a": "1", "a": "2"}') == {"a": "2"}


def test_a_body_of_one_mebibyte_is_read() -> None:
    assert len(parsed(b'"' + b"a" * (MAX_BODY_BYTES - 2) + b'"')) == MAX_BODY_BYTES - 2


def test_a_larger_body_is_refused() -> None:
    with pytest.raises(BodyTooLarge):
        parsed(b" " * (MAX_BODY_BYTES + 1))


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "9" * 5000])
def test_a_body_declared_too_large_is_refused_unread(length: str) -> None:
    request = request_with(b"{}", **{"Content-Length": length})
    with pytest.raises(BodyTooLarge):
        body_of(request)
    assert request.read() == b"{}"


def test_a_body_without_declared_length_is_counted_while_it_is_read() -> None:
    request = request_with(b" " * (MAX_BODY_BYTES + 1))
    del request._request.META["CONTENT_LENGTH"]  # as a chunked one arrives
    with pytest.raises(BodyTooLarge):
        body_of(request)


def test_no_refusal_holds_the_body() -> None:
    for body in (b'{"SmtpUri": "smtp://u:geheim-99@h"', b'{"a": "geheim-99\xff"}'):
        with pytest.raises(ParseError) as caught:
            parsed(body)
        seen = [caught.value, caught.value.__cause__]
        assert not any("geheim-99" in repr(vars(exc)) for exc in seen if exc)
