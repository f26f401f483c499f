"""The engine alone against real servers that ask for a client certificate, or demand one.

Exim refuses in the handshake. Postfix ends the handshake, and then refuses in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import trustme

from smtpcheck.engine.plan import Plan
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Security, Stage
from tests.engine.accounts import ACCOUNT, assert_lies_there_as_sent, mail_of, plan_of
from tests.engine.trials import diagnosis_of, tried
from tests.servers.certifying import CertifyingExim, issued_by
from tests.servers.postfix import PostfixServer

ENCRYPTED = [Security.STARTTLS, Security.TLS]
# Certificate and key as PEM.
Issued = tuple[str, str]
Issue = Callable[[trustme.CA], Issued]


def right(clients: trustme.CA) -> Issued:
    """Of the account, by the authority that the server asks."""
    return issued_by(clients, ACCOUNT)


def expired(clients: trustme.CA) -> Issued:
    """The same, until yesterday."""
    return issued_by(clients, ACCOUNT, days=-1)


def foreign(_clients: trustme.CA) -> Issued:
    """By an authority that the server does not know."""
    return issued_by(trustme.CA(), ACCOUNT)


def stranger(clients: trustme.CA) -> Issued:
    """By the right authority, of somebody without an account."""
    return issued_by(clients, "stranger@mail.test")


def none(_clients: trustme.CA) -> Issued:
    """No certificate at all."""
    return "", ""


@pytest.fixture(scope="module")
def strict_postfix(usable_postfix: None) -> Iterator[tuple[PostfixServer, trustme.CA]]:
    """A Postfix that demands a certificate on both its encrypted ports, and of which authority."""
    clients = trustme.CA(organization_name="Authority of the clients")
    with PostfixServer(demands_certificates_of=clients) as running:
        yield running, clients


@pytest.fixture(scope="module")
def server(usable_exim: None) -> Iterator[CertifyingExim]:
    """An Exim of this module's own."""
    with CertifyingExim() as running:
        yield running


def plan_with(
    issue: Issue, server: CertifyingExim, security: Security, *, mechanism: str = "EXTERNAL"
) -> Plan:
    """A plan that shows a certificate and, unless a password may be used, nothing else."""
    user = "" if mechanism == "EXTERNAL" else ACCOUNT
    plan = plan_of(server, security, mechanism=mechanism, user=user)
    return showing(issue(server.clients), plan)


def showing(issued: Issued, plan: Plan) -> Plan:
    """The plan with a client certificate."""
    certificate, key = issued
    target = plan.target._replace(client_certificate=certificate, client_key=Secret(key))
    return replace(plan, target=target)


@pytest.mark.exim
@pytest.mark.parametrize("security", ENCRYPTED)
def test_the_right_certificate_logs_in_and_the_mail_is_taken(
    server: CertifyingExim, security: Security
) -> None:
    plan = plan_with(right, server, security)
    report = tried(plan)

    assert (report.verdict, report.evidence.mechanism) == ("works", "EXTERNAL")
    assert report.evidence.sent_certificate
    assert_lies_there_as_sent(mail_of(server, report), plan, report)
    assert f"A=external:{ACCOUNT}" in server.log()


@pytest.mark.exim
@pytest.mark.parametrize("issue", [none, expired, foreign])
def test_external_is_offered_to_the_right_certificate_only(
    server: CertifyingExim, issue: Issue
) -> None:
    report = tried(plan_with(issue, server, Security.STARTTLS))

    assert (diagnosis_of(report), report.verdict) == ("auth.mechanism-not-offered", "fails")
    assert report.evidence.asked_for_certificate
    assert report.evidence.sent_certificate is (issue is not none)


@pytest.mark.exim
@pytest.mark.parametrize("security", ENCRYPTED)
def test_a_certificate_without_an_account_is_refused_as_such(
    server: CertifyingExim, security: Security
) -> None:
    report = tried(plan_with(stranger, server, security))

    assert (diagnosis_of(report), report.verdict) == ("auth.external-refused", "fails")


@pytest.mark.exim
@pytest.mark.parametrize("issue", [none, right, expired, foreign, stranger])
def test_where_it_is_only_asked_for_a_password_passes_with_any(
    server: CertifyingExim, issue: Issue
) -> None:
    report = tried(plan_with(issue, server, Security.STARTTLS, mechanism=""))

    assert (report.verdict, report.evidence.mechanism) == ("works", "PLAIN")


@pytest.mark.exim
@pytest.mark.parametrize(
    ("issue", "diagnosis"),
    [
        (none, "tls.client-cert-required"),
        (expired, "tls.client-cert-rejected"),
        (foreign, "tls.client-cert-rejected"),
    ],
)
@pytest.mark.parametrize("mechanism", ["", "EXTERNAL"])
def test_where_it_is_demanded_its_lack_is_told_and_no_password_sent(
    server: CertifyingExim, mechanism: str, issue: Issue, diagnosis: str
) -> None:
    report = tried(plan_with(issue, server, Security.TLS, mechanism=mechanism))

    assert (diagnosis_of(report), report.stage) == (diagnosis, Stage.TLS)
    assert "> AUTH" not in report.evidence.transcript


@pytest.mark.exim
def test_where_it_is_demanded_a_password_passes_behind_the_right_one(
    server: CertifyingExim,
) -> None:
    report = tried(plan_with(right, server, Security.TLS, mechanism=""))

    assert (report.verdict, report.evidence.mechanism) == ("works", "PLAIN")


@pytest.mark.exim
def test_what_was_offered_before_tls_is_void(server: CertifyingExim) -> None:
    report = tried(plan_of(server, Security.STARTTLS, sender="jörg@mail.test"))

    assert "SMTPUTF8" in report.evidence.capabilities_clear
    assert "SMTPUTF8" not in report.evidence.capabilities
    assert diagnosis_of(report) == "mail.smtputf8"
    assert "> MAIL" not in report.evidence.transcript


@pytest.mark.postfix
@pytest.mark.parametrize(
    ("issue", "diagnosis"),
    [
        (none, "tls.client-cert-required"),
        (expired, "tls.client-cert-rejected"),
        (foreign, "tls.client-cert-rejected"),
    ],
)
@pytest.mark.parametrize("security", ENCRYPTED)
def test_what_postfix_says_of_it_behind_the_handshake_is_told_as_such(
    strict_postfix: tuple[PostfixServer, trustme.CA],
    security: Security,
    issue: Issue,
    diagnosis: str,
) -> None:
    server, clients = strict_postfix
    report = tried(showing(issue(clients), plan_of(server, security)))

    # It says 421, and yet no waiting helps.
    assert (diagnosis_of(report), report.verdict) == (diagnosis, "fails")
    assert report.evidence.fault is not None
    assert report.evidence.fault.reply is not None
    assert report.evidence.fault.reply.code == 421
    assert "> AUTH" not in report.evidence.transcript


@pytest.mark.postfix
@pytest.mark.parametrize("security", ENCRYPTED)
def test_the_right_certificate_passes_postfix(
    strict_postfix: tuple[PostfixServer, trustme.CA], security: Security
) -> None:
    server, clients = strict_postfix
    plan = showing(right(clients), plan_of(server, security))
    report = tried(plan)

    assert report.verdict == "works"
    assert_lies_there_as_sent(mail_of(server, report), plan, report)
