from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.http import Http404, UnreadablePostError
from django.test import RequestFactory
from rest_framework import exceptions as framework
from rest_framework.request import Request
from rest_framework.response import Response

from smtpcheck import services
from smtpcheck.api.exceptions import BodyTooLarge, XsrfRefused, answer_for

pytestmark = pytest.mark.django_db  # calls of nobody are counted


def answered(exc: Exception) -> Response:
    response = answer_for(exc, {"request": Request(RequestFactory().get("/"))})
    assert response is not None
    return response


def body(exc: Exception) -> dict[str, Any]:
    return dict(answered(exc).data)


@pytest.mark.parametrize(
    ("exc", "status", "error_type"),
    [
        (framework.ParseError(), 400, "ArgumentException"),
        (framework.ValidationError("x"), 400, "ArgumentException"),
        (SuspiciousOperation("x"), 400, "ArgumentException"),
        (TooManyFieldsSent("x"), 400, "ArgumentException"),
        (UnreadablePostError("x"), 400, "ArgumentException"),
        (framework.NotAuthenticated(), 401, "AuthenticationException"),
        (framework.AuthenticationFailed(), 401, "AuthenticationException"),
        (XsrfRefused(), 401, "ArgumentException"),
        (framework.PermissionDenied(), 403, "UnauthorizedAccessException"),
        (PermissionDenied("x"), 403, "UnauthorizedAccessException"),
        (services.NotPermitted(services.TEST_ACCOUNT), 403, "UnauthorizedAccessException"),
        (Http404("x"), 404, "NotFoundException"),
        (framework.MethodNotAllowed("PUT"), 405, "NotSupportedException"),
        (BodyTooLarge(), 413, "RequestTooLargeException"),
        (RequestDataTooBig("x"), 413, "RequestTooLargeException"),
        (framework.UnsupportedMediaType("a/b"), 415, "UnsupportedMediaTypeException"),
        (framework.Throttled(5), 429, "TooManyRequestsException"),
        (services.HeldBack(7), 429, "TooManyRequestsException"),
        (services.Busy(7), 503, "ServiceUnavailableException"),
    ],
)
def test_a_refusal_has_its_status_and_the_one_shape(
    exc: Exception, status: int, error_type: str
) -> None:
    assert answered(exc).status_code == status
    assert list(body(exc)) == ["Error", "ErrorType", "Message", "ErrorSource"]
    assert body(exc)["Error"] is True
    assert body(exc)["ErrorType"] == error_type
    assert body(exc)["Message"].endswith((".", "x"))


def test_the_source_is_the_original_name_only_where_the_original_gives_it() -> None:
    assert body(XsrfRefused())["ErrorSource"] == "SuperOffice.Services.WebApi"
    assert body(framework.ParseError())["ErrorSource"] == "smtpcheck"


@pytest.mark.parametrize(
    ("detail", "message"),
    [
        ("No.", "No."),
        (["No.", "Never."], "No. Never."),
        ({"SmtpUri": ["No."], "From": ["Never."]}, "SmtpUri: No. From: Never."),
        ({"non_field_errors": ["No."]}, "No."),
    ],
)
def test_the_message_names_each_member(detail: Any, message: str) -> None:
    assert body(framework.ValidationError(detail))["Message"] == message


@pytest.mark.parametrize(
    ("exc", "seconds"),
    [
        (framework.Throttled(4.2), "5"),
        (framework.Throttled(None), "60"),
        (services.Busy(7), "7"),
    ],
)
def test_who_comes_too_early_is_told_when_to_come_again(exc: Exception, seconds: str) -> None:
    assert answered(exc)["Retry-After"] == seconds


def test_other_refusals_tell_no_time() -> None:
    assert "Retry-After" not in answered(framework.ParseError())


def test_the_words_of_the_use_case_reach_the_caller() -> None:
    assert body(services.NotPermitted(services.TEST_ACCOUNT))["Message"].startswith(
        "You may not test this account."
    )
    assert "Try again in 7 seconds." in body(services.Busy(7))["Message"]


def test_a_crash_is_left_to_be_logged() -> None:
    assert answer_for(ZeroDivisionError(), {}) is None


def test_djangos_own_words_stay_inside() -> None:
    for exc in (SuspiciousOperation("geheim"), PermissionDenied("geheim"), Http404("geheim")):
        assert "geheim" not in str(body(exc))
