from __future__ import annotations

import asyncio

import pytest
from django.test import AsyncClient, Client

CSS = "/static/smtpcheck/admin.css"


def test_a_file_is_served_with_its_type_and_length(client: Client) -> None:
    response = client.get(CSS)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/css")
    assert int(response["Content-Length"]) == len(response.content) > 0


def test_it_is_served_by_an_asgi_server_without_a_warning() -> None:
    # A warning is an error in this run.
    response = asyncio.run(AsyncClient().get(CSS))
    assert response.status_code == 200
    assert not response.streaming


def test_a_part_of_a_file_is_served(client: Client) -> None:
    response = client.get(CSS, headers={"Range": "bytes=0-9"})
    assert response.status_code == 206
    assert len(response.content) == 10


@pytest.mark.parametrize("path", ["/static/nothing.css", "/static/../settings.py"])
def test_what_is_not_there_is_a_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
