"""A reply whose words contradict its code is seen, and free words are left alone."""

from __future__ import annotations

import pytest

from smtpcheck.engine.diagnosis.contradictions import contradicts_itself
from smtpcheck.engine.stages import Stage
from tests.engine.diagnosis.sightings import reply


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Stage.MAIL, "250 error"),
        (Stage.CONTENT, "250 Error: queue file write"),
        (Stage.CONTENT, "250-Ok\n250 denied"),
        (Stage.GREETING, "220 5.7.1 you are listed"),
        (Stage.RCPT, "250 5.1.1 who?"),
        (Stage.AUTH, "535 2.7.0 Authentication successful"),
        (Stage.RCPT, "550 4.2.0 Greylisted"),
        (Stage.MAIL, "451 5.7.3 STARTTLS is required to send mail"),
        (Stage.CONTENT, "550 OK"),
        (Stage.MAIL, "451 accepted."),
    ],
)
def test_words_against_the_code_are_seen(stage: Stage, said: str) -> None:
    assert contradicts_itself(stage, reply(said))


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Stage.GREETING, "220 mx.example.org ESMTP"),
        (Stage.GREETING, "220 error.example.org"),
        (Stage.GREETING, "220 Failed-mail.example ESMTP"),
        (Stage.EHLO, "250-denied.example\n250 4.9.1"),
        (Stage.MAIL, "250 2.1.0 Ok"),
        (Stage.MAIL, "250 error-free"),
        (Stage.MAIL, "250 no error"),
        (Stage.MAIL, "250 errors go to ann@sandbox.example"),
        (Stage.AUTH, "334 4.7.0"),
        (Stage.DATA, "354 Failed lines end with a dot"),
        (Stage.RCPT, "550 5.1.1 ok"),
        (Stage.RCPT, "550 ok was the last one"),
        (Stage.RCPT, "550 192.0.2.9"),
        (Stage.RCPT, "250 5.1.1.1 queued"),
        (Stage.CONTENT, "250"),
    ],
)
def test_free_words_are_left_alone(stage: Stage, said: str) -> None:
    assert not contradicts_itself(stage, reply(said))
