"""The page to read and try the API, in a real browser under the site's own rules."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def asked(page: Page) -> list[str]:
    """Every address that the browser asks for."""
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    return addresses


def test_the_page_works_without_any_other_site(
    page: Page, site: Site, complaints: list[str], asked: list[str]
) -> None:
    page.goto("/api/v1/docs/")
    expect(page.get_by_role("heading", name="smtpcheck")).to_be_visible()
    expect(page.locator(".opblock")).to_have_count(17)
    page.locator("#operations-CustomerService_Agent-v1CustomerServiceAgent_TestSmtpServer").click()
    expect(page.get_by_role("button", name="Try it out")).to_be_visible()
    assert complaints == []
    assert [url for url in asked if not url.startswith((f"{site.url}/", "data:", "blob:"))] == []


def test_a_call_is_tried_with_the_session(page: Page, complaints: list[str]) -> None:
    page.goto("/api/v1/docs/")
    page.locator("#operations-accounts-v1_accounts_create").click()
    page.get_by_role("button", name="Try it out").click()
    page.locator("textarea.body-param__text").fill('{"name": "Swagger", "host": "192.0.2.1"}')
    page.get_by_role("button", name="Execute").click()
    status = page.locator(".live-responses-table tbody .response-col_status")
    expect(status).to_contain_text("201")
    assert complaints == []


def test_the_plain_list_of_addresses_is_a_page(page: Page, complaints: list[str]) -> None:
    page.goto("/api")
    page.get_by_role("link", name="/api/v1/docs/").click()
    expect(page.locator(".opblock").first).to_be_visible()
    assert complaints == []
