from __future__ import annotations

import io
import json
from typing import Any, cast

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.settings import api_settings

from smtpcheck.api.exceptions import BodyTooLarge
from smtpcheck.api.jsonreader import MAX_DEPTH, MAX_VALUES, JsonNumber
from smtpcheck.api.parsers import MAX_BODY_BYTES, MAX_FORM_FIELDS, body_of
from smtpcheck.api.xmlreader import MAX_ELEMENTS

JSON = "application/json"


PARSERS: Any = [parser() for parser in cast("list[type]", api_settings.DEFAULT_PARSER_CLASSES)]


def request_with(body: bytes, content_type: str | None = JSON, **headers: str) -> Request:
    plain = RequestFactory().generic(
        "POST", "/", body, headers=headers, CONTENT_TYPE=content_type or ""
    )
    plain._stream = io.BytesIO(body)
    return Request(plain, parsers=PARSERS)


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
    [None, "text/plain", "application/xhtml+xml", "multipart/form-data; boundary=x", "json"],
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


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"1," * MAX_VALUES + b"1]",
        b"[" + b"{}," * (MAX_VALUES // 2) + b"{}]",
        b'{"From": [' + b'"a",' * MAX_VALUES + b'"b"',
    ],
)
def test_a_body_of_more_values_than_any_request_has_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError, match="more than 10000 values"):
        parsed(body)


@pytest.mark.parametrize("text", ["[{," * MAX_VALUES, '\\",[{' * MAX_VALUES, "\\" * MAX_VALUES])
def test_structure_inside_a_text_does_not_count(text: str) -> None:
    assert parsed(json.dumps({"From": text}).encode()) == {"From": text}


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


PATCH = "application/json-patch+json"


@pytest.mark.parametrize("content_type", [PATCH, "application/merge-patch+json"])
def test_a_patch_type_may_carry_the_plain_object(content_type: str) -> None:
    assert parsed(b'{"smtpUri": "smtp://h"}', content_type) == {"smtpUri": "smtp://h"}


def test_a_json_patch_is_applied_to_the_empty_request() -> None:
    body = (
        b'[{"op": "add", "path": "/SmtpUri", "value": "smtp://h"},'
        b' {"op": "replace", "path": "usestoredpassword", "value": true},'
        b' {"op": "add", "path": "/SmtpUri", "value": null}]'
    )
    assert parsed(body, PATCH) == {"SmtpUri": None, "usestoredpassword": True}


@pytest.mark.parametrize(
    "operation",
    [
        b'{"op": "remove", "path": "/From"}',
        b'{"op": "add", "path": "/From"}',
        b'{"op": "add", "value": "a"}',
        b'{"op": "add", "path": ["x"], "value": "a"}',
        b"1",
        b"null",
    ],
)
def test_another_operation_of_a_patch_is_refused_by_its_number(operation: bytes) -> None:
    body = b'[{"op": "add", "path": "/From", "value": "a"}, ' + operation + b"]"
    with pytest.raises(ParseError, match="Operation 2 of the patch"):
        parsed(body, PATCH)


XML = "application/xml"
NAMESPACE = "http://schemas.datacontract.org/2004/07/SuperOffice.WebApi.v1.Carriers"


@pytest.mark.parametrize("content_type", [XML, "text/xml", "application/xml; charset=utf-8"])
@pytest.mark.parametrize(
    "body",
    [
        (
            "<TestSmtpServerRequest><From>ö</From><UseStoredPassword>true</UseStoredPassword>"
            "</TestSmtpServerRequest>"
        ),
        (
            f'<a:Anything xmlns:a="{NAMESPACE}"><a:From>ö</a:From>'
            "<a:UseStoredPassword>true</a:UseStoredPassword></a:Anything>"
        ),
        (
            f'\ufeff<?xml version="1.0"?><!-- hello --><R xmlns="{NAMESPACE}">\n'
            "  <UseStoredPassword>true</UseStoredPassword>\n  <From><![CDATA[ö]]></From>\n</R>\n"
        ),
    ],
)
def test_xml_is_read_with_any_root_namespace_and_order(body: str, content_type: str) -> None:
    assert parsed(body.encode(), content_type) == {"From": "ö", "UseStoredPassword": "true"}


def test_xml_knows_nil_empty_digits_and_nesting() -> None:
    body = (
        b'<R xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><A i:nil="true"/><B/><C>1</C>'
        b"<D>a&amp;b&#228;</D><E><F>x</F></E><G>2</G></R>"
    )
    read = parsed(body, XML)
    assert read == {"A": None, "B": "", "C": "1", "D": "a&bä", "E": {"F": "x"}, "G": "2"}
    assert isinstance(read["C"], JsonNumber)  # a boolean may be written 1
    assert not isinstance(read["G"], JsonNumber)  # and never 2


@pytest.mark.parametrize("charset", ["utf-16", "UTF-16LE"])
def test_xml_in_a_declared_utf_16_is_read(charset: str) -> None:
    body = '<?xml version="1.0" encoding="utf-16"?><R><From>ö</From></R>'.encode(charset)
    assert parsed(body, f"text/xml; charset={charset}") == {"From": "ö"}


def test_xml_without_a_charset_is_read_as_it_says_itself() -> None:
    for encoding in ("iso-8859-1", "utf-16", "windows-1252"):
        body = f'<?xml version="1.0" encoding="{encoding}"?><R><From>ö</From></R>'
        assert parsed(body.encode(encoding), XML) == {"From": "ö"}


BILLION_LAUGHS = (
    b"""<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><R><From>&b;</From></R>"""
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid XML, at line 1"),
        (b"<R><From>a</R>", "not valid XML, at line 1, column"),
        (b"<R/><R/>", "not valid XML"),
        (b"<R>&unknown;</R>", "not valid XML"),
        (b"<R>\xff</R>", "not valid XML"),
        (b"<R>\x00</R>", "not valid XML"),
        (b'<?xml version="1.0" encoding="klingon"?><R/>', "encoding|not valid XML"),
        (BILLION_LAUGHS, "DOCTYPE"),
        (b'<!DOCTYPE R SYSTEM "file:///etc/passwd"><R/>', "DOCTYPE"),
        (b"<R>" * 257 + b"</R>" * 257, "deeper than 256"),
        (b"<R>" * 100_000, "deeper than 256"),
        (b"<R>" + b"<a/>" * MAX_ELEMENTS + b"</R>", "more than 10000 elements"),
    ],
)
def test_what_is_not_plain_xml_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parsed(body, XML)


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"SmtpUri=smtp%3A%2F%2Fu%2540x%40h&from=", {"SmtpUri": "smtp://u%40x@h", "from": ""}),
        (b"From=a+b%C3%B6&From=last", {"From": "last"}),
        ("From=ö".encode(), {"From": "ö"}),
        (b"a=%FF&From=x%FF&b=%C3%B6", {"a": b"\xff", "From": b"x\xff", "b": "ö"}),
    ],
)
def test_a_form_is_read_as_utf_8(body: bytes, fields: dict[str, str | bytes]) -> None:
    assert parsed(body, FORM) == fields


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"From=\xff", "not valid UTF-8: byte 5"),
        (b"a=1&" * (MAX_FORM_FIELDS + 1), "more than 1000 fields"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parsed(body, FORM)
