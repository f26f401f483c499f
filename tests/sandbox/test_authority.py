from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from smtpcheck.sandbox import Authority, Certificate, Kind, self_signed
from smtpcheck.sandbox.authority import LEAF_DAYS, LOCAL_NAMES, RENEW_DAYS
from smtpcheck.sandbox.tls import TlsEnd


def handshake(authority: Authority, certificate: Certificate, host: str = "localhost") -> str:
    """The version that a strict client agrees upon; ssl.SSLError if it refuses."""
    context = ssl.create_default_context(cadata=authority.ca_pem.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=host)
    server = TlsEnd(certificate.server_context())
    for _ in range(5):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            server.feed(outgoing.read())
            server.handshake()
            incoming.write(server.outgoing())
        else:
            return client.version() or ""
    raise AssertionError("no end of the handshake")


@pytest.mark.parametrize("host", LOCAL_NAMES)
def test_a_strict_client_accepts_the_good_certificate_for_names_and_addresses(
    authority: Authority, host: str
) -> None:
    assert handshake(authority, authority.certificate_of(Kind.GOOD), host) == "TLSv1.3"


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Kind.EXPIRED, "certificate has expired"),
        (Kind.NOT_YET_VALID, "not yet valid"),
        (Kind.WRONG_HOST, "Hostname mismatch"),
        (Kind.SELF_SIGNED, "self-signed certificate"),
        (Kind.UNKNOWN_AUTHORITY, "unable to get local issuer"),
        (Kind.MISSING_INTERMEDIATE, "unable to get local issuer"),
    ],
)
def test_a_client_refuses_each_bad_kind_for_its_own_reason(
    authority: Authority, kind: Kind, complaint: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
        handshake(authority, authority.certificate_of(kind))


def test_every_kind_can_be_made(authority: Authority) -> None:
    assert all(authority.certificate_of(kind).pem for kind in Kind)


def test_an_intermediate_is_sent_with_what_it_issued(authority: Authority) -> None:
    leaf = authority.intermediate().issue("localhost")

    assert len(leaf.intermediates) == 1
    assert handshake(authority, leaf) == "TLSv1.3"


def test_dates_are_free(authority: Authority) -> None:
    begin, end = datetime(2001, 2, 3, tzinfo=UTC), datetime(2001, 2, 4, tzinfo=UTC)

    leaf = authority.issue("old.example", not_before=begin, not_after=end).leaf

    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (begin, end)


def test_a_self_signed_leaf_is_its_own_issuer() -> None:
    leaf = self_signed("localhost").leaf

    assert leaf.issuer == leaf.subject
    leaf.verify_directly_issued_by(leaf)


def test_the_second_start_finds_the_authority_and_the_certificate_of_the_first(
    tmp_path: Path,
) -> None:
    first, second = (Authority.load_or_create(tmp_path / "ca") for _ in range(2))

    assert first.ca_pem == second.ca_pem == second.ca_file.read_bytes()
    assert first.certificate_of(Kind.GOOD).der == second.certificate_of(Kind.GOOD).der


def test_a_certificate_for_other_names_is_made_anew(tmp_path: Path) -> None:
    authority = Authority.load_or_create(tmp_path)

    assert (
        authority.certificate_of(Kind.GOOD).der
        != authority.certificate_of(Kind.GOOD, ("mail.example",)).der
    )


def test_keys_are_readable_by_the_owner_only(tmp_path: Path) -> None:
    Authority.load_or_create(tmp_path).certificate_of(Kind.GOOD)

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.pem": 0o644, "server.pem": 0o600}


@pytest.mark.parametrize("damage", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_damaged_files_are_replaced(tmp_path: Path, damage: str) -> None:
    Authority.load_or_create(tmp_path).ca_file.write_text(damage)

    authority = Authority.load_or_create(tmp_path)

    x509.load_pem_x509_certificate(authority.ca_file.read_bytes())  # raises for what is none
    assert handshake(authority, authority.certificate_of(Kind.GOOD))


def test_a_key_of_another_authority_is_not_used(tmp_path: Path) -> None:
    first = Authority.load_or_create(tmp_path)
    other = Authority.load_or_create(tmp_path / "other")
    (tmp_path / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())

    assert Authority.load_or_create(tmp_path).ca_pem not in (first.ca_pem, other.ca_pem)


def test_an_authority_close_to_its_end_is_replaced_and_its_leaf_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtpcheck.sandbox.authority.AUTHORITY_DAYS", RENEW_DAYS - 1)
    old = Authority.load_or_create(tmp_path)
    old_leaf = old.certificate_of(Kind.GOOD)
    monkeypatch.undo()

    new = Authority.load_or_create(tmp_path)

    assert new.ca_pem != old.ca_pem
    assert new.certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=LEAF_DAYS)
    assert new.certificate_of(Kind.GOOD).der != old_leaf.der


def test_starts_at_the_same_moment_agree_on_one_authority(tmp_path: Path) -> None:
    made: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: made.append(Authority.load_or_create(tmp_path).ca_pem))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made == [(tmp_path / "ca.pem").read_bytes()] * 4


def test_an_authority_in_memory_has_no_file() -> None:
    with pytest.raises(ValueError, match="lives in memory"):
        _ = Authority.create().ca_file
