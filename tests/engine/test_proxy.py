"""What the settings say of proxies, and what is said to them: no socket is opened here."""

from __future__ import annotations

import base64
import ipaddress

import pytest

from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.proxy import (
    MAX_HEAD_OCTETS,
    Hear,
    NotAProxy,
    Proxy,
    ProxyKind,
    ProxyObjects,
    Say,
    ask,
    parse_proxies,
)
from smtpcheck.engine.redaction import Secret

IPV4 = ipaddress.ip_address("192.0.2.7")
IPV6 = ipaddress.ip_address("2001:db8::7")
PASSWORD = "s3cret;/@ö"
ENDED = "<the proxy has no more to say>"


def proxy(kind: ProxyKind, username: str = "", password: str = "") -> Proxy:
    return Proxy(
        name="office",
        kind=kind,
        host="proxy.example",
        port=1080,
        username=Secret(username),
        password=Secret(password),
    )


def said_to(
    of: Proxy, answers: bytes, address: object = IPV4, port: int = 587
) -> tuple[bytes, bytes]:
    """What is sent to a proxy that gives these answers, and what of them is left unread."""
    sent, heard = b"", b""
    dialogue = ask(of, address, port)  # type: ignore[arg-type] # an address of either version
    try:
        while True:
            effect = dialogue.send(heard) if sent or heard else next(dialogue)
            heard = b""
            if isinstance(effect, Say):
                sent += effect.octets
                continue
            assert isinstance(effect, Hear)
            assert effect.count <= len(answers), ENDED
            heard, answers = answers[: effect.count], answers[effect.count :]
    except StopIteration:
        return sent, answers


def objection(of: Proxy, answers: bytes) -> ProxyObjects:
    with pytest.raises(ProxyObjects) as caught:
        said_to(of, answers)
    return caught.value


SOCKS = proxy(ProxyKind.SOCKS5)
HTTP = proxy(ProxyKind.HTTP)


# --- The settings -----------------------------------------------------------------------------


def test_entries_are_proxies_by_name() -> None:
    found = parse_proxies(
        (
            "office=socks5://ann%40x:s3cret%3B%2F%40%C3%B6@10.0.0.1:1080",
            " web = http://P.example:3128/",
        )
    )
    office, web = found["office"], found["web"]
    assert (office.kind, office.host, office.port) == (ProxyKind.SOCKS5, "10.0.0.1", 1080)
    assert (office.username.reveal(), office.password.reveal()) == ("ann@x", PASSWORD)
    assert (web.kind, web.host, web.port) == (ProxyKind.HTTP, "p.example", 3128)
    assert not web.username


def test_a_proxy_shows_nothing_of_its_login() -> None:
    found = parse_proxies(("office=socks5://annabel:hush-hush@10.0.0.1:1080",))
    assert "annabel" not in repr(found)
    assert "hush-hush" not in repr(found)
    assert "hush" not in repr(Say(b"hush"))


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert parse_proxies(("a=http://[::1]:3128",))["a"].host == "::1"


@pytest.mark.parametrize(
    "entry",
    [
        "socks5://hush-hush@10.0.0.1:1080",
        "=socks5://10.0.0.1:1080",
        "two words=socks5://10.0.0.1:1080",
        "a=10.0.0.1:1080",
        "a=socks4://10.0.0.1:1080",
        "a=socks5h://10.0.0.1:1080",
        "a=https://10.0.0.1:443",
        "a=socks5://10.0.0.1",
        "a=socks5://10.0.0.1:0",
        "a=socks5://10.0.0.1:70000",
        "a=socks5://u:hush-hush/x@10.0.0.1:1080",
        "a=socks5://:1080",
        "a=socks5://bad..name:1080",
        "a=http://10.0.0.1:3128/path",
        "a=http://10.0.0.1:3128?hush-hush",
        "a=http://u%3Av:hush-hush@10.0.0.1:3128",
        "a=socks5://hush-hush@10.0.0.1:1080",
        "a=socks5://:hush-hush@10.0.0.1:1080",
        f"a=socks5://u:{'hush-hush' * 30}@10.0.0.1:1080",
        "a=http://[::1:3128",
    ],
)
def test_an_entry_that_cannot_be_used_is_told_by_its_number_alone(entry: str) -> None:
    with pytest.raises(ValueError, match=r"^entry 2: .*\.$") as caught:
        parse_proxies(("good=socks5://10.0.0.1:1080", entry))
    assert "hush-hush" not in str(caught.value)
    assert "10.0.0.1" not in str(caught.value)


def test_a_name_stands_for_one_proxy() -> None:
    with pytest.raises(ValueError, match="entry 2: another entry has the same name"):
        parse_proxies(("a=socks5://10.0.0.1:1080", "a=http://10.0.0.1:3128"))


# --- SOCKS5 -----------------------------------------------------------------------------------

OPEN = b"\x05\x00"
BOUND = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


def test_socks_is_asked_for_an_address_and_the_rest_is_left_to_the_server() -> None:
    sent, left = said_to(SOCKS, OPEN + BOUND + b"220 hi")
    assert sent == b"\x05\x01\x00" + b"\x05\x01\x00\x01\xc0\x00\x02\x07\x02\x4b"
    assert left == b"220 hi"


def test_socks_takes_ipv6_and_every_form_of_bound_address() -> None:
    for bound in (b"\x04" + bytes(16), b"\x03\x05bound", b"\x01" + bytes(4)):
        sent, left = said_to(SOCKS, OPEN + b"\x05\x00\x00" + bound + b"\x12\x34" + b"220", IPV6)
        assert sent.endswith(b"\x05\x01\x00\x04" + IPV6.packed + b"\x02\x4b")
        assert left == b"220"


def test_socks_logs_in_where_it_is_asked_to() -> None:
    of = proxy(ProxyKind.SOCKS5, "ann", PASSWORD)
    raw = PASSWORD.encode()
    sent, _ = said_to(of, b"\x05\x02" + b"\x01\x00" + BOUND)
    assert sent.startswith(b"\x05\x02\x00\x02" + b"\x01\x03ann" + bytes((len(raw),)) + raw)
    sent, _ = said_to(of, OPEN + BOUND)
    assert raw not in sent


def test_a_socks_login_that_is_refused_ends_it() -> None:
    found = objection(proxy(ProxyKind.SOCKS5, "ann", "secret"), b"\x05\x02\x01\x01")
    assert (found.kind, found.said) == (
        FaultKind.PROXY_REFUSED,
        "it refused its user name or password",
    )


@pytest.mark.parametrize("method", [0x01, 0x02, 0xFF])
def test_a_login_that_was_not_offered_is_not_made(method: int) -> None:
    assert objection(SOCKS, bytes((5, method))).kind is FaultKind.PROXY_REFUSED


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, FaultKind.PROXY_REFUSED),
        (2, FaultKind.PROXY_REFUSED),
        (3, FaultKind.UNREACHABLE),
        (4, FaultKind.UNREACHABLE),
        (5, FaultKind.REFUSED),
        (6, FaultKind.PROXY_REFUSED),
        (7, FaultKind.PROXY_REFUSED),
        (8, FaultKind.PROXY_REFUSED),
        (9, FaultKind.PROXY_REFUSED),
        (255, FaultKind.PROXY_REFUSED),
    ],
)
def test_every_socks_reply_is_told_by_its_first_two_octets(code: int, kind: FaultKind) -> None:
    found = objection(SOCKS, OPEN + bytes((5, code)))
    assert found.kind is kind
    assert found.said.startswith(f"SOCKS reply {code}: ")


@pytest.mark.parametrize(
    "answers", [b"22", b"HTTP", OPEN + b"\x04\x00", OPEN + b"\x05\x00\x00\x09"]
)
def test_what_does_not_speak_socks_is_no_proxy(answers: bytes) -> None:
    with pytest.raises(NotAProxy):
        said_to(SOCKS, answers)


# --- HTTP CONNECT -----------------------------------------------------------------------------


def test_http_is_asked_for_an_address_and_the_rest_is_left_to_the_server() -> None:
    sent, left = said_to(HTTP, b"HTTP/1.1 200 OK\r\nVia: x\r\nContent-Length: 9\r\n\r\n220 hi")
    assert sent == b"CONNECT 192.0.2.7:587 HTTP/1.1\r\nHost: 192.0.2.7:587\r\n\r\n"
    assert left == b"220 hi"
    sent, _ = said_to(HTTP, b"HTTP/1.0 200\r\n\r\n", IPV6)
    assert sent.startswith(b"CONNECT [2001:db8::7]:587 HTTP/1.1\r\n")


def test_http_logs_in_by_basic() -> None:
    sent, _ = said_to(proxy(ProxyKind.HTTP, "ann", PASSWORD), b"HTTP/1.1 204 No\r\n\r\n")
    login = base64.b64encode(f"ann:{PASSWORD}".encode())
    assert b"\r\nProxy-Authorization: Basic " + login + b"\r\n\r\n" in sent


def test_an_interim_answer_comes_before_the_answer() -> None:
    answers = b"HTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n220"
    assert said_to(HTTP, answers)[1] == b"220"


@pytest.mark.parametrize(
    "status", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway", "302 There"]
)
def test_an_http_refusal_is_told_by_its_first_line(status: str) -> None:
    found = objection(HTTP, f"HTTP/1.1 {status}\r\nLocation: somewhere".encode())
    assert (found.kind, found.said) == (FaultKind.PROXY_REFUSED, f"HTTP {status}")


def test_what_a_proxy_says_is_inert_short_and_without_its_login() -> None:
    found = objection(HTTP, b"HTTP/1.1 403 \x1b[2J" + b"x" * 1000 + b"\r\n")
    assert found.said.startswith(r"HTTP 403 \x1b[2Jxxx")
    assert len(found.said) < 250
    echoing = proxy(ProxyKind.HTTP, "annabel", "hush-hush")
    shown = base64.b64encode(b"annabel:hush-hush")
    for secret in (b"hush-hush", b"Annabel", shown):
        assert objection(echoing, b"HTTP/1.1 407 No " + secret + b"\r\n").said == "HTTP 407"
    short = proxy(ProxyKind.HTTP, "annabel", "pw")
    assert objection(short, b"HTTP/1.1 407 not pw\r\n").said == "HTTP 407"


@pytest.mark.parametrize(
    "answers", [b"220 mail", b"H\r", b"HTTP/2 200\r\n", b"HTTP/1.1 200OK\r\n", b"HTTP/1.1 20\r\n"]
)
def test_what_does_not_speak_http_is_no_proxy(answers: bytes) -> None:
    with pytest.raises(NotAProxy) as caught:
        said_to(HTTP, answers)
    assert answers.startswith(caught.value.raw)


@pytest.mark.parametrize(
    "endless", [b"A" * 20_000, b"A: b\r\n" * 4000, b"\r\nHTTP/1.1 100 Continue\r\n" * 1000]
)
def test_an_endless_head_ends(endless: bytes) -> None:
    answers = b"HTTP/1.1 200 OK\r\n" if endless[:1] == b"A" else b"HTTP/1.1 100 Continue\r\n"
    found = objection(HTTP, answers + endless)
    assert found.said == "an answer without end"
    assert len(answers + endless) > 2 * MAX_HEAD_OCTETS
