"""Requests that no client of good will sends: each is answered as documented, soon, and cheaply.

Over a real socket against uvicorn, byte by byte, for no HTTP client would send most of them.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.end_to_end.application import CALL, PATIENCE_SECONDS, Application
from tests.end_to_end.conftest import Serve
from tests.end_to_end.databases import ADMINISTRATOR, PASSWORD

# One worker takes the whole module: another one would start another application.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("end_to_end_bad_input"),
    pytest.mark.skipif(sys.platform != "linux", reason="Time and memory are read from /proc."),
]

MEMORY_BYTES: Final = 50 * 1024 * 1024
# Of the processor, so that a busy machine makes no difference; there is nothing else to wait for.
SECONDS: Final = 1.0
WAITED_SECONDS: Final = 10.0

KIB: Final = 1024
MIB: Final = 1024 * KIB

# What stands in most of the bodies, and must not be found in any answer or log.
SECRET: Final = "Blindschleiche4711"
SMTP_URI: Final = f"smtps://ann:{SECRET}@mail.example.org:465"

LOGIN: Final = "Basic " + base64.b64encode(f"{ADMINISTRATOR}:{PASSWORD}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came over the socket; a server that closes without one has status 0."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> Any:
        """The error body."""
        told = json.loads(self.body)
        assert list(told) == ["Error", "ErrorType", "Message", "ErrorSource"]
        assert told["Error"] is True
        return told


@dataclass(frozen=True, slots=True)
class Case:
    """One bad request: what is sent, and the status and the words that it is answered with."""

    body: bytes
    status: int
    says: str = ""
    content_type: str = "application/json"


def json_of(**members: object) -> bytes:
    return json.dumps({"SmtpUri": SMTP_URI, **members}).encode()


def xml_of(inner: str, before: str = "") -> bytes:
    return f"{before}<TestSmtpServerRequest>{inner}</TestSmtpServerRequest>".encode()


def laughs(levels: int = 10) -> bytes:
    entities = ['<!ENTITY l0 "lol">']
    entities += [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels)]
    return xml_of(f"<SmtpUri>&l{levels - 1};</SmtpUri>", f"<!DOCTYPE x [{''.join(entities)}]>")


EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
ATTRIBUTE = "a{}=''"
FORM = "application/x-www-form-urlencoded"
XML = "application/xml"
MULTIPART = "multipart/form-data; boundary=b"
SECRET_UTF_8 = f'{{"SmtpUri": "{SMTP_URI}", '.encode()

# Whatever the members hold is no bad request: such a test ends in a diagnosis and status 200.
CASES: dict[str, Case] = {
    "invalid UTF-8": Case(SECRET_UTF_8 + b'"From": "\xff"}', 400, "UTF-8"),
    "an overlong NUL": Case(SECRET_UTF_8 + b'"From": "\xc0\x80"}', 400, "UTF-8"),
    "half a character": Case(json_of(From="\ud800@example.org"), 200),
    "truncated JSON": Case(json_of()[:-1], 400, "line 1, column"),
    "an empty body": Case(b"", 400, "empty"),
    "a body of blanks": Case(b" " * (MIB - 1), 400, "empty"),
    "no object": Case(b'["%s"]' % SMTP_URI.encode(), 400, "SmtpUri, From and UseStoredPassword"),
    "a list for the URI": Case(json_of(SmtpUri=[SMTP_URI]), 400, "SmtpUri: "),
    "an object for the sender": Case(json_of(From={"a": SECRET}), 400, "From: "),
    "a text for the boolean": Case(json_of(useStoredPassword=SECRET), 400, "UseStoredPassword: "),
    "100,000 nested lists": Case(b"[" * 100_000 + b"]" * 100_000, 400, "256 levels"),
    "100,000 open lists": Case(b"[" * 100_000, 400, "256 levels"),
    "100,000 nested lists in a member": Case(
        b'{"From": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "256 levels"
    ),
    "100,000 nested objects": Case(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, "256 levels"),
    "100,000 members": Case(
        b"{" + b",".join(b'"%x":0' % n for n in range(100_000)) + b"}", 400, "10000 values"
    ),
    "a list of 500,000 items": Case(b'{"From": [' + b"0," * 500_000 + b"0]}", 400, "10000 values"),
    "a list of 300,000 lists": Case(b"[" + b"[]," * 300_000 + b"[]]", 400, "10000 values"),
    "2000 lists in 200 levels each": Case(
        b"[" + b",".join([b"[" * 200 + b"]" * 200] * 2000) + b"]", 400, "10000 values"
    ),
    "a text of half a million commas": Case(json_of(From="[{," * 170_000), 200),
    "a text that never ends": Case(b'{"From": "' + b"[{,\\n" * 150_000, 400, "line 1"),
    "duplicate keys": Case(SECRET_UTF_8 + b'"SmtpUri": [], "SmtpUri": ""}', 200),
    "100,000 equal keys": Case(b"{" + b'"From":"",' * 100_000 + b'"From":[]}', 400, "10000 values"),
    "keys that differ in case": Case(b'{"from": [], "FROM": {}, "From": ""}', 200),
    "a number of a million digits": Case(b'{"SmtpUri": ' + b"9" * 1_000_000 + b"}", 200),
    "a boolean of a million digits": Case(b'{"UseStoredPassword": %s}' % (b"9" * 1_000_000), 200),
    "a number beyond any float": Case(b'{"UseStoredPassword": 1e999999999}', 200),
    "not a number": Case(b'{"UseStoredPassword": NaN}', 400, "NaN"),
    "a NUL in a text": Case(json_of(From="a\0@example.org"), 200),
    "a bare NUL": Case(SECRET_UTF_8 + b"\0}", 400, "line 1, column"),
    "a raw control character in a text": Case(SECRET_UTF_8 + b'"From": "\x01"}', 400, "line 1"),
    "every control character": Case(json_of(From="".join(map(chr, range(32)))), 200),
    "a name of a megabyte": Case(b'{"' + b"x" * (MIB - 100) + b'": 1}', 200),
    "a text of a megabyte": Case(b'{"SmtpUri": "' + b"x" * (MIB - 100) + b'"}', 200),
    "a text of a megabyte of escapes": Case(b'{"From": "' + b"\\u0000" * 170_000 + b'"}', 200),
    "10 MB": Case(b'{"From": "' + b"x" * 10_000_000 + b'"}', 413, "1 MiB"),
    "one byte too many": Case(b" " * (MIB + 1), 413, "1 MiB"),
    "truncated XML": Case(xml_of(f"<SmtpUri>{SMTP_URI}</SmtpUri>")[:-9], 400, "line 1", XML),
    "XML of invalid UTF-8": Case(b"<a><From>\xff</From></a>", 400, "line 1", XML),
    "billion laughs": Case(laughs(), 400, "DOCTYPE", XML),
    "an external entity": Case(xml_of("<From>&e;</From>", EXTERNAL), 400, "DOCTYPE", XML),
    "an external DTD": Case(
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>', 400, "DOCTYPE", XML
    ),
    "an unknown entity": Case(xml_of("<From>&e;</From>"), 400, "line 1", XML),
    "100,000 nested elements": Case(b"<a>" * 100_000, 400, "256 levels", XML),
    "200,000 elements": Case(xml_of("<a/>" * 200_000), 400, "10000 elements", XML),
    "50,000 attributes": Case(
        xml_of(f"<a {' '.join(map(ATTRIBUTE.format, range(50_000)))}/>"), 200, "", XML
    ),
    "an element in an element": Case(xml_of("<From><x>1</x></From>"), 400, "From: ", XML),
    "an encoding that nobody knows": Case(
        b'<?xml version="1.0" encoding="klingon"?><a/>', 400, "encoding", XML
    ),
    "a NUL in XML": Case(xml_of("<From>\0</From>"), 400, "line 1", XML),
    "a form of invalid UTF-8": Case(b"SmtpUri=%s&From=%%ff" % SECRET.encode(), 400, "From", FORM),
    "a form of 2000 fields": Case(b"From=&" * 2000, 400, "1000 fields", FORM),
    "a form with no boolean": Case(b"UseStoredPassword=yes", 400, "UseStoredPassword: ", FORM),
    "a charset that nobody knows": Case(
        SECRET_UTF_8 + b'"From": []}', 400, "From: ", "application/json; charset=klingon"
    ),
    "UTF-16 with half a unit": Case(b"{\0}", 400, "UTF-16", "application/json; charset=utf-16"),
    "a multipart form": Case(b"--b--\r\n", 415, "application/json", MULTIPART),
    "a malformed multipart form": Case(b"--b\r\nContent-Disp", 415, "application/json", MULTIPART),
    "a multipart form without a boundary": Case(
        SECRET.encode(), 415, "application/json", "multipart/form-data"
    ),
    "a type that is none": Case(json_of(), 415, "application/json", "/;;=\xff"),
    "a type of 30 KiB": Case(json_of(), 415, "application/json", "a/" + "b" * 30 * KIB),
    "a type with a parameter in no charset": Case(
        json_of(), 415, "application/json", "application/json; charset*=klingon''utf-8"
    ),
    "too much of a type of 30 KiB": Case(b" " * (MIB + 1), 413, "1 MiB", "a/" + "b" * 30 * KIB),
    "no type": Case(json_of(), 415, "application/json", ""),
}


@pytest.fixture(scope="module")
def application(serve: Serve) -> Application:
    served = serve(SMTPCHECK_CALLS_PER_MINUTE="100000", SMTPCHECK_POLICY="")
    served.call({"SmtpUri": "imap://none"})  # loads what is loaded on first use
    return served


def head(*lines: str, method: str = "POST", path: str = CALL) -> bytes:
    """The head of a request, with a login unless the lines hold one."""
    named = "".join(lines).lower()
    first = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    first += ["Accept: application/json"]
    login = [] if "authorization:" in named else [f"Authorization: {LOGIN}"]
    return "\r\n".join([*first, *login, *lines, "", ""]).encode("latin-1")


def request(case: Case, *lines: str) -> bytes:
    """A whole request that declares the length of its body."""
    typed = [f"Content-Type: {case.content_type}"] if case.content_type else []
    return head(*typed, *lines, f"Content-Length: {len(case.body)}") + case.body


def chunked(case: Case, size: int = 32 * KIB) -> Iterable[bytes]:
    """A request whose body comes in chunks, each of its own length."""
    yield head(f"Content-Type: {case.content_type}", "Transfer-Encoding: chunked")
    for start in range(0, len(case.body), size):
        part = case.body[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def sent(application: Application, *parts: bytes) -> Reply:
    """Send the parts of one request and read all that is answered."""
    address = ("127.0.0.1", application.port)
    with socket.create_connection(address, PATIENCE_SECONDS) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:  # answered and closed before it had everything
                break
        return read(connection)


def read(connection: socket.socket) -> Reply:
    """The answer on a connection; one that was reset before its answer arrived has none."""
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return Reply(0, {}, b"")
    return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, body)


def assert_answered(reply: Reply, case: Case) -> None:
    assert reply.status == case.status, reply.body[:2000]
    assert SECRET.encode() not in reply.body
    if case.status == 200:
        assert json.loads(reply.body)["Success"] is False
    else:
        assert case.says in reply.error["Message"]


@contextmanager
def bounded(application: Application) -> Iterator[None]:
    """Hold what is done inside to the time and memory that one request may take."""
    resident, used = application.forget_peak_memory(), application.cpu_seconds()
    began = time.monotonic()
    yield
    assert time.monotonic() - began < WAITED_SECONDS
    assert application.cpu_seconds() - used < SECONDS
    assert application.peak_memory_bytes() - resident < MEMORY_BYTES


def assert_nothing_leaked(application: Application) -> None:
    log = application.log()
    assert "Traceback" not in log
    assert SECRET not in log
    assert PASSWORD not in log
    assert LOGIN.partition(" ")[2] not in log


@pytest.mark.parametrize("name", CASES)
def test_a_bad_body_is_answered_as_documented_soon_and_cheaply(
    application: Application, name: str
) -> None:
    case = CASES[name]
    with bounded(application):
        reply = sent(application, request(case))
    assert_answered(reply, case)
    assert_nothing_leaked(application)


@pytest.mark.parametrize("name", CASES)
def test_the_same_in_chunks(application: Application, name: str) -> None:
    case = CASES[name]
    with bounded(application):
        reply = sent(application, *chunked(case))
    if reply.status:  # what was sent beyond the limit may have cost the answer on its way
        assert_answered(reply, case)
    else:
        assert case.status == 413
    assert_nothing_leaked(application)


def test_an_authorization_header_of_32_kib_is_a_401(application: Application) -> None:
    long = base64.b64encode(f"{ADMINISTRATOR}:{SECRET}".encode() + b"x" * 24 * KIB).decode()
    for scheme in ("Basic", "Bearer", "SoTicket", "Digest"):
        line = f"Authorization: {scheme} {long}"
        with bounded(application):
            reply = sent(application, request(Case(json_of(), 401), line))
        assert reply.status == 401
        assert reply.error["ErrorType"] == "AuthenticationException"
        assert long.encode()[:100] not in reply.body
    assert long[:100] not in application.log()
    assert_nothing_leaked(application)


def test_a_select_of_32_kib_is_taken(application: Application) -> None:
    paths = "Success," + "a/" * 8 * KIB + "," + "," * 16 * KIB
    body = json_of(SmtpUri="imap://none")
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    with bounded(application):
        reply = sent(application, head(*lines, path=f"{CALL}?$select={paths}") + body)
    assert reply.status == 200
    assert json.loads(reply.body)["Success"] is False
    assert json.loads(reply.body)["ErrorMessage"] is None
    assert_nothing_leaked(application)


# What uvicorn refuses itself, before any application: in plain text, and without a word of ours.
BY_THE_SERVER: dict[str, bytes] = {
    "a length that is no number": head("Content-Length: many"),
    "a negative length": head("Content-Length: -1"),
    "two lengths": head("Content-Length: 1", "Content-Length: 2"),
    "a NUL in a header": head("SO-Language: a\0b"),
    "a NUL in the path": head(path=f"{CALL}/\0"),
    "a method that is none": head(method="P(ST"),
    "no HTTP": b"EHLO mail.example.org\r\n\r\n",
}


@pytest.mark.parametrize("name", BY_THE_SERVER)
def test_what_is_no_http_is_a_plain_400_of_the_server(application: Application, name: str) -> None:
    with bounded(application):
        reply = sent(application, BY_THE_SERVER[name])
    assert reply.status == 400
    assert_nothing_leaked(application)


ENDLESS: dict[str, bytes] = {
    "an Authorization header": head("Authorization: Basic " + "A" * MIB),
    "a $select": head(path=f"{CALL}?$select={'a,' * (MIB // 2)}"),
    "the lines of a head": head()[:-2] + b"X: y\r\n" * 100 * KIB,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_head_of_a_mebibyte_is_cut_off_by_the_server(application: Application, name: str) -> None:
    with bounded(application):
        reply = sent(application, ENDLESS[name])
    assert reply.status in {0, 400}  # what it did not read may have cost its answer on the way
    assert_nothing_leaked(application)


# Bodies that break off or never come: the caller is gone, and nothing may be left of it.
BROKEN: dict[str, bytes] = {
    "a body shorter than declared": head(
        "Content-Type: application/json", "Content-Length: 500000"
    ) + json_of()[:40],
    "chunks that break off": head("Transfer-Encoding: chunked") + b"ff\r\n" + json_of()[:40],
    "a chunk of no length": head("Transfer-Encoding: chunked") + b"klingon\r\n",
    "a chunk of more than any memory": head("Transfer-Encoding: chunked") + b"f" * 15 + b"\r\nx",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_body_that_breaks_off_leaves_nothing_behind(application: Application, name: str) -> None:
    rows = len(application.database.results())
    with bounded(application):
        with socket.create_connection(("127.0.0.1", application.port), PATIENCE_SECONDS) as caller:
            caller.sendall(BROKEN[name])
            caller.shutdown(socket.SHUT_WR)
            read(caller)
        assert application.call({"SmtpUri": "imap://none"}).status == 200
    assert len(application.database.results()) == rows + 1
    assert_nothing_leaked(application)


@pytest.mark.parametrize(("size", "status"), [(0, 200), (MIB, 200), (MIB + 1, 413)])
def test_who_asks_before_sending_is_told_to_go_on(
    application: Application, size: int, status: int
) -> None:
    body = json_of(SmtpUri="imap://none").ljust(size)
    length = f"Content-Length: {len(body)}"
    asked = head("Content-Type: application/json", length, "Expect: 100-continue")
    with socket.create_connection(("127.0.0.1", application.port), PATIENCE_SECONDS) as caller:
        caller.sendall(asked)
        if status == 200:
            assert caller.recv(64).startswith(b"HTTP/1.1 100")
            caller.sendall(body)
        reply = read(caller)  # too much is refused before a byte of it was sent
    assert reply.status == status
    assert_nothing_leaked(application)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/Agents/CustomerService/%00", 404),
        ("/api/v1/Agents/CustomerService/%ff%fe", 404),
        ("/api/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/api/v1/results/00000000-0000-0000-0000-000000000000/", 404),
        ("/api/v1/results/%00/", 404),
        (f"{CALL}?$select=%00%ff%0d%0aX:1", 200),
        (f"{CALL}?$select=Success&$select=%F0%28", 200),
    ],
)
def test_a_bad_path_or_query_is_answered_as_any_other(
    application: Application, path: str, status: int
) -> None:
    with bounded(application):
        reply = sent(application, head(method="GET", path=path))
    assert reply.status == status
    if status == 404:
        assert reply.error["ErrorType"] == "NotFoundException"
    assert_nothing_leaked(application)


@pytest.mark.parametrize("host", ["elsewhere.example", "", "a\tb", "127.0.0.1:port", "[::1"])
def test_a_host_that_is_not_ours_is_a_400_in_the_shape_of_the_api(
    application: Application, host: str
) -> None:
    asked = head("Content-Length: 0").replace(b"Host: 127.0.0.1", b"Host: " + host.encode())
    reply = sent(application, asked)
    assert reply.status == 400
    assert "Host" in reply.error["Message"]
    assert_nothing_leaked(application)
