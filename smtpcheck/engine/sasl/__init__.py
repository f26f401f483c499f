"""The login mechanisms: which to use, and what to answer to each challenge.

Knows RFC 4954, RFC 4422 and the mechanisms' own standards; no socket, no TLS, no clock and no
randomness. To add a mechanism, write its script and give it a row in ``MECHANISMS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from smtpcheck.engine.plan import Credentials
from smtpcheck.engine.sasl.binding import end_point
from smtpcheck.engine.sasl.exchange import (
    ChallengeRefused,
    Derive,
    Exchange,
    Explained,
    Link,
    Mechanism,
    Script,
)
from smtpcheck.engine.sasl.passwords import cram_md5, external, login, plain
from smtpcheck.engine.sasl.tokens import oauthbearer, xoauth2

__all__ = [
    "MECHANISMS",
    "ChallengeRefused",
    "Derive",
    "Exchange",
    "Explained",
    "Link",
    "Mechanism",
    "Script",
    "choose",
    "end_point",
]


def _scram(algorithm: str, *, bound: bool = False) -> Callable[[Credentials, Link], Script]:
    """SCRAM by a hash, loaded by its first login: few need it, and its tables of Unicode 3.2."""

    def script(credentials: Credentials, link: Link) -> Script:
        from smtpcheck.engine.sasl.scram import script_of

        return script_of(algorithm, bound=bound)(credentials, link)

    return script


MECHANISMS: dict[str, Mechanism] = {
    mechanism.name: mechanism
    for mechanism in (
        Mechanism("PLAIN", plain, ends_at_once=True),
        Mechanism("LOGIN", login),
        Mechanism("SCRAM-SHA-256", _scram("sha256"), proves_server=True),
        Mechanism("SCRAM-SHA-1", _scram("sha1"), proves_server=True),
        Mechanism("CRAM-MD5", cram_md5),
        Mechanism(
            "SCRAM-SHA-256-PLUS",
            _scram("sha256", bound=True),
            proves_server=True,
            binds_channel=True,
        ),
        Mechanism("XOAUTH2", xoauth2),
        Mechanism("OAUTHBEARER", oauthbearer),
        Mechanism("EXTERNAL", external, ends_at_once=True),
    )
}

# Over verified TLS nobody can listen, so PLAIN comes first: it is what mail programs use, and so
# what servers are tested with; LOGIN for those that have nothing else.
WHEN_ENCRYPTED = ("PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5")
# In the clear the password itself goes last.
IN_THE_CLEAR = ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN")


def choose(offered: Iterable[str], wanted: str = "", *, encrypted: bool = False) -> list[Mechanism]:
    """Return the mechanisms to try in order; empty if server and account share none.

    ``wanted`` is the one the account names, or "" for automatic. A token, a client certificate and
    a channel binding are used only where the account names them: a password sent as a token would
    be a refused login, and a binding fails behind every proxy that ends TLS.
    """
    names = set(offered)
    order = (wanted,) if wanted else WHEN_ENCRYPTED if encrypted else IN_THE_CLEAR
    return [MECHANISMS[name] for name in order if name in names and name in MECHANISMS]
