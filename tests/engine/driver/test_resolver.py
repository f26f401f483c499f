from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from smtpcheck.engine.driver.resolver import MAX_LOOK_UPS, ResolveFailed, is_saturated, resolve
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.policy import Address
from tests.engine.trials import diagnosis_of, plan_for, tried

WAIT_SECONDS = 5.0


class NameServer:
    """Stands where the system's resolver stands: names that it knows answer, others wait.

    What really happens in getaddrinfo cannot be made to happen on demand, so it is replaced.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, list[str] | Exception] = {}
        self.is_back = threading.Event()

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        if host not in self.answers:
            self.is_back.wait(WAIT_SECONDS)
        answer = self.answers.get(host, ["192.0.2.1"])
        if isinstance(answer, Exception):
            raise answer
        return [(None, None, 0, "", (address, 0)) for address in answer]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.is_back.set()
    end = time.monotonic() + WAIT_SECONDS
    for thread in threading.enumerate():
        if thread.name.startswith("resolve "):
            thread.join(max(0.0, end - time.monotonic()))


def resolved(host: str) -> list[str]:
    async def look_up() -> list[str]:
        return [str(address) for address in await resolve(host)]

    return asyncio.run(look_up())


def test_the_system_knows_localhost() -> None:
    assert "127.0.0.1" in resolved("localhost")


def test_addresses_keep_the_systems_order_and_come_once(name_server: NameServer) -> None:
    name_server.answers["mail.example"] = ["2001:db8::1", "192.0.2.2", "192.0.2.1", "192.0.2.2"]

    assert resolved("mail.example") == ["2001:db8::1", "192.0.2.2", "192.0.2.1"]


def test_a_zone_is_no_part_of_an_address(name_server: NameServer) -> None:
    name_server.answers["mail.example"] = ["fe80::1%eth0"]

    assert resolved("mail.example") == ["fe80::1"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), FaultKind.NAME_UNKNOWN),
        (socket.gaierror(-5, "No address associated with hostname"), FaultKind.NO_ADDRESS),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), FaultKind.RESOLVER_FAILED),
        (socket.gaierror(socket.EAI_FAIL, "Failure"), FaultKind.RESOLVER_FAILED),
        (OSError(24, "Too many open files"), FaultKind.RESOLVER_FAILED),
        (UnicodeError("label too long"), FaultKind.RESOLVER_FAILED),
    ],
)
def test_each_failure_is_told_by_its_kind(
    name_server: NameServer, error: Exception, kind: FaultKind
) -> None:
    name_server.answers["mail.example"] = error

    with pytest.raises(ResolveFailed) as caught:
        resolved("mail.example")

    assert caught.value.kind is kind
    assert caught.value.detail


def test_a_name_with_no_address_at_all_is_told(name_server: NameServer) -> None:
    name_server.answers["mail.example"] = []

    with pytest.raises(ResolveFailed) as caught:
        resolved("mail.example")

    assert caught.value.kind is FaultKind.NO_ADDRESS


def test_equal_names_share_one_look_up(name_server: NameServer) -> None:
    async def together() -> list[Any]:
        waiting = [asyncio.create_task(as_list("mail.example")) for _ in range(5)]
        await asyncio.sleep(0)
        name_server.is_back.set()
        return await asyncio.gather(*waiting)

    async def as_list(host: str) -> list[Address]:
        return list(await resolve(host))

    assert asyncio.run(together()) == [[ipaddress.ip_address("192.0.2.1")]] * 5
    assert name_server.asked == ["mail.example"]


def test_one_who_no_longer_waits_takes_nothing_from_the_others(name_server: NameServer) -> None:
    async def one_leaves() -> list[str]:
        leaving = asyncio.ensure_future(resolve("mail.example"))
        staying = asyncio.ensure_future(resolve("mail.example"))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        name_server.is_back.set()
        return [str(address) for address in await staying]

    assert asyncio.run(one_leaves()) == ["192.0.2.1"]


def test_an_overdue_look_up_holds_up_neither_its_loop_nor_another(name_server: NameServer) -> None:
    name_server.answers["quick.example"] = ["192.0.2.7"]

    async def give_up() -> list[str]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.ensure_future(resolve("dead.example")), 0.05)
        return [str(address) for address in await resolve("quick.example")]

    began = time.monotonic()
    assert asyncio.run(give_up()) == ["192.0.2.7"]  # the end of the loop waits for no thread
    assert time.monotonic() - began < WAIT_SECONDS / 2
    name_server.is_back.set()  # and telling a loop that has ended harms nobody
    assert resolved("quick.example") == ["192.0.2.7"]


def test_look_ups_are_threads_that_do_not_outlive_the_process(name_server: NameServer) -> None:
    async def begin() -> list[bool]:
        waiting = asyncio.ensure_future(resolve("dead.example"))
        await asyncio.sleep(0)
        found = [
            each.daemon for each in threading.enumerate() if each.name == "resolve dead.example"
        ]
        waiting.cancel()
        return found

    assert asyncio.run(begin()) == [True]


def test_several_threads_with_a_loop_each_are_served(name_server: NameServer) -> None:
    threading.Timer(0.1, name_server.is_back.set).start()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(resolved, ["mail.example"] * 8))

    assert answers == [["192.0.2.1"]] * 8


def test_when_every_thread_waits_a_new_name_is_told_to_be_the_testers_limit(
    name_server: NameServer,
) -> None:
    async def fill() -> None:
        waiting = [
            asyncio.ensure_future(resolve(f"dead-{number}.example"))
            for number in range(MAX_LOOK_UPS)
        ]
        await asyncio.sleep(0)
        for each in waiting:
            each.cancel()

    asyncio.run(fill())
    assert is_saturated()

    report = tried(plan_for(25, host="one-more.example", seconds=0.4))

    assert (diagnosis_of(report), report.verdict) == ("tool.budget", "inconclusive")
    assert "one-more.example" not in name_server.asked


def test_a_name_that_waited_for_a_thread_gets_one(name_server: NameServer) -> None:
    name_server.answers["late.example"] = ["192.0.2.9"]

    async def wait_in_line() -> list[str]:
        stuck = [
            asyncio.ensure_future(resolve(f"dead-{number}.example"))
            for number in range(MAX_LOOK_UPS)
        ]
        await asyncio.sleep(0)
        late = asyncio.ensure_future(resolve("late.example"))
        await asyncio.sleep(0)
        name_server.is_back.set()
        await asyncio.gather(*stuck)
        return [str(address) for address in await late]

    assert asyncio.run(wait_in_line()) == ["192.0.2.9"]
