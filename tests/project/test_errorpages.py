from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

import pytest
from django.test import RequestFactory
from django.views.debug import get_exception_reporter_class, technical_500_response
from pytest_django.fixtures import Settings

from project.errorpages import Reporter

PARTS = ("hun", "ter", "22")


def crash() -> None:
    value = "".join(PARTS)  # in no line of source: only variables could show it
    raise RuntimeError(f"{len(value)} characters")


def misread() -> None:
    ("".join(PARTS).encode() + b"\xff").decode()


def raised(function: Callable[[], None]) -> tuple[type[Exception], Exception, TracebackType | None]:
    """What an error page is made from."""
    with pytest.raises((RuntimeError, UnicodeDecodeError)) as caught:
        function()
    return type(caught.value), caught.value, caught.value.__traceback__


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_an_error_page_shows_where_and_never_what_values_were_there(
    settings: Settings, accept: str
) -> None:
    settings.DEBUG = True
    secret = "".join(PARTS)
    settings.SOME_SETTING = secret
    request = RequestFactory(headers={"accept": accept, "authorization": secret}).post(
        "/path", {"field": secret}
    )
    request.COOKIES["cookie"] = secret
    page = technical_500_response(request, *raised(crash)).content.decode()
    assert "crash" in page
    assert "8 characters" in page
    assert secret not in page


def test_a_decoding_error_quotes_nothing(settings: Settings) -> None:
    request = RequestFactory().get("/")
    reporter: object = get_exception_reporter_class(request)
    assert reporter is Reporter
    page = Reporter(request, *raised(misread)).get_traceback_html()
    assert "".join(PARTS) not in page


def test_a_report_without_a_request_works() -> None:
    assert "crash" in Reporter(None, *raised(crash)).get_traceback_text()
