"""Time and places over a real socket: the answer comes in time, and who leaves makes room."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from tests.end_to_end.application import PATIENCE_SECONDS, Answer, Application
from tests.end_to_end.conftest import Serve

# One worker takes the whole module: another one would start another application.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end_time")]

BUDGET_SECONDS = 2.0
# What a caller waits besides: HTTP, the database, other work of the machine.
AROUND_SECONDS = 8.0
PLACES = 2


@pytest.fixture(scope="module")
def application(serve: Serve) -> Application:
    return serve(
        SMTPCHECK_POLICY="127.0.0.1/32:* cleartext=no",
        SMTPCHECK_TESTS_PER_PROCESS=str(PLACES),
        SMTPCHECK_CALLS_PER_MINUTE="10000",
    )


@pytest.fixture(scope="module")
def in_a_hurry(serve: Serve) -> Application:
    return serve(
        SMTPCHECK_POLICY="127.0.0.1/32:* cleartext=no",
        SMTPCHECK_REST_BUDGET_SECONDS=str(BUDGET_SECONDS),
    )


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A mail server that lets clients in and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        yield listener


def target(server: socket.socket) -> dict[str, str]:
    return {"SmtpUri": f"smtp://127.0.0.1:{server.getsockname()[1]}", "From": "ann@example.org"}


def until_not_busy(application: Application) -> Answer:
    """Ask until there is a place again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := application.call({"SmtpUri": "imap://none"})).status == 503:
        assert time.monotonic() < deadline, "no place was given back"
        time.sleep(0.05)
    return answer


def test_a_silent_server_is_answered_within_the_budget_of_the_settings(
    in_a_hurry: Application, silent_server: socket.socket
) -> None:
    began = time.monotonic()
    answer = in_a_hurry.call(target(silent_server))
    waited = time.monotonic() - began
    assert answer.status == 200
    assert answer.json["Success"] is False
    assert BUDGET_SECONDS * 0.5 < waited < BUDGET_SECONDS + AROUND_SECONDS
    assert in_a_hurry.result(answer.result_id)["diagnosis"]["id"] == "greet.timeout"


def test_without_a_place_it_is_a_503_that_says_when_to_come_again(
    application: Application, silent_server: socket.socket
) -> None:
    with contextlib.ExitStack() as stack:
        for _place in range(PLACES):
            stack.enter_context(contextlib.closing(application.begin_call(target(silent_server))))
            stack.enter_context(silent_server.accept()[0])
        rows = len(application.database.results())
        refused = application.call({"SmtpUri": "imap://none"})
        assert refused.status == 503
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json["ErrorType"] == "ServiceUnavailableException"
        assert len(application.database.results()) == rows
    assert until_not_busy(application).status == 200


def test_a_caller_that_hangs_up_ends_the_test_closes_its_row_and_makes_room(
    application: Application, silent_server: socket.socket
) -> None:
    before = len(application.database.results())
    visitors = []
    for _place in range(PLACES):
        caller = application.begin_call(target(silent_server))
        visitor, _address = silent_server.accept()
        visitor.settimeout(PATIENCE_SECONDS)
        visitors.append(visitor)
        caller.close()
        with visitor:
            while visitor.recv(1024):  # until the mail server is let go of
                pass
    assert until_not_busy(application).json["Success"] is False
    ended = application.database.results()[before:-1]
    assert [(row["verdict"], row["diagnosis_id"]) for row in ended] == [
        ("inconclusive", "tool.interrupted")
    ] * PLACES
    assert all(row["finished_at"] for row in ended)
