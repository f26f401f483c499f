from __future__ import annotations

import os
import socket

import pytest


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_no_test_can_reach_another_machine(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.socket(family, socket.SOCK_STREAM) as client,
        pytest.raises(RuntimeError, match="tried to connect"),
    ):
        client.connect((address, 25))


def test_a_test_can_reach_this_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_the_settings_of_the_shell_do_not_reach_the_tests() -> None:
    assert "SMTPCHECK_ENV_FILE" not in os.environ
    assert os.environ["SECRET_KEY"].startswith("for-tests-only-")
