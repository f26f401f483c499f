"""Internationalised addresses and hosts against real servers: SMTPUTF8 (RFC 6531), A-labels."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest

from smtpcheck.engine.policy import Address
from smtpcheck.engine.stages import Security
from tests.engine.accounts import (
    ACCOUNT,
    INBOX,
    RealServer,
    assert_lies_there_as_sent,
    mail_of,
    plan_of,
)
from tests.engine.trials import diagnosis_of, tried
from tests.servers.opensmtpd import OpenSmtpdServer
from tests.servers.server import INTERNATIONAL_HOST

WITH_SMTPUTF8 = [
    pytest.param("postfix", marks=pytest.mark.postfix),
    pytest.param("exim", marks=pytest.mark.exim),
]
ENCRYPTED = [Security.STARTTLS, Security.TLS]


async def to_loopback(_: str) -> Sequence[Address]:
    """A resolver that finds every name here."""
    return [ipaddress.ip_address("127.0.0.1")]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> RealServer:
    """The server that a test names."""
    found: RealServer = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        ("jörg@mail.test", "größe.日本@mail.test"),
        (ACCOUNT, "größe.日本@mail.test"),
        ("jörg@mail.test", INBOX),
        ('"jörg quoted"@mail.test', "\N{GRINNING FACE}@mail.test"),
    ],
    ids=["both", "the recipient", "the sender", "quoted, and an emoji"],
)
@pytest.mark.parametrize("security", [Security.NONE, *ENCRYPTED])
@pytest.mark.parametrize("server", WITH_SMTPUTF8, indirect=True)
def test_a_local_part_outside_ascii_goes_by_smtputf8_and_lies_there_byte_for_byte(
    server: RealServer, security: Security, sender: str, recipient: str
) -> None:
    plan = plan_of(server, security, sender=sender, recipient=recipient)
    report = tried(plan)

    assert (report.verdict, diagnosis_of(report)) == ("works", "")
    assert f"> MAIL FROM:<{sender}> SMTPUTF8\n" in report.evidence.transcript
    mail = mail_of(server, report)  # found by its recipient's address in UTF-8
    assert_lies_there_as_sent(mail, plan, report)
    # RFC 6532: the two addresses stand in the header as they are, and nothing else is 8-bit.
    assert f"\nFrom: {sender}\nTo: {recipient}\n".encode() in mail
    below = mail[mail.index(b"\nDate: ") :]
    assert below.isascii()


@pytest.mark.parametrize("security", ENCRYPTED)
@pytest.mark.parametrize("server", WITH_SMTPUTF8, indirect=True)
def test_a_domain_outside_ascii_goes_as_a_labels_and_without_smtputf8(
    server: RealServer, security: Security
) -> None:
    plan = plan_of(server, security, sender="Jörg Größe <account@bücher.example>")
    report = tried(plan)

    assert report.verdict == "works"
    assert "SMTPUTF8" in report.evidence.capabilities
    assert "> MAIL FROM:<account@xn--bcher-kva.example>\n" in report.evidence.transcript
    mail = mail_of(server, report)
    assert_lies_there_as_sent(mail, plan, report)
    assert mail.isascii()  # always 7-bit where no address needs more


@pytest.mark.parametrize("security", ENCRYPTED)
@pytest.mark.parametrize("server", WITH_SMTPUTF8, indirect=True)
def test_both_at_once(server: RealServer, security: Security) -> None:
    plan = plan_of(server, security, sender="Jörg <jörg@BÜCHER.example>", recipient=INBOX)
    report = tried(plan)

    assert report.verdict == "works"
    address = "jörg@xn--bcher-kva.example"
    assert f"> MAIL FROM:<{address}> SMTPUTF8\n" in report.evidence.transcript
    mail = mail_of(server, report)
    assert_lies_there_as_sent(mail, plan, report)
    assert f"\nFrom: =?utf-8?b?SsO2cmc=?= <{address}>\n".encode() in mail


@pytest.mark.parametrize("security", [*ENCRYPTED, Security.OPPORTUNISTIC])
@pytest.mark.parametrize("server", WITH_SMTPUTF8, indirect=True)
def test_a_host_outside_ascii_is_reached_and_its_certificate_verified(
    server: RealServer, security: Security
) -> None:
    report = tried(plan_of(server, security, host=INTERNATIONAL_HOST), resolver=to_loopback)

    assert report.verdict == "works"
    assert report.evidence.host == "xn--bcher-kva.mail.test"
    assert report.evidence.tls is not None


@pytest.mark.parametrize(
    ("sender", "recipient"), [("jörg@mail.test", INBOX), (ACCOUNT, "größe@mail.test")]
)
@pytest.mark.opensmtpd
def test_a_server_without_smtputf8_is_told_and_gets_no_address(
    opensmtpd: OpenSmtpdServer, sender: str, recipient: str
) -> None:
    report = tried(plan_of(opensmtpd, Security.NONE, sender=sender, recipient=recipient))

    assert (diagnosis_of(report), report.verdict) == ("mail.smtputf8", "fails")
    assert "SMTPUTF8" not in report.evidence.capabilities
    assert "> MAIL" not in report.evidence.transcript


@pytest.mark.opensmtpd
def test_a_server_without_smtputf8_takes_a_domain_outside_ascii(
    opensmtpd: OpenSmtpdServer,
) -> None:
    plan = plan_of(opensmtpd, Security.NONE, sender="Jörg <account@bücher.example>")
    report = tried(plan)

    assert report.verdict == "works"
    mail = mail_of(opensmtpd, report)
    assert_lies_there_as_sent(mail, plan, report)
    assert mail.isascii()
