"""Well-known providers are recognised by the names of their servers, and nobody else is."""

from __future__ import annotations

import re

import pytest

from smtpcheck.engine.providers import (
    PROVIDERS,
    Provider,
    provider_of,
    provider_of_domain,
    provider_of_exchanger,
)

each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda item: item.id)


@pytest.mark.parametrize(
    ("host", "provider_id"),
    [
        ("smtp.gmail.com", "gmail"),
        ("SMTP.Gmail.com.", "gmail"),
        ("smtp-relay.gmail.com", "google-relay"),
        ("smtp.office365.com", "microsoft365"),
        ("smtp-mail.outlook.com", "outlook"),
        ("email-smtp.eu-central-1.amazonaws.com", "ses"),
        ("email-smtp-fips.us-gov-west-1.amazonaws.com", "ses"),
        ("smtp.zoho.eu", "zoho"),
        ("smtppro.zoho.com.au", "zoho"),
        ("smtp.mail.me.com", "icloud"),
        ("posteo.de", "posteo"),
    ],
)
def test_a_submission_host_tells_its_provider(host: str, provider_id: str) -> None:
    found = provider_of(host)
    assert found is not None
    assert found.id == provider_id


@pytest.mark.parametrize(
    "host",
    [
        "smtp.gmail.com.evil.example",
        "evilsmtp.gmail.com",
        "notgmail.com",
        "gmail.com",
        "com",
        "",
        ".",
        "*",
        "email-smtp.amazonaws.com",
        "email-smtp.a.b.amazonaws.com",
        "ec2-192-0-2-1.compute-1.amazonaws.com",
        "192.0.2.1",
        "[2001:db8::1]",
    ],
)
def test_a_name_that_only_resembles_is_nobody(host: str) -> None:
    assert provider_of(host) is None


@pytest.mark.parametrize(
    ("host", "provider_id"),
    [
        ("aspmx.l.google.com", "gmail"),
        ("alt1.aspmx.l.google.com", "gmail"),
        ("contoso-com.mail.protection.outlook.com", "microsoft365"),
        ("outlook-com.olc.protection.outlook.com", "outlook"),
        ("inbound-smtp.eu-west-1.amazonaws.com", "ses"),
    ],
)
def test_a_mail_exchanger_tells_its_provider(host: str, provider_id: str) -> None:
    found = provider_of_exchanger(host)
    assert found is not None
    assert found.id == provider_id
    assert provider_of(host) is None


@pytest.mark.parametrize("host", ["mail.protection.outlook.com", "smtp.gmail.com", "mx.example"])
def test_other_names_are_no_mail_exchanger(host: str) -> None:
    assert provider_of_exchanger(host) is None


def test_a_mail_domain_leads_to_its_submission_host() -> None:
    found = provider_of_domain("GMX.de")
    assert found is not None
    assert found.id == "gmx"
    assert provider_of_domain("mail.gmail.com") is None


def test_at_least_thirty_providers_are_known_once_each() -> None:
    ids = [provider.id for provider in PROVIDERS]
    assert len(ids) >= 30
    assert len(set(ids)) == len(ids)
    assert len({provider.name for provider in PROVIDERS}) == len(ids)


@each_provider
def test_the_recommended_host_is_the_providers_own(provider: Provider) -> None:
    if provider.submission_host:
        assert provider_of(provider.submission_host) is provider


@each_provider
def test_no_provider_takes_a_host_of_another(provider: Provider) -> None:
    for host in provider.hosts:
        assert provider_of(host.replace("*", "region").removeprefix(".")) is provider


@each_provider
def test_a_row_is_well_formed(provider: Provider) -> None:
    patterns = (*provider.hosts, *provider.inbound_hosts, *provider.mail_domains)
    label = r"(\*|[a-z0-9]([a-z0-9-]*[a-z0-9])?)"
    assert all(re.fullmatch(rf"\.?{label}(\.{label})+", pattern) for pattern in patterns)
    assert provider.submission
    assert len(set(provider.submission)) == len(provider.submission)
    assert not provider.help_url or provider.help_url.startswith("https://")
