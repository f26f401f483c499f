"""The dialogue as text is bounded, fits a terminal, and holds no secret."""

from __future__ import annotations

import base64

import pytest

from smtpcheck.engine.evidence import Reply, StageReply
from smtpcheck.engine.redaction import MASK, Redactor, Secret
from smtpcheck.engine.stages import Stage
from smtpcheck.engine.transcript import MAX_TRANSCRIPT_LENGTH, Transcript

PASSWORD = "hunter2\\ö-secret"


def transcript(password: str = PASSWORD) -> Transcript:
    return Transcript(Redactor([Secret(password)]))


def test_a_dialogue_reads_line_by_line_with_its_times() -> None:
    dialogue = transcript()
    dialogue.note(0, "mx.example.org is 192.0.2.1")
    dialogue.sent(0.1234, "EHLO probe.example")
    dialogue.received(1, StageReply(Stage.EHLO, Reply(250, ("mx", "SIZE"))))
    assert dialogue.dialogue().text.splitlines() == [
        "  0.000 * mx.example.org is 192.0.2.1",
        "  0.123 > EHLO probe.example",
        "  1.000 < 250-mx",
        "  1.000 < 250 SIZE",
    ]


def test_controls_cannot_reach_a_terminal() -> None:
    dialogue = transcript()
    dialogue.note(0, "a\x1b[31m\r\0\x9b")
    dialogue.unreadable(0, b"\x1b]0;title\x07\xff")
    assert dialogue.dialogue().text.isascii()
    assert all(line.isprintable() for line in dialogue.dialogue().text.splitlines())


def test_a_transcript_is_bounded_and_says_that_it_is_cut() -> None:
    dialogue = transcript()
    for _ in range(1000):
        dialogue.received(0, StageReply(Stage.EHLO, Reply(250, ("x" * 5000,))))
    assert len(dialogue.dialogue().text) <= MAX_TRANSCRIPT_LENGTH
    assert max(map(len, dialogue.dialogue().text.splitlines())) < 600
    assert dialogue.dialogue().text.endswith("left out")
    before = dialogue.dialogue().text
    dialogue.note(1, "later")
    assert dialogue.dialogue().text == before


@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.EHLO, Stage.AUTH, Stage.CONTENT])
def test_a_reply_with_the_secret_keeps_its_codes_alone(stage: Stage) -> None:
    reply = Reply(535, ("5.7.8 no:", f"5.7.8 {PASSWORD}", "sorry"))
    safe = transcript().safe_reply(stage, reply)
    assert safe == Reply(535, (f"5.7.8 {MASK}", f"5.7.8 {MASK}", MASK))


def test_a_secret_across_the_lines_of_a_reply_is_seen() -> None:
    reply = Reply(550, (PASSWORD[:6], PASSWORD[6:]))
    assert transcript().safe_reply(Stage.MAIL, reply) == Reply(550, (MASK, MASK))


def test_a_harmless_reply_is_kept_word_for_word() -> None:
    reply = Reply(250, ("2.0.0 queued as 1234",))
    assert transcript().safe_reply(Stage.CONTENT, reply) is reply


def test_words_out_of_a_reply_are_masked_by_the_same_rule() -> None:
    assert transcript().safe_text(Stage.AUTH, "status 401") == "status 401"
    assert transcript().safe_text(Stage.AUTH, f"status {PASSWORD}") == MASK
    assert transcript("ok").safe_text(Stage.AUTH, "status 401") == MASK
    assert transcript("ok").safe_text(Stage.AUTH, "") == ""


def test_with_a_short_secret_the_replies_to_a_login_keep_their_codes_alone() -> None:
    dialogue = transcript("ok")
    reply = Reply(235, ("2.7.0 ok",))
    assert dialogue.safe_reply(Stage.AUTH, reply) == Reply(235, (f"2.7.0 {MASK}",))
    assert dialogue.safe_reply(Stage.MAIL, Reply(250, ("ok",))) == Reply(250, ("ok",))


@pytest.mark.parametrize(
    "raw",
    [
        PASSWORD.encode(),
        b"echo " + PASSWORD.encode() + b"\xff",
        base64.b64encode(b"\0alice\0" + PASSWORD.encode()),
        b"x" * 61 + PASSWORD.encode(),
        b"AUTH PLAIN " + base64.b64encode(b"\0" + b"u" * 36 + b"\0" + PASSWORD.encode()),
    ],
)
def test_bytes_that_were_no_reply_do_not_tell_the_secret(raw: bytes) -> None:
    dialogue = transcript()
    dialogue.unreadable(0, raw)
    assert dialogue.dialogue().text == f"  0.000 < {MASK}"
    assert dialogue.safe_bytes(raw) == MASK.encode()


def test_harmless_bytes_are_kept_as_they_came() -> None:
    for raw in (b"SSH-2.0-OpenSSH", bytes(range(256))):
        assert transcript().safe_bytes(raw) == raw
