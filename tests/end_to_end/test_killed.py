"""`kill -9` in the middle of a test: its row is closed later, and nothing else is lost."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
from collections.abc import Callable, Iterator

import pytest

from smtpcheck.sandbox import Authority, Tls
from tests.end_to_end.application import PATIENCE_SECONDS, RESULTS, Account, Application
from tests.end_to_end.conftest import Serve
from tests.end_to_end.databases import Row
from tests.peers.fixtures import PASSWORD, USER, RunningSandbox

# One worker takes the whole module: another one would start another application.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end_killed")]

SENDER = "ann@sandbox.example"
FAILS_AT_CONFIG = 10


@pytest.fixture(scope="module")
def application(serve: Serve, authority: Authority) -> Application:
    return serve(
        SMTPCHECK_POLICY="127.0.0.1/32:* cleartext=no",
        SMTPCHECK_EXTRA_CA_FILE=str(authority.ca_file),
    )


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A mail server that lets clients in and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        yield listener


@pytest.fixture
def working(application: Application, make_sandbox: Callable[..., RunningSandbox]) -> Account:
    """A saved account that was tested once and works."""
    port = make_sandbox(tls=Tls.IMPLICIT).tls_port
    account = Account(f"Works at {port}", "127.0.0.1", port, "tls", USER, PASSWORD, SENDER)
    application.browser().save_account(account)
    assert works(application, account)
    return account


def works(application: Application, account: Account) -> bool:
    """Test an account with its stored password."""
    answer = application.call({"SmtpUri": account.uri_without_password, "UseStoredPassword": True})
    return answer.json["Success"] is True


def let_time_pass(application: Application) -> None:
    """Do to the open rows what waiting until after their `expires_at` would do."""
    application.database.execute(
        "UPDATE smtpcheck_smtptestresult SET expires_at = '2001-01-01 00:00:00' "
        "WHERE finished_at IS NULL"
    )


def open_row(application: Application) -> Row:
    """The one row that is open."""
    (row,) = [row for row in application.database.results() if row["finished_at"] is None]
    return row


def shown(application: Application, result_id: str) -> tuple[str, str | None]:
    """Verdict and diagnosis as a reader sees them."""
    result = application.result(result_id)
    return result["verdict"], (result["diagnosis"] or {}).get("id")


def test_the_server_is_killed(
    application: Application, working: Account, silent_server: socket.socket
) -> None:
    rows, accounts = application.database.results(), application.database.accounts()
    port = silent_server.getsockname()[1]
    uri = f"smtps://ann:some-secret@127.0.0.1:{port}"
    caller = application.begin_call({"SmtpUri": uri, "From": SENDER})
    visitor, _address = silent_server.accept()
    with visitor, contextlib.closing(caller):
        row = open_row(application)  # written before the network was touched
        application.kill()
        with pytest.raises((http.client.HTTPException, OSError)):
            caller.getresponse()
    assert open_row(application) == row

    application.start()
    assert shown(application, row["id"]) == ("running", None)  # it may be another process's
    let_time_pass(application)
    assert shown(application, row["id"]) == ("inconclusive", "tool.interrupted")
    page = application.browser().get(f"{RESULTS}{row['id']}/change/")
    assert application.result(row["id"])["diagnosis"]["title"] in page.text
    assert open_row(application)["id"] == row["id"]  # readers write nothing

    assert works(application, working)  # the next test; its stored password still opens
    *before, closed, _next = application.database.results()
    assert closed["id"] == row["id"]
    assert (closed["verdict"], closed["diagnosis_id"]) == ("inconclusive", "tool.interrupted")
    assert closed["finished_at"]
    assert before == rows
    assert application.database.accounts() == accounts


def test_the_command_is_killed(
    application: Application, working: Account, silent_server: socket.socket
) -> None:
    rows, accounts = application.database.results(), application.database.accounts()
    uri = f"smtps://ann@127.0.0.1:{silent_server.getsockname()[1]}"
    arguments = (uri, "--from", SENDER, "--password-env", "OF_TEST")
    with application.begin_command(*arguments, OF_TEST="some-secret") as command:
        visitor, _address = silent_server.accept()
        with visitor:
            row = open_row(application)
            os.kill(command.pid, signal.SIGKILL)
            assert command.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    assert open_row(application) == row

    let_time_pass(application)
    assert shown(application, row["id"]) == ("inconclusive", "tool.interrupted")

    done = application.command("smtps://127.0.0.1:70000", "--from", SENDER)  # the next test
    assert done.returncode == FAILS_AT_CONFIG, done.stderr
    *before, closed, _next = application.database.results()
    assert (closed["id"], closed["door"]) == (row["id"], "command")
    assert (closed["verdict"], closed["diagnosis_id"]) == ("inconclusive", "tool.interrupted")
    assert before == rows
    assert application.database.accounts() == accounts
    assert works(application, working)
