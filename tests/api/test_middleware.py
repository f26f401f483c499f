from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from smtpcheck.api.middleware import ApiAnswerMiddleware, ApiPathMiddleware, canonical_path
from tests.api.callers import PATH

RESULT = f"/api/v1/results/{UUID(int=0xABCDEF)}/"


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        (PATH, PATH),
        (PATH + "/", PATH),
        (PATH.lower(), PATH),
        (PATH.upper() + "/", PATH),
        (RESULT, RESULT),
        (RESULT.rstrip("/"), RESULT),
        (RESULT.upper(), RESULT),
    ],
)
def test_a_known_path_is_folded_to_its_spelling(path: str, canonical: str) -> None:
    assert canonical_path(path) == canonical


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/admin/",
        "/API/v2",
        "/api//",
        PATH + "//",
        PATH + "/x",
        PATH.replace("TestSmtp", "testsmtp ") + "\n",
        "/api/v1/results/a/b",
        "/apis/v1/results/a",
        "/x" + PATH.lower(),
    ],
)
def test_any_other_path_stays_as_it_is(path: str) -> None:
    assert canonical_path(path) == path


def folded(path: str, script: str = "") -> HttpRequest:
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    ApiPathMiddleware(view)(RequestFactory().post(path, SCRIPT_NAME=script))
    return seen[0]


def test_both_paths_of_a_request_are_folded() -> None:
    request = folded(PATH.lower() + "/")
    assert (request.path_info, request.path) == (PATH, PATH)


def test_the_prefix_of_the_server_stays() -> None:
    request = folded(PATH.lower(), script="/tenant")
    assert (request.path_info, request.path) == (PATH, "/tenant" + PATH)


@pytest.mark.parametrize("path", [PATH.lower(), PATH + "/", PATH.upper() + "/"])
def test_a_post_is_routed_without_a_redirect(client: Client, db: None, path: str) -> None:
    assert client.post(path).status_code == 401  # the call itself answers


def body_of(response: Any) -> Any:
    assert response["Content-Type"] == "application/json; charset=utf-8"
    body = response.json()
    assert list(body) == ["Error", "ErrorType", "Message", "ErrorSource"]
    return body


@pytest.mark.parametrize("path", ["/api/v2", "/API/v1/Agents/X/Y", "/api/v1/results/1/"])
@pytest.mark.parametrize("debug", [False, True])
def test_an_unknown_path_is_a_404_in_the_shape_of_the_api(
    client: Client, settings: Settings, path: str, debug: bool
) -> None:
    settings.DEBUG = debug
    response = client.post(path)
    assert response.status_code == 404
    assert body_of(response)["ErrorType"] == "NotFoundException"


def test_a_refused_host_is_named_as_the_reason(client: Client) -> None:
    response = client.post(PATH, headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "allowed hosts" in body_of(response)["Message"]


def answered(response: HttpResponse, path: str = PATH) -> Any:
    return ApiAnswerMiddleware(lambda _request: response)(RequestFactory().post(path))


@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (400, "ArgumentException"),
        (403, "UnauthorizedAccessException"),
        (404, "NotFoundException"),
        (405, "NotSupportedException"),
        (413, "RequestTooLargeException"),
        (500, "Exception"),
        (503, "ServiceUnavailableException"),
    ],
)
def test_a_page_of_django_becomes_an_error_body(status: int, error_type: str) -> None:
    page = HttpResponse("<h1>Traceback of frame</h1>", status=status, headers={"Allow": "GET"})
    response = answered(page)
    assert response.status_code == status
    assert response["Allow"] == "GET"
    body = json.loads(response.content)
    assert body["ErrorType"] == error_type
    assert "Traceback" not in str(body)


def test_every_answer_of_the_api_forbids_caches() -> None:
    response = answered(JsonResponse({}))
    assert [response[name] for name in ("Cache-Control", "Pragma", "Expires")] == [
        "no-cache",
        "no-cache",
        "-1",
    ]


def test_other_pages_are_left_alone() -> None:
    page = HttpResponse("<h1>no</h1>", status=404)
    assert answered(page, "/admin/") is page
    assert "Cache-Control" not in page
