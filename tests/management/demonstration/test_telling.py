from __future__ import annotations

from pathlib import Path

from smtpcheck.engine.telling.terminal import Line
from smtpcheck.management.demonstration.asking import Outcome
from smtpcheck.management.demonstration.examples import EXAMPLES
from smtpcheck.management.demonstration.login import Login
from smtpcheck.management.demonstration.ports import Ports
from smtpcheck.management.demonstration.telling import closing_lines, table_lines

LOGIN = Login("secret-word", Path("/var/netrc"))


def text_of(line: Line) -> str:
    return "".join(span.text for span in line)


def outcome_of(index: int, verdict: str, **details: str) -> Outcome:
    return Outcome(example=EXAMPLES[index], verdict=verdict, **details)


WORKS = outcome_of(0, "works", stage="content")
REFUSED = outcome_of(
    4, "fails", stage="connect", title="Nothing listens", diagnosis_id="connect.refused"
)


def test_a_row_tells_name_verdict_stage_and_diagnosis() -> None:
    head, works, refused = map(text_of, table_lines([WORKS, REFUSED]))
    assert works.startswith(WORKS.example.name)
    assert refused.startswith(REFUSED.example.name)
    assert refused.endswith("Nothing listens")
    assert head.index("Diagnosis") == refused.index("Nothing listens")


def test_an_unexpected_outcome_is_said_plainly() -> None:
    lines = [text_of(line) for line in table_lines([outcome_of(4, "works", stage="content")])]
    assert len(lines) == 3
    assert "Not as expected" in lines[2]
    assert "connect.refused" in lines[2]


def test_a_call_without_an_answer_is_a_row_too() -> None:
    lines = [text_of(line) for line in table_lines([outcome_of(0, "no answer", title="HTTP 500")])]
    assert "no answer" in lines[1]
    assert "HTTP 500" in lines[1]
    assert "Not as expected" in lines[2]


def test_the_last_lines_say_where_to_click_the_login_and_what_to_paste() -> None:
    lines = closing_lines("http://127.0.0.1:8000", LOGIN, Ports(), Path("/var/mails"))
    *_, click, login, _label, paste = map(text_of, lines)
    assert "http://127.0.0.1:8000/admin/" in click
    assert "admin" in login
    assert "secret-word" in login
    assert "/var/netrc" in login
    assert paste.startswith("curl ")
