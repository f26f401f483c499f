"""An SMTP URI is read by one parser, which names what it cannot understand and repeats nothing."""

from __future__ import annotations

import contextlib
import socket
import traceback
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import is_ip_literal
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Security
from smtpcheck.engine.uri import MAX_URI_LENGTH, SmtpUri, parse_uri

bounded = settings()  # of the profile: see tests/conftest.py


def refusal(uri: str) -> Refused:
    with pytest.raises(Refused) as caught:
        parse_uri(uri)
    assert caught.value.diagnosis_id in CATALOGUE
    return caught.value


def test_a_whole_uri_is_understood() -> None:
    assert parse_uri("smtps://alice%40example.org:s%3Acret@mx.example.org:4465") == SmtpUri(
        scheme="smtps",
        host="mx.example.org",
        port=4465,
        username="alice@example.org",
        password=Secret("s:cret"),
        security=Security.TLS,
    )


@pytest.mark.parametrize(
    ("uri", "host", "port", "security"),
    [
        ("smtp://mx.example", "mx.example", 25, Security.OPPORTUNISTIC),
        ("smtps://mx.example", "mx.example", 465, Security.TLS),
        ("SMTP://MX.Example", "mx.example", 25, Security.OPPORTUNISTIC),
        ("smtp://mx.example.", "mx.example", 25, Security.OPPORTUNISTIC),
        ("smtp://mx.example:587/", "mx.example", 587, Security.OPPORTUNISTIC),
        ("smtp://mx.example:", "mx.example", 25, Security.OPPORTUNISTIC),
        ("  smtp://mx.example  ", "mx.example", 25, Security.OPPORTUNISTIC),
        ("smtp://mx.example:1", "mx.example", 1, Security.OPPORTUNISTIC),
        ("smtp://mx.example:65535", "mx.example", 65535, Security.OPPORTUNISTIC),
        ("smtp://[2001:DB8::1]:587", "2001:db8::1", 587, Security.OPPORTUNISTIC),
        ("smtp://[2001:db8::1]", "2001:db8::1", 25, Security.OPPORTUNISTIC),
        ("smtp://192.0.2.1", "192.0.2.1", 25, Security.OPPORTUNISTIC),
        ("smtp://bücher.example", "xn--bcher-kva.example", 25, Security.OPPORTUNISTIC),
        ("smtp://mx.example?starttls=always", "mx.example", 25, Security.STARTTLS),
        ("smtp://mx.example?starttls=true", "mx.example", 25, Security.STARTTLS),
        ("smtp://mx.example/?STARTTLS=Yes", "mx.example", 25, Security.STARTTLS),
        ("smtp://mx.example?starttls=never", "mx.example", 25, Security.NONE),
        ("smtp://mx.example?starttls=false", "mx.example", 25, Security.NONE),
        ("smtp://mx.example?starttls=no", "mx.example", 25, Security.NONE),
        ("smtps://mx.example?starttls=never", "mx.example", 465, Security.TLS),
    ],
)
def test_a_target_is_understood(uri: str, host: str, port: int, security: Security) -> None:
    found = parse_uri(uri)
    assert (found.host, found.port, found.security) == (host, port, security)
    assert (found.username, found.password) == ("", None)


@pytest.mark.parametrize(
    ("uri", "username", "password"),
    [
        ("smtp://alice@mx.example", "alice", None),
        ("smtp://alice:@mx.example", "alice", ""),
        ("smtp://:secret@mx.example", "", "secret"),
        ("smtp://alice:a+b@mx.example", "alice", "a+b"),
        ("smtp://jörg:pässword@mx.example", "jörg", "pässword"),
        ("smtp://alice;AUTH=PLAIN:x@mx.example", "alice;AUTH=PLAIN", "x"),
        # what stands before the last "@" is the login, however much it looks like a host
        ("smtp://good.example:25@mx.example", "good.example", "25"),
    ],
)
def test_a_login_is_decoded(uri: str, username: str, password: str | None) -> None:
    found = parse_uri(uri)
    assert found.host == "mx.example"
    assert found.username == username
    assert found.password == (None if password is None else Secret(password))


@pytest.mark.parametrize(
    "password", ["p@ss", "a:b", "a/b", "100%", "päß", "two words", '"quoted"', "?#[]\\&=+;,", "😀"]
)
def test_an_encoded_password_comes_back_as_it_was(password: str) -> None:
    found = parse_uri(f"smtps://{quote('a@b', safe='')}:{quote(password, safe='')}@mx.example")
    assert found.username == "a@b"
    assert found.password == Secret(password)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40))
@bounded
def test_any_encoded_password_comes_back_as_it_was(password: str) -> None:
    assert parse_uri(f"smtp://u:{quote(password, safe='')}@mx.example").password == Secret(password)


@pytest.mark.parametrize(
    ("uri", "diagnosis_id", "part"),
    [
        ("", "config.scheme", None),
        ("mx.example", "config.scheme", None),
        ("mx.example:25", "config.scheme", None),
        ("http://mx.example", "config.scheme", None),
        ("imaps://mx.example", "config.scheme", None),
        ("smtp:mx.example", "config.scheme", None),
        ("smtp:/mx.example", "config.scheme", None),
        ("smtpx://mx.example", "config.scheme", None),
        ("//mx.example", "config.scheme", None),
        ("smtp://mx.example :25", "config.host-is-url", None),
        ("smtp:// mx.example:25", "config.host-is-url", None),
        ("smtp://user@ mx.example", "config.host-is-url", None),
        ("smtp://mx.example:0", "config.port-range", None),
        ("smtp://mx.example:70000", "config.port-range", None),
        ("smtp://mx.example:99999999999999999999", "config.port-range", None),
        ("smtp://mx.example:-1", "config.uri-invalid", "port"),
        ("smtp://mx.example:abc", "config.uri-invalid", "port"),
        ("smtp://mx.example:25x", "config.uri-invalid", "port"),
        ("smtp://mx.example:２５", "config.uri-invalid", "port"),
        ("smtp://", "config.uri-invalid", "host"),
        ("smtp:///", "config.uri-invalid", "host"),
        ("smtp://:25", "config.uri-invalid", "host"),
        ("smtp://alice:secret@", "config.uri-invalid", "host"),
        ("smtp://mx.example:25:26", "config.uri-invalid", "host"),
        ("smtp://2001:db8::1", "config.uri-invalid", "host"),
        ("smtp://[2001:db8::1", "config.uri-invalid", "host"),
        ("smtp://[2001:db8::1]x", "config.uri-invalid", "host"),
        ("smtp://mx%2eexample", "config.uri-invalid", "host"),
        ("smtp://127%2e0%2e0%2e1", "config.uri-invalid", "host"),
        ("smtp://smtp://mx.example", "config.uri-invalid", "path"),
        ("smtp://mx.example/path", "config.uri-invalid", "path"),
        ("smtp://mx.example#fragment", "config.uri-invalid", "path"),
        ("smtp://mx.example\\@other.example", "config.uri-invalid", "path"),
        ("smtp://a:p@ss@mx.example", "config.uri-invalid", "user name and password"),
        ("smtp://a:p:ss@mx.example", "config.uri-invalid", "user name and password"),
        ("smtp://a:p/ss@mx.example", "config.uri-invalid", "path"),
        ("smtp://a:p#ss@mx.example", "config.uri-invalid", "path"),
        ("smtp://a:p?ss@mx.example", "config.uri-invalid", "parameter"),
        ("smtp://a:%zz@mx.example", "config.uri-invalid", "password"),
        ("smtp://a:50%@mx.example", "config.uri-invalid", "password"),
        ("smtp://a:%ff@mx.example", "config.uri-invalid", "password"),
        ("smtp://%ff@mx.example", "config.uri-invalid", "user name"),
        ("smtp://mx.example?starttls", "config.uri-invalid", "starttls"),
        ("smtp://mx.example?starttls=", "config.uri-invalid", "starttls"),
        ("smtp://mx.example?starttls=perhaps", "config.uri-invalid", "starttls"),
        ("smtp://mx.example?starttls=always&starttls=never", "config.uri-invalid", "starttls"),
        ("smtps://mx.example?starttls=perhaps", "config.uri-invalid", "starttls"),
        ("smtp://mx.example?verify=no", "config.uri-invalid", "parameter"),
        ("smtp://mx.example?=", "config.uri-invalid", "parameter"),
        ("smtp://" + "a" * MAX_URI_LENGTH, "config.uri-invalid", "length"),
        ("smtp://mx example", "config.host-is-url", None),
        ("smtp://[fe80::1%25eth0]", "config.host-is-url", None),
        ("smtp://mx..example", "config.label-invalid", None),
        ("smtp://127.1", "config.label-invalid", None),
        ("smtp://2130706433", "config.label-invalid", None),
        ("smtp://0x7f000001", "config.label-invalid", None),
        ("smtp://0177.0.0.1", "config.label-invalid", None),
    ],
)
def test_what_cannot_be_understood_is_named(uri: str, diagnosis_id: str, part: str | None) -> None:
    refused = refusal(uri)
    assert refused.diagnosis_id == diagnosis_id
    assert refused.parameters.get("part") == part


@pytest.mark.parametrize(
    "uri",
    [
        "smtp://a:x%0d%0aRSET@mx.example",
        "smtp://a%00:x@mx.example",
        "smtp://a:x%00@mx.example",
        "smtp://a:x%09@mx.example",
        "smtp://a:x%c2%85@mx.example",
        "smtp://mx.example\r\n",
        "\nsmtp://mx.example",
        "smtp://mx.exam\0ple",
        "smtp://mx.\nexample",
        "smtp://a:\ud800@mx.example",
    ],
)
def test_line_breaks_and_nul_are_refused_anywhere(uri: str) -> None:
    assert refusal(uri).diagnosis_id == "config.control-character"


@pytest.mark.parametrize(
    "uri",
    [
        "http://alice:{}@mx.example",
        "smtp://alice:{}@x@mx.example",
        "smtp://alice:{}:x@mx.example",
        "smtp://alice:{}/x@mx.example",
        "smtp://alice:{}#x@mx.example",
        "smtp://alice:{}?x@mx.example",
        "smtp://alice:{}%zz@mx.example",
        "smtp://alice:{}%ff@mx.example",
        "smtp://alice:{}%00@mx.example",
        "smtp://alice:{}\n@mx.example",
        "smtp://alice:{}@mx example",
        "smtp://alice:{}@mx..example",
        "smtp://alice:{}@",
        "smtp://alice:{}",
        "smtp://alice:{}@mx.example:0",
        "smtp://alice:{}@mx.example?x=y",
    ],
)
# Digits, because a password cut off by its own "?" stands where a port stands.
@pytest.mark.parametrize("password", ["hunter2hunter2", "98765"])
def test_no_refusal_holds_the_password(uri: str, password: str) -> None:
    try:
        parse_uri(uri.format(password))
    except Refused as refused:
        if password == "98765" and uri == "smtp://alice:{}":
            return  # nobody can tell this from a host and its port
        shown = [str(refused), repr(refused), repr(refused.parameters)]
        shown += traceback.format_exception(refused)
        # source lines of a traceback show this file, never a value
        assert all(password not in text for text in shown)
    else:
        pytest.fail("this URI was to be refused")


@given(st.text(max_size=60))
@bounded
def test_any_text_is_a_target_or_refused(text: str) -> None:
    for uri in (text, f"smtp://{text}", f"smtps://u:{text}@mx.example"):
        with contextlib.suppress(Refused):
            found = parse_uri(uri)
            assert 1 <= found.port <= 65535
            assert found.host.isascii()


# Spellings that some program takes for an address: digits of several bases and scripts, and dots.
NUMERIC = st.text(st.sampled_from("0123789xXabcf.．。-[]:%@１２٣①\u00ad"), min_size=1, max_size=24)


@given(NUMERIC)
@example("0x7f000001")
@example("017700000001")
@example("127.1")
@example("①②⑦.0.0.1")
@bounded
def test_no_host_is_an_address_in_disguise(host: str) -> None:
    """What is not refused is a plain address or a name that the system reads as no address."""
    with contextlib.suppress(Refused):
        found = parse_uri(f"smtp://{host}").host
        assert parse_uri(f"smtp://{f'[{found}]' if ':' in found else found}").host == found
        if not is_ip_literal(found):
            with pytest.raises(OSError, match="illegal IP"):
                socket.inet_aton(found)


@given(st.text(st.sampled_from("ab.:/@?#[]%\\ 25=&"), max_size=30), st.text(max_size=20))
@bounded
def test_no_refusal_holds_any_part_of_a_login(junk: str, more: str) -> None:
    for uri in (f"smtp://u:hunter2hunter2@{junk}", f"smtp://{junk}:hunter2hunter2@{more}"):
        try:
            found = repr(parse_uri(uri))
        except Refused as refused:
            found = repr(refused.parameters)
        assert "hunter2hunter2" not in found or "hunter2hunter2" in f"{junk}{more}"


def test_the_password_is_not_in_what_a_target_shows_of_itself() -> None:
    assert "hunter2" not in repr(parse_uri("smtp://alice:hunter2@mx.example"))
