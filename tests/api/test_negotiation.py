from __future__ import annotations

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from smtpcheck.api.negotiation import AcceptOrBody
from smtpcheck.api.renderers import JsonRenderer, TextJsonRenderer

JSON, TEXT = "application/json", "text/json"


def chosen(accept: str | None, content_type: str = JSON) -> str:
    headers = {} if accept is None else {"Accept": accept}
    plain = RequestFactory().generic("POST", "/", b"{}", content_type, headers=headers)
    renderers = [JsonRenderer(), TextJsonRenderer()]
    renderer, media_type = AcceptOrBody().select_renderer(Request(plain), renderers)
    assert renderer.media_type == media_type
    return media_type


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json", JSON),
        ("application/json; charset=utf-8", JSON),
        ("text/json", TEXT),
        ("TEXT/JSON", TEXT),
        ("text/*", TEXT),
        ("*/*", JSON),
        ("application/json;q=0.1, text/json;q=0.9", TEXT),
        ("text/json;q=0, */*", JSON),
    ],
)
def test_accept_decides_by_quality(accept: str, expected: str) -> None:
    assert chosen(accept) == expected


@pytest.mark.parametrize("accept", [None, "", "image/png", "nonsense", "a/b;q=x", "x" * 32_768])
def test_without_a_usable_accept_the_answer_is_json(accept: str | None) -> None:
    assert chosen(accept, "application/x-www-form-urlencoded") == JSON


@pytest.mark.parametrize("accept", [None, "", "image/png"])
def test_without_a_usable_accept_the_type_of_the_body_is_answered(accept: str | None) -> None:
    assert chosen(accept, "text/json; charset=utf-8") == TEXT
