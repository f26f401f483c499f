"""System checks: a setting that cannot work is told by `manage.py check` before it is needed.

E codes stop the commands that run checks; W codes are told and go on.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.core.checks import (
    CheckMessage,
    Error,
    Tags,
    Warning,  # noqa: A004 - Django's name
    register,
)
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from smtpcheck import conf as settings
from smtpcheck.conf import AUTHENTICATION_SCHEMES, Conf, conf
from smtpcheck.crypto import KeyRing
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import canonical_host, parse_mailbox
from smtpcheck.engine.policy import parse_entry
from smtpcheck.engine.proxy import parse_proxies
from smtpcheck.models import SmtpAccount

# The least value of each number; below it the application could not work at all.
_MINIMA: dict[str, float] = {
    "REST_BUDGET_SECONDS": 1,
    "ADMIN_BUDGET_SECONDS": 1,
    "COMMAND_BUDGET_SECONDS": 1,
    "SCHEDULE_BUDGET_SECONDS": 1,
    "CONNECT_TIMEOUT_SECONDS": 0.5,
    "CALLS_PER_MINUTE": 1,
    "LOGIN_FAILURES_PER_USER": 1,
    "LOGIN_FAILURES_PER_ADDRESS": 1,
    "LOGIN_FAILURE_WINDOW_SECONDS": 1,
    "TRUSTED_PROXIES": 0,
    "TESTS_PER_HOST": 1,
    "TESTS_PER_LOGIN": 1,
    "TESTS_PER_PROCESS": 1,
    "FREE_TARGET_SHARE": 0,
    "REFUSED_LOGINS_PER_WINDOW": 1,
    "REFUSED_LOGIN_WINDOW_SECONDS": 0,
    "HISTORY_DAYS": 1,
    "HISTORY_ROWS_PER_ACCOUNT": 1,
    "BASIC_CACHE_SECONDS": 0,
}

# What a REST caller's gateway commonly waits; the answer has to be out by then.
GATEWAY_SECONDS = 20


@register
def check_settings(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    **_options: Any,
) -> list[CheckMessage]:
    """Return what is wrong with the settings, all of it at once."""
    if problems := [*_unknown(), *_of_wrong_type()]:
        return problems
    current = conf()
    return [
        *_numbers(current),
        *_policy(current),
        *_proxies(current),
        *_keys(current),
        *_recipient(current),
        *_ehlo_name(current),
        *_source_address(current),
        *_extra_ca_file(current),
        *_authentication(current),
    ]


@register(Tags.database)
def check_keys_in_use(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    databases: Sequence[str] | None = None,
    **_options: Any,
) -> list[CheckMessage]:
    """Return the keys that stored secrets need and that are not loaded.

    Looks into the database, so it runs with `migrate` and with `check --database default`.
    """
    if "default" not in (databases or ()) or not conf().ENCRYPTION_KEYS:
        return []
    try:
        missing = sorted(SmtpAccount.objects.missing_key_ids())
    except (DatabaseError, ImproperlyConfigured):  # not migrated yet, or told by another check
        return []
    return [
        Error(
            f"Stored passwords need the encryption key {key_id!r}, which is not loaded.",
            hint="Add it behind the first key of SMTPCHECK_ENCRYPTION_KEYS.",
            id="smtpcheck.E012",
        )
        for key_id in missing
    ]


def _unknown() -> Iterator[CheckMessage]:
    for name in settings.unknown_names():
        yield Error(
            f"There is no setting SMTPCHECK_{name}.",
            hint="Look for a slip of the pen; smtpcheck/conf.py lists all settings.",
            id="smtpcheck.E001",
        )


def _of_wrong_type() -> Iterator[CheckMessage]:
    for sentence in settings.type_problems().values():
        yield Error(sentence, id="smtpcheck.E002")


def _numbers(current: Conf) -> Iterator[CheckMessage]:
    for name, least in _MINIMA.items():
        value = getattr(current, name)
        if not least <= value < math.inf:  # False for "nan" too
            yield Error(f"SMTPCHECK_{name} must be {least:g} or more.", id="smtpcheck.E003")
    if current.FREE_TARGET_SHARE > 1:
        yield Error("SMTPCHECK_FREE_TARGET_SHARE is a part of 1.", id="smtpcheck.E003")
    if current.REST_BUDGET_SECONDS >= GATEWAY_SECONDS:
        yield Warning(
            f"SMTPCHECK_REST_BUDGET_SECONDS is {current.REST_BUDGET_SECONDS:g}, so an answer can "
            f"come later than the {GATEWAY_SECONDS} seconds that many gateways wait.",
            id="smtpcheck.W001",
        )


def _policy(current: Conf) -> Iterator[CheckMessage]:
    for entry in current.POLICY:
        try:
            is_wide = parse_entry(entry).network.prefixlen == 0
        except ValueError as error:
            yield Error(f"SMTPCHECK_POLICY: {error}", id="smtpcheck.E004")
            continue
        if is_wide:
            yield Warning(
                f"The policy entry {entry!r} allows tests to every address, this machine's and "
                "its cloud's own services among them.",
                hint="Name the networks in which your mail servers are.",
                id="smtpcheck.W002",
            )
    if not all(1 <= port <= 65535 for port in current.POLICY_PORTS):
        yield Error("SMTPCHECK_POLICY_PORTS: ports go from 1 to 65535.", id="smtpcheck.E004")


def _proxies(current: Conf) -> Iterator[CheckMessage]:
    try:
        parse_proxies(current.PROXIES)
    except ValueError as error:
        yield Error(
            f"SMTPCHECK_PROXIES, {error}",
            hint="An entry looks like office=socks5://user:password@10.0.0.1:1080.",
            id="smtpcheck.E009",
        )


def _keys(current: Conf) -> Iterator[CheckMessage]:
    # A missing key is no error here: the command that makes one runs without. See require_runtime.
    if not current.ENCRYPTION_KEYS:
        return
    try:
        KeyRing.parse(current.ENCRYPTION_KEYS)
    except ImproperlyConfigured as error:
        yield Error(str(error), id="smtpcheck.E005")


def _recipient(current: Conf) -> Iterator[CheckMessage]:
    if not current.TEST_RECIPIENT:
        return
    try:
        parse_mailbox(current.TEST_RECIPIENT, "recipient")
    except Refused:
        yield Error(
            "SMTPCHECK_TEST_RECIPIENT is not one well-formed mail address.",
            hint="Enter one such as name@example.org, or nothing to send tests to their sender.",
            id="smtpcheck.E006",
        )


def _ehlo_name(current: Conf) -> Iterator[CheckMessage]:
    name = current.EHLO_NAME
    if not name or name.startswith("["):
        return
    try:
        canonical_host(name)
    except Refused:
        yield Error(
            "SMTPCHECK_EHLO_NAME is no host name.",
            hint="Enter the name of this machine as the DNS knows it, or nothing.",
            id="smtpcheck.E007",
        )


def _source_address(current: Conf) -> Iterator[CheckMessage]:
    if not current.SOURCE_ADDRESS:
        return
    try:
        ipaddress.ip_address(current.SOURCE_ADDRESS)
    except ValueError:
        yield Error(
            "SMTPCHECK_SOURCE_ADDRESS is no IP address.",
            hint="Enter one IPv4 or IPv6 address of this machine, or nothing.",
            id="smtpcheck.E010",
        )


def _extra_ca_file(current: Conf) -> Iterator[CheckMessage]:
    if not current.EXTRA_CA_FILE:
        return
    try:
        text = Path(current.EXTRA_CA_FILE).read_text("ascii", "replace")
    except OSError as error:
        reason = error.strerror
    else:
        if "-----BEGIN CERTIFICATE-----" in text:
            return
        reason = "it holds no certificate in PEM form"
    yield Error(
        f"SMTPCHECK_EXTRA_CA_FILE names a file that cannot be used: {reason}.",
        hint="Name a PEM file that this process may read, or nothing.",
        id="smtpcheck.E008",
    )


def _authentication(current: Conf) -> Iterator[CheckMessage]:
    for name in current.AUTHENTICATION:
        if name not in AUTHENTICATION_SCHEMES:
            yield Error(
                f"SMTPCHECK_AUTHENTICATION: there is no scheme {name!r}.",
                hint=f"The schemes are {'; '.join(AUTHENTICATION_SCHEMES)}.",
                id="smtpcheck.E011",
            )
