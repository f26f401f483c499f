"""Served applications, each with a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.end_to_end.application import Application, Browser
from tests.end_to_end.databases import Database, prepared_database
from tests.servers.postfix import PostfixServer

Serve = Callable[..., Application]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that is migrated and has an administrator; to be copied, not used."""
    database = prepared_database(tmp_path_factory.mktemp("served"))
    yield database
    database.remove()


@pytest.fixture(scope="module")
def serve(prepared: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts applications: ``serve(SMTPCHECK_POLICY="127.0.0.1/32:*")``; stopped in the end."""
    with ExitStack() as stack:

        def start(**settings: str) -> Application:
            database = prepared.copy()
            stack.callback(database.remove)
            directory = tmp_path_factory.mktemp("application")
            return stack.enter_context(Application(database, directory, **settings))

        yield start


@pytest.fixture(scope="module")
def with_postfix(serve: Serve, postfix: PostfixServer) -> Application:
    """An application that may test the Postfix of this run and trusts its authority."""
    ports = ",".join(str(port) for port in postfix.ports)
    return serve(
        SMTPCHECK_POLICY=f"127.0.0.1/32:{ports} cleartext=no; [::1]/128:{ports} cleartext=no",
        SMTPCHECK_EXTRA_CA_FILE=str(postfix.ca_file),
    )


@pytest.fixture(scope="module")
def admin(with_postfix: Application) -> Browser:
    """A browser in which the administrator of that application is logged in."""
    return with_postfix.browser()
