"""A client certificate comes from one file or two, and no word of its key is ever shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trustme
from django.core.management.base import CommandError

from smtpcheck.management.client_certificate import chosen

CLIENT = trustme.CA().issue_cert("client.example")
CERTIFICATE = b"".join(part.bytes() for part in CLIENT.cert_chain_pems).decode()
KEY = CLIENT.private_key_pem.bytes().decode()


def files(tmp_path: Path, certificate: str, key: str | None = None) -> dict[str, Any]:
    """The options that name files with these texts."""
    options: dict[str, Any] = {"client_certificate": str(tmp_path / "cert.pem"), "client_key": None}
    (tmp_path / "cert.pem").write_text(certificate)
    if key is not None:
        options["client_key"] = str(tmp_path / "key.pem")
        (tmp_path / "key.pem").write_text(key)
    return options


def refused(options: dict[str, Any]) -> str:
    with pytest.raises(CommandError) as caught:
        chosen(options)
    assert caught.value.returncode == 2
    assert KEY.splitlines()[1] not in str(caught.value)
    return str(caught.value)


def test_none_is_named() -> None:
    assert chosen({"client_certificate": None, "client_key": None}) == (None, None)


def test_two_files(tmp_path: Path) -> None:
    certificate, key = chosen(files(tmp_path, CERTIFICATE, KEY))
    assert certificate == CERTIFICATE.strip()
    assert key is not None
    assert key.reveal() == KEY.strip()


@pytest.mark.parametrize(
    "text",
    [KEY + CERTIFICATE, CERTIFICATE + KEY, f"Bag Attributes\n{CERTIFICATE}text\n{KEY}"],
    ids=["key first", "certificate first", "with words between"],
)
def test_one_file_with_both_is_taken_apart(tmp_path: Path, text: str) -> None:
    certificate, key = chosen(files(tmp_path, text))
    assert certificate == CERTIFICATE.strip()
    assert key is not None
    assert key.reveal() == KEY.strip()


def test_a_key_file_of_its_own_wins(tmp_path: Path) -> None:
    other = trustme.CA().issue_cert("x.example").private_key_pem.bytes().decode()
    _certificate, key = chosen(files(tmp_path, CERTIFICATE + other, KEY))
    assert key is not None
    assert key.reveal() == KEY.strip()


def test_files_that_lack_something_are_told(tmp_path: Path) -> None:
    assert "no certificate" in refused(files(tmp_path, KEY))
    assert "--client-key" in refused(files(tmp_path, CERTIFICATE))
    assert "no private key" in refused(files(tmp_path, CERTIFICATE, CERTIFICATE))
    assert "cannot be read" in refused({"client_certificate": "/no/such", "client_key": None})


def test_a_key_without_its_certificate_is_told() -> None:
    assert "--client-certificate" in refused({"client_certificate": None, "client_key": "key.pem"})


@pytest.mark.parametrize(
    "locked",
    [
        KEY.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY").replace("RSA ", "").replace("EC ", ""),
        KEY.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n", 1),
    ],
    ids=["PKCS #8", "the older form"],
)
def test_a_locked_key_is_told_with_the_way_to_open_it(tmp_path: Path, locked: str) -> None:
    assert "openssl pkey" in refused(files(tmp_path, CERTIFICATE, locked))
