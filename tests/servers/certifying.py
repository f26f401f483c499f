"""A real Exim that knows its clients by their certificates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import trustme

from tests.servers.exim import EximServer
from tests.servers.postfix import LOGINS


class CertifyingExim(EximServer):
    """Runs an Exim that asks for a client certificate on submission and demands one on smtps.

    To a client whose certificate is of the right authority it offers EXTERNAL; the address in the
    certificate has to be one of the logins. Without one, submission still offers passwords.
    It offers SMTPUTF8 in the clear only, which is void as soon as TLS has started.
    """

    options = """\
tls_verify_certificates = /tls/clients.pem
tls_try_verify_hosts = ${{if ={{$received_port}}{{{ports.submission}}}{{*}}{{}}}}
tls_verify_hosts = ${{if ={{$received_port}}{{{ports.smtps}}}{{*}}{{}}}}
smtputf8_advertise_hosts = ${{if def:tls_in_cipher{{}}{{*}}}}
"""
    authenticators = """\
external:
  driver = external
  public_name = EXTERNAL
  server_advertise_condition = ${if eq{$tls_in_certificate_verified}{1}{yes}{no}}
  server_param2 = ${certextract {subj_altname,mail}{$tls_in_peercert}}
  server_condition = ${lookup{$auth2}lsearch{/etc/exim4/logins}{yes}{no}}
  server_set_id = $auth2
"""

    def __init__(self, *, logins: Mapping[str, str] = LOGINS) -> None:
        super().__init__(logins=logins)
        self.clients = trustme.CA(organization_name="Authority of the clients")

    def probes(self) -> Sequence[Callable[[], None]]:
        """All ports but the one that greets nobody without a certificate."""
        return (self.greet_plain, self.greet_submission)

    def files(self, addresses: Sequence[str]) -> Mapping[str, str]:
        """Besides, the authority of the clients."""
        return {
            **super().files(addresses),
            "tls/clients.pem": self.clients.cert_pem.bytes().decode(),
        }


def issued_by(authority: trustme.CA, address: str, *, days: int = 1) -> tuple[str, str]:
    """A client certificate for an address and its key, as PEM; after so many days it expires."""
    now = datetime.now(UTC)
    issued = authority.issue_cert(
        address, not_before=now - timedelta(days=9), not_after=now + timedelta(days=days)
    )
    chain = "".join(pem.bytes().decode() for pem in issued.cert_chain_pems)
    return chain, issued.private_key_pem.bytes().decode()
