from __future__ import annotations

import asyncio

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory

from project.headers import CONTENT_SECURITY_POLICY, SecurityHeadersMiddleware


def test_every_answer_says_what_its_page_may_do(client: Client) -> None:
    headers = client.get("/").headers
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_an_answer_that_brings_its_own_keeps_it() -> None:
    def view(_request: object) -> HttpResponse:
        return HttpResponse(headers={"Content-Security-Policy": "own"})

    answer = SecurityHeadersMiddleware(view)(RequestFactory().get("/"))
    assert answer.headers["Content-Security-Policy"] == "own"


def test_it_works_in_an_asynchronous_chain_too() -> None:
    async def view(_request: object) -> HttpResponseBase:
        return HttpResponse()

    answer = asyncio.run(SecurityHeadersMiddleware(view)(RequestFactory().get("/")))
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
