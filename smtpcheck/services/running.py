"""Runs tests: plans them, gives the database connection back, asks the engine, closes the rows."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ParamSpec, TypeVar

from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from smtpcheck import engine
from smtpcheck.conf import conf
from smtpcheck.engine import Observer
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import (
    Budget,
    Credentials,
    Envelope,
    Past,
    Plan,
    Route,
    Target,
    make_plan,
)
from smtpcheck.engine.policy import Policy, parse_entry
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Security
from smtpcheck.engine.telling.watch import Watch, place_of
from smtpcheck.engine.telling.wording import words_of_test_mail
from smtpcheck.models import INTERRUPTED, Door, SmtpAccount, SmtpTestResult
from smtpcheck.services.asking import Asked, Caller
from smtpcheck.services.idempotence import OnRow
from smtpcheck.services.limits import process_slots
from smtpcheck.services.lockout import login_of
from smtpcheck.services.proxies import proxy_named
from smtpcheck.services.recording import abandon_row, close_row, open_row
from smtpcheck.services.remembering import past_of
from smtpcheck.services.turnstile import CLOSING_WAITS_SECONDS, turnstile

INTERNAL_ERROR = "tool.internal-error"

logger = logging.getLogger("smtpcheck.services")

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Begun:
    """A test whose row is written; ``plan`` is None if that row is closed already.

    ``login`` is what its login is remembered by, "" if by nothing.
    """

    row: SmtpTestResult
    plan: Plan | None
    policy: Policy
    watch: Watch
    login: str


def run(
    asked: Asked,
    caller: Caller,
    budget_seconds: float | None,
    observer: Observer | None,
    on_row: OnRow | None = None,
) -> SmtpTestResult:
    """Run one test and return its closed row; ``on_row`` is told it as soon as it is written.

    Whatever ends the wait (a cancelled call, Ctrl-C, a fault of our own) closes the row too.
    """
    refuse_inside_transaction()
    with process_slots():
        begun = _begin(asked, caller, budget_seconds, observer)
        if on_row is not None:
            on_row(begun.row)
        if begun.plan is None:
            return begun.row
        give_back_connections()
        try:
            with turnstile.outside(due_in_seconds=CLOSING_WAITS_SECONDS):
                report = _runner(caller)(_check)(begun)
        except Exception as error:  # noqa: BLE001 - the one place that must close the row
            return _fail(begun, error)
        except BaseException:
            abandon_row(begun.row, INTERRUPTED, begun.watch.stage)
            raise
        return close_row(begun.row, report, begun.login)


def run_many(
    tests: Sequence[Asked],
    caller: Caller,
    budget_seconds: float | None,
    concurrency: int,
    observer_of: Callable[[SmtpAccount], Observer] | None,
    on_result: Callable[[SmtpTestResult], object] | None,
) -> list[SmtpTestResult]:
    """Run tests side by side and return their closed rows in the same order.

    Tests of one host or login wait for each other as the limits demand, instead of being refused.
    ``on_result`` is called as each one ends, never twice at once.
    """
    refuse_inside_transaction()
    if not tests:
        return []
    at_once = max(1, min(concurrency, len(tests)))
    with process_slots(at_once):
        give_back_connections()
        side_by_side = SideBySide(caller, budget_seconds, at_once, observer_of, on_result)
        return _runner(caller)(side_by_side.run)(tests)


class SideBySide:
    """Many tests in one event loop; all database work is done in one thread, one step at a time."""

    def __init__(
        self,
        caller: Caller,
        budget_seconds: float | None,
        at_once: int,
        observer_of: Callable[[SmtpAccount], Observer] | None,
        on_result: Callable[[SmtpTestResult], object] | None,
    ) -> None:
        limits = conf()
        self._caller = caller
        self._budget_seconds = budget_seconds
        self._observer_of = observer_of
        self._on_result = on_result
        self._all = asyncio.Semaphore(at_once)
        self._hosts: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(max(1, limits.TESTS_PER_HOST))
        )
        self._logins: dict[tuple[str, str], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(max(1, limits.TESTS_PER_LOGIN))
        )

    async def run(self, tests: Sequence[Asked]) -> list[SmtpTestResult]:
        """Run all of them; if one raises, the others are ended and their rows closed."""
        tasks = [asyncio.ensure_future(self._in_turn(asked)) for asked in tests]
        try:
            return list(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                # Once only: a second time would interrupt the closing of its row.
                if not task.cancelling():
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _in_turn(self, asked: Asked) -> SmtpTestResult:
        # The place among all is taken last: a test that waits for its host blocks no other host.
        async with self._login(asked), self._hosts[asked.host], self._all:
            row = await self._one(asked)
            if self._on_result is not None:
                await _in_database_thread(self._on_result)(row)
            return row

    def _login(self, asked: Asked) -> asyncio.Semaphore:
        if asked.username:
            return self._logins[asked.host, asked.username]
        return asyncio.Semaphore(1)

    async def _one(self, asked: Asked) -> SmtpTestResult:
        begin = _in_database_thread(_begin)
        observer = None
        if self._observer_of is not None and asked.account is not None:
            observer = self._observer_of(asked.account)
        begun = await begin(asked, self._caller, self._budget_seconds, observer)
        if begun.plan is None:
            return begun.row
        try:
            report = await _check(begun)
        except Exception as error:  # noqa: BLE001 - the one place that must close the row
            return await _in_database_thread(_fail)(begun, error)
        except BaseException:
            await _in_database_thread(abandon_row)(begun.row, INTERRUPTED, begun.watch.stage)
            raise
        return await _in_database_thread(close_row)(begun.row, report, begun.login)


def refuse_inside_transaction() -> None:
    """Raise RuntimeError inside a transaction: the open row must be seen while the test runs."""
    if any(connection.in_atomic_block for connection in connections.all(initialized_only=True)):
        raise RuntimeError(
            "A test cannot run inside a database transaction: it would hold the connection for "
            "as long as a mail server takes, and its open row would not be committed."
        )


def give_back_connections() -> None:
    """Return this thread's database connections, so that none is held while a server is awaited."""
    refuse_inside_transaction()
    for connection in connections.all(initialized_only=True):
        connection.close()


async def _check(begun: Begun) -> Report:
    if begun.plan is None:
        raise ValueError("this test is over")
    # The schedule repeats itself, so its probes would only be a nuisance to the same server.
    probes = None if begun.row.door == Door.SCHEDULE else engine.USUAL_PROBES
    return await engine.check(
        begun.plan,
        policy=begun.policy,
        observer=begun.watch,
        probes=probes,
        look_ups=engine.SYSTEM_LOOK_UPS,
    )


def _runner(
    caller: Caller,
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, R]]:
    """How a coroutine is run from here.

    In a server on its event loop, so that a caller that hangs up cancels the test. On the command
    line in a loop of this very thread, so that Ctrl-C reaches the test at once.
    """
    return _run_here if caller.door is Door.COMMAND else async_to_sync


def _run_here(function: Callable[P, Awaitable[R]]) -> Callable[P, R]:
    async def awaited(*args: P.args, **kwargs: P.kwargs) -> R:
        return await function(*args, **kwargs)

    def run_it(*args: P.args, **kwargs: P.kwargs) -> R:
        return asyncio.run(awaited(*args, **kwargs))

    return run_it


def _in_database_thread(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Run a function where the database may be used, and give its connection back."""

    def with_connection(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        finally:
            give_back_connections()

    return sync_to_async(with_connection, thread_sensitive=True)


def _begin(
    asked: Asked, caller: Caller, budget_seconds: float | None, observer: Observer | None
) -> Begun:
    """Write the row and make the plan; a test that cannot be planned has its closed row as well."""
    policy = policy_of(asked.account)
    seconds = budget_seconds or _budgets()[caller.door]
    login = login_of(asked)
    plan = _plan(asked, seconds, past_of(asked, login))
    row = open_row(asked, caller, seconds)
    return Begun(row, plan if row.is_open else None, policy, Watch(observer), login)


def _plan(asked: Asked, seconds: float, past: Past) -> Plan | None:
    """The plan of a test, or None with ``asked.refused`` set."""
    if asked.refused is not None:
        return None
    try:
        return make_plan(
            target=Target(
                host=asked.host,
                port=asked.port,
                security=asked.security or Security.OPPORTUNISTIC,
                ca_bundle=asked.ca_bundle,
                pin=asked.pin,
                client_certificate=asked.client_certificate,
                client_key=asked.client_key or Secret(""),
            ),
            credentials=_credentials(asked),
            envelope=Envelope(
                sender=asked.sender, recipient=asked.recipient, ehlo_name=asked.ehlo_name
            ),
            goal=asked.goal,
            budget=Budget(
                total_seconds=seconds,
                connect_seconds=min(seconds, conf().CONNECT_TIMEOUT_SECONDS),
            ),
            message=words_of_test_mail(),
            extra_ca_file=conf().EXTRA_CA_FILE,
            route=_route(asked),
            past=past,
        )
    except Refused as refused:
        asked.refused = refused
        return None


def _route(asked: Asked) -> Route:
    """The way that was asked for, else that of the settings, through the account's proxy."""
    source_address = asked.route.source_address or conf().SOURCE_ADDRESS
    return asked.route._replace(source_address=source_address, proxy=proxy_named(asked.proxy))


def _credentials(asked: Asked) -> Credentials | None:
    # With EXTERNAL the client certificate says who logs in.
    if not asked.username and asked.mechanism != "EXTERNAL":
        return None
    password = asked.password or Secret("")
    return Credentials(username=asked.username, password=password, mechanism=asked.mechanism)


def _fail(begun: Begun, error: Exception) -> SmtpTestResult:
    """Close the row after a fault of our own.

    Told without the error's text and without values, because either could hold a secret.
    """
    kind, place = type(error).__qualname__, place_of(error)
    logger.error("Test %s ended by %s at %s", begun.row.pk, kind, place)
    return abandon_row(begun.row, INTERNAL_ERROR, begun.watch.stage)


def _budgets() -> dict[Door, float]:
    settings = conf()
    return {
        Door.REST: settings.REST_BUDGET_SECONDS,
        Door.ADMIN: settings.ADMIN_BUDGET_SECONDS,
        Door.COMMAND: settings.COMMAND_BUDGET_SECONDS,
        Door.SCHEDULE: settings.SCHEDULE_BUDGET_SECONDS,
    }


def current_policy() -> Policy:
    """Return the policy of the settings."""
    settings = conf()
    return _policy_of(settings.POLICY, settings.POLICY_PORTS)


def policy_of(account: SmtpAccount | None) -> Policy:
    """Return the policy of the settings with what an administrator allowed an account besides."""
    policy = current_policy()
    own = account.allowed_entries() if account else ()
    return policy._replace(entries=(*policy.entries, *own)) if own else policy


@lru_cache(maxsize=8)
def _policy_of(entries: tuple[str, ...], ports: tuple[int, ...]) -> Policy:
    try:
        return Policy(tuple(map(parse_entry, entries)), frozenset(ports))
    except ValueError as error:
        raise ImproperlyConfigured(f"SMTPCHECK_POLICY: {error}") from error
