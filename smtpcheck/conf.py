"""Every setting of the application: its type, unit, default and reason.

The only reader of Django's settings in this application. A setting NAME comes from the environment
variable SMTPCHECK_NAME, or from the dict ``settings.SMTPCHECK``. Values are read when they are
used, so a test or a program that embeds the application may change them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from smtpcheck.engine.core_files import forbid_core_files
from smtpcheck.engine.redaction import NeverPickled

HOW_TO_MAKE_ENCRYPTION_KEYS = (
    "Make one with `manage.py generate_encryption_key` and set SMTPCHECK_ENCRYPTION_KEYS to what "
    "it prints, or put it into a file and name that by SMTPCHECK_ENCRYPTION_KEYS_FILE."
)
HOW_TO_MAKE_A_SIGNING_KEY = (
    'Make one with `python3 -c "import secrets; print(secrets.token_urlsafe(50))"` and set '
    "SECRET_KEY to it, or put it into a file and name that by SECRET_KEY_FILE."
)


# The ways of a REST caller to say who it is: three of the Authorization header, and the cookie.
AUTHENTICATION_SCHEMES = ("basic", "bearer", "soticket", "session")


@dataclass(frozen=True, kw_only=True)
class Conf(NeverPickled):
    """The settings as they are now; each reads as its default where nothing is set."""

    # Who gets the test mail where the account names nobody: a mailbox made for it. "" = the sender
    # itself, which works everywhere.
    TEST_RECIPIENT: str = ""
    # The name we say in EHLO. "" = the machine's host name if it has a dot, else its address.
    EHLO_NAME: str = ""
    # The address of this machine that tests come from, where it has several and a firewall lets
    # only one of them through. Only servers with an address of its IP version can be tested then.
    # "" = the system chooses.
    SOURCE_ADDRESS: str = ""
    # A PEM file of authorities trusted besides the system's: an organisation's own, the sandbox's.
    EXTRA_CA_FILE: str = ""
    # The key ring for stored passwords, "k2:<base64>,k1:<base64>": the first seals, all open.
    ENCRYPTION_KEYS: str = field(default="", repr=False)

    # Networks that may be dialled besides public ones, "10.0.0.0/8:25,587 cleartext=no", one entry
    # each, separated by ";" or line breaks in the environment.
    POLICY: tuple[str, ...] = ()
    # Ports that may be dialled; a policy entry may name further ones for its network.
    POLICY_PORTS: tuple[int, ...] = (25, 465, 587, 2525)

    # Outgoing proxies that accounts may name, "office=socks5://user:password@10.0.0.1:1080" or
    # "web=http://proxy.example:3128", separated by ";" or line breaks. Special characters of a user
    # name or password are written as %XX. They get addresses, never names, and no login in clear.
    PROXIES: tuple[str, ...] = field(default=(), repr=False)

    # The most a test may take, by the door through which it was asked for. A REST caller has its
    # answer within 20 s, which is below what common gateways wait.
    REST_BUDGET_SECONDS: float = 18.0
    ADMIN_BUDGET_SECONDS: float = 18.0
    COMMAND_BUDGET_SECONDS: float = 60.0
    SCHEDULE_BUDGET_SECONDS: float = 60.0
    # The part of it that may pass until a server takes the connection.
    CONNECT_TIMEOUT_SECONDS: float = 10.0

    # REST calls of one caller, over all processes; who is not logged in is known by the address.
    CALLS_PER_MINUTE: int = 240
    # Failed logins at this site, REST and admin together, of one user name from one address and of
    # one address, after which no password from there is looked at for the rest of the window.
    LOGIN_FAILURES_PER_USER: int = 5
    LOGIN_FAILURES_PER_ADDRESS: int = 50
    LOGIN_FAILURE_WINDOW_SECONDS: int = 900
    # How many proxies of ours a caller comes through: so many addresses at the end of
    # X-Forwarded-For are believed. 0 = the header is not read, the address is whoever connects.
    TRUSTED_PROXIES: int = 0
    # Parallel tests, counted over all processes. Postfix allows 50 connections a client,
    # Microsoft 3 a mailbox.
    TESTS_PER_HOST: int = 10
    TESTS_PER_LOGIN: int = 1
    # Parallel tests of one process; more are answered "try again".
    TESTS_PER_PROCESS: int = 300
    # The part of a host's tests that targets which nobody saved may take (at least one).
    FREE_TARGET_SHARE: float = 0.25
    # Refused logins of one user at one host, over all callers, after which typed-in passwords are
    # not tried any more for the rest of the window: nobody guesses passwords through us.
    REFUSED_LOGINS_PER_WINDOW: int = 5
    REFUSED_LOGIN_WINDOW_SECONDS: int = 900

    # How long results are kept, and how many of one account.
    HISTORY_DAYS: int = 90
    HISTORY_ROWS_PER_ACCOUNT: int = 1000

    # The ways in which a caller of REST may say who it is. session is the cookie of the admin.
    AUTHENTICATION: tuple[str, ...] = AUTHENTICATION_SCHEMES
    # Application tokens, one of which a ticket needs beside it in SO-AppToken. None: none needed.
    APP_TOKENS: tuple[str, ...] = field(default=(), repr=False)
    # How long a process believes a login of REST that it has verified once; 0 verifies each time.
    # Hashing a password costs a quarter of a second of CPU.
    BASIC_CACHE_SECONDS: int = 300

    # Whether the API tells of itself, without a login: /api, /api/v1, its OpenAPI document and the
    # page to try it.
    DOCUMENTATION: bool = True

    # Where the sandbox keeps its authority, ports and mails.
    SANDBOX_DIRECTORY: str = "var/sandbox"


# What was read last, and what came of it: a test asks a dozen times.
_last: tuple[dict[str, Any], Conf] | None = None


def conf() -> Conf:
    """Return the settings as they are now; ImproperlyConfigured names a value that is no value."""
    global _last  # noqa: PLW0603 - one for the whole process is what is meant
    if _last is not None and _last[0] == settings.SMTPCHECK:
        return _last[1]
    raw = dict(settings.SMTPCHECK)
    values, problems = _read(raw)
    if problems:
        raise ImproperlyConfigured(" ".join(problems.values()))
    _last = (raw, Conf(**values))
    return _last[1]


def known_names() -> frozenset[str]:
    """The names of all settings."""
    return frozenset(item.name for item in fields(Conf))


def unknown_names() -> list[str]:
    """The names in the settings that mean nothing: most often a slip of the pen."""
    return sorted(set(settings.SMTPCHECK) - known_names())


def type_problems() -> dict[str, str]:
    """By name, a sentence for each value that is not of its setting's type."""
    return _read(settings.SMTPCHECK)[1]


def language_codes() -> frozenset[str]:
    """The languages that the project speaks."""
    return frozenset(code for code, _name in settings.LANGUAGES)


def default_language() -> str:
    """The language for whoever asks for none."""
    return str(settings.LANGUAGE_CODE)


def is_debug() -> bool:
    """Whether the project runs for a developer."""
    return bool(settings.DEBUG)


def require_runtime() -> None:
    """Prepare this process to serve or test, or refuse with a sentence that says what to run.

    Refuses without encryption keys, DEBUG or not, and without SECRET_KEY. Forbids core files: a
    crash would write the passwords in memory to disk. Costs next to nothing, so every use case
    calls it.
    """
    problems = [*getattr(settings, "UNREADABLE_SECRETS", ())]
    if not conf().ENCRYPTION_KEYS.strip():
        problems.append(f"No encryption key is set. {HOW_TO_MAKE_ENCRYPTION_KEYS}")
    if not _has_secret_key():
        problems.append(f"SECRET_KEY is not set. {HOW_TO_MAKE_A_SIGNING_KEY}")
    if problems:
        raise ImproperlyConfigured(" ".join(problems))
    forbid_core_files()


def _has_secret_key() -> bool:
    try:
        return bool(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django's own refusal of an empty one, which says no way out
        return False


def _read(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that were given, with their types, and a sentence for each that has none."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for item in fields(Conf):
        if item.name not in raw:
            continue
        kind, convert = _TYPES[str(item.type)]
        try:
            values[item.name] = convert(raw[item.name])
        except (ValueError, TypeError, KeyError):
            # The value itself is not repeated: somebody may have pasted a secret there.
            problems[item.name] = f"SMTPCHECK_{item.name} must be {kind}."
    return values, problems


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.strip()


def _entries(value: Any) -> tuple[str, ...]:
    parts = value.replace("\n", ";").split(";") if isinstance(value, str) else value
    return tuple(text for text in map(_text, parts) if text)


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return _BOOLEANS[_text(value).lower()]


_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def _numbers(value: Any) -> tuple[int, ...]:
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    return tuple(int(part) for part in parts)


# By the field's annotation: what a person is told, and how the value is made.
_TYPES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "str": ("a text", _text),
    "bool": ("yes or no", _yes_or_no),
    "int": ("a whole number", int),
    "float": ("a number", float),
    "tuple[str, ...]": ("a list of entries separated by semicolons", _entries),
    "tuple[int, ...]": ("a list of numbers separated by commas", _numbers),
}
