from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from project.headers import CONTENT_SECURITY_POLICY, HEADERS, SecurityHeadersMiddleware

PLACES = {
    "page": "/",
    "login": "/admin/login/",
    "page that is not there": "/no/such/page",
    "call that is not there": "/api/v1/no/such/call",
    "call without a login": "/api/v1/Agents/CustomerService/TestSmtpServer",
    "health": "/health/live",
    "static file": "/static/admin/css/base.css",
}


def says_what_its_page_may_do(answer: HttpResponseBase) -> bool:
    return HEADERS.items() <= dict(answer.headers).items()


@pytest.mark.django_db
@pytest.mark.parametrize("path", PLACES.values(), ids=PLACES)
def test_every_answer_says_what_its_page_may_do(client: Client, path: str) -> None:
    answer = client.get(path)
    list(getattr(answer, "streaming_content", []))
    assert says_what_its_page_may_do(answer)


@pytest.mark.parametrize("path", ["/admin/login/", "/api/v1/no/such/call"])
def test_an_answer_to_an_unknown_host_does_too(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert says_what_its_page_may_do(answer)


@pytest.mark.parametrize("path", ["/admin/login/", "/api/v1/Agents/CustomerService/TestSmtpServer"])
def test_a_crash_does_too(client: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    def crash(*_arguments: object, **_options: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("django.template.response.TemplateResponse.render", crash)
    monkeypatch.setattr("smtpcheck.api.authentication.BasicAuthentication.authenticate", crash)
    client.raise_request_exception = False
    answer = client.get(path)
    assert answer.status_code == 500
    assert says_what_its_page_may_do(answer)


def test_nothing_inline_and_no_evaluated_text_may_run() -> None:
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'self';")
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "script-src" not in CONTENT_SECURITY_POLICY  # the default is the strictest
    assert "http" not in CONTENT_SECURITY_POLICY


def test_a_refusal_keeps_the_headers_that_others_gave_it(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_HSTS_SECONDS = 3600
    answer = client.get("/api/v1/no/such/call", secure=True)
    assert answer["Strict-Transport-Security"] == "max-age=3600"
    assert answer["Content-Type"].startswith("application/json")


def test_an_answer_that_brings_its_own_keeps_it() -> None:
    def view(_request: object) -> HttpResponse:
        return HttpResponse(headers={"Content-Security-Policy": "own"})

    answer = SecurityHeadersMiddleware(view)(RequestFactory().get("/"))
    assert answer.headers["Content-Security-Policy"] == "own"
