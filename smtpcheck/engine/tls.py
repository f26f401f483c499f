"""TLS over memory buffers: the handshake and the encrypted stream without any I/O.

Knows ``ssl`` and trust. Because bytes go in and out by hand, what came instead of TLS can be shown
("that was not TLS, it was 220"). A context is expensive (the system's authorities take some 30 ms),
so contexts are kept by what they trust.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from smtpcheck.engine.certificates import certificates_of, read_certificate
from smtpcheck.engine.errors import EngineError, Refused
from smtpcheck.engine.evidence import Certificate, FaultKind
from smtpcheck.engine.plan import Plan, fingerprint
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.replies import MAX_OPENING_OCTETS

# Contexts kept: one for the system's store and one for each private bundle in use, 0.8 MB each at
# the most.
MAX_CONTEXTS = 64

# What a server may send before the handshake is done: a chain of 100 KiB and its framing.
MAX_HANDSHAKE_OCTETS = 128 * 1024

# RFC 8446 section 5.1: the text in one record, which is what OpenSSL gives at a time.
MAX_RECORD_OCTETS = 2**14

# RFC 8446 section 5.1 and RFC 5246 section 6.2.1: the content types that can open a server's side.
_ALERT, _HANDSHAKE = 0x15, 0x16
# RFC 8446 section 4 and RFC 5246 section 7.4: the types of these handshake messages.
_CERTIFICATE, _CERTIFICATE_REQUEST = 11, 13

# Who is told of every message and record of a context's connections. Private, but the same from
# Python 3.8 to 3.14; without it a failed handshake has no chain. Of the base class, because
# ssl.SSLContext makes three enums for each of the fifty calls in a test.
_MESSAGES = getattr(ssl.SSLContext.__base__, "_msg_callback", None)


class Trust(NamedTuple):
    """What makes a server's certificate believed; ``verifies`` False believes any."""

    verifies: bool
    ca_bundle: str = ""
    extra_ca_file: str = ""
    pin: str = ""

    @property
    def asks_nobody(self) -> bool:
        """Whether OpenSSL has no say: a pin decides, or nothing does."""
        return bool(self.pin) or not self.verifies

    @property
    def name(self) -> str:
        """What decided, for the evidence: "pin", "bundle", "system" or "nothing"."""
        if self.pin:
            return "pin"
        if not self.verifies:
            return "nothing"
        return "bundle" if self.ca_bundle else "system"


def trust_of(plan: Plan) -> Trust:
    """Return what a plan trusts. A pin or a bundle replaces the system's authorities."""
    return Trust(plan.verifies, plan.target.ca_bundle, plan.extra_ca_file, plan.target.pin)


class ClientCertificate(NamedTuple):
    """What we show to a server that asks who we are: certificate and key as PEM text."""

    certificate: str
    key: Secret


def client_certificate_of(plan: Plan) -> ClientCertificate | None:
    """Return the certificate that a plan shows, or None."""
    target = plan.target
    if not target.client_certificate:
        return None
    return ClientCertificate(target.client_certificate, target.client_key)


class HandshakeFailed(EngineError):
    """The handshake ended without a connection that may be used."""

    def __init__(
        self, kind: FaultKind, detail: str, *, verify_code: int | None = None, raw: bytes = b""
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.verify_code = verify_code
        self.raw = raw


class _Connection(ssl.SSLObject):
    """An SSLObject that remembers the certificates it was shown, and whether one was asked for."""

    certificate_message = b""
    is_tls13 = False
    was_asked = False


def _remember_certificates(
    connection: object,
    direction: str,
    version: int,
    content_type: int,
    message_type: int,
    data: bytes,
) -> None:
    """Keep the server's Certificate message (RFC 8446 section 4) of a connection.

    It is the only way to the chain of a handshake that fails: ``ssl`` gives certificates of
    trusted connections alone, and asking again on a second one might meet another server. A
    CertificateRequest is what tells a missing client certificate from a missing cipher in TLS 1.2,
    where the alert is the same.
    """
    if content_type != _HANDSHAKE or direction != "read":
        return
    if not isinstance(connection, _Connection):
        return
    if message_type == _CERTIFICATE:
        connection.certificate_message = data
        connection.is_tls13 = version == ssl.TLSVersion.TLSv1_3
    elif message_type == _CERTIFICATE_REQUEST:
        connection.was_asked = True


class TlsChannel:
    """One TLS connection over memory buffers.

    ``feed`` takes what the socket gave, ``outgoing`` gives what the socket must send. Nothing may
    be written before ``handshake`` has returned True: it also compares the pin.
    """

    def __init__(self, trust: Trust, context: ssl.SSLContext, host: str) -> None:
        self._trust = trust
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._first_bytes = b""
        self._fed = 0
        # As octets, because Python would load its tables for IDNA to encode a text.
        wrapped = context.wrap_bio(self._in, self._out, server_hostname=host.encode("ascii"))
        assert isinstance(wrapped, _Connection)
        self._object = wrapped
        self.is_up = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the socket; b"" is the end of the stream."""
        if not data:
            self._in.write_eof()
            return
        self._fed += len(data)
        if len(self._first_bytes) < MAX_OPENING_OCTETS:
            self._first_bytes += data[: MAX_OPENING_OCTETS - len(self._first_bytes)]
        self._in.write(data)

    def outgoing(self) -> bytes:
        """Return and forget the bytes that the socket must send."""
        return self._out.read()

    def handshake(self) -> bool:
        """Go on with the handshake; True when it is done and the server is trusted.

        False asks for more bytes. Raises HandshakeFailed.
        """
        if self._first_bytes and self._first_bytes[0] not in (_ALERT, _HANDSHAKE):
            raise HandshakeFailed(FaultKind.NOT_TLS, "not TLS", raw=self._first_bytes)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            if self._fed > MAX_HANDSHAKE_OCTETS:
                raise HandshakeFailed(FaultKind.TOO_MUCH, "handshake") from None
            return False
        except ssl.SSLCertVerificationError as error:
            raise HandshakeFailed(
                FaultKind.CERTIFICATE, error.verify_message, verify_code=error.verify_code
            ) from None
        except ssl.SSLEOFError:
            raise HandshakeFailed(FaultKind.CLOSED, "end of stream in the handshake") from None
        except ssl.SSLError as error:
            raise HandshakeFailed(FaultKind.HANDSHAKE, _reason(error)) from None
        self._compare_pin()
        self.is_up = True
        return True

    def write(self, data: bytes) -> None:
        """Encrypt bytes for ``outgoing``."""
        self._object.write(data)

    def read(self) -> bytes | None:
        """Return decrypted bytes, b"" at the end of the stream, or None if more must be fed.

        Raises HandshakeFailed for an alert (in TLS 1.3 a server's objection to our side can come
        with the first read) and for bytes that are not of this connection.
        """
        if not (self._in.pending or self._in.eof or self._object.pending()):
            return None  # as OpenSSL would say with an exception, before every single wait
        try:
            return self._object.read(MAX_RECORD_OCTETS)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise HandshakeFailed(FaultKind.HANDSHAKE, _reason(error)) from None

    def close(self) -> bytes:
        """Return the bytes that end the encrypted stream in order (RFC 8446 section 6.1)."""
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        return self._out.read()

    @property
    def leaf(self) -> bytes:
        """The server's own certificate as DER; b"" before the handshake is done."""
        return (self._object.getpeercert(binary_form=True) or b"") if self.is_up else b""

    @property
    def version(self) -> str:
        """The negotiated version, such as "TLSv1.3"."""
        return self._object.version() or ""

    @property
    def cipher(self) -> str:
        """The negotiated cipher suite."""
        chosen = self._object.cipher()
        return chosen[0] if chosen else ""

    @property
    def was_asked_for_certificate(self) -> bool:
        """Whether the server wanted to see a certificate of ours; False where Python hides it."""
        return self._object.was_asked

    def chain_ders(self) -> list[bytes]:
        """Return the certificates that the server showed as DER, its own first.

        Also after a handshake that failed. Empty before any came, and where Python does not tell.
        """
        ders = certificates_of(self._object.certificate_message, is_tls13=self._object.is_tls13)
        if not ders and self.is_up:
            ders = [self._object.getpeercert(binary_form=True) or b""]
        return [der for der in ders if der]

    def chain(self) -> tuple[Certificate, ...]:
        """Return what those certificates say that can be read."""
        read = map(read_certificate, self.chain_ders())
        return tuple(certificate for certificate in read if certificate is not None)

    def _compare_pin(self) -> None:
        if not self._trust.pin:
            return
        import hmac  # few accounts have a pin

        der = self._object.getpeercert(binary_form=True) or b""
        if not hmac.compare_digest(fingerprint(der), self._trust.pin):
            raise HandshakeFailed(FaultKind.PIN, fingerprint(der))


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's own name for what went wrong, such as SSLV3_ALERT_HANDSHAKE_FAILURE."""
    return error.reason or type(error).__name__


_contexts: OrderedDict[Trust, ssl.SSLContext] = OrderedDict()
_contexts_lock = threading.Lock()


def kept_context(trust: Trust) -> ssl.SSLContext | None:
    """Return the context for a trust if it has been built, else None."""
    with _contexts_lock:
        context = _contexts.get(trust)
        if context is not None:
            _contexts.move_to_end(trust)
        return context


def build_context(trust: Trust, shows: ClientCertificate | None = None) -> ssl.SSLContext:
    """Build the context for a trust; takes tens of milliseconds, so not in a loop.

    It is kept, unless it holds a private key. Raises Refused with config.ca-invalid when the
    bundle, and with config.client-cert-invalid when the client certificate cannot be used.
    """
    context = _new_context(trust)
    if shows is not None:
        _load_client_certificate(context, shows)
        return context
    with _contexts_lock:
        _contexts[trust] = context
        while len(_contexts) > MAX_CONTEXTS:
            _contexts.popitem(last=False)
    return context


def _new_context(trust: Trust) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = _Connection
    if _MESSAGES is not None:
        _MESSAGES.__set__(context, _remember_certificates)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.hostname_checks_common_name = False
    # Not VERIFY_X509_STRICT: it refuses private authorities that every mail program takes, and
    # hides worse defects behind its own.
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    if trust.asks_nobody:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        _load_authorities(context, trust)
    return context


def _load_authorities(context: ssl.SSLContext, trust: Trust) -> None:
    try:
        if trust.ca_bundle:
            # Between its certificates a bundle may name them in any language; ssl takes ASCII only.
            ascii_bundle = trust.ca_bundle.encode("ascii", "ignore").decode()
            context.load_verify_locations(cadata=ascii_bundle)
            return
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if trust.extra_ca_file:
            context.load_verify_locations(cafile=trust.extra_ca_file)
    except (ssl.SSLError, ValueError, OSError):
        raise Refused("config.ca-invalid") from None


def _load_client_certificate(context: ssl.SSLContext, shows: ClientCertificate) -> None:
    """Give a context our certificate; the ssl module reads keys from files only."""
    pem = f"{shows.certificate}\n{shows.key.reveal()}\n".encode()
    try:
        with _as_file(pem) as path:
            # Without a password of ours OpenSSL would ask for one on the terminal, and wait.
            context.load_cert_chain(path, password=b"")
    except (ssl.SSLError, ValueError, OSError):
        raise Refused("config.client-cert-invalid") from None


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """A path under which bytes can be read, in memory where the system has such files."""
    descriptor = _memory_file()
    if descriptor is None:
        import tempfile  # loads every kind of compression, and Linux needs no such file

        with tempfile.NamedTemporaryFile(prefix="smtpcheck-") as file:  # 0600, gone at the end
            file.write(data)
            file.flush()
            yield file.name
        return
    try:
        with open(descriptor, "wb", closefd=False) as memory:
            memory.write(data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _memory_file() -> int | None:
    """A file that never touches a disk (Linux), or None."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    except OSError:
        return None
    if os.path.exists(f"/proc/self/fd/{descriptor}"):  # noqa: PTH110 - no other use of pathlib
        return descriptor
    os.close(descriptor)
    return None
