"""Servers that never come to an end: the answer comes in time, and memory stays flat."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest

from tests.end_to_end.application import Application
from tests.end_to_end.conftest import Serve
from tests.peers.scripted import Client, Script, ScriptedPeer

# One worker takes the whole module: another one would start another application.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end_bounds")]

BUDGET_SECONDS = 1.0
# Past its budget a test may take this long to end.
END_SECONDS = 1.0
# What a caller waits besides: HTTP, the database, other work of the machine.
AROUND_SECONDS = 5.0
MEMORY_BYTES = 20 * 1024 * 1024
CALLERS = 4
ROUNDS = 2


def drips(client: Client) -> None:
    client.drip("220 " + "mail.example.org " * 4)


def never_ends_its_greeting(client: Client) -> None:
    client.repeat("220-welcome", seconds=0.05)


def floods_with_lines(client: Client) -> None:
    client.repeat("220-welcome\n" * 1000)


def floods_without_lines(client: Client) -> None:
    client.repeat(b"220 " + b"x" * 65536)


def never_reads(client: Client) -> None:
    client.send("220 mail.example.org")
    client.stop_reading()


def never_reads_the_mail(client: Client) -> None:
    client.send("220 mail.example.org")
    client.expect("EHLO")
    client.send("250 mail.example.org")
    client.expect("MAIL")
    client.send("250 ok")
    client.expect("RCPT")
    client.send("250 ok")
    client.expect("DATA")
    client.send("354 go on")
    client.stop_reading()


# Each with what is found out about it.
SCRIPTS: dict[Script, str] = {
    drips: "greet.timeout",
    never_ends_its_greeting: "greet.timeout",
    floods_with_lines: "greet.too-much",
    floods_without_lines: "proto.line-too-long",
    never_reads: "ehlo.timeout",
    never_reads_the_mail: "data.no-final-reply",
}


@dataclass(frozen=True)
class Ended:
    """How a test of one server ended."""

    diagnosis: str
    took_seconds: float
    waited_seconds: float


@pytest.fixture(scope="module")
def application(serve: Serve) -> Application:
    return serve(
        SMTPCHECK_POLICY="127.0.0.1/32:* cleartext=no",
        SMTPCHECK_REST_BUDGET_SECONDS=str(BUDGET_SECONDS),
        SMTPCHECK_TESTS_PER_HOST="100",
    )


@pytest.fixture
def ports() -> Iterator[list[int]]:
    """A port for each script, in their order."""
    with ExitStack() as stack:
        peers = [ScriptedPeer(script, receive_buffer_bytes=4096) for script in SCRIPTS]
        yield [stack.enter_context(peer).port for peer in peers]


def ask(application: Application, port: int) -> Ended:
    uri = f"smtp://127.0.0.1:{port}?starttls=never"
    began = time.monotonic()
    answer = application.call({"SmtpUri": uri, "From": "ann@example.org"})
    waited_seconds = time.monotonic() - began
    assert answer.json["Success"] is False
    result = application.result(answer.result_id)
    return Ended(result["diagnosis"]["id"], result["took_ms"] / 1000, waited_seconds)


@pytest.mark.skipif(sys.platform != "linux", reason="Peak memory is read from /proc.")
def test_every_answer_comes_in_time_and_memory_stays_flat(
    application: Application, ports: list[int]
) -> None:
    ask(application, ports[-1])  # loads what is loaded on first use
    before = application.peak_memory_bytes()
    with ThreadPoolExecutor(CALLERS) as callers:
        ended = list(callers.map(partial(ask, application), ports * ROUNDS))
    grown = application.peak_memory_bytes() - before
    assert [each.diagnosis for each in ended] == list(SCRIPTS.values()) * ROUNDS
    assert max(each.took_seconds for each in ended) < BUDGET_SECONDS + END_SECONDS, ended
    assert max(each.waited_seconds for each in ended) < BUDGET_SECONDS + AROUND_SECONDS, ended
    assert grown < MEMORY_BYTES
