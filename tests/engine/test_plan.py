"""What passes make_plan can be tested; what cannot be is refused before any packet."""

from __future__ import annotations

from dataclasses import fields

import pytest

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.plan import (
    MAX_CA_BUNDLE_LENGTH,
    MAX_CLIENT_CERTIFICATE_LENGTH,
    MAX_LOGIN_OCTETS,
    Budget,
    LoginPlan,
    OpenPlan,
    fingerprint,
    planned_ladder,
)
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal, RungState, Security
from tests.engine.plans import PASSWORD, credentials, plan, target

PIN = "ab" * 32


def refusal(**changes: object) -> Refused:
    with pytest.raises(Refused) as caught:
        plan(**changes)  # type: ignore[arg-type]
    assert PASSWORD not in str(caught.value)
    return caught.value


def test_a_plan_holds_everything_in_its_canonical_form() -> None:
    made = plan(
        to=target(host="MX.Example.ORG.", pin="AB:" * 31 + "AB"),
        sender="Alice <a@b.example>",
        ehlo_name="Probe.Example.",
    )
    assert (made.target.host, made.target.pin) == ("mx.example.org", PIN)
    assert (made.sender.address, made.sender.display_name) == ("a@b.example", "Alice")
    assert made.ehlo_name == "probe.example"


def test_only_a_plan_that_logs_in_has_a_place_for_a_password() -> None:
    assert isinstance(plan(login=credentials()), LoginPlan)
    for without in (plan(login=None), plan(login=credentials(username=""))):
        assert type(without) is OpenPlan
        assert "credentials" not in {field.name for field in fields(without)}


@pytest.mark.parametrize("security", Security)
def test_a_plan_that_logs_in_always_verifies(security: Security) -> None:
    assert plan(security, login=credentials()).verifies


def test_opportunistic_tls_without_a_login_verifies_nothing() -> None:
    assert not plan(Security.OPPORTUNISTIC).verifies
    assert plan(Security.STARTTLS).verifies
    assert plan(Security.TLS).verifies


def test_a_plan_shows_no_password() -> None:
    assert PASSWORD not in repr(plan(login=credentials()))


@pytest.mark.parametrize(
    ("changes", "diagnosis_id"),
    [
        ({"to": target(host="")}, "config.host-is-url"),
        ({"to": target(host="a b")}, "config.host-is-url"),
        ({"to": target(host="a..b")}, "config.label-invalid"),
        ({"to": target(host="mx\n.example")}, "config.control-character"),
        ({"to": target(port=0)}, "config.port-range"),
        ({"to": target(port=65536)}, "config.port-range"),
        ({"to": target(port=-1)}, "config.port-range"),
        ({"to": target(pin="abc")}, "config.pin-invalid"),
        ({"to": target(pin="zz" * 32)}, "config.pin-invalid"),
        ({"to": target(ca_bundle="no certificate")}, "config.ca-invalid"),
        (
            {"to": target(ca_bundle="-----BEGIN CERTIFICATE-----" + "x" * MAX_CA_BUNDLE_LENGTH)},
            "config.ca-invalid",
        ),
        ({"sender": ""}, "config.sender-missing"),
        ({"sender": "  "}, "config.sender-missing"),
        ({"sender": "alice"}, "config.sender-invalid"),
        ({"sender": "a@b.example\r\nRCPT TO:<x@y>"}, "config.control-character"),
        ({"recipient": "bob"}, "config.recipient-invalid"),
        ({"recipient": "bob@b.example\0"}, "config.control-character"),
        ({"ehlo_name": "mx.example:25"}, "ehlo.port-in-name"),
        ({"ehlo_name": "a b"}, "config.host-is-url"),
        ({"ehlo_name": "mx\r\n"}, "config.control-character"),
        ({"ehlo_name": "[192.0.2.1] more"}, "config.label-invalid"),
        ({"ehlo_name": "[nonsense]"}, "config.label-invalid"),
        ({"login": credentials(password="")}, "config.secret-missing"),
        ({"login": credentials(password="a\nb")}, "config.control-character"),
        ({"login": credentials(username="a\0")}, "config.control-character"),
        ({"login": credentials(password="x" * MAX_LOGIN_OCTETS)}, "auth.line-too-long"),
    ],
)
def test_what_cannot_be_tested_is_refused(changes: dict[str, object], diagnosis_id: str) -> None:
    assert refusal(**changes).diagnosis_id == diagnosis_id


@pytest.mark.parametrize("user", ["", "alice"])
def test_a_client_certificate_logs_in_without_a_password(user: str) -> None:
    made = plan(login=credentials(user, "", mechanism="EXTERNAL"))
    assert isinstance(made, LoginPlan)


def test_a_refused_login_tells_no_password() -> None:
    refused = refusal(login=credentials(password=PASSWORD + "\n"))
    assert refused.parameters == {"field": "password"}


@pytest.mark.parametrize("name", ["", "[192.0.2.1]", "[IPv6:2001:db8::1]", "probe.example"])
def test_an_ehlo_name_is_empty_a_name_or_an_address_literal(name: str) -> None:
    assert plan(ehlo_name=name).ehlo_name == name


def test_the_sender_takes_the_mail_itself_if_nobody_else_does() -> None:
    assert plan(recipient="").recipient.address == "alice@example.org"


def test_a_name_is_indicated_to_the_server_and_an_address_is_not() -> None:
    assert target(host="mx.example.org").server_name == "mx.example.org"
    assert target(host="192.0.2.1").server_name is None
    assert target(host="2001:db8::1").server_name is None


def test_a_stage_has_half_of_all_the_time() -> None:
    assert Budget(total_seconds=18).stage_seconds == 9


@pytest.mark.parametrize(
    ("security", "stages"),
    [
        (Security.TLS, "config dns connect tls greeting+ ehlo+"),
        (Security.STARTTLS, "config dns connect greeting ehlo starttls tls ehlo+"),
        (Security.OPPORTUNISTIC, "config dns connect greeting ehlo starttls tls ehlo+"),
        (Security.NONE, "config dns connect greeting ehlo"),
    ],
)
@pytest.mark.parametrize(
    ("goal", "later"),
    [
        (Goal.LOGIN, "auth"),
        (Goal.RECIPIENT, "auth mail rcpt"),
        (Goal.CONTENT, "auth mail rcpt data content"),
    ],
)
def test_the_ladder_is_planned_rung_by_rung(
    security: Security, stages: str, goal: Goal, later: str
) -> None:
    sealed = "" if security is Security.NONE else "+"
    expected = stages.split() + [f"{stage}{sealed}" for stage in later.split()]
    ladder = planned_ladder(plan(security, login=credentials(), goal=goal))
    assert [f"{rung.stage}{'+' * rung.encrypted}" for rung in ladder] == expected
    assert {rung.state for rung in ladder} == {RungState.NOT_REACHED}


def test_without_a_login_no_rung_is_planned_for_it() -> None:
    assert "auth" not in [rung.stage for rung in planned_ladder(plan())]


def test_a_fingerprint_is_lower_case_hex() -> None:
    assert fingerprint(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        (CERTIFICATE, ""),
        ("", KEY),
        (KEY, CERTIFICATE),
        (CERTIFICATE + KEY, KEY),  # a key where it would be shown
        (CERTIFICATE, "a password"),
        ("x" * MAX_CLIENT_CERTIFICATE_LENGTH + CERTIFICATE, KEY),
        (CERTIFICATE, "x" * MAX_CLIENT_CERTIFICATE_LENGTH + KEY),
    ],
)
def test_a_client_certificate_that_is_not_whole_is_refused(certificate: str, key: str) -> None:
    incomplete = target()._replace(client_certificate=certificate, client_key=Secret(key))
    with pytest.raises(Refused) as caught:
        plan(to=incomplete)
    assert caught.value.diagnosis_id == "config.client-cert-invalid"


def test_a_client_certificate_comes_with_its_key() -> None:
    whole = target()._replace(client_certificate=CERTIFICATE, client_key=Secret(KEY))
    made = plan(to=whole).target
    assert (made.client_certificate, made.client_key) == (CERTIFICATE.strip(), Secret(KEY))
