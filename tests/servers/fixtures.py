"""Fixtures that lend a real mail server to any test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real_servers import require_or_skip
from tests.servers.exim import EximServer
from tests.servers.exim import why_unusable as why_no_exim
from tests.servers.opensmtpd import OpenSmtpdServer
from tests.servers.opensmtpd import why_unusable as why_no_opensmtpd
from tests.servers.postfix import PostfixServer
from tests.servers.postfix import why_unusable as why_no_postfix


@pytest.fixture(scope="session")
def usable_postfix() -> None:
    """Let a test start a Postfix of its own; skips (or fails) where none can run."""
    if problem := why_no_postfix():
        require_or_skip(*problem)


@pytest.fixture(scope="session")
def postfix(usable_postfix: None) -> Iterator[PostfixServer]:
    """One running Postfix for all tests of this process; skips (or fails) where none can run.

    Its mailbox is shared, so look for a mail by something that only your test sends.
    """
    with PostfixServer() as server:
        yield server


@pytest.fixture(scope="session")
def usable_exim() -> None:
    """Let a test start an Exim of its own; skips (or fails) where none can run."""
    if problem := why_no_exim():
        require_or_skip(*problem)


@pytest.fixture(scope="session")
def exim(usable_exim: None) -> Iterator[EximServer]:
    """One running Exim for all tests of this process; its mailbox is shared."""
    with EximServer() as server:
        yield server


@pytest.fixture(scope="session")
def usable_opensmtpd() -> None:
    """Let a test start an OpenSMTPD of its own; skips (or fails) where none can run."""
    if problem := why_no_opensmtpd():
        require_or_skip(*problem)


@pytest.fixture(scope="session")
def opensmtpd(usable_opensmtpd: None) -> Iterator[OpenSmtpdServer]:
    """One running OpenSMTPD for all tests of this process; its mailbox is shared."""
    with OpenSmtpdServer() as server:
        yield server
