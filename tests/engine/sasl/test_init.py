"""Which mechanism comes first, and which only where the account names it."""

from __future__ import annotations

import pytest

from smtpcheck.engine.sasl import IN_THE_CLEAR, MECHANISMS, WHEN_ENCRYPTED, choose
from smtpcheck.models.choices import MECHANISM_CHOICES

EVERYTHING = tuple(reversed(MECHANISMS))


def names(offered: list[str] | tuple[str, ...], wanted: str = "", *, encrypted: bool) -> list[str]:
    return [mechanism.name for mechanism in choose(offered, wanted, encrypted=encrypted)]


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        (["LOGIN", "PLAIN"], "", ["PLAIN", "LOGIN"]),
        (["LOGIN"], "", ["LOGIN"]),
        (["PLAIN", "LOGIN"], "LOGIN", ["LOGIN"]),
        (["PLAIN"], "LOGIN", []),
        (["GSSAPI", "NTLM"], "", []),
        (["PLAIN", "NTLM"], "NTLM", []),
        (["XOAUTH2", "OAUTHBEARER", "EXTERNAL", "SCRAM-SHA-256-PLUS"], "", []),
        ([], "", []),
    ],
)
def test_plain_comes_first_unless_the_account_names_another(
    offered: list[str], wanted: str, chosen: list[str]
) -> None:
    assert names(offered, wanted, encrypted=True) == chosen


def test_in_the_clear_challenge_and_response_come_first() -> None:
    assert names(EVERYTHING, encrypted=False) == [*IN_THE_CLEAR]
    assert IN_THE_CLEAR[-2:] == ("PLAIN", "LOGIN")


def test_over_tls_the_order_is_that_of_mail_programs() -> None:
    assert names(EVERYTHING, encrypted=True) == [*WHEN_ENCRYPTED]


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize("name", MECHANISMS)
def test_a_mechanism_that_the_account_names_is_the_only_one(name: str, encrypted: bool) -> None:
    assert names(EVERYTHING, name, encrypted=encrypted) == [name]


def test_an_account_can_name_every_mechanism_and_no_other() -> None:
    assert {value for value, _ in MECHANISM_CHOICES} == {"", *MECHANISMS}
