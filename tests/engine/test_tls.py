"""TLS from memory buffer to memory buffer: who is trusted, and what is told when nobody is."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from smtpcheck.engine import tls
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.plan import Target, fingerprint
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Security
from smtpcheck.engine.tls import (
    MAX_CONTEXTS,
    MAX_HANDSHAKE_OCTETS,
    ClientCertificate,
    HandshakeFailed,
    TlsChannel,
    Trust,
    build_context,
    client_certificate_of,
    kept_context,
    trust_of,
)
from smtpcheck.sandbox.authority import Authority, Certificate, Kind
from tests.engine.plans import credentials, plan, target

HOST = "mx.example.org"
AUTHORITY = Authority.create()
BUNDLE = AUTHORITY.ca_pem.decode()
GOOD = AUTHORITY.issue(HOST, "192.0.2.1")
BELIEVER = Trust(verifies=True, ca_bundle=BUNDLE)


class Server:
    """The other side, over memory buffers of its own."""

    def __init__(self, certificate: Certificate, context: ssl.SSLContext | None = None) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = context or certificate.server_context()
        self._object = context.wrap_bio(self._in, self._out, server_side=True)

    def answer(self, data: bytes) -> bytes:
        """What the server sends on getting these bytes; its own troubles end in an alert."""
        self._in.write(data)
        with contextlib.suppress(ssl.SSLError):
            self._object.do_handshake()
        return self._out.read()

    def say(self, text: bytes) -> bytes:
        self._object.write(text)
        return self._out.read()

    def hear(self, data: bytes) -> bytes:
        self._in.write(data)
        return self._object.read(65536)


def channel(trust: Trust = BELIEVER, host: str = HOST) -> TlsChannel:
    return TlsChannel(trust, kept_context(trust) or build_context(trust), host)


def shake_hands(client: TlsChannel, server: Server) -> None:
    for _ in range(10):
        if client.handshake():
            return
        client.feed(server.answer(client.outgoing()))
    pytest.fail("this handshake does not end")


def failure(
    certificate: Certificate,
    trust: Trust = BELIEVER,
    *,
    host: str = HOST,
    context: ssl.SSLContext | None = None,
) -> HandshakeFailed:
    client = channel(trust, host)
    with pytest.raises(HandshakeFailed) as caught:
        shake_hands(client, Server(certificate, context))
    assert not client.is_up
    return caught.value


def connected() -> tuple[TlsChannel, Server]:
    client, server = channel(), Server(GOOD)
    shake_hands(client, server)
    client.feed(server.answer(client.outgoing()))
    return client, server


def test_bytes_go_both_ways_encrypted() -> None:
    client, server = connected()
    client.write(b"EHLO probe\r\n")
    sent = client.outgoing()
    assert b"EHLO" not in sent
    assert server.hear(sent) == b"EHLO probe\r\n"
    client.feed(server.say(b"250 ok\r\n"))
    assert client.read() == b"250 ok\r\n"
    assert client.read() is None


def test_the_connection_tells_what_it_is() -> None:
    client, _ = connected()
    assert client.is_up
    assert client.version in ("TLSv1.2", "TLSv1.3")
    assert client.cipher
    assert client.leaf == GOOD.der
    assert channel().leaf == b""
    assert [each.fingerprint for each in client.chain()] == [fingerprint(GOOD.der)]


def test_the_first_command_can_leave_with_the_end_of_the_handshake() -> None:
    client, server = channel(), Server(GOOD)
    shake_hands(client, server)
    client.write(b"EHLO probe\r\n")
    server.answer(client.outgoing())
    assert server.hear(b"") == b"EHLO probe\r\n"


@pytest.mark.parametrize(
    ("kind", "verify_code"),
    [
        (Kind.EXPIRED, 10),
        (Kind.NOT_YET_VALID, 9),
        (Kind.WRONG_HOST, 62),
        (Kind.SELF_SIGNED, 18),
        (Kind.UNKNOWN_AUTHORITY, 20),
        (Kind.MISSING_INTERMEDIATE, 20),
    ],
)
def test_a_bad_certificate_is_refused_with_openssls_number(kind: Kind, verify_code: int) -> None:
    host = "nobody.example" if kind is Kind.WRONG_HOST else HOST
    failed = failure(AUTHORITY.certificate_of(kind, (HOST,)), host=host)
    assert (failed.kind, failed.verify_code) == (FaultKind.CERTIFICATE, verify_code)
    assert failed.detail


def test_a_bundle_replaces_the_authorities_of_the_system() -> None:
    other = Trust(verifies=True, ca_bundle=Authority.create().ca_pem.decode())
    assert failure(GOOD, other).kind is FaultKind.CERTIFICATE
    assert build_context(BELIEVER).cert_store_stats()["x509_ca"] == 1


def test_without_a_bundle_the_system_decides() -> None:
    assert failure(GOOD, Trust(verifies=True)).kind is FaultKind.CERTIFICATE


def test_an_extra_file_is_trusted_beside_the_system(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(AUTHORITY.ca_pem)
    shake_hands(channel(Trust(verifies=True, extra_ca_file=str(path))), Server(GOOD))


def test_an_address_is_verified_by_its_own_kind_of_name() -> None:
    shake_hands(channel(host="192.0.2.1"), Server(GOOD))
    failed = failure(AUTHORITY.issue(HOST), host="192.0.2.1")
    assert (failed.kind, failed.verify_code) == (FaultKind.CERTIFICATE, 64)


def test_whoever_verifies_nothing_takes_any_certificate() -> None:
    client = channel(Trust(verifies=False))
    shake_hands(client, Server(AUTHORITY.certificate_of(Kind.EXPIRED, ("other.example",))))
    assert client.chain()


def test_a_pin_trusts_its_certificate_whatever_else_is_wrong_with_it() -> None:
    expired = AUTHORITY.certificate_of(Kind.EXPIRED, ("other.example",))
    shake_hands(channel(Trust(verifies=True, pin=fingerprint(expired.der))), Server(expired))


def test_a_pin_refuses_any_other_certificate() -> None:
    failed = failure(GOOD, Trust(verifies=True, ca_bundle=BUNDLE, pin="ab" * 32))
    assert (failed.kind, failed.detail) == (FaultKind.PIN, fingerprint(GOOD.der))


@pytest.mark.parametrize(
    "first", [b"220 mx ready\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"\0", b"\x17\x03\x03"]
)
def test_what_is_not_tls_is_shown(first: bytes) -> None:
    client = channel()
    assert not client.handshake()
    for byte in first:
        client.feed(bytes([byte]))
    with pytest.raises(HandshakeFailed) as caught:
        client.handshake()
    assert (caught.value.kind, caught.value.raw) == (FaultKind.NOT_TLS, first)


def test_what_is_not_tls_is_handed_over_whole() -> None:
    client = channel()
    client.feed(b"x" * 40)
    client.feed(b"x" * 5000)
    with pytest.raises(HandshakeFailed) as caught:
        client.handshake()
    assert caught.value.raw == b"x" * 5040


def test_an_end_of_the_stream_in_the_handshake_is_told() -> None:
    client = channel()
    assert not client.handshake()
    client.feed(b"")
    with pytest.raises(HandshakeFailed) as caught:
        client.handshake()
    assert caught.value.kind is FaultKind.CLOSED


def test_an_end_of_the_stream_in_the_middle_of_the_handshake_is_told() -> None:
    client, server = channel(), Server(GOOD)
    assert not client.handshake()
    client.feed(server.answer(client.outgoing())[:100])
    assert not client.handshake()
    client.feed(b"")
    with pytest.raises(HandshakeFailed) as caught:
        client.handshake()
    assert caught.value.kind is FaultKind.CLOSED


def test_a_server_with_old_versions_only_is_told_by_openssls_word() -> None:
    context = GOOD.server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    failed = failure(GOOD, context=context)
    assert failed.kind is FaultKind.HANDSHAKE
    assert "VERSION" in failed.detail


def test_a_server_without_a_common_cipher_is_told_by_openssls_word() -> None:
    context = GOOD.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")  # the certificate's key is not RSA
    failed = failure(GOOD, context=context)
    assert failed.kind is FaultKind.HANDSHAKE
    assert "HANDSHAKE_FAILURE" in failed.detail


def test_a_wanted_client_certificate_is_told_with_the_first_read() -> None:
    context = GOOD.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=BUNDLE)
    client, server = channel(), Server(GOOD, context)
    shake_hands(client, server)
    client.feed(server.answer(client.outgoing()))
    with pytest.raises(HandshakeFailed) as caught:
        client.read()
    assert caught.value.kind is FaultKind.HANDSHAKE
    assert "CERTIFICATE_REQUIRED" in caught.value.detail


def test_damaged_bytes_after_the_handshake_are_told() -> None:
    client, server = connected()
    damaged = bytearray(server.say(b"250 ok\r\n"))
    damaged[-1] ^= 0xFF
    client.feed(bytes(damaged))
    with pytest.raises(HandshakeFailed):
        client.read()


def test_the_end_of_the_stream_is_read_as_nothing() -> None:
    client, _ = connected()
    client.feed(b"")
    assert client.read() == b""


def test_an_orderly_end_is_read_as_nothing() -> None:
    client, server = connected()
    with pytest.raises(ssl.SSLWantReadError):
        server._object.unwrap()
    client.feed(server._out.read())
    assert client.read() == b""


def test_closing_says_so_to_the_server() -> None:
    client, server = connected()
    assert server.hear(client.close()) == b""


def feed_without_end(client: TlsChannel) -> None:
    """A handshake message of 16 MiB, in records of 16 KiB, whatever the client says to it."""
    client.feed(b"\x16\x03\x03\x40\x00" + b"\x02\xff\xff\xff" + bytes(0x3FFC))
    for _ in range(MAX_HANDSHAKE_OCTETS // 0x4000 + 1):
        assert not client.handshake()
        client.feed(b"\x16\x03\x03\x40\x00" + bytes(0x4000))


def test_a_handshake_without_end_is_cut_off_by_openssl_or_at_our_bound() -> None:
    client = channel()
    assert not client.handshake()
    with pytest.raises(HandshakeFailed) as caught:
        feed_without_end(client)
    assert caught.value.kind in (FaultKind.TOO_MUCH, FaultKind.HANDSHAKE)


def test_more_than_a_chain_without_a_whole_message_is_too_much() -> None:
    client = channel()
    assert not client.handshake()
    client.feed(b"\x16\x03\x03")  # a record that has only begun
    client._fed += MAX_HANDSHAKE_OCTETS
    with pytest.raises(HandshakeFailed) as caught:
        client.handshake()
    assert caught.value.kind is FaultKind.TOO_MUCH


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("host", [HOST, "nobody.example"])
def test_the_chain_is_known_whether_it_is_trusted_or_not(
    version: ssl.TLSVersion, host: str
) -> None:
    below = AUTHORITY.intermediate().issue(HOST)
    context = below.server_context()
    context.minimum_version = context.maximum_version = version
    client = channel(host=host)
    with contextlib.suppress(HandshakeFailed):
        shake_hands(client, Server(below, context))
    assert client.is_up is (host == HOST)
    assert [each.subject for each in client.chain()] == [
        f"CN={HOST}",
        "CN=Sandbox mail server intermediate",
    ]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("host", [HOST, "nobody.example"])
def test_a_request_for_our_certificate_is_noticed(
    version: ssl.TLSVersion, host: str, *, asks: bool
) -> None:
    context = GOOD.server_context()
    context.minimum_version = context.maximum_version = version
    if asks:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=BUNDLE)
    client = channel(host=host)
    with contextlib.suppress(HandshakeFailed):
        shake_hands(client, Server(GOOD, context))
    assert client.is_up is (host == HOST)
    # In TLS 1.2 the request comes behind the certificate, which may be the end already.
    comes_too_late = version is ssl.TLSVersion.TLSv1_2 and host != HOST
    assert client.was_asked_for_certificate is (asks and not comes_too_late)


def demanding(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = GOOD.server_context()
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=BUNDLE)
    return context


def showing(shows: ClientCertificate) -> TlsChannel:
    return TlsChannel(BELIEVER, build_context(BELIEVER, shows), HOST)


OURS = AUTHORITY.issue("client.example", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
SHOWN = ClientCertificate(OURS.pem.decode(), Secret(OURS.key_pem.decode()))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_asks_is_shown_our_certificate(version: ssl.TLSVersion) -> None:
    client, server = showing(SHOWN), Server(GOOD, demanding(version))
    shake_hands(client, server)
    if last_flight := client.outgoing():  # in TLS 1.3 the client is the last to speak
        client.feed(server.answer(last_flight))
    client.feed(server.say(b"220 mx\r\n"))
    assert client.read() == b"220 mx\r\n"
    assert server._object.getpeercert(binary_form=True) == OURS.der


@pytest.mark.parametrize("lacks", ["nothing", "memfd", "room", "proc"])
def test_a_private_key_leaves_no_file_and_no_descriptor(
    lacks: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_room(*_: object) -> int:
        raise OSError

    if lacks == "memfd":
        monkeypatch.delattr(os, "memfd_create")
    elif lacks == "room":
        monkeypatch.setattr(os, "memfd_create", no_room)
    elif lacks == "proc":
        monkeypatch.setattr(os.path, "exists", lambda _: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    client, server = showing(SHOWN), Server(GOOD, demanding(ssl.TLSVersion.TLSv1_2))
    shake_hands(client, server)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert list(tmp_path.iterdir()) == []


def test_a_context_with_a_private_key_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_contexts", type(tls._contexts)())
    build_context(BELIEVER, SHOWN)
    assert kept_context(BELIEVER) is None


def locked_key() -> str:
    locked = OURS.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"a passphrase that nobody is asked for"),
    )
    return locked.decode()


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        (OURS.pem.decode(), GOOD.key_pem.decode()),
        (OURS.pem.decode(), locked_key()),
        (OURS.pem.decode(), ""),
        (OURS.pem.decode(), "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----"),
        ("-----BEGIN CERTIFICATE-----\nnonsense", OURS.key_pem.decode()),
    ],
    ids=["another key", "a locked key", "no key", "a broken key", "a broken certificate"],
)
def test_a_client_certificate_that_cannot_be_used_is_refused(certificate: str, key: str) -> None:
    with pytest.raises(Refused) as caught:
        build_context(BELIEVER, ClientCertificate(certificate, Secret(key)))
    assert caught.value.diagnosis_id == "config.client-cert-invalid"


def test_a_plan_says_what_it_shows() -> None:
    assert client_certificate_of(plan(Security.TLS)) is None
    with_ours = Target(
        host=HOST,
        port=465,
        security=Security.TLS,
        client_certificate=SHOWN.certificate,
        client_key=SHOWN.key,
    )
    shown = client_certificate_of(plan(to=with_ours))
    assert shown == ClientCertificate(SHOWN.certificate.strip(), SHOWN.key)
    assert OURS.key_pem.decode().splitlines()[1] not in repr(shown)


def test_before_any_certificate_came_there_is_no_chain() -> None:
    client = channel()
    assert client.chain() == ()
    client.feed(b"220 mx\r\n")
    with pytest.raises(HandshakeFailed):
        client.handshake()
    assert client.chain() == ()


def test_where_python_does_not_tell_the_first_certificate_alone_is_known() -> None:
    context = build_context(Trust(verifies=True, ca_bundle=BUNDLE, extra_ca_file="another"))
    context._msg_callback = None  # type: ignore[attr-defined]
    client = TlsChannel(BELIEVER, context, HOST)
    shake_hands(client, Server(AUTHORITY.intermediate().issue(HOST)))
    assert [each.subject for each in client.chain()] == [f"CN={HOST}"]


def test_connections_do_not_see_each_others_certificates() -> None:
    one, two = channel(), channel()
    shake_hands(one, Server(GOOD))
    assert one.chain()
    assert two.chain() == ()


def test_a_context_has_no_room_for_weakness() -> None:
    context = build_context(BELIEVER)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert not context.hostname_checks_common_name
    assert context.verify_flags & ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    assert not context.verify_flags & ssl.VerifyFlags.VERIFY_X509_STRICT


@pytest.mark.parametrize(
    "trust",
    [
        Trust(verifies=True, ca_bundle="-----BEGIN CERTIFICATE-----\nnonsense\n"),
        Trust(verifies=True, ca_bundle="-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"),
        Trust(verifies=True, extra_ca_file="/nonexistent/ca.pem"),
    ],
)
def test_a_bundle_that_cannot_be_read_is_refused(trust: Trust) -> None:
    with pytest.raises(Refused) as caught:
        build_context(trust)
    assert caught.value.diagnosis_id == "config.ca-invalid"
    assert kept_context(trust) is None


def test_a_bundle_may_hold_words_in_any_language_between_its_certificates() -> None:
    trust = Trust(verifies=True, ca_bundle=f"# Főtanúsítvány\n{BUNDLE}# schöne Grüße\n")
    shake_hands(channel(trust), Server(GOOD))


def test_contexts_are_kept_by_what_they_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_contexts", type(tls._contexts)())
    assert kept_context(BELIEVER) is None
    first = build_context(BELIEVER)
    assert kept_context(BELIEVER) is first
    for number in range(MAX_CONTEXTS):
        build_context(Trust(verifies=False, pin=f"{number:064x}"))
    assert kept_context(BELIEVER) is None
    assert len(tls._contexts) == MAX_CONTEXTS


def test_a_plan_says_what_it_trusts() -> None:
    assert trust_of(plan(Security.TLS)).name == "system"
    assert trust_of(plan(to=target(ca_bundle=BUNDLE))).name == "bundle"
    assert trust_of(plan(to=target(ca_bundle=BUNDLE, pin="ab" * 32))).name == "pin"
    assert trust_of(plan(Security.OPPORTUNISTIC)).name == "nothing"
    assert trust_of(plan(Security.OPPORTUNISTIC, login=credentials())).name == "system"
