from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks.registry import registry
from pytest_django.fixtures import Settings

from smtpcheck.checks import check_settings


def ids(settings: Settings, **values: Any) -> list[str]:
    """The codes that these settings give."""
    settings.SMTPCHECK = values
    return [str(message.id) for message in check_settings(None)]


def test_the_default_settings_are_in_order(settings: Settings) -> None:
    assert ids(settings) == []


def test_the_checks_are_registered() -> None:
    assert check_settings in registry.get_checks()


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("smtpcheck.E001", {"POLCY": ""}),
        ("smtpcheck.E002", {"TESTS_PER_HOST": "many"}),
        ("smtpcheck.E003", {"TESTS_PER_HOST": "0"}),
        ("smtpcheck.E003", {"ADMIN_BUDGET_SECONDS": "nan"}),
        ("smtpcheck.E003", {"COMMAND_BUDGET_SECONDS": "inf"}),
        ("smtpcheck.E003", {"FREE_TARGET_SHARE": "2"}),
        ("smtpcheck.E004", {"POLICY": "10.0.0.1/8"}),
        ("smtpcheck.E004", {"POLICY_PORTS": "25,70000"}),
        ("smtpcheck.E005", {"ENCRYPTION_KEYS": "k1"}),
        ("smtpcheck.E006", {"TEST_RECIPIENT": "nobody"}),
        ("smtpcheck.E011", {"AUTHENTICATION": "basic; bearer; negotiate"}),
        ("smtpcheck.E007", {"EHLO_NAME": "two words"}),
        ("smtpcheck.E008", {"EXTRA_CA_FILE": "/no/such/file"}),
        ("smtpcheck.E009", {"PROXIES": "office=10.0.0.1:1080"}),
        ("smtpcheck.E010", {"SOURCE_ADDRESS": "eth0"}),
        ("smtpcheck.W001", {"REST_BUDGET_SECONDS": "30"}),
        ("smtpcheck.W002", {"POLICY": "0.0.0.0/0:25"}),
    ],
)
def test_a_bad_value_has_its_code(settings: Settings, code: str, values: dict[str, str]) -> None:
    assert ids(settings, **values) == [code]


def test_a_ca_file_without_a_certificate_cannot_be_used(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    assert ids(settings, EXTRA_CA_FILE=str(file)) == ["smtpcheck.E008"]
    file.write_text("-----BEGIN CERTIFICATE-----\n")
    assert ids(settings, EXTRA_CA_FILE=str(file)) == []


def test_good_values_of_every_kind_pass(settings: Settings) -> None:
    values = {
        "POLICY": "127.0.0.1/32:2525 cleartext=yes; [fd00::]/8:587",
        "ENCRYPTION_KEYS": "k1:" + "A" * 43 + "=",
        "TEST_RECIPIENT": "Test <test@example.org>",
        "EHLO_NAME": "[192.0.2.1]",
        "SOURCE_ADDRESS": "2001:db8::1",
        "PROXIES": "office=socks5://a:b@10.0.0.1:1080; web=http://proxy.example:3128",
    }
    assert ids(settings, **values) == []


def test_a_proxy_that_cannot_be_used_is_told_without_its_password(settings: Settings) -> None:
    settings.SMTPCHECK = {"PROXIES": "office=socks5://annabel:hush;hush@10.0.0.1:1080"}
    (message,) = check_settings(None)
    assert message.msg.startswith("SMTPCHECK_PROXIES, entry 1: ")
    assert "hush" not in f"{message.msg} {message.hint}"
