from __future__ import annotations

from smtpcheck.engine.driver.ladder import Ladder
from smtpcheck.engine.evidence import Rung
from smtpcheck.engine.stages import RungState, Stage

PLANNED = tuple(
    Rung(stage=stage, state=RungState.NOT_REACHED)
    for stage in (Stage.CONNECT, Stage.EHLO, Stage.TLS, Stage.EHLO, Stage.MAIL, Stage.RCPT)
)


class Told:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def stage_started(self, stage: Stage, at_ms: int) -> None:
        self.lines.append(f"{stage} at {at_ms}")

    def stage_ended(self, rung: Rung) -> None:
        self.lines.append(f"{rung.stage} {rung.state} after {rung.took_ms}")


def begin(ladder: Ladder, stage: Stage, at_ms: int, *, grouped: bool = False) -> None:
    ladder.begin(stage, at_ms, grouped=grouped, encrypted=False)


def prove(ladder: Ladder, stage: Stage, began_ms: int, ended_ms: int) -> None:
    begin(ladder, stage, began_ms)
    ladder.end(stage, RungState.PROVEN, ended_ms)


def test_before_anything_begins_the_stage_is_config() -> None:
    ladder = Ladder(PLANNED, None)

    assert ladder.rungs == PLANNED
    assert ladder.stage is Stage.CONFIG
    assert not ladder.is_climbing


def test_a_rung_keeps_when_it_began_and_how_long_it_took() -> None:
    ladder = Ladder(PLANNED, None)

    prove(ladder, Stage.CONNECT, 3, 10)

    rung = ladder.rungs[0]
    assert (rung.state, rung.started_ms, rung.took_ms) == (RungState.PROVEN, 3, 7)
    assert ladder.stage is Stage.CONNECT


def test_the_second_hello_climbs_the_second_rung_of_its_name() -> None:
    ladder = Ladder(PLANNED, None)

    prove(ladder, Stage.EHLO, 1, 2)
    prove(ladder, Stage.TLS, 2, 3)
    ladder.begin(Stage.EHLO, 3, grouped=False, encrypted=True)
    ladder.end(Stage.EHLO, RungState.PROVEN, 5)

    assert [rung.took_ms for rung in ladder.rungs if rung.stage is Stage.EHLO] == [1, 2]
    assert [rung.encrypted for rung in ladder.rungs if rung.stage is Stage.EHLO] == [False, True]


def test_in_a_group_the_first_open_stage_is_the_one_being_climbed() -> None:
    ladder = Ladder(PLANNED, None)
    begin(ladder, Stage.MAIL, 5, grouped=True)
    begin(ladder, Stage.RCPT, 5, grouped=True)

    assert (ladder.stage, ladder.is_climbing) == (Stage.MAIL, True)
    ladder.end(Stage.MAIL, RungState.PROVEN, 6)

    assert ladder.stage is Stage.RCPT
    assert ladder.started_ms(Stage.RCPT) == 5
    ladder.end(Stage.RCPT, RungState.PROVEN, 9)
    assert [rung.took_ms for rung in ladder.rungs[-2:]] == [1, 4]
    assert not ladder.is_climbing


def test_when_one_of_a_group_fails_the_others_were_not_reached() -> None:
    ladder = Ladder(PLANNED, None)
    begin(ladder, Stage.MAIL, 5, grouped=True)
    begin(ladder, Stage.RCPT, 5, grouped=True)

    ladder.end(Stage.MAIL, RungState.FAILED, 6)

    assert ladder.rungs[-1] == Rung(stage=Stage.RCPT, state=RungState.NOT_REACHED, grouped=True)
    assert not ladder.is_climbing


def test_a_skipped_rung_has_no_time() -> None:
    ladder = Ladder(PLANNED, None)

    ladder.skip(Stage.TLS)

    assert ladder.rungs[2] == Rung(stage=Stage.TLS, state=RungState.SKIPPED)


def test_a_stage_that_was_not_planned_gets_a_rung_of_its_own() -> None:
    ladder = Ladder(PLANNED, None)

    ladder.end(Stage.STARTTLS, RungState.FAILED, 8)

    rung = ladder.rungs[-1]
    assert (rung.stage, rung.state, rung.started_ms, rung.took_ms) == (
        Stage.STARTTLS,
        RungState.FAILED,
        8,
        0,
    )


def test_the_clock_of_a_stage_that_is_not_being_climbed_began_with_the_test() -> None:
    assert Ladder(PLANNED, None).started_ms(Stage.MAIL) == 0


def test_the_observer_is_told_of_each_step() -> None:
    told = Told()
    ladder = Ladder(PLANNED, told)

    prove(ladder, Stage.CONNECT, 1, 2)
    ladder.skip(Stage.TLS)
    begin(ladder, Stage.MAIL, 3, grouped=True)
    ladder.end(Stage.MAIL, RungState.FAILED, 7)

    assert told.lines == [
        "connect at 1",
        "connect proven after 1",
        "tls skipped after None",
        "mail at 3",
        "mail failed after 4",
    ]


def test_a_group_that_broke_is_climbed_again() -> None:
    ladder = Ladder(PLANNED, None)
    prove(ladder, Stage.CONNECT, 1, 2)
    began = ladder.rungs[: [rung.stage for rung in PLANNED].index(Stage.MAIL)]
    begin(ladder, Stage.MAIL, 3, grouped=True)
    begin(ladder, Stage.RCPT, 3, grouped=True)
    ladder.end(Stage.MAIL, RungState.PROVEN, 5)
    assert ladder.is_grouped(Stage.RCPT)
    assert ladder.is_proven(Stage.MAIL)

    ladder.climb_again(Stage.MAIL)

    assert ladder.rungs == (*began, *PLANNED[len(began) :])
    assert not ladder.is_climbing
    assert not ladder.is_grouped(Stage.RCPT)
    begin(ladder, Stage.MAIL, 9)
    assert ladder.started_ms(Stage.MAIL) == 9
