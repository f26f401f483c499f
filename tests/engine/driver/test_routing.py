from __future__ import annotations

import socket

import pytest

from smtpcheck.engine.driver.routing import has_ipv6_route


class Routes:
    """A datagram socket on a machine with other routes than this one."""

    def __init__(self, error: OSError | None) -> None:
        self._error = error
        self.asked: list[str] = []

    def __call__(self, *_kind: object) -> Routes:
        return self

    def __enter__(self) -> Routes:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def connect(self, where: tuple[str, int]) -> None:
        self.asked.append(where[0])
        if self._error:
            raise self._error


@pytest.mark.parametrize(
    ("error", "has_route"),
    [(None, True), (OSError(101, "Network is unreachable"), False), (OSError(97, ""), False)],
)
def test_the_kernel_is_asked_where_it_would_send(
    monkeypatch: pytest.MonkeyPatch, error: OSError | None, *, has_route: bool
) -> None:
    routes = Routes(error)
    monkeypatch.setattr(socket, "socket", routes)

    assert has_ipv6_route() is has_route
    assert len(routes.asked) == 1


def test_on_this_machine_it_is_one_or_the_other() -> None:
    assert has_ipv6_route() in (True, False)
