"""A server's hostile words on the pages of the admin, in a browser that would run what it can."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.admin.pages import ACCOUNTS, RESULTS
from tests.browser.conftest import Site
from tests.peers.hostile import hostile
from tests.peers.scripted import ScriptedPeer

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def asked(page: Page) -> list[Request]:
    """Everything that the page has asked for; a dialog means that a script ran."""
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))  # noqa: PLW0108 - takes no builtin
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    return requests


def test_they_are_read_and_nothing_of_them_runs(
    page: Page,
    site: Site,
    complaints: list[str],
    asked: list[Request],
    peer: Callable[..., ScriptedPeer],
    server_context: ssl.SSLContext,
) -> None:
    server = peer(hostile(server_context))
    page.goto(f"{ACCOUNTS}add/")
    page.get_by_label("Name:", exact=True).fill("Hostile")
    page.get_by_label("SMTP URI:").fill(f"smtps://ann:passphrase@127.0.0.1:{server.port}")
    page.get_by_label("Sender:").fill("ann@sandbox.example")
    page.get_by_role("button", name="Save and continue editing").click()
    account = page.url
    page.get_by_role("button", name="Test now").click()
    expect(page.locator(".result")).to_contain_text("<script>document.title='pwned'</script>")
    for address in (page.url, account, ACCOUNTS, RESULTS):
        page.goto(address)
        assert "pwned" not in page.title()
        assert page.locator("img[src=x]").count() == 0
        assert page.locator("a[href^=javascript]").count() == 0
    assert complaints == []
    assert {urlsplit(each.url).netloc for each in asked} == {urlsplit(site.url).netloc}


def test_a_script_that_got_into_a_page_would_not_run(page: Page, complaints: list[str]) -> None:
    page.goto(ACCOUNTS)
    page.set_content("<p>kept</p>")  # the policy of the page stays
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'pwned'";
            document.head.append(script);
            document.body.innerHTML = "<img src=x onerror=\\"document.title = 'pwned'\\">";
        }"""
    )
    page.wait_for_timeout(300)
    assert page.title() != "pwned"
    assert any("Content Security Policy" in each for each in complaints)
