from __future__ import annotations

import socket

import pytest

from smtpcheck.management.demonstration.serving import base_url, bind


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("::", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_the_address_to_click_is_one_that_a_browser_can_open(host: str, url: str) -> None:
    assert base_url(host, 8000) == url


def test_a_port_that_another_server_has_cannot_be_taken() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(OSError, match="in use"),
    ):
        bind("127.0.0.1", other.getsockname()[1])
