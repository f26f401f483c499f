"""The test mail is plain 7-bit text that every mail program reads back as it was meant."""

from __future__ import annotations

import base64
import email.policy
import re
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcheck.engine.grammar import Mailbox
from smtpcheck.engine.message import compose, dot_stuffed
from smtpcheck.engine.plan import Plan
from tests.engine.plans import NONCE, NOW, mail, plan

bounded = settings()  # of the profile: see tests/conftest.py
# Text for people: no controls or surrogates, nor the separators that only look like blanks.
printable = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
one_line = st.text(printable, max_size=120)


def parsed(of: Plan) -> EmailMessage:
    message = BytesParser(policy=email.policy.default).parsebytes(mail(of).octets)
    assert isinstance(message, EmailMessage)
    return message


def body_of(of: Plan) -> str:
    return str(parsed(of).get_content()).replace("\r\n", "\n")


def named(display_name: str) -> Plan:
    made = plan()
    object.__setattr__(made, "sender", Mailbox("alice", "example.org", display_name))
    return made


def is_proper(octets: bytes) -> bool:
    """7-bit, no NUL, CRLF only, no line beyond RFC 5322's 998, encoded words as RFC 2047 says."""
    lines = octets.split(b"\r\n")
    headers = octets.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return (
        octets.isascii()
        and octets.endswith(b"\r\n")
        and not any(byte in line for line in lines for byte in (b"\r", b"\n", b"\0"))
        and all(len(line) <= 998 for line in lines)
        and all(len(word) <= 75 for word in re.findall(r"=\?[^ ]*\?=", "\n".join(headers)))
        and all(len(line) <= 76 for line in headers if "=?utf-8?" in line)
    )


def test_the_mail_reads_as_it_was_meant() -> None:
    of = plan(sender="Alice <alice@example.org>", subject="A test", body="Hello,\nyou")
    made = parsed(of)
    assert made["From"].addresses[0].display_name == "Alice"
    assert made["From"].addresses[0].addr_spec == "alice@example.org"
    assert made["To"] == "bob@example.net"
    assert made["Subject"] == "A test"
    assert made["Date"].datetime == NOW
    assert made["Message-ID"] == f"<{NONCE}.smtpcheck@example.org>"
    assert made["MIME-Version"] == "1.0"
    assert made["Content-Transfer-Encoding"] == "7bit"
    assert body_of(of) == f"Hello,\nyou\n\n{NONCE}\n"
    assert not made.defects


def test_nobody_answers_the_mail_automatically() -> None:
    assert parsed(plan())["Auto-Submitted"] == "auto-generated"


def test_the_nonce_finds_the_mail_by_id_and_by_body() -> None:
    message = mail(plan())
    assert NONCE in message.message_id
    assert message.octets.count(NONCE.encode()) == 2


def test_a_body_beyond_ascii_goes_as_base64() -> None:
    made = plan(body="Grüße\n.\nund mehr")
    assert parsed(made)["Content-Transfer-Encoding"] == "base64"
    assert body_of(made) == f"Grüße\n.\nund mehr\n\n{NONCE}\n"


def test_a_long_line_goes_as_base64() -> None:
    assert body_of(plan(body="x" * 2000)) == f"{'x' * 2000}\n\n{NONCE}\n"
    assert is_proper(mail(plan(body="x" * 2000)).octets)


def test_a_body_with_controls_goes_as_base64() -> None:
    assert is_proper(mail(plan(body="a\0b\rc\x1b")).octets)


@given(one_line)
@bounded
def test_any_subject_comes_back(subject: str) -> None:
    made = plan(subject=subject)
    assert is_proper(mail(made).octets)
    assert str(parsed(made)["Subject"]).strip() == subject.strip()


@given(st.text(max_size=60))
@bounded
def test_no_subject_can_add_a_header(subject: str) -> None:
    made = plan(subject=re.sub("[\ud800-\udfff]", "", subject) + "\r\nBcc: eve@example.org")
    assert is_proper(mail(made).octets)
    assert parsed(made)["Bcc"] is None


@given(st.lists(one_line, max_size=5).map("\n".join))
@bounded
def test_any_body_comes_back(body: str) -> None:
    made = plan(body=body)
    assert is_proper(mail(made).octets)
    assert body_of(made) == f"{body}\n\n{NONCE}\n"


@given(st.text(printable, min_size=1, max_size=300))
@bounded
def test_any_display_name_comes_back(display_name: str) -> None:
    made = named(display_name)
    assert is_proper(mail(made).octets)
    (address,) = parsed(made)["From"].addresses
    assert address.addr_spec == "alice@example.org"
    assert "".join(address.display_name.split()) == "".join(display_name.split())


@pytest.mark.parametrize("subject", ["ä" * 200, "😀" * 100, "e\u0301" * 100, "a😀" * 77])
def test_no_encoded_word_ends_inside_a_character(subject: str) -> None:
    for word in re.findall(rb"=\?utf-8\?b\?(.*?)\?=", mail(plan(subject=subject)).octets):
        base64.b64decode(word, validate=True).decode()


@pytest.mark.parametrize(
    ("now", "date"),
    [
        (datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), "Tue, 03 Feb 2026 04:05:06 +0000"),
        (
            datetime(2026, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
            "Thu, 31 Dec 2026 23:59:59 -0330",
        ),
    ],
)
def test_the_date_is_in_english_with_its_zone(now: datetime, date: str) -> None:
    message = compose(plan(), now=now, nonce=NONCE)
    assert f"\r\nDate: {date}\r\n".encode() in message.octets


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("a@[192.0.2.1]", "192.0.2.1"),
        ("a@[IPv6:2001:db8::1]", "IPv6-2001-db8--1"),
        ("a@bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_message_id_has_a_domain_that_may_stand_there(sender: str, domain: str) -> None:
    assert mail(plan(sender=sender)).message_id == f"<{NONCE}.smtpcheck@{domain}>"


@pytest.mark.parametrize(
    ("octets", "stuffed"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".a\r\n", b"..a\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n..b\r\n", b"a\r\n...b\r\n.\r\n"),
        (b"a.\r\n", b"a.\r\n.\r\n"),
    ],
)
def test_a_dot_at_the_start_of_a_line_is_doubled(octets: bytes, stuffed: bytes) -> None:
    assert dot_stuffed(octets) == stuffed


@given(st.lists(st.text(st.sampled_from(".ab"), max_size=5), max_size=6).map("\n".join))
@bounded
def test_only_the_final_dot_stands_alone(body: str) -> None:
    octets = dot_stuffed(mail(plan(body=body)).octets)
    assert octets.endswith(b"\r\n.\r\n")
    assert octets.count(b"\r\n.\r\n") == 1
