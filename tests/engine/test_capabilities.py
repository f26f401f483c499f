"""What an EHLO reply offers is understood, whatever else stands in it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from smtpcheck.engine.capabilities import Capabilities, parse_capabilities
from smtpcheck.engine.evidence import Reply


def offered(*lines: str) -> Capabilities:
    return parse_capabilities(Reply(250, ("mx.example.org greets you", *lines)))


def test_keywords_are_known_in_any_case_with_their_parameters() -> None:
    capabilities = offered("PIPELINING", "Size 10240000", "starttls")
    assert "STARTTLS" in capabilities
    assert capabilities.keywords["SIZE"] == ("10240000",)
    assert capabilities.lines == ("PIPELINING", "Size 10240000", "starttls")


def test_the_name_of_the_server_is_no_capability() -> None:
    assert "STARTTLS" not in parse_capabilities(Reply(250, ("STARTTLS",)))


def test_mechanisms_are_in_upper_case_and_in_the_order_of_the_server() -> None:
    assert offered("AUTH login Plain CRAM-MD5").mechanisms == ("LOGIN", "PLAIN", "CRAM-MD5")


def test_the_old_auth_line_with_an_equals_sign_counts_too() -> None:
    assert offered("AUTH=LOGIN PLAIN").mechanisms == ("LOGIN", "PLAIN")
    assert offered("AUTH PLAIN", "auth=LOGIN PLAIN").mechanisms == ("PLAIN", "LOGIN")


def test_auth_without_a_mechanism_offers_none() -> None:
    assert "AUTH" in offered("AUTH")
    assert offered("AUTH").mechanisms == ()
    assert offered().mechanisms == ()


def test_a_word_that_only_looks_like_a_keyword_offers_nothing() -> None:
    capabilities = offered("X-STARTTLS", "XXXXXXXX", "STARTTLS-NOT", "", "   ")
    assert "STARTTLS" not in capabilities
    assert "" not in capabilities


@given(st.lists(st.text(max_size=50), max_size=10))
@settings(max_examples=100, deadline=None)
def test_any_lines_can_be_read(lines: list[str]) -> None:
    capabilities = offered(*lines)
    assert capabilities.lines == tuple(lines)
    assert all(name == name.upper() for name in capabilities.mechanisms)
