"""While many accounts are tested, one line tells which of them are at which stage."""

from __future__ import annotations

import io

from smtpcheck.engine.evidence import Rung
from smtpcheck.engine.stages import RungState, Stage
from smtpcheck.engine.telling.terminal import Span, Terminal
from smtpcheck.management.live_accounts import LiveAccounts
from smtpcheck.models import SmtpAccount


def drawn(*, live: bool = True) -> tuple[LiveAccounts, io.StringIO]:
    stream = io.StringIO()
    return LiveAccounts(Terminal(stream, live=live, width=100)), stream


def last_line(stream: io.StringIO) -> str:
    """What stands on the line of the cursor now."""
    return stream.getvalue().rpartition("\n")[2].rpartition("\x1b[K")[2]


def test_each_running_account_stands_there_with_its_stage() -> None:
    live, stream = drawn()
    news, bills = (live.watch(SmtpAccount(name=name)) for name in ("News", "Bills"))
    news.stage_started(Stage.CONNECT, 0)
    bills.stage_started(Stage.DNS, 0)
    news.stage_ended(Rung(stage=Stage.CONNECT, state=RungState.PROVEN))
    news.stage_started(Stage.GREETING, 1)
    assert last_line(stream) == "  … News: Greeting; Bills: Name lookup"


def test_an_account_that_has_ended_leaves_its_lines_and_goes() -> None:
    live, stream = drawn()
    for name in ("News", "Bills"):
        live.watch(SmtpAccount(name=name)).stage_started(Stage.CONNECT, 0)
    live.ended("News", (Span("News works"),))
    assert "News works\n" in stream.getvalue()
    assert last_line(stream) == "  … Bills: Connection"
    live.ended("Bills", (Span("Bills works"),))
    assert last_line(stream) == ""


def test_when_all_is_over_nothing_is_left_drawn() -> None:
    live, stream = drawn()
    live.watch(SmtpAccount(name="News")).stage_started(Stage.CONNECT, 0)
    live.close()
    assert last_line(stream) == ""


def test_a_name_cannot_steer_the_terminal() -> None:
    live, stream = drawn()
    live.watch(SmtpAccount(name="\x1b[2J")).stage_started(Stage.CONNECT, 0)
    assert "\x1b[2J" not in stream.getvalue()


def test_a_file_gets_the_results_alone() -> None:
    live, stream = drawn(live=False)
    live.watch(SmtpAccount(name="News")).stage_started(Stage.CONNECT, 0)
    live.ended("News", (Span("News works"),))
    live.close()
    assert stream.getvalue() == "News works\n"
