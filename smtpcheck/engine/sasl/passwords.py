"""The mechanisms of one answer or two: PLAIN, LOGIN, CRAM-MD5 and EXTERNAL.

The authorization identity is always empty: a login acts for nobody but itself. User names and
passwords go as UTF-8 and as they were typed; preparing them is the server's part (RFC 4616
section 2), and many servers compare octets.
"""

from __future__ import annotations

from smtpcheck.engine.plan import Credentials
from smtpcheck.engine.sasl.exchange import ChallengeRefused, Link, Script


def plain(credentials: Credentials, _link: Link) -> Script:
    """RFC 4616 section 2: an empty authorization identity, the user and the password."""
    yield f"\0{credentials.username}\0{credentials.password.reveal()}".encode()


def login(credentials: Credentials, _link: Link) -> Script:
    """User name, then password, whatever the two prompts say (draft-murchison-sasl-login)."""
    yield None
    yield credentials.username.encode()
    yield credentials.password.reveal().encode()


def cram_md5(credentials: Credentials, _link: Link) -> Script:
    """RFC 2195 section 2: the user name and the challenge's digest under the password.

    Of an empty challenge the digest would be the same each time, a thing to be replayed.
    """
    import hmac  # most servers are asked for PLAIN or LOGIN

    challenge = yield None
    if not challenge:
        raise ChallengeRefused
    digest = hmac.new(credentials.password.reveal().encode(), challenge, "md5").hexdigest()
    yield f"{credentials.username} {digest}".encode()


def external(_credentials: Credentials, _link: Link) -> Script:
    """RFC 4422 appendix A: the client certificate says who logs in, so nothing is said here."""
    yield b""
