from __future__ import annotations

import pytest

from smtpcheck.engine.stages import Stage
from smtpcheck.engine.telling import exit_status


def test_the_statuses_of_the_stages_are_fixed() -> None:
    assert {stage.value: exit_status.of_stage(stage) for stage in Stage} == {
        "config": 10,
        "dns": 11,
        "oauth": 12,
        "connect": 13,
        "greeting": 14,
        "ehlo": 15,
        "starttls": 16,
        "tls": 17,
        "auth": 18,
        "mail": 19,
        "rcpt": 20,
        "data": 21,
        "content": 22,
        "delivery": 23,
    }


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 3], 3),
        ([3, 1, 0], 1),
        ([0, 3, 18], 18),
        ([18, 13, 1], 13),
    ],
)
def test_the_worst_is_the_failure_at_the_earliest_stage(statuses: list[int], worst: int) -> None:
    assert exit_status.worst(statuses) == worst


def test_every_status_is_in_the_table_once() -> None:
    numbers = [number for number, _meaning in exit_status.table()]
    assert numbers == [0, 1, 2, 3, *range(10, 24), 130]
