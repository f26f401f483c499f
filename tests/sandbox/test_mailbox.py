from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smtpcheck.sandbox import DirectoryMailbox, Mail, Mailbox
from smtpcheck.sandbox.mailbox import own_files

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def mail(number: int = 1, content: bytes = b"Subject: hi\r\n\r\nhello\r\n") -> Mail:
    return Mail(
        queue_id=f"A{number}",
        sender="ann@a.example",
        recipients=("bob@b.example", "cy@c.example"),
        login="ann",
        content=content,
        taken_at=NOON + timedelta(seconds=number),
    )


def test_a_file_holds_the_trace_and_the_content_as_it_was_sent(tmp_path: Path) -> None:
    kept = DirectoryMailbox(tmp_path / "mails").keep(mail())

    assert kept.path
    assert kept.path.read_bytes() == (
        b"Return-Path: <ann@a.example>\r\n"
        b"Delivered-To: bob@b.example\r\n"
        b"Delivered-To: cy@c.example\r\n"
        b"Received: by sandbox (login ann) id A1;\r\n Fri, 02 Jan 2026 12:00:01 +0000\r\n"
        b"Subject: hi\r\n\r\nhello\r\n"
    )
    assert kept.path.stat().st_mode & 0o777 == 0o600


def test_only_the_newest_files_stay_and_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.eml").write_text("not the sandbox's")
    mailbox = DirectoryMailbox(tmp_path, limit=2)

    for number in (1, 2, 3):
        mailbox.keep(mail(number))

    assert [path.name[-6:] for path in own_files(tmp_path)] == ["A2.eml", "A3.eml"]
    assert [each.queue_id for each in mailbox.mails] == ["A2", "A3"]
    assert (tmp_path / "mine.eml").exists()


def test_memory_keeps_the_newest() -> None:
    mailbox = Mailbox(limit=2)
    for number in (1, 2, 3):
        mailbox.keep(mail(number))
    assert [each.queue_id for each in mailbox.mails] == ["A2", "A3"]


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        (b"Subject: =?utf-8?b?Z3LDvG4=?=", "grün"),
        (b"Subject: =?unknown-charset?q?x?=", "=?unknown-charset?q?x?="),
        (b"Subject: =?utf-8?b?A?=", "=?utf-8?b?A?="),
        (b"X: y", ""),
    ],
)
def test_a_subject_is_decoded_where_it_can_be(header: bytes, subject: str) -> None:
    assert mail(content=header + b"\r\n\r\n").subject == subject
