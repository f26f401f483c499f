"""Types that Django cannot take apart, over a real socket against uvicorn: test_bad_input.py."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync

from smtpcheck.api.bodylimit import Receive, Scope, Send
from smtpcheck.api.contenttype import ReadableTypes

HOST = (b"host", b"127.0.0.1")


def passed_on(*types: bytes, kind: str = "http") -> Scope:
    """What the application inside gets."""
    seen: list[Scope] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    headers = [HOST, *((b"content-type", each) for each in types)]
    scope: Scope = {"type": kind, "headers": headers}
    async_to_sync(ReadableTypes(application))(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    "content_type",
    [b"application/json", b"application/json; charset=klingon", b"", b"/;;=\xff", b"a" * 5000],
)
def test_a_type_that_can_be_read_passes_unchanged(content_type: bytes) -> None:
    assert passed_on(content_type)["headers"] == [HOST, (b"content-type", content_type)]


def test_no_type_stays_none() -> None:
    assert passed_on()["headers"] == [HOST]


@pytest.mark.parametrize(
    "types",
    [
        [b"application/json; charset*=klingon''utf-8"],
        [b"application/json", b"text/xml; charset*=klingon''utf-8"],
    ],
)
def test_a_type_that_cannot_be_read_is_one_that_nobody_takes(types: list[bytes]) -> None:
    assert passed_on(*types)["headers"] == [HOST, (b"content-type", b"unreadable")]


def test_other_protocols_pass() -> None:
    assert passed_on(kind="lifespan")["type"] == "lifespan"
