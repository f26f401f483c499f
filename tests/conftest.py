"""What every test may use, and what no test may do."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How many inputs nobody thought of a run tries: `--hypothesis-profile=long` for the long one. No
# deadline for one input, because a busy machine would miss it; time is what other tests look at.
settings.register_profile("short", max_examples=100, deadline=None)
settings.register_profile(
    "long", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("short")

pytest_plugins = ["tests.peers.fixtures", "tests.servers.fixtures"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs PostgreSQL in a run on another database; keep real servers together."""
    from django.db import connection  # settings are ready now, not when this file is read

    for item in items:
        if item.get_closest_marker("postgres") and connection.vendor != "postgresql":
            item.add_marker(pytest.mark.skip(reason=NOT_POSTGRES))
        for server in ("postfix", "exim", "opensmtpd"):
            if item.get_closest_marker(server):
                # One worker starts one server; without this each worker would start its own.
                item.add_marker(pytest.mark.xdist_group(server))


NOT_POSTGRES = (
    "This run is on SQLite. For PostgreSQL: "
    "SMTPCHECK_TEST_DATABASE_URL=postgres://user@127.0.0.1:5432/smtpcheck python3 dev.py test"
)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep SQLite's test database in a file: in memory, closing the connection does nothing."""
    from django.db import connections  # settings are ready now, not when this file is read

    for connection in connections.all():
        if connection.vendor == "sqlite":
            file = tmp_path_factory.mktemp("database") / "test.sqlite3"
            connection.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture(scope="session", autouse=True)
def no_name_servers_of_the_machine() -> Iterator[None]:
    """Keep what explains a failure from being asked of real name servers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("smtpcheck.engine.driver.lookups.RESOLV_CONF", os.devnull)
        yield


class PublicNetworkError(RuntimeError):
    """A test tried to talk to another machine."""


def refuse_public_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise when a socket is about to connect to anything but this machine (an audit hook)."""
    if event != "socket.connect":
        return
    connecting, address = arguments
    if connecting.type != socket.SOCK_STREAM or not isinstance(address, tuple):
        return
    if not is_loopback(address[0]):
        raise PublicNetworkError(f"A test tried to connect to {address[0]} port {address[1]}.")


def is_loopback(host: str) -> bool:
    """True for this machine, by address or by its usual name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


sys.addaudithook(refuse_public_network)
