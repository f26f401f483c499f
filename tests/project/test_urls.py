from __future__ import annotations

from django.test import Client


def test_the_bare_address_leads_to_the_admin(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/admin/"
