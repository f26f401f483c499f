from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.deprecation import MiddlewareMixin
from pytest_django.fixtures import Settings

from project.handler import OneThreadHandler

# Where the last request was served, by who served it.
_threads: dict[str, int] = {}


class Both(MiddlewareMixin):
    """Could be a coroutine, as most of Django's own middleware."""

    def process_request(self, request: HttpRequest) -> None:
        _threads["before"] = threading.get_ident()

    def process_view(self, request: HttpRequest, *_call: Any) -> None:
        _threads["at the view"] = threading.get_ident()

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        _threads["after"] = threading.get_ident()
        return response


def plain(request: HttpRequest) -> HttpResponse:
    _threads["view"] = threading.get_ident()
    return HttpResponse(b"plain")


async def coroutine(request: HttpRequest) -> HttpResponse:
    _threads["view"] = threading.get_ident()
    await asyncio.sleep(0)
    return HttpResponse(b"coroutine")


def crashing(request: HttpRequest) -> HttpResponse:
    raise RuntimeError


urlpatterns = [path(view.__name__, view) for view in (plain, coroutine, crashing)]


@pytest.fixture(autouse=True)
def _project(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [f"{__name__}.Both"] * 2
    _threads.clear()


def served(view: Callable[..., object]) -> tuple[int, bytes]:
    """Status and body of an answer, from a loop in this thread."""
    sent: list[Mapping[str, Any]] = []
    never = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if sent_body:
            await never.wait()
        sent_body.append(True)
        return {"type": "http.request", "body": b""}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    sent_body: list[bool] = []
    scope = {
        "type": "http", "method": "GET", "path": f"/{view.__name__}", "query_string": b"",
        "headers": [(b"host", b"localhost")], "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(OneThreadHandler()(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def test_middleware_and_view_run_in_one_thread() -> None:
    assert served(plain) == (200, b"plain")
    assert set(_threads) == {"before", "at the view", "view", "after"}
    (thread,) = set(_threads.values())
    assert thread != threading.get_ident()  # the loop is free meanwhile


def test_a_view_that_is_a_coroutine_runs_on_the_loop() -> None:
    assert served(coroutine) == (200, b"coroutine")
    assert _threads["view"] == threading.get_ident()
    assert _threads["before"] == _threads["after"] != threading.get_ident()


def test_a_view_that_crashes_is_a_500() -> None:
    status, _body = served(crashing)
    assert status == 500


def test_a_page_that_is_not_there_is_a_404() -> None:
    status, _body = served(test_a_page_that_is_not_there_is_a_404)
    assert status == 404
