from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from smtpcheck.services import address_of


def address(settings: Settings, proxies: int, connected: str, forwarded: str = "") -> str:
    """The address of a caller with so many proxies of ours."""
    settings.SMTPCHECK = {"TRUSTED_PROXIES": proxies}
    return address_of({"REMOTE_ADDR": connected, "HTTP_X_FORWARDED_FOR": forwarded})


def test_without_a_proxy_what_a_caller_says_of_itself_is_not_read(settings: Settings) -> None:
    assert address(settings, 0, "192.0.2.1", "198.51.100.1") == "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "10.9.9.9, 198.51.100.1", "198.51.100.1"),  # the first is made up by the caller
        (2, "10.9.9.9, 198.51.100.1, 203.0.113.7", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),  # came past the outer proxy
        (1, "198.51.100.1:51234", "198.51.100.1"),
        (1, "[2001:db8:1:2::3]:51234", "2001:db8:1:2::/64"),
        (1, "", "192.0.2.1"),
        (1, "unknown", "192.0.2.1"),
    ],
)
def test_of_what_is_forwarded_only_our_own_proxies_are_believed(
    settings: Settings, proxies: int, forwarded: str, expected: str
) -> None:
    assert address(settings, proxies, "192.0.2.1", forwarded) == expected


@pytest.mark.parametrize(
    ("connected", "expected"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),  # one caller has them all
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_address_has_one_spelling(settings: Settings, connected: str, expected: str) -> None:
    assert address(settings, 0, connected) == expected
