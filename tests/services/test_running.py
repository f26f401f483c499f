"""The use cases with real transactions, around an engine that needs no server."""

from __future__ import annotations

import asyncio
import base64
import logging
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import translation
from pytest_django.fixtures import Settings

from smtpcheck import services
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Reply, Report, Rung, StageReply
from smtpcheck.engine.plan import OpenPlan, Plan
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal, Stage
from smtpcheck.models import Door, SmtpAccountState, SmtpTestResult
from smtpcheck.services import Caller, TargetRequest
from smtpcheck.services.overdue import overdue
from smtpcheck.services.turnstile import Turnstile
from tests.models.accounts import SECRET, account
from tests.models.results import open_result, result
from tests.services.crowds import has_room
from tests.services.scripted import ScriptedEngine, evidence, fails, works

pytestmark = pytest.mark.django_db(transaction=True)

URI = "smtps://ann%40example.org:typed-secret@mail.example.org"
DOORS = [Door.COMMAND, Door.REST]  # a loop of this thread, and that of a server


def target(uri: str = URI, **options: Any) -> TargetRequest:
    return TargetRequest(uri, options.pop("sender", None), **options)


# --- What is asked of the engine ---


def test_a_target_is_tested_and_its_row_closed(engine: ScriptedEngine, operator: Caller) -> None:
    row = services.test_target(target(), caller=operator)
    assert engine.password == "typed-secret"
    assert engine.plan.target.host == "mail.example.org"
    assert SmtpTestResult.objects.get() == row
    assert (row.verdict, row.stage, row.took_ms) == ("works", "content", 12)
    assert row.finished_at is not None


@pytest.mark.parametrize(
    ("door", "seconds"), [(Door.REST, 11.0), (Door.ADMIN, 12.0), (Door.COMMAND, 13.0)]
)
def test_each_door_has_its_budget(
    engine: ScriptedEngine, settings: Settings, door: Door, seconds: float
) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {
        "REST_BUDGET_SECONDS": 11,
        "ADMIN_BUDGET_SECONDS": 12,
        "COMMAND_BUDGET_SECONDS": 13,
    }
    services.test_target(target(), caller=Caller(None, door))
    assert engine.plan.budget.total_seconds == seconds


def test_a_budget_may_be_given_and_bounds_the_connection_too(
    engine: ScriptedEngine, operator: Caller
) -> None:
    row = services.test_target(target(), caller=operator, budget_seconds=3)
    assert (engine.plan.budget.total_seconds, engine.plan.budget.connect_seconds) == (3, 3)
    assert row.expires_at is not None
    assert 3 < (row.expires_at - row.started_at).total_seconds() < 60


def test_the_settings_policy_and_authorities_go_to_the_engine(
    engine: ScriptedEngine, operator: Caller, settings: Settings
) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {
        "POLICY": "10.0.0.0/8:2526 cleartext=yes",
        "POLICY_PORTS": "25",
        "EXTRA_CA_FILE": "/etc/ca.pem",
    }
    services.test_target(target(), caller=operator)
    (policy,) = engine.policies
    assert policy.ports == frozenset({25})
    assert policy.entries[0].cleartext
    assert engine.plan.extra_ca_file == "/etc/ca.pem"


@pytest.mark.parametrize("door", Door)
def test_other_ports_are_asked_after_a_failure_but_not_for_the_schedule(
    engine: ScriptedEngine, door: Door
) -> None:
    services.test_target(target(), caller=Caller(None, door))

    (probes,) = engine.probes
    assert (probes is None) == (door is Door.SCHEDULE)


def test_a_policy_that_is_none_refuses_to_test(operator: Caller, settings: Settings) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"POLICY": "everything"}
    with pytest.raises(ImproperlyConfigured, match="SMTPCHECK_POLICY"):
        services.test_target(target(), caller=operator)
    assert not SmtpTestResult.objects.exists()


def test_without_keys_nothing_is_tested(operator: Caller, settings: Settings) -> None:
    settings.SMTPCHECK = {}
    with pytest.raises(ImproperlyConfigured, match="generate_encryption_key"):
        services.test_target(target(), caller=operator)


def test_without_a_user_there_is_no_login(engine: ScriptedEngine, operator: Caller) -> None:
    services.test_target(target("smtp://h.example.org", sender="a@b.org"), caller=operator)
    assert type(engine.plan) is OpenPlan


def test_the_mail_is_in_the_callers_language(engine: ScriptedEngine, operator: Caller) -> None:
    with translation.override("en"):
        services.test_target(target(), caller=operator)
    assert engine.plan.message.subject == "Test message from smtpcheck"
    assert "test a mail account" in engine.plan.message.body


def test_the_callers_observer_is_told(engine: ScriptedEngine, operator: Caller) -> None:
    told: list[Stage] = []

    class Observer:
        def stage_started(self, stage: Stage, at_ms: int) -> None:
            told.append(stage)

        def stage_ended(self, rung: Rung) -> None:
            told.append(rung.stage)

    services.test_target(target(), caller=operator, observer=Observer())
    assert told == [Stage.CONNECT, Stage.CONNECT, Stage.AUTH]


# --- The row ---


@pytest.mark.parametrize("door", DOORS)
def test_the_row_is_open_and_committed_while_the_network_is_touched(
    engine: ScriptedEngine, door: Door
) -> None:
    seen: list[SmtpTestResult] = []

    def look() -> None:
        thread = threading.Thread(target=look_from_elsewhere)
        thread.start()
        thread.join()

    def look_from_elsewhere() -> None:
        seen.extend(SmtpTestResult.objects.all())
        connection.close()

    engine.meanwhile = look
    services.test_target(target(), caller=Caller(None, door))
    (row,) = seen
    assert row.is_open
    assert (row.verdict, row.host, row.username) == ("", "mail.example.org", "ann@example.org")
    assert row.shown_verdict == "running"


@pytest.mark.parametrize("door", DOORS)
def test_no_database_connection_is_held_while_the_network_is_touched(
    engine: ScriptedEngine, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    close = connection.close

    def closing() -> None:
        events.append("closed")
        close()

    monkeypatch.setattr(connection, "close", closing)
    monkeypatch.setattr("smtpcheck.services.running.close_row", lambda row, *_seen: row)
    engine.meanwhile = lambda: events.append("network")
    services.test_target(target(), caller=Caller(None, door))
    assert events[:2] == ["closed", "network"]


@pytest.mark.parametrize("error", [None, RuntimeError("x"), asyncio.CancelledError()])
@pytest.mark.parametrize("door", DOORS)
def test_others_take_their_turn_while_the_network_is_touched(
    engine: ScriptedEngine,
    door: Door,
    error: BaseException | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turnstile = Turnstile(1)
    monkeypatch.setattr("smtpcheck.services.running.turnstile", turnstile)
    rooms: list[bool] = []
    engine.meanwhile = lambda: rooms.append(has_room(turnstile))
    engine.error = error
    with turnstile.inside(), suppress(asyncio.CancelledError):
        services.test_target(target(), caller=Caller(None, door))
    assert rooms == [True]
    assert has_room(turnstile)
    assert not SmtpTestResult.objects.get().is_open


def test_inside_a_transaction_nothing_is_tested(engine: ScriptedEngine, operator: Caller) -> None:
    made = account()
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a database transaction"):
        services.test_account(made, caller=operator)
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a database transaction"):
        services.test_accounts([made], caller=operator)
    assert engine.plans == []


def test_the_row_tells_who_asked_through_which_door(engine: ScriptedEngine, tester: Caller) -> None:
    row = services.test_target(target(), caller=tester)
    assert (row.door, row.asked_by, row.asked_by_name) == ("rest", tester.user, "both")


def test_the_row_keeps_everything_the_report_showed(
    engine: ScriptedEngine, operator: Caller
) -> None:
    engine.answer = fails
    services.test_target(target(), caller=operator)
    row = SmtpTestResult.objects.get()
    assert (row.verdict, row.owner, row.stage) == ("fails", "settings", "auth")
    assert (row.diagnosis_id, row.confidence) == ("auth.invalid", "probable")
    assert row.diagnosis_parameters == {"user": "ann@example.org"}
    assert row.evidence_line == "535 5.7.8 Authentication failed"
    assert (row.reply_code, row.enhanced_code) == (535, "5.7.8")
    assert row.reply_text == "5.7.8 Authentication failed"
    assert row.ladder[0]["stage"] == "config"
    assert row.capabilities == ["PIPELINING"]
    assert row.evidence["attempts"][0]["address"] == "192.0.2.1"
    assert row.evidence["first_bytes"] == "220 \\xff"
    assert row.evidence["replies"][0]["reply"]["code"] == 535
    assert row.transcript == "S: 220 hello"
    assert row.ehlo_name == "tester.example.org"
    assert row.tls is None


def test_on_success_the_row_keeps_the_final_reply_and_the_warnings(
    engine: ScriptedEngine, operator: Caller
) -> None:
    row = services.test_target(target(), caller=operator)
    assert (row.reply_code, row.reply_text) == (250, "2.0.0 Ok: queued as 4F1")
    assert (row.diagnosis_id, row.owner) == ("", "")
    assert row.warnings == [
        {
            "id": "tls.cert-expiring",
            "stage": "tls",
            "parameters": {"days": 3},
            "evidence_line": "",
        }
    ]


def test_what_no_database_can_hold_is_made_visible(
    engine: ScriptedEngine, operator: Caller
) -> None:
    def odd(plan: Plan) -> Any:
        reply = StageReply(Stage.CONTENT, Reply(250, ("nul \0 and half \udcff",)))
        seen = evidence(plan, reply, transcript="x" * 20_000 + "\0", capabilities=("\ud800",))
        return works(plan)._replace(evidence=seen)

    engine.answer = odd
    services.test_target(target(), caller=operator)
    row = SmtpTestResult.objects.get()
    assert row.reply_text == "nul \\x00 and half \\udcff"
    assert row.capabilities == ["\\ud800"]
    assert len(row.transcript) == 16 * 1024


def test_the_password_is_nowhere(
    engine: ScriptedEngine, operator: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine.error = RuntimeError("typed-secret")
    services.test_target(target(), caller=operator)
    services.test_target(target("smtps://x:typed-secret@bad host"), caller=operator)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM smtpcheck_smtptestresult")
        everything = repr(cursor.fetchall()) + caplog.text
    for form in ("typed-secret", base64.b64encode(b"typed-secret").decode().rstrip("=")):
        assert form not in everything


# --- What is refused ---


@pytest.mark.parametrize(
    ("uri", "sender", "diagnosis_id"),
    [
        ("ftp://mail.example.org", None, "config.scheme"),
        ("smtp://u:p@mail.example.org:0", None, "config.port-range"),
        ("smtp://u:p@mail.example.org", "no address", "config.sender-invalid"),
        ("smtp://u:p@mail.example.org", "a@b.org\r\nBcc: c@d.org", "config.control-character"),
        ("smtp://u:p@mail.example.org", "a\0@b.org", "config.control-character"),
        ("smtp://u:p@mail.example.org", "a" * 5000 + "@b.org", "config.sender-invalid"),
        ("smtp://u@mail.example.org", "a@b.org", "config.secret-missing"),
    ],
)
def test_what_cannot_be_tested_is_a_row_and_no_packet(
    engine: ScriptedEngine, operator: Caller, uri: str, sender: str | None, diagnosis_id: str
) -> None:
    row = services.test_target(target(uri, sender=sender), caller=operator)
    assert engine.plans == []
    assert SmtpTestResult.objects.get() == row
    assert (row.verdict, row.diagnosis_id, row.stage) == ("fails", diagnosis_id, "config")
    assert row.finished_at is not None


def test_a_row_of_a_uri_that_was_not_understood_holds_none_of_it(operator: Caller) -> None:
    row = services.test_target(target("smtp://u:hunter2@a b:25"), caller=operator)
    assert (row.host, row.port, row.security, row.username) == ("", 0, "", "")


def test_a_caller_without_the_right_leaves_no_row(engine: ScriptedEngine, stranger: Caller) -> None:
    with pytest.raises(services.NotPermitted):
        services.test_target(target(), caller=stranger)
    assert not SmtpTestResult.objects.exists()


def test_over_a_limit_the_row_is_closed_at_once(engine: ScriptedEngine, operator: Caller) -> None:
    open_result(host="mail.example.org", username="ann@example.org")
    row = services.test_target(target(), caller=operator)
    assert engine.plans == []
    assert (row.verdict, row.diagnosis_id) == ("inconclusive", "tool.budget")
    assert not row.is_open


def test_a_full_process_says_so(
    engine: ScriptedEngine, operator: Caller, settings: Settings
) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_PROCESS": 0}
    with pytest.raises(services.Busy):
        services.test_target(target(), caller=operator)
    with pytest.raises(services.Busy):
        services.test_accounts([account()], caller=operator)
    assert not SmtpTestResult.objects.exists()


# --- What does not end by itself ---


@pytest.mark.parametrize("door", DOORS)
def test_a_fault_of_our_own_closes_the_row_and_is_logged_without_its_text(
    engine: ScriptedEngine, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    engine.error = KeyError("something private")
    row = services.test_target(target(), caller=Caller(None, door))
    assert (row.verdict, row.diagnosis_id) == ("inconclusive", "tool.internal-error")
    assert (row.owner, row.stage) == ("tester", "auth")
    assert f"Test {row.pk} ended by KeyError at" in caplog.text
    assert "something private" not in caplog.text


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(3)])
def test_whatever_ends_the_wait_closes_the_row_as_interrupted(
    engine: ScriptedEngine, door: Door, error: BaseException
) -> None:
    engine.error = error
    with pytest.raises(type(error)):
        services.test_target(target(), caller=Caller(None, door))
    row = SmtpTestResult.objects.get()
    assert (row.verdict, row.diagnosis_id) == ("inconclusive", "tool.interrupted")
    assert not row.is_open


def test_a_row_left_open_by_a_killed_process_is_closed_by_the_next_test(
    engine: ScriptedEngine, operator: Caller
) -> None:
    overdue.forget()
    dead = open_result(host="mail.example.org", username="ann@example.org", expires_in_seconds=-1)
    assert services.test_target(target(), caller=operator).verdict == "works"
    dead.refresh_from_db()
    assert dead.diagnosis_id == "tool.interrupted"


def test_closing_what_was_interrupted_can_be_asked_for() -> None:
    open_result(expires_in_seconds=-1)
    assert services.close_interrupted() == 1


def test_a_row_closed_as_interrupted_meanwhile_is_not_rewritten(
    engine: ScriptedEngine, operator: Caller
) -> None:
    made = account()

    def close_elsewhere() -> None:
        def close() -> None:
            SmtpTestResult.objects.update(expires_at="2020-01-01T00:00:00Z")
            services.close_interrupted()
            connection.close()

        thread = threading.Thread(target=close)
        thread.start()
        thread.join()

    engine.meanwhile = close_elsewhere
    row = services.test_account(made, caller=operator)
    assert row.diagnosis_id == "tool.interrupted"
    assert SmtpAccountState.objects.get().verdict == "untested"


# --- The state of an account ---


def test_an_account_is_tested_with_its_own_secret_and_its_state_written(
    engine: ScriptedEngine, operator: Caller
) -> None:
    made = account()
    row = services.test_account(made, caller=operator)
    assert engine.password == SECRET.reveal()
    state = SmtpAccountState.objects.get()
    assert (state.verdict, state.goal, state.last_result) == ("works", "content", row)
    assert (row.account, row.account_name) == (made, "News")


def test_a_target_that_is_the_account_as_saved_writes_its_state(
    engine: ScriptedEngine, operator: Caller
) -> None:
    account(security="tls", port=465)
    services.test_target(target(use_stored_password=True), caller=operator)
    assert SmtpAccountState.objects.get().verdict == "works"


def test_a_wrong_password_in_a_uri_says_nothing_of_the_account(
    engine: ScriptedEngine, operator: Caller
) -> None:
    made = account(security="tls", port=465)
    engine.answer = fails
    row = services.test_target(target(), caller=operator)
    assert row.account == made
    assert SmtpAccountState.objects.get().verdict == "untested"


def test_an_account_changed_while_it_is_tested_stays_untested(
    engine: ScriptedEngine, operator: Caller
) -> None:
    made = account()

    def change_elsewhere() -> None:
        def change() -> None:
            made.set_secret("password", Secret("changed meanwhile"))
            made.save()
            connection.close()

        thread = threading.Thread(target=change)
        thread.start()
        thread.join()

    engine.meanwhile = change_elsewhere
    services.test_account(type(made).objects.get(), caller=operator)
    assert SmtpAccountState.objects.get().verdict == "untested"


def test_settings_that_cannot_be_tested_are_a_failure_of_the_account(operator: Caller) -> None:
    made = account(recipient="nobody")
    row = services.test_account(made, caller=operator)
    assert row.diagnosis_id == "config.recipient-invalid"
    assert SmtpAccountState.objects.get().verdict == "fails"


def test_a_secret_that_cannot_be_opened_is_inconclusive(
    operator: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = account()

    def unreadable(_kind: str) -> None:
        raise Refused("config.secret-unreadable", key_id="k0")

    monkeypatch.setattr(made, "reveal_secret", unreadable)
    row = services.test_account(made, caller=operator)
    assert (row.verdict, row.diagnosis_parameters["key_id"]) == ("inconclusive", "k0")
    assert SmtpAccountState.objects.get().inconclusive_count == 1


# --- Many at once ---


@pytest.mark.parametrize("door", DOORS)
def test_accounts_are_tested_side_by_side_and_answered_in_their_order(
    engine: ScriptedEngine, door: Door
) -> None:
    made = [account(name=f"{n}", host=f"m{n}.example.org") for n in range(6)]
    engine.waits_for = 3
    told: list[SmtpTestResult] = []
    rows = services.test_accounts(
        made, caller=Caller(None, door), concurrency=3, on_result=told.append
    )
    assert [row.account for row in rows] == made
    assert {row.verdict for row in rows} == {"works"}
    assert engine.most_at_once == 3
    assert sorted(row.pk for row in told) == sorted(row.pk for row in rows)
    assert SmtpAccountState.objects.filter(verdict="works").count() == 6


def test_accounts_of_one_host_wait_for_each_other_instead_of_being_refused(
    engine: ScriptedEngine, operator: Caller, settings: Settings
) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_HOST": 2}
    made = [account(name=f"{n}", username=f"u{n}@example.org") for n in range(5)]
    engine.waits_for = 2
    rows = services.test_accounts(made, caller=operator)
    assert {row.verdict for row in rows} == {"works"}
    assert engine.most_at_once == 2


def test_one_that_fails_by_itself_leaves_the_others(
    engine: ScriptedEngine, operator: Caller
) -> None:
    made = [account(name="a"), account(name="b", host="b.example.org", recipient="nobody")]
    rows = services.test_accounts(made, caller=operator)
    assert [row.verdict for row in rows] == ["works", "fails"]


@pytest.mark.parametrize("count", [1, 3])
def test_ctrl_c_ends_the_tests_at_once_and_closes_every_row(
    engine: ScriptedEngine, operator: Caller, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [account(name=f"{n}", host=f"m{n}.example.org") for n in range(count)]
    engine.pause_seconds = 30

    async def interrupt(plan: Plan, **options: Any) -> Report:
        if len(engine.plans) == count - 1:
            asyncio.get_running_loop().call_later(0.05, signal.raise_signal, signal.SIGINT)
        return await engine(plan, **options)

    def ask() -> None:
        if count == 1:
            services.test_account(made[0], caller=operator)
        else:
            services.test_accounts(made, caller=operator)

    monkeypatch.setattr("smtpcheck.engine.check", interrupt)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ask()
    assert time.monotonic() - began < 10
    rows = SmtpTestResult.objects.all()
    assert [row.diagnosis_id for row in rows] == ["tool.interrupted"] * count
    assert {row.stage for row in rows} == {"auth"}


def test_a_goal_and_a_budget_hold_for_all(engine: ScriptedEngine, operator: Caller) -> None:
    services.test_accounts([account()], caller=operator, goal=Goal.LOGIN, budget_seconds=5)
    assert (engine.plan.goal, engine.plan.budget.total_seconds) == (Goal.LOGIN, 5)


def test_none_is_tested_if_one_is_not_the_callers(
    engine: ScriptedEngine, account_tester: Caller
) -> None:
    foreign = account(name="b", team=Group.objects.create(name="Support"))
    with pytest.raises(services.NotPermitted):
        services.test_accounts([account(), foreign], caller=account_tester)
    assert engine.plans == []


def test_no_account_is_no_test(engine: ScriptedEngine, operator: Caller) -> None:
    assert services.test_accounts([], caller=operator) == []


# --- Limits between processes ---


def test_two_that_ask_at_once_do_not_both_get_the_last_place(
    engine: ScriptedEngine, settings: Settings
) -> None:
    settings.SMTPCHECK = settings.SMTPCHECK | {"TESTS_PER_HOST": 1}
    made = [account(name=f"{n}", username=f"u{n}@example.org") for n in range(4)]
    engine.pause_seconds = 0.3
    start = threading.Barrier(len(made))
    rows: list[SmtpTestResult] = []

    def ask(one: Any) -> None:
        start.wait()
        rows.append(services.test_account(one, caller=Caller(None, Door.REST)))
        connection.close()

    threads = [threading.Thread(target=ask, args=(one,)) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.diagnosis_id for row in rows) == ["", *["tool.budget"] * 3]


def test_results_of_before_do_not_hold_back(engine: ScriptedEngine, operator: Caller) -> None:
    result(host="mail.example.org", username="ann@example.org")
    assert services.test_target(target(), caller=operator).verdict == "works"


def test_each_of_many_accounts_can_have_its_observer(
    engine: ScriptedEngine, operator: Caller
) -> None:
    told: list[tuple[str, Stage]] = []

    class Watching:
        def __init__(self, name: str) -> None:
            self.name = name

        def stage_started(self, stage: Stage, at_ms: int) -> None:
            told.append((self.name, stage))

        def stage_ended(self, rung: Rung) -> None:
            pass

    accounts = [account(name="a", username="a@b.org"), account(name="b", username="b@b.org")]
    services.test_accounts(
        accounts, caller=operator, observer_of=lambda account: Watching(account.name)
    )
    assert sorted(told) == sorted(
        (name, stage) for name in ("a", "b") for stage in (Stage.CONNECT, Stage.AUTH)
    )
