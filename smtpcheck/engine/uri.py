"""The SMTP URI: ``smtps://user:password@host:465``, parsed once and by this parser only.

Knows grammar and the vocabulary. User name and password are URL-encoded; the part that cannot be
understood is named, the URI itself is never repeated, because it can hold a password.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import canonical_host, refuse_control_characters
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Security

# A URI is typed or pasted; what is longer than this is something else.
MAX_URI_LENGTH = 4096

DEFAULT_PORTS = {"smtp": 25, "smtps": 465}

# The words of MailKit's URIs, which the original of our REST call accepts.
_STARTTLS_VALUES = {
    "always": Security.STARTTLS,
    "true": Security.STARTTLS,
    "yes": Security.STARTTLS,
    "never": Security.NONE,
    "false": Security.NONE,
    "no": Security.NONE,
}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class SmtpUri(NamedTuple):
    """What an SMTP URI names: canonical host, port, decoded login, and security.

    ``password`` is None where the URI has none (``user@``), and empty where it says so
    (``user:@``).
    """

    scheme: str
    host: str
    port: int
    username: str
    password: Secret | None
    security: Security


def parse_uri(text: str) -> SmtpUri:
    """Return what an SMTP URI names.

    Raises Refused with config.scheme, config.uri-invalid, config.port-range,
    config.control-character, config.host-is-url or config.label-invalid.
    """
    refuse_control_characters("SmtpUri", text)
    uri = text.strip()
    if len(uri) > MAX_URI_LENGTH:
        raise Refused("config.uri-invalid", part="length")
    scheme, rest = _split_scheme(uri)
    authority, query = _split_authority(rest)
    # Before host and port: an unencoded "?" in a password leaves part of it where they stand, and
    # a refusal of those would repeat it.
    security = _parse_security(scheme, query)
    login, _, server = authority.rpartition("@")
    username, password = _parse_login(login)
    host, port = _parse_server(server, DEFAULT_PORTS[scheme])
    return SmtpUri(
        scheme=scheme,
        host=host,
        port=port,
        username=username,
        password=password,
        security=security,
    )


def _split_scheme(uri: str) -> tuple[str, str]:
    match = _SCHEME.match(uri)
    if match is None or match[1].lower() not in DEFAULT_PORTS:
        raise Refused("config.scheme")
    return match[1].lower(), uri[match.end() :]


def _split_authority(rest: str) -> tuple[str, str]:
    """Part the authority from the query; a path other than "/" or a fragment means nothing here."""
    before_query, _, query = rest.partition("?")
    authority, _, path = before_query.partition("/")
    if path or "#" in rest or "\\" in rest:
        # Most often an unencoded "/", "?" or "#" of a password.
        raise Refused("config.uri-invalid", part="path")
    if authority.count("@") > 1:
        raise Refused("config.uri-invalid", part="user name and password")
    return authority, query


def _parse_login(login: str) -> tuple[str, Secret | None]:
    raw_name, colon, raw_password = login.partition(":")
    if ":" in raw_password:
        raise Refused("config.uri-invalid", part="user name and password")
    username = _decode(raw_name, "user name")
    refuse_control_characters("user name", username)
    if not colon:
        return username, None
    password = _decode(raw_password, "password")
    refuse_control_characters("password", password)
    return username, Secret(password)


def _decode(text: str, part: str) -> str:
    if _BAD_PERCENT.search(text):
        raise Refused("config.uri-invalid", part=part)
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("config.uri-invalid", part=part) from None


def _parse_server(server: str, default_port: int) -> tuple[str, int]:
    if server.startswith("["):
        literal, bracket, after = server.partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise Refused("config.uri-invalid", part="host")
        return canonical_host(f"{literal}]"), _parse_port(after, default_port)
    host, colon, port = server.partition(":")
    if not host or ":" in port or "%" in host:
        raise Refused("config.uri-invalid", part="host")
    if host != host.strip():
        # In a form's field such a blank is a slip of the mouse; inside a URI it ends the URI, so
        # this is not the address that somebody meant.
        raise Refused("config.host-is-url")
    return canonical_host(host), _parse_port(colon + port, default_port)


def _parse_port(text: str, default_port: int) -> int:
    digits = text.removeprefix(":")
    if not digits:
        return default_port
    if not (digits.isascii() and digits.isdigit()):
        raise Refused("config.uri-invalid", part="port")
    return checked_port(int(digits) if len(digits) <= 6 else 0)


def checked_port(port: int) -> int:
    """Return a port that exists; raise config.port-range for any other number."""
    if not 1 <= port <= 65535:
        raise Refused("config.port-range", port=port)
    return port


def _parse_security(scheme: str, query: str) -> Security:
    security = Security.TLS if scheme == "smtps" else Security.OPPORTUNISTIC
    if not query:
        return security
    name, _, value = query.partition("=")
    if name.lower() != "starttls":
        raise Refused("config.uri-invalid", part="parameter")
    chosen = _STARTTLS_VALUES.get(value.lower())
    if chosen is None:
        raise Refused("config.uri-invalid", part="starttls")
    if scheme == "smtps":
        # TLS is up from the first byte: there is nothing to upgrade, whatever the parameter says.
        return security
    return chosen
