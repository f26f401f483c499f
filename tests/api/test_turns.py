from __future__ import annotations

import threading

import pytest
from django.http import HttpRequest
from django.test import AsyncRequestFactory, RequestFactory
from rest_framework.request import Request
from rest_framework.response import Response

from smtpcheck.api import accounts, views
from smtpcheck.api.turns import RunsTests
from smtpcheck.services.turnstile import Turnstile

PATIENCE_SECONDS = 10.0


class Call(RunsTests):
    """A call that needs no database."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def get(self, request: Request) -> Response:
        return Response(request.method)

    def post(self, request: Request) -> Response:
        if "crash" in request.query_params:
            raise RuntimeError
        return Response(request.method)


@pytest.fixture
def turnstile(monkeypatch: pytest.MonkeyPatch) -> Turnstile:
    """Has one place, for a thread of the test to take."""
    turnstile = Turnstile(1)
    monkeypatch.setattr("smtpcheck.api.turns.turnstile", turnstile)
    return turnstile


class Caller(threading.Thread):
    """Calls in a thread of its own, as under an ASGI server."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(daemon=True)
        self._request = request
        self.answers: list[object] = []

    def run(self) -> None:
        self.answers.append(Call.as_view()(self._request).data)


def post(path: str = "/") -> HttpRequest:
    return AsyncRequestFactory().post(path)


def answers_beside(turnstile: Turnstile, request: HttpRequest) -> list[object]:
    """What is answered while the one place is taken."""
    with turnstile.inside():
        caller = Caller(request)
        caller.start()
        caller.join(PATIENCE_SECONDS)
        return caller.answers


def test_a_test_waits_for_its_turn(turnstile: Turnstile) -> None:
    caller = Caller(post())
    with turnstile.inside():
        caller.start()
        while not turnstile.waiting:
            assert caller.is_alive()
        assert not caller.answers
    caller.join(PATIENCE_SECONDS)
    assert caller.answers == ["POST"]


def test_whoever_only_asks_what_the_call_does_passes(turnstile: Turnstile) -> None:
    assert answers_beside(turnstile, AsyncRequestFactory().get("/")) == ["GET"]


def test_a_wsgi_server_counts_its_threads_itself(turnstile: Turnstile) -> None:
    assert answers_beside(turnstile, RequestFactory().post("/")) == ["POST"]


@pytest.mark.usefixtures("turnstile")
def test_a_call_that_crashes_gives_its_place_back() -> None:
    with pytest.raises(RuntimeError):
        Call.as_view()(post("/?crash"))
    assert Call.as_view()(post()).data == "POST"


def test_every_call_that_runs_tests_takes_its_turn() -> None:
    calls = {views.TestSmtpServer, accounts.AccountTest}
    assert calls <= set(RunsTests.__subclasses__())
