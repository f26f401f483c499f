from __future__ import annotations

import socket
from dataclasses import asdict
from pathlib import Path

import pytest

from smtpcheck.engine.policy import parse_entry
from smtpcheck.management.demonstration.ports import (
    HOST,
    Ports,
    choose_ports,
    hold_without_listening,
    keep_ports,
    kept_ports,
)

FREE = Ports(starttls=0, tls=0, expired=0, refused=0)


def test_free_ports_are_kept_from_start_to_start(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = choose_ports(FREE)
    keep_ports(path, first)
    assert choose_ports(kept_ports(path)) == first


def test_a_taken_port_is_replaced_and_the_others_stay() -> None:
    first = choose_ports(FREE)
    with socket.create_server((HOST, first.tls)):
        second = choose_ports(first)
    assert second.tls != first.tls
    assert {**asdict(second), "tls": 0} == {**asdict(first), "tls": 0}


def test_all_ports_differ() -> None:
    assert len(set(asdict(choose_ports(FREE)).values())) == 4


@pytest.mark.parametrize("text", ["", "[]", '{"tls": "x"}', '{"other": 1}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ports.json"
    path.write_text(text)
    assert kept_ports(path) is None


def test_the_policy_allows_exactly_these_ports_on_loopback_and_no_clear_text() -> None:
    entry = parse_entry(Ports(starttls=4, tls=3, expired=2, refused=1).policy_entry)
    assert (str(entry.network), entry.ports, entry.cleartext) == (
        "127.0.0.1/32",
        frozenset({1, 2, 3, 4}),
        False,
    )


def test_a_held_port_refuses_connections() -> None:
    with (
        hold_without_listening(choose_ports(FREE).refused) as held,
        pytest.raises(ConnectionRefusedError),
    ):
        socket.create_connection(held.getsockname(), timeout=5)
