"""Published fingerprints against chains: what fits, what does not, and what says nothing."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate

from smtpcheck.engine.dane import contradicts
from smtpcheck.sandbox import Authority

DIGESTS = {"0": bytes, "1": lambda raw: hashlib.sha256(raw).digest()} | {
    "2": lambda raw: hashlib.sha512(raw).digest()
}


@pytest.fixture(scope="module")
def chain(authority: Authority) -> list[Certificate]:
    """A leaf, the intermediate that issued it, and a stranger's leaf."""
    intermediate = authority.intermediate()
    issued = intermediate.issue("mx.example.org")
    return [issued.leaf, issued.intermediates[0], authority.issue("other.example.org").leaf]


def der(certificate: Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def record(of: Certificate, usage: str, selector: str, matching: str) -> str:
    key = of.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    raw = DIGESTS[matching](der(of) if selector == "0" else key)
    return f"{usage} {selector} {matching} {raw.hex()}"


@pytest.mark.parametrize("matching", "012")
@pytest.mark.parametrize("selector", "01")
def test_what_is_published_fits(chain: list[Certificate], selector: str, matching: str) -> None:
    leaf, issuer, stranger = chain
    shown = [der(leaf), der(issuer)]

    assert not contradicts([record(leaf, "3", selector, matching)], shown)
    assert not contradicts([record(issuer, "2", selector, matching)], shown)
    assert contradicts([record(stranger, "3", selector, matching)], shown)
    assert contradicts([record(stranger, "2", selector, matching)], shown)


def test_the_servers_own_record_is_not_about_its_issuer(chain: list[Certificate]) -> None:
    leaf, issuer, _ = chain

    assert contradicts([record(issuer, "3", "0", "1")], [der(leaf), der(issuer)])


def test_one_record_that_fits_is_enough(chain: list[Certificate]) -> None:
    leaf, _, stranger = chain
    old_and_new = [record(stranger, "3", "1", "1"), record(leaf, "3", "1", "1")]

    assert not contradicts(old_and_new, [der(leaf)])


@pytest.mark.parametrize("text", ["", "3 1 1", "3 1 1 zz", "x 1 1 00", "3 1 9 00", "3 7 1 00"])
def test_what_cannot_be_read_says_nothing(chain: list[Certificate], text: str) -> None:
    assert not contradicts([text], [der(chain[0])])


@pytest.mark.parametrize("usage", "01")
def test_records_for_web_browsers_say_nothing(chain: list[Certificate], usage: str) -> None:
    leaf, _, stranger = chain

    assert not contradicts([record(stranger, usage, "0", "1")], [der(leaf)])


def test_without_a_chain_nothing_is_contradicted(chain: list[Certificate]) -> None:
    assert not contradicts([record(chain[0], "3", "0", "1")], [])


def test_bytes_that_are_no_certificate_do_not_fit(chain: list[Certificate]) -> None:
    assert contradicts([record(chain[0], "3", "1", "1")], [b"\x30\x00"])
