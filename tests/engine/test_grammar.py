"""Host names and addresses come out in one spelling, and nothing gets through that is neither."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import (
    Mailbox,
    canonical_host,
    canonical_mail_domain,
    host_in_both_forms,
    is_ip_literal,
    parse_mailbox,
    refuse_control_characters,
)

CONTROLS = ["\r", "\n", "\r\n", "\0", "\t", "\x0b", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]
bounded = settings()  # of the profile: see tests/conftest.py


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("mx.example.org", "mx.example.org"),
        ("MX.Example.ORG", "mx.example.org"),
        ("mx.example.org.", "mx.example.org"),
        ("  mx.example.org ", "mx.example.org"),
        ("localhost", "localhost"),
        ("mail_1.internal", "mail_1.internal"),
        ("1and1.example", "1and1.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("Bücher。EXAMPLE。", "xn--bcher-kva.example"),
        ("XN--Bcher-KVA.example", "xn--bcher-kva.example"),
        ("xn--i-7iq.example", "xn--i-7iq.example"),  # a heart: not in IDNA 2008, and yet it exists
        ("192.0.2.1", "192.0.2.1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_a_host_has_one_spelling(written: str, canonical: str) -> None:
    assert canonical_host(written) == canonical
    assert canonical_host(canonical) == canonical


@pytest.mark.parametrize(
    ("host", "port", "shown"),
    [
        ("xn--bcher-kva.example", 0, "bücher.example (xn--bcher-kva.example)"),
        ("xn--bcher-kva.example", 587, "bücher.example:587 (xn--bcher-kva.example)"),
        ("mx.xn--r8jz45g.xn--zckzah", 25, "mx.例え.テスト:25 (mx.xn--r8jz45g.xn--zckzah)"),
        ("mx.example.org", 25, "mx.example.org:25"),
        ("2001:db8::1", 25, "[2001:db8::1]:25"),
        ("192.0.2.1", 0, "192.0.2.1"),
        # What was never canonical is shown as it is, and so is what cannot be seen.
        ("xn--a.example", 25, "xn--a.example:25"),
        ("xn--a-ein.example", 25, "xn--a-ein.example:25"),  # a line separator
        ("xn--a-qin.example", 25, "xn--a-qin.example:25"),  # the direction turns
    ],
)
def test_a_person_sees_an_international_host_in_both_forms(
    host: str, port: int, shown: str
) -> None:
    assert host_in_both_forms(host, port) == shown


@pytest.mark.parametrize(
    "extra",
    [
        "",
        " ",
        "mx example.org",
        "smtp://mx.example.org",
        "mx.example.org:25",
        "mx.example.org/",
        "user@mx.example.org",
        "mx.example.org?x",
        "mx.example.org#x",
        "mx\\example.org",
        "<mx.example.org>",
        '"mx.example.org"',
        "mx%2eexample%2eorg",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "mx\u00a0example.org",
        "[mx.example.org]",
        "[",
    ],
)
def test_a_host_with_something_around_it_is_refused(extra: str) -> None:
    with pytest.raises(Refused) as caught:
        canonical_host(extra)
    assert caught.value.diagnosis_id == "config.host-is-url"


@pytest.mark.parametrize(
    "malformed",
    [
        ".",
        "..",
        "mx..example.org",
        ".mx.example.org",
        "-mx.example.org",
        "mx-.example.org",
        "mx!.example.org",
        "mx,example.org",
        "a" * 64 + ".example",
        ".".join(["abcdefghi"] * 26),
        "ü" * 60 + ".example",
        "mail." + "ü" * 63 + ".example",
        "xn--a.example",  # Punycode of nothing
        "mx.xn--\u0062cher-.example",
        "xn--a-ein.example",  # a line separator
        "\u200d.example",
        "例え/テスト.example".replace("/", "\uff0f"),
        # spellings of an address on which programs disagree
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "127.0.0.0x1",
        "1.2.3.4.5",
        "256.256.256.256",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "mx.0",
    ],
)
def test_a_malformed_host_is_refused(malformed: str) -> None:
    with pytest.raises(Refused) as caught:
        canonical_host(malformed)
    assert caught.value.diagnosis_id == "config.label-invalid"


@pytest.mark.parametrize("control", CONTROLS)
def test_no_host_holds_a_control_character(control: str) -> None:
    for host in (f"mx{control}.example", f"mx.example{control}", f"{control}mx.example"):
        with pytest.raises(Refused) as caught:
            canonical_host(host)
        assert caught.value.diagnosis_id == "config.control-character"


@given(st.text(max_size=80))
@bounded
def test_any_text_is_a_plain_host_or_refused(text: str) -> None:
    try:
        host = canonical_host(text)
    except Refused:
        return
    assert host.isascii()
    assert host == host.strip().lower()
    assert not set(host) & set("/@?#\\ []%<>\r\n\0")
    assert canonical_host(host) == host


def test_an_address_literal_is_told_from_a_name() -> None:
    assert is_ip_literal("192.0.2.1")
    assert is_ip_literal("2001:db8::1")
    assert not is_ip_literal("mx.example.org")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@b.example", Mailbox("a", "b.example")),
        (" a@b.example ", Mailbox("a", "b.example")),
        ("A.b+c@B.Example", Mailbox("A.b+c", "b.example")),
        ("Alice <a@b.example>", Mailbox("a", "b.example", "Alice")),
        ('"Doe, Alice" <a@b.example>', Mailbox("a", "b.example", "Doe, Alice")),
        ('"Alice \\"Al\\" Doe" <a@b.example>', Mailbox("a", "b.example", 'Alice "Al" Doe')),
        ('" Alice " <a@b.example>', Mailbox("a", "b.example", "Alice")),
        ("<a@b.example>", Mailbox("a", "b.example")),
        ("Jörg <a@bücher.example>", Mailbox("a", "xn--bcher-kva.example", "Jörg")),
        ('"a b"@c.example', Mailbox('"a b"', "c.example")),
        ('"a@b"@c.example', Mailbox('"a@b"', "c.example")),
        ("jörg@b.example", Mailbox("jörg", "b.example")),
        ("a@localhost", Mailbox("a", "localhost")),
        ("a@[192.0.2.1]", Mailbox("a", "[192.0.2.1]")),
        ("a@[IPv6:2001:DB8::1]", Mailbox("a", "[IPv6:2001:db8::1]")),
        ("!#$%&'*+-/=?^_`{|}~@b.example", Mailbox("!#$%&'*+-/=?^_`{|}~", "b.example")),
    ],
)
def test_a_mailbox_is_taken_with_or_without_a_name(text: str, expected: Mailbox) -> None:
    assert parse_mailbox(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "@b.example",
        "a@",
        "a@@b.example",
        "a@b@c.example",
        "a b@c.example",
        "a@ b.example",
        "a@b.example, c@d.example",
        "a@b.example <",
        "Alice <a@b.example> trailing",
        "Alice <>",
        ".a@b.example",
        "a.@b.example",
        "a..b@c.example",
        'a"b@c.example',
        '"a@c.example',
        "a>b@c.example",
        "a@b..example",
        "a@-b.example",
        "a@192.0.2.1",
        "a@[192.0.2.1",
        "a@[192.0.2.1]]",
        "a@[2001:db8::1]",
        "a@[IPv6:192.0.2.1]",
        "a@[mx.example]",
        "a@b.example:25",
        "x" * 65 + "@b.example",
        "ü" * 33 + "@b.example",
        "a@" + ".".join(["abcdefghi"] * 26),
    ],
)
@pytest.mark.parametrize("field", ["sender", "recipient"])
def test_what_is_no_mailbox_is_refused_by_its_field(text: str, field: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_mailbox(text, field)
    assert caught.value.diagnosis_id == f"config.{field}-invalid"


@pytest.mark.parametrize("control", CONTROLS)
def test_no_mailbox_holds_a_control_character(control: str) -> None:
    for text in (f"a{control}@b.example", f"a@b.example{control}", f"A{control}lice <a@b.example>"):
        with pytest.raises(Refused) as caught:
            parse_mailbox(text)
        assert caught.value.diagnosis_id == "config.control-character"


@given(st.text(max_size=60), st.sampled_from(["", "@b.example", "@c <a@b.example>"]))
@bounded
def test_no_mailbox_can_break_out_of_its_command(text: str, end: str) -> None:
    try:
        mailbox = parse_mailbox(text + end)
    except Refused:
        return
    line = f"MAIL FROM:<{mailbox.address}>"
    assert len(line.splitlines()) == 1
    assert "\0" not in line


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert parse_mailbox("jörg@b.example").needs_smtputf8
    assert not parse_mailbox("Jörg <j@bücher.example>").needs_smtputf8


def test_a_mail_domain_is_a_name_or_an_address_literal() -> None:
    assert canonical_mail_domain("Probe.Example") == "probe.example"
    assert canonical_mail_domain("[192.0.2.1]") == "[192.0.2.1]"
    for wrong in ("[192.0.2.1] SIZE=1", "192.0.2.1", "[x]", " probe.example"):
        with pytest.raises(Refused):
            canonical_mail_domain(wrong)


def test_a_control_character_is_told_by_its_field_and_not_repeated() -> None:
    with pytest.raises(Refused) as caught:
        refuse_control_characters("password", "hunter2\r\nRSET")
    assert caught.value.parameters == {"field": "password"}
    assert "hunter2" not in str(caught.value)


def test_a_lone_surrogate_is_a_control_character() -> None:
    with pytest.raises(Refused):
        refuse_control_characters("user name", "a\ud800")
