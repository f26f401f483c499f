"""What an operator does in the admin, in a real browser with a real mail server."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.admin.pages import ACCOUNTS, ADD_ACCOUNT, RESULTS
from tests.browser.conftest import LOGINS, Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),  # one worker starts one browser and one server
]

WRONG = "Wrong user name or password"


def add_account(page: Page, name: str, uri: str) -> None:
    page.goto(ADD_ACCOUNT)
    page.get_by_label("Name:", exact=True).fill(name)
    page.get_by_label("SMTP URI:").fill(uri)
    page.get_by_label("Sender:").fill("ann@sandbox.example")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("A password is saved.")).to_be_visible()


def test_an_account_is_made_from_a_uri_and_works(
    page: Page, site: Site, complaints: list[str]
) -> None:
    ((user, password),) = LOGINS.items()
    add_account(page, "News", site.uri(user, password))
    expect(page.get_by_label("User name:")).to_have_value(user)
    page.get_by_role("button", name="Test now").click()
    expect(page.locator(".messagelist")).to_contain_text("“News” works.")
    expect(page.locator(".result-head h2")).to_have_text(
        "The server accepted the test mail for delivery."
    )
    page.get_by_role("link", name="Open the account News").click()
    expect(page.locator(".account-panel .pill")).to_have_text("Works")
    assert complaints == []


def test_a_selection_is_tested_from_the_list(page: Page, site: Site) -> None:
    add_account(page, "Bills", site.uri("bob", "wrong password"))
    page.goto(ACCOUNTS)
    page.get_by_role("checkbox", name="Bills").check()
    page.get_by_label("Action:").select_option("test_selected")
    page.locator(".actions button[name=index]").click()  # "Go", and from Django 6.1 on "Run"
    expect(page.locator(".messagelist")).to_contain_text("1 account tested. Fails: 1.")
    expect(page.locator("#result_list .field-found")).to_contain_text(WRONG)


@pytest.fixture
def addresses(page: Page, site: Site, request: pytest.FixtureRequest) -> list[str]:
    """Every kind of page, with an account and the result of a failed test on it."""
    name = request.node.name
    add_account(page, name, site.uri(name, "wrong password"))
    account = page.url
    page.get_by_role("button", name="Test now").click()
    expect(page.locator(".messagelist")).to_contain_text(WRONG)
    return [ACCOUNTS, ADD_ACCOUNT, account, RESULTS, page.url]


@pytest.mark.parametrize("width", [375, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_is_readable_for_everybody(
    page: Page,
    addresses: list[str],
    complaints: list[str],
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert complaints == []
        # Our own parts only: the frame around them is Django's.
        for part in (".account-panel", ".result", "#result_list"):
            if page.locator(part).count():
                found = Axe().run(page, context=part)
                assert found.violations_count == 0, found.generate_report()
        complaints.clear()  # the rules measure with styles of their own, which are blocked
