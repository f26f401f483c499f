"""Channel binding: what ties a login to the one TLS connection it is made on.

Knows RFC 5929 section 4.1, tls-server-end-point: the digest of the server's certificate. A server
in the middle has another certificate, so a login passed on by it fails.
"""

from __future__ import annotations

import hashlib

from smtpcheck.engine.certificates import read_certificate

# The two that the RFC replaces, because they are broken.
_REPLACED = {"md5": "sha256", "sha1": "sha256"}


def end_point(der: bytes) -> bytes:
    """Return the tls-server-end-point of a server's certificate, or b"" where it has none.

    It is made by the hash of the certificate's own signature; where that has none of its own
    (Ed25519) the RFC leaves it undefined, and programs differ.
    """
    certificate = read_certificate(der) if der else None
    if certificate is None:
        return b""
    name = _REPLACED.get(certificate.signature, certificate.signature.replace("-", "_"))
    return hashlib.new(name, der).digest() if name in hashlib.algorithms_guaranteed else b""
