"""The use cases: what the doors call. Plain values in, a result out.

Everything that is found out about a server, an account or a request is a result, with its row in
the history. Only three things are exceptions: the caller may not (``NotPermitted``), this process
is full (``Busy``), and too many logins of callers have failed (``HeldBack``).
"""

# ruff: noqa: PT028 - the use cases begin with "test_" and are no tests

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.utils import timezone

from smtpcheck.conf import require_runtime
from smtpcheck.engine import Observer
from smtpcheck.engine.plan import Route
from smtpcheck.engine.stages import Goal
from smtpcheck.models import SmtpAccount, SmtpTestResult
from smtpcheck.services import auditing
from smtpcheck.services.addresses import address_of
from smtpcheck.services.asking import Caller, TargetRequest, ask_account, ask_target
from smtpcheck.services.errors import (
    SET_POLICY,
    TEST_ACCOUNT,
    TEST_ANY_TARGET,
    Busy,
    HeldBack,
    KeyInUse,
    KeyReused,
    NotPermitted,
    SmtpcheckError,
)
from smtpcheck.services.idempotence import OnRow, run_once
from smtpcheck.services.overdue import overdue
from smtpcheck.services.resealing import (
    Resealing,
    Unopened,
    count_outdated,
    find_unopened,
    reseal_secrets,
)
from smtpcheck.services.running import refuse_inside_transaction, run, run_many
from smtpcheck.services.signing_in import hold_back
from smtpcheck.services.tokens import issue_token, revoke_tokens

__all__ = [
    "SET_POLICY",
    "TEST_ACCOUNT",
    "TEST_ANY_TARGET",
    "Busy",
    "Caller",
    "HeldBack",
    "KeyInUse",
    "KeyReused",
    "NotPermitted",
    "OnRow",
    "Resealing",
    "Route",
    "SmtpcheckError",
    "TargetRequest",
    "Unopened",
    "address_of",
    "auditing",
    "close_interrupted",
    "count_outdated",
    "find_unopened",
    "hold_back",
    "issue_token",
    "reseal_secrets",
    "revoke_tokens",
    "run_once",
    "test_account",
    "test_accounts",
    "test_target",
]

# To any address, from whichever the settings or the system choose, and to one of them only.
AS_USUAL = Route()


def test_account(
    account: SmtpAccount,
    *,
    caller: Caller,
    goal: Goal | None = None,
    route: Route = AS_USUAL,
    budget_seconds: float | None = None,
    observer: Observer | None = None,
    on_row: OnRow | None = None,
) -> SmtpTestResult:
    """Test a saved account as it is saved, to its own goal unless another is given.

    ``route`` may narrow the way, or have every address tested; its proxy is the account's.
    ``budget_seconds`` None is that of the door. ``observer`` is told each stage as it happens,
    and ``on_row`` of the result's row once it is written, before anything is sent.
    Raises NotPermitted or Busy; RuntimeError inside a transaction.
    """
    _prepare()
    return run(
        ask_account(account, caller, goal).by(route), caller, budget_seconds, observer, on_row
    )


def test_target(
    request: TargetRequest,
    *,
    caller: Caller,
    goal: Goal = Goal.CONTENT,
    route: Route = AS_USUAL,
    budget_seconds: float | None = None,
    observer: Observer | None = None,
    on_row: OnRow | None = None,
) -> SmtpTestResult:
    """Test what an SMTP URI names, with what a saved account that matches it adds.

    Raises NotPermitted or Busy; RuntimeError inside a transaction.
    """
    _prepare()
    return run(
        ask_target(request, caller, goal).by(route), caller, budget_seconds, observer, on_row
    )


def test_accounts(
    accounts: Iterable[SmtpAccount],
    *,
    caller: Caller,
    goal: Goal | None = None,
    route: Route = AS_USUAL,
    budget_seconds: float | None = None,
    concurrency: int = 20,
    observer_of: Callable[[SmtpAccount], Observer] | None = None,
    on_result: Callable[[SmtpTestResult], object] | None = None,
) -> list[SmtpTestResult]:
    """Test saved accounts side by side; the results come in the order of the accounts.

    ``observer_of`` gives the observer of an account's test; ``on_result`` is called as each test
    ends. Raises NotPermitted before any test begins if one of the accounts is not the caller's to
    test, or Busy; RuntimeError inside a transaction.
    """
    _prepare()
    tests = [ask_account(account, caller, goal).by(route) for account in accounts]
    return run_many(tests, caller, budget_seconds, concurrency, observer_of, on_result)


def close_interrupted() -> int:
    """Close the rows that a killed process left open, and return how many there were."""
    return SmtpTestResult.objects.close_overdue(timezone.now())


def _prepare() -> None:
    require_runtime()
    refuse_inside_transaction()
    if overdue.is_due():
        close_interrupted()


# Names that begin with "test_" are collected as tests by pytest wherever they are imported.
for _use_case in (test_account, test_accounts, test_target):
    _use_case.__dict__["__test__"] = False
