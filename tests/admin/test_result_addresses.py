"""The table of addresses on the page of a result."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.admin.pages import result_page, seen, text
from tests.engine.telling.test_addresses import EVERY, at
from tests.models.results import result

pytestmark = pytest.mark.django_db

HEADING = "Every address of the server"


def test_every_address_has_its_row(administrator: Client) -> None:
    page = text(administrator, result_page(result(evidence={"every_address": EVERY})))

    assert HEADING in page
    assert "192.0.2.2 works as far as it was tested" in page
    assert "lacks SIZE 1, DSN; adds CHUNKING" in page


def test_what_a_server_offers_is_shown_as_text(administrator: Client) -> None:
    hostile = at("192.0.2.1", lacks=["<script>alert(1)</script>\x1b[2J"])

    page = seen(administrator, result_page(result(evidence={"every_address": [hostile]})))

    assert "<script>alert" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize("evidence", [{}, {"every_address": []}])
def test_a_test_of_one_connection_has_no_table(
    administrator: Client, evidence: dict[str, object]
) -> None:
    assert HEADING not in text(administrator, result_page(result(evidence=evidence)))
