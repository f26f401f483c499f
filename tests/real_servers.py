"""What a test does when a real program that it needs is not there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def require_or_skip(reason: str, how_to_get: str) -> NoReturn:
    """Skip with both sentences; fail with them where SMTPCHECK_REQUIRE_REAL=1 forbids skipping.

    A build that means to test against the real thing must not pass without it.
    """
    sentence = f"{reason} {how_to_get}"
    if os.environ.get("SMTPCHECK_REQUIRE_REAL") == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
