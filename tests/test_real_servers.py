from __future__ import annotations

import pytest

from tests.real_servers import require_or_skip


def test_a_missing_program_skips_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMTPCHECK_REQUIRE_REAL", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"No Exim here. apt install exim4"):
        require_or_skip("No Exim here.", "apt install exim4")


def test_a_missing_program_fails_where_the_real_thing_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMTPCHECK_REQUIRE_REAL", "1")
    with pytest.raises(pytest.fail.Exception, match=r"No Exim here. apt install exim4"):
        require_or_skip("No Exim here.", "apt install exim4")
