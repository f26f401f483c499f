from __future__ import annotations

from typing import get_args

from smtpcheck.engine.driver import conversation
from smtpcheck.engine.session import Effect


def test_everything_that_a_session_can_ask_for_is_carried_out() -> None:
    at_once = set(conversation.Conversation._AT_ONCE)
    waited_for = set(get_args(conversation._Wait))

    assert at_once | waited_for == set(get_args(Effect))
    assert not at_once & waited_for
