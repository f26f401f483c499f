from __future__ import annotations

import asyncio
import io

import pytest

from smtpcheck.engine.evidence import Rung
from smtpcheck.engine.stages import RungState, Stage
from smtpcheck.engine.telling.ladder import LiveLadder, duration, rung_line, rung_name, running_line
from smtpcheck.engine.telling.terminal import Line, Terminal
from smtpcheck.wording import stage_name


def proven(stage: Stage, took_ms: int = 12) -> Rung:
    return Rung(stage=stage, state=RungState.PROVEN, started_ms=0, took_ms=took_ms)


def text_of(line: Line) -> str:
    return "".join(span.text for span in line)


def observe(terminal: Terminal) -> None:
    """A test as the engine tells it: one stage alone, then two in one group."""

    async def run() -> None:
        ladder = LiveLadder(terminal)
        ladder.stage_started(Stage.DNS, 0)
        ladder.stage_ended(proven(Stage.DNS))
        ladder.stage_started(Stage.MAIL, 12)
        ladder.stage_started(Stage.RCPT, 12)
        ladder.stage_ended(proven(Stage.MAIL, 40))
        ladder.stage_ended(Rung(stage=Stage.RCPT, state=RungState.FAILED, took_ms=1500))
        ladder.close()

    asyncio.run(run())


def test_a_file_gets_one_plain_line_for_each_stage() -> None:
    stream = io.StringIO()
    observe(Terminal(stream))
    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["✓", "✓", "✗"]
    assert [line.split("  ")[-1].strip() for line in lines] == ["12 ms", "40 ms", "1.5 s"]


def test_a_terminal_sees_each_stage_as_it_starts() -> None:
    stream = io.StringIO()
    observe(Terminal(stream, live=True, width=80))
    written = stream.getvalue()
    assert written.startswith(f"  … {stage_name(Stage.DNS)}\r\x1b[K  ✓ ")
    assert f"  … {stage_name(Stage.MAIL)}, {stage_name(Stage.RCPT)}" in written
    assert written.endswith("1.5 s\n")


def test_the_running_stage_is_drawn_again_with_its_time() -> None:
    stream = io.StringIO()

    async def run() -> None:
        ladder = LiveLadder(Terminal(stream, live=True, width=80))
        ladder.stage_started(Stage.CONNECT, 0)
        for _ in range(100):
            await asyncio.sleep(0.02)
            if " s" in stream.getvalue():
                break
        ladder.close()

    asyncio.run(run())
    assert "0.6 s" in stream.getvalue()


def test_closing_in_the_middle_takes_the_drawn_line_away() -> None:
    stream = io.StringIO()

    async def run() -> None:
        ladder = LiveLadder(Terminal(stream, live=True, width=80))
        ladder.stage_started(Stage.CONNECT, 0)
        ladder.close()

    asyncio.run(run())
    assert stream.getvalue().endswith("\r\x1b[K")


def test_the_names_stand_under_each_other() -> None:
    lines = [text_of(rung_line(proven(stage))) for stage in Stage]
    assert len({line.rindex(" 12 ms") for line in lines}) == 1


@pytest.mark.parametrize("state", RungState)
def test_without_symbols_the_state_is_a_word(state: RungState) -> None:
    line = text_of(rung_line(Rung(stage=Stage.TLS, state=state), symbols=False))
    assert line.strip()
    assert not set(line) & set("✓✗–·")


def test_the_second_ehlo_is_told_from_the_first() -> None:
    first, second = (rung_name(Stage.EHLO, is_encrypted=after) for after in (False, True))
    assert second == f"{first}, TLS"
    assert rung_name(Stage.AUTH, is_encrypted=True) == rung_name(Stage.AUTH, is_encrypted=False)


def test_a_skipped_stage_took_no_time() -> None:
    skipped = Rung(stage=Stage.DNS, state=RungState.SKIPPED, took_ms=3)
    assert "ms" not in text_of(rung_line(skipped))


def test_a_short_wait_shows_no_time() -> None:
    shown = [text_of(running_line([Stage.TLS], ms)) for ms in (100, 2340)]
    assert [line.endswith(" s") for line in shown] == [False, True]


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (61500, "61.5 s")]
)
def test_times_are_short(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text
