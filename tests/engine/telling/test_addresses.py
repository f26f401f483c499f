from __future__ import annotations

from typing import Any

from smtpcheck.engine.telling.addresses import address_rows
from smtpcheck.engine.telling.answer import answer_lines
from tests.engine.telling.test_answer import WORKS, texts


def at(address: str, **changes: Any) -> dict[str, Any]:
    return {
        "address": address,
        "went_on": False,
        "stage": "ehlo",
        "took_ms": 12,
        "diagnosis_id": "",
        "evidence_line": "",
        "tls_version": "TLSv1.3",
        "certificate": "aa",
        "lacks": [],
        "adds": [],
        **changes,
    }


EVERY = [
    at("192.0.2.1", went_on=True, stage="content"),
    at("192.0.2.2"),
    at("2001:db8::1", certificate="bb", lacks=["SIZE 1", "DSN"], adds=["CHUNKING"]),
    at("192.0.2.3", stage="greeting", diagnosis_id="greet.rejected", certificate=""),
]


def test_each_address_has_a_row_in_words() -> None:
    first, second, third, last = address_rows(EVERY)

    assert (first.address, second.address) == ("192.0.2.1", "192.0.2.2")
    assert "to the end" in first.outcome
    assert "up to the login" in second.outcome
    assert {first.differences, second.differences, last.differences} == {""}
    assert third.differences == "another certificate; lacks SIZE 1, DSN; adds CHUNKING"
    assert last.outcome.startswith("Greeting: ")
    assert "?" not in last.outcome


def test_without_one_that_went_on_nothing_is_compared() -> None:
    assert address_rows([at("192.0.2.1", certificate="aa")])[0].differences == ""
    assert address_rows([]) == []


def test_a_terminal_shows_them_as_a_table() -> None:
    lines = texts(answer_lines({**WORKS, "evidence": {"every_address": EVERY}}, 100))

    start = lines.index("Addresses")
    assert lines[start + 1].startswith("192.0.2.1    works")
    assert lines[start + 3].startswith("2001:db8::1  works")
    assert "another certificate" in lines[start + 3]


def test_a_test_of_one_connection_has_no_table() -> None:
    assert "Addresses" not in texts(answer_lines({**WORKS, "evidence": {}}, 100))
