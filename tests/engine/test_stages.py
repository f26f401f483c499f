"""The words of a test are public: in the API, in the history and in exit statuses."""

from __future__ import annotations

from enum import StrEnum

import pytest

from smtpcheck.engine.stages import Goal, Owner, RungState, Security, Stage, Verdict

STAGES = "config dns oauth connect greeting ehlo starttls tls auth mail rcpt data content delivery"


@pytest.mark.parametrize(
    ("vocabulary", "words"),
    [
        (Stage, STAGES),
        (Verdict, "works fails inconclusive"),
        (Owner, "settings network provider recipient sender-domain tester"),
        (RungState, "proven failed skipped not-reached"),
        (Goal, "login recipient content"),
        (Security, "tls starttls opportunistic none"),
    ],
)
def test_a_public_word_is_never_renamed_or_moved(vocabulary: type[StrEnum], words: str) -> None:
    assert [item.value for item in vocabulary] == words.split()
