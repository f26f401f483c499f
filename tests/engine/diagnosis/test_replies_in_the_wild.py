"""What real servers answer leads to what it means, whatever its case and its lines."""

from __future__ import annotations

import re

import pytest

from smtpcheck.engine.evidence import enhanced_code
from smtpcheck.engine.stages import Stage, Verdict
from tests.engine.diagnosis.sightings import SEALED, diagnosis_of, fault, judged, reply, seen
from tests.engine.diagnosis.wild import REPLIES, Said

each_reply = pytest.mark.parametrize("said", REPLIES, ids=lambda said: f"{said.id}-{said.text}")


def in_other_lines(text: str) -> str:
    """The same words as two lines, parted in the middle."""
    told = reply(text)
    first, *others = told.lines
    rest = (line.removeprefix(enhanced_code(line, told.code)).strip() for line in others)
    words = " ".join((first, *rest)).split()
    half = (len(words) + 1) // 2
    return f"{told.code}-{' '.join(words[:half])}\n{told.code} {' '.join(words[half:])}"


@each_reply
def test_a_real_reply_is_recognised(said: Said) -> None:
    assert diagnosis_of(said.evidence()) == said.id


@each_reply
def test_its_case_does_not_matter(said: Said) -> None:
    assert diagnosis_of(said.evidence(said.text.upper())) == said.id


@each_reply
def test_its_lines_do_not_matter(said: Said) -> None:
    assert diagnosis_of(said.evidence(in_other_lines(said.text))) == said.id


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT], ids=str)
def test_a_relay_that_wants_a_login_says_so_to_who_has_none(stage: Stage) -> None:
    said = fault(stage, "550 5.7.1 Relaying denied. Proper authentication required.")

    assert diagnosis_of(seen(said, username="", tls=SEALED)) == "mail.auth-required"


# What no waiting mends, whatever the code says.
FAILS_WITH_4XX = {
    "auth.dropped",
    "auth.invalid",
    "auth.password-transition",
    "mail.domain-not-found",
    "rcpt.mailgun-sandbox",
    "tls.starttls-454",
    "tls.starttls-required",
}


def as_temporary(text: str) -> str:
    """The same words under a code that says "later"."""
    told = reply(text)
    lines = [re.sub(r"^5(?=\.\d+\.\d+\b)", "4", line) for line in told.lines]
    last = len(lines) - 1
    return "\n".join(
        f"451{' ' if number == last else '-'}{line}" for number, line in enumerate(lines)
    )


@each_reply
def test_what_is_told_for_now_does_not_fail_the_account(said: Said) -> None:
    report = judged(said.evidence(as_temporary(said.text)))

    assert report.diagnosis is not None
    assert report.verdict is Verdict.INCONCLUSIVE or report.diagnosis.id in FAILS_WITH_4XX
