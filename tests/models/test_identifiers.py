from __future__ import annotations

from uuid import RFC_4122

from smtpcheck.models import uuid7


def test_a_key_is_a_uuid_of_version_7() -> None:
    made = uuid7()
    assert made.version == 7
    assert made.variant == RFC_4122


def test_keys_sort_by_the_millisecond_they_were_made_in() -> None:
    keys = [uuid7() for _ in range(1000)]
    milliseconds = [key.int >> 80 for key in keys]
    assert milliseconds == sorted(milliseconds)
    assert len(set(keys)) == len(keys)
