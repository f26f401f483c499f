"""XOAUTH2 and OAUTHBEARER: what carries the token, and how a refusal explains itself."""

from __future__ import annotations

import base64

import pytest

from smtpcheck.engine.sasl import Explained
from smtpcheck.engine.sasl.tokens import MAX_EXPLANATION_LENGTH
from tests.engine.sasl.logins import exchange

# RFC 7628 section 4.1, and section 4.3 for SMTP.
TOKEN = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg=="
SENT_BY_SMTP = (
    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZG"
    "OWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2c9PQEB"
)
ERROR = b'{"status":"invalid_token","scope":"example_scope"}'


def test_oauthbearer_says_what_rfc_7628_shows() -> None:
    said = exchange("OAUTHBEARER", "user@example.com", TOKEN).initial_response
    assert said == base64.b64decode(SENT_BY_SMTP)


def test_a_user_name_keeps_out_of_the_grammar() -> None:
    said = exchange("OAUTHBEARER", "a=b,c", TOKEN).initial_response
    assert said is not None
    assert said.startswith(b"n,a=a=3Db=2Cc,\x01host=")


def test_xoauth2_says_user_and_token() -> None:
    said = exchange(
        "XOAUTH2", "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29t"
    )
    assert said.initial_response == base64.b64decode(
        "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJ"
        "oZG1semRHRXVZMjl0AQE="
    )


@pytest.mark.parametrize(("name", "last"), [("XOAUTH2", b""), ("OAUTHBEARER", b"\x01")])
def test_the_error_challenge_is_read_and_answered_once(name: str, last: bytes) -> None:
    said = exchange(name)
    said.drop_initial_response()
    assert said.answer(ERROR) == last
    assert said.explained == Explained(
        "token-refused",
        {
            "detail": "status invalid_token, scope example_scope",
            "status": "invalid_token",
            "scope": "example_scope",
        },
    )
    assert said.answer(ERROR) is None


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"no JSON",
        b"[1]",
        b'"status"',
        b"{}",
        b"\xff\xfe\x00",
        b'{"scope": "alone"}',
        b'{"a":' * 2000,
        b"[" * 8000 + b"]" * 8000,
    ],
)
def test_what_explains_nothing_is_answered_all_the_same(challenge: bytes) -> None:
    said = exchange("XOAUTH2")
    said.drop_initial_response()
    assert said.answer(challenge) == b""
    assert said.explained is None


@pytest.mark.parametrize(
    "value", ["400", '"400"', "null", "[]", '{"a": 1}', '"' + "x" * 5000 + '"']
)
def test_a_status_of_any_shape_is_short_text(value: str) -> None:
    said = exchange("XOAUTH2")
    said.drop_initial_response()
    said.answer(f'{{"status": {value}}}'.encode())
    assert said.explained is not None
    status = said.explained.parameters["status"]
    assert isinstance(status, str)
    assert len(status) <= MAX_EXPLANATION_LENGTH
