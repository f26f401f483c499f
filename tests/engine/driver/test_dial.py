from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from contextlib import ExitStack

import pytest

from smtpcheck.engine.driver.dial import MAX_ADDRESSES, STAGGER_SECONDS, Dial, DialFailed
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.policy import Address


@pytest.fixture
def port(stack: ExitStack) -> int:
    """A port on which 127.0.0.1 answers."""
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return int(listening.getsockname()[1])


@pytest.fixture
def refused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        return int(closing.getsockname()[1])


def silent(stack: ExitStack, host: str, port: int = 0) -> int:
    """A port that answers no SYN: its queue of one is full (listen(2)). Returns the port."""
    listening = stack.enter_context(socket.create_server((host, port), backlog=0))
    port = listening.getsockname()[1]
    for _ in range(4):
        client = stack.enter_context(socket.socket())
        client.setblocking(False)
        client.connect_ex((host, port))
    return port


def addresses(*texts: str) -> list[Address]:
    return [ipaddress.ip_address(text) for text in texts]


def dialled(dial: Dial, *texts: str, seconds: float = 2.0) -> str:
    """The address that answered; its socket is closed."""

    async def run() -> str:
        sock, address = await dial.connect(addresses(*texts), seconds)
        with sock:
            assert not sock.getblocking()
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return str(address)

    return asyncio.run(run())


def failed(dial: Dial, *texts: str, seconds: float = 2.0) -> DialFailed:
    async def run() -> DialFailed:
        with pytest.raises(DialFailed) as caught:
            await dial.connect(addresses(*texts), seconds)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return caught.value

    return asyncio.run(run())


def outcomes(dial: Dial) -> list[tuple[str, str]]:
    return [(attempt.address, attempt.outcome) for attempt in dial.attempts]


def test_the_first_address_that_answers_is_taken(port: int) -> None:
    dial = Dial(port)

    assert dialled(dial, "127.0.0.1", "127.0.0.2") == "127.0.0.1"
    assert outcomes(dial) == [("127.0.0.1", "connected")]


def test_behind_a_refused_address_the_next_is_tried_at_once(port: int) -> None:
    dial = Dial(port)
    began = time.monotonic()

    refusing = [f"127.0.0.{number}" for number in range(2, 9)]
    assert dialled(dial, *refusing, "127.0.0.1") == "127.0.0.1"
    assert time.monotonic() - began < STAGGER_SECONDS * len(refusing)
    assert outcomes(dial) == [
        *((address, "refused") for address in refusing),
        ("127.0.0.1", "connected"),
    ]
    assert dial.attempts[0].detail == "Connection refused"
    assert {attempt.port for attempt in dial.attempts} == {port}


def test_an_address_that_does_not_answer_costs_a_quarter_of_a_second(
    port: int, stack: ExitStack
) -> None:
    silent(stack, "127.0.0.2", port)
    dial = Dial(port)
    began = time.monotonic()

    assert dialled(dial, "127.0.0.2", "127.0.0.1") == "127.0.0.1"
    assert STAGGER_SECONDS <= time.monotonic() - began < 1.5
    assert outcomes(dial) == [("127.0.0.1", "connected"), ("127.0.0.2", "abandoned")]


def test_when_all_refuse_each_is_told(refused_port: int) -> None:
    dial = Dial(refused_port)

    error = failed(dial, "127.0.0.2", "127.0.0.3")

    assert (error.kind, error.detail) == (FaultKind.REFUSED, "Connection refused")
    assert outcomes(dial) == [("127.0.0.2", "refused"), ("127.0.0.3", "refused")]


def test_a_port_that_never_answers_ends_by_the_clock(stack: ExitStack) -> None:
    dial = Dial(silent(stack, "127.0.0.2"))
    began = time.monotonic()

    error = failed(dial, "127.0.0.2", seconds=0.3)

    assert 0.25 <= time.monotonic() - began < 1.3
    assert error.kind is FaultKind.TIMEOUT
    assert outcomes(dial) == [("127.0.0.2", "timeout")]
    assert 250 <= dial.attempts[0].took_ms < 1300


def test_a_refusal_says_more_than_silence(stack: ExitStack) -> None:
    dial = Dial(silent(stack, "127.0.0.2"))

    assert failed(dial, "127.0.0.2", "127.0.0.3", seconds=0.5).kind is FaultKind.REFUSED
    assert sorted(outcomes(dial)) == [("127.0.0.2", "timeout"), ("127.0.0.3", "refused")]


def test_no_more_than_eight_addresses_are_tried(refused_port: int) -> None:
    dial = Dial(refused_port)

    failed(dial, *(f"127.0.0.{number}" for number in range(2, 20)))

    assert len(dial.attempts) == MAX_ADDRESSES


def test_without_an_address_or_time_there_is_no_connection(port: int) -> None:
    assert failed(Dial(port)).attempts == ()
    assert failed(Dial(port), "127.0.0.1", seconds=0).kind is FaultKind.TIMEOUT


def test_a_family_that_the_machine_does_not_have_does_not_stop_the_other(port: int) -> None:
    dial = Dial(port)

    assert dialled(dial, "::1", "127.0.0.1") == "127.0.0.1"
    assert outcomes(dial)[0][1] in ("refused", "unreachable", "resources")


def test_a_cancelled_dial_leaves_no_socket_and_no_task(stack: ExitStack) -> None:
    port = silent(stack, "127.0.0.2")

    async def run() -> None:
        dialling = asyncio.ensure_future(Dial(port).connect(addresses("127.0.0.2"), 10))
        await asyncio.sleep(0.05)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())  # an open socket would be a ResourceWarning, which is an error here
