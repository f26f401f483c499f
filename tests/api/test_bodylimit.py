"""The limit around the whole application, over a real socket against uvicorn: test_bad_input.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from smtpcheck.api.bodylimit import LimitedBodies, Message, Receive, Scope, Send

LIMIT = 10


class Server:
    """What an ASGI server does for one request; ``left`` is what nobody has asked for."""

    def __init__(self, *chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.left = list(chunks)
        self.sent: list[Message] = []
        self.scope: Scope = {
            "type": "http", "method": "POST", "path": "/api/x", "headers": list(headers),
            "query_string": b"", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 9),
        }  # fmt: skip

    async def receive(self) -> Message:
        body = self.left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self.left)}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def serve(self) -> None:
        limited = LimitedBodies(_echo, LIMIT)
        async_to_sync(limited)(self.scope, self.receive, self.send)

    @property
    def status(self) -> Any:
        return self.sent[0]["status"]


async def _echo(_scope: Scope, receive: Receive, send: Send) -> None:
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("chunks", [[b""], [b"x" * LIMIT], [b"x"] * LIMIT])
def test_a_body_within_the_limit_passes_unchanged(chunks: list[bytes]) -> None:
    server = Server(*chunks)
    server.serve()
    assert server.status == 200
    assert server.sent[1]["body"] == b"".join(chunks)


def test_a_body_declared_too_large_is_refused_unread() -> None:
    server = Server(b"x", headers=((b"content-length", b"11"),))
    server.serve()
    assert server.status == 413
    assert server.left == [b"x"]


def test_a_body_that_grows_too_large_is_refused_at_the_first_byte_too_many() -> None:
    server = Server(b"x" * LIMIT, b"x", b"never asked for")
    server.serve()
    assert server.status == 413
    assert server.left == [b"never asked for"]


@pytest.mark.parametrize("length", [b"", b"-1", b"nonsense", b"\xff"])
def test_a_length_that_is_no_number_leaves_it_to_the_count(length: bytes) -> None:
    server = Server(b"x" * (LIMIT + 1), headers=((b"content-length", length),))
    server.serve()
    assert server.status == 413


def test_the_refusal_is_an_error_body_in_the_format_that_was_asked_for() -> None:
    asked = {b"application/json": b'"RequestTooLargeException"', b"text/xml": b"<Error "}
    for accept, expected in asked.items():
        server = Server(b"", headers=((b"content-length", b"99"), (b"accept", accept)))
        server.serve()
        headers = dict(server.sent[0]["headers"])
        assert headers[b"content-type"] == accept + b"; charset=utf-8"
        assert headers[b"connection"] == b"close"
        assert headers[b"cache-control"] == b"no-cache"  # as every answer of the API
        assert expected in server.sent[1]["body"]
    assert json.loads(refused_as_json())["Error"] is True


def refused_as_json() -> Any:
    server = Server(b"", headers=((b"content-length", b"99"),))
    server.serve()
    return server.sent[1]["body"]


def test_other_protocols_pass() -> None:
    seen: list[str] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    server = Server()
    async_to_sync(LimitedBodies(application))({"type": "lifespan"}, server.receive, server.send)
    assert seen == ["lifespan"]
