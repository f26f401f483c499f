"""PLAIN, LOGIN, CRAM-MD5 and EXTERNAL, by the examples of their standards."""

from __future__ import annotations

import pytest

from smtpcheck.engine.sasl import ChallengeRefused
from tests.engine.sasl.logins import exchange

USER, PASSWORD = "jörg@example.org", "päss: w/%@rd"


@pytest.mark.parametrize(
    ("user", "password"),
    [("tim", "tanstaaftanstaaf"), ("Kurt", "xipj3plmq"), (USER, PASSWORD)],  # RFC 4616 section 4
)
def test_plain_says_everything_at_once_in_utf_8(user: str, password: str) -> None:
    assert exchange("PLAIN", user, password).initial_response == f"\0{user}\0{password}".encode()


def test_plain_has_nothing_to_say_after_its_initial_response() -> None:
    plain = exchange("PLAIN")
    plain.drop_initial_response()
    assert plain.answer(b"") is None
    assert plain.answer(b"more?") is None


def test_an_initial_response_not_sent_answers_the_first_challenge() -> None:
    plain = exchange("PLAIN", USER, PASSWORD)
    assert plain.answer(b"") == f"\0{USER}\0{PASSWORD}".encode()
    assert plain.answer(b"") is None


@pytest.mark.parametrize(
    "prompts", [(b"Username:", b"Password:"), (b"User Name\0", b"Password\0"), (b"", b"")]
)
def test_login_answers_user_then_password_whatever_the_prompts_say(
    prompts: tuple[bytes, bytes],
) -> None:
    login = exchange("LOGIN", USER, PASSWORD)
    assert login.initial_response is None
    assert login.answer(prompts[0]) == USER.encode()
    assert login.answer(prompts[1]) == PASSWORD.encode()
    assert login.answer(b"again?") is None


def test_cram_md5_answers_as_in_rfc_2195() -> None:
    cram = exchange("CRAM-MD5", "tim", "tanstaaftanstaaf")
    assert cram.initial_response is None
    assert (
        cram.answer(b"<1896.697170952@postoffice.reston.mci.net>")
        == b"tim b913a602c7eda7a495b4e6e7334d3890"
    )
    assert cram.answer(b"<again>") is None


def test_an_empty_challenge_gets_no_digest() -> None:
    with pytest.raises(ChallengeRefused):
        exchange("CRAM-MD5").answer(b"")


def test_external_leaves_it_to_the_client_certificate() -> None:
    external = exchange("EXTERNAL", "", "")
    assert external.initial_response == b""
    assert external.answer(b"") == b""
    assert external.answer(b"who?") is None


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL"])
def test_no_proof_of_the_server_is_expected(name: str) -> None:
    assert exchange(name).is_server_proven
