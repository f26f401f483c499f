"""Tokens and tickets at the door: what opens it, what does not, and how they are had."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from smtpcheck.models import AccessToken, TokenKind
from tests.api.callers import PASSWORD, PATH, basic

pytestmark = pytest.mark.django_db

TICKETS = "/api/v1/tickets/"


def get(client: Client, authorization: str, **headers: str) -> Any:
    return client.get(PATH, headers={"Authorization": authorization, **headers})


def issued(owner: User, kind: TokenKind) -> str:
    return AccessToken.objects.issue(owner, kind).issued_text


def switch(settings: Settings, **values: Any) -> None:
    settings.SMTPCHECK = {**getattr(settings, "SMTPCHECK", {}), **values}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_token_opens_in_any_spelling(client: Client, stranger: User, scheme: str) -> None:
    assert get(client, f"{scheme} {issued(stranger, TokenKind.BEARER)}").status_code == 200


@pytest.mark.parametrize("scheme", ["SoTicket", "SOTicket", "SOTICKET", "soticket"])
def test_a_ticket_opens_in_any_spelling(client: Client, stranger: User, scheme: str) -> None:
    assert get(client, f"{scheme} {issued(stranger, TokenKind.TICKET)}").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer 8A:wrong",
        "SoTicket",
        "SoTicket 7T:wrong",
        "Bearer \xff",
        "8A:x",
    ],
)
def test_anything_else_is_a_401(client: Client, stranger: User, authorization: str) -> None:
    response = get(client, authorization)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response.json()["ErrorType"] == "AuthenticationException"


def test_a_token_is_not_taken_for_a_ticket(client: Client, stranger: User) -> None:
    assert get(client, f"SoTicket {issued(stranger, TokenKind.BEARER)}").status_code == 401
    assert get(client, f"Bearer {issued(stranger, TokenKind.TICKET)}").status_code == 401


def test_a_wrong_token_is_not_rescued_by_a_session(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    assert get(client, "Bearer 8A:wrong").status_code == 401


class TestAppToken:
    @pytest.fixture(autouse=True)
    def _required(self, settings: Settings) -> None:
        switch(settings, APP_TOKENS=("app-one", "app-zwö"))

    @pytest.mark.parametrize("sent", ["", "wrong", "app-on"])
    def test_a_ticket_without_a_right_one_is_a_401(
        self, client: Client, stranger: User, sent: str
    ) -> None:
        ticket = issued(stranger, TokenKind.TICKET)
        response = get(client, f"SoTicket {ticket}", **({"SO-AppToken": sent} if sent else {}))
        assert response.status_code == 401
        assert "SO-AppToken" in response.json()["Message"]

    def test_a_ticket_with_a_right_one_passes(self, client: Client, stranger: User) -> None:
        ticket = issued(stranger, TokenKind.TICKET)
        assert get(client, f"SoTicket {ticket}", **{"SO-AppToken": "app-one"}).status_code == 200

    def test_other_schemes_need_none(self, client: Client, stranger: User) -> None:
        assert get(client, f"Bearer {issued(stranger, TokenKind.BEARER)}").status_code == 200
        assert get(client, basic("strangér", PASSWORD)).status_code == 200


@pytest.mark.parametrize("off", ["basic", "bearer", "soticket", "session"])
def test_each_scheme_can_be_switched_off(
    client: Client, stranger: User, settings: Settings, off: str
) -> None:
    schemes = {"basic", "bearer", "soticket", "session"}
    switch(settings, AUTHENTICATION=tuple(schemes - {off}))
    headers = {
        "basic": basic("strangér", PASSWORD),
        "bearer": f"Bearer {issued(stranger, TokenKind.BEARER)}",
        "soticket": f"SoTicket {issued(stranger, TokenKind.TICKET)}",
    }
    statuses = {name: get(client, header).status_code for name, header in headers.items()}
    browser = Client()
    browser.force_login(stranger)
    statuses["session"] = browser.get(PATH).status_code
    assert {name for name, status in statuses.items() if status == 401} == {off}


def test_who_sends_nothing_is_told_which_schemes_are_taken(
    client: Client, settings: Settings
) -> None:
    switch(settings, AUTHENTICATION=("bearer", "soticket", "session"))
    message = client.get(PATH).json()["Message"]
    assert "(Bearer, SoTicket)" in message
    assert "Basic" not in message


class TestTickets:
    def ask(self, client: Client, method: str, authorization: str) -> Any:
        return client.generic(method, TICKETS, headers={"Authorization": authorization})

    def test_a_login_is_given_a_ticket(self, client: Client, stranger: User) -> None:
        response = self.ask(client, "POST", basic("strangér", PASSWORD))
        assert response.status_code == 201
        assert get(client, f"SoTicket {response.json()['Ticket']}").status_code == 200
        assert response.json()["ExpiresAt"].startswith("20")

    def test_a_ticket_gets_no_other_ticket(self, client: Client, stranger: User) -> None:
        ticket = issued(stranger, TokenKind.TICKET)
        assert self.ask(client, "POST", f"SoTicket {ticket}").status_code == 403

    def test_nobody_is_given_nothing(self, client: Client) -> None:
        assert client.post(TICKETS).status_code == 401
        assert not AccessToken.objects.exists()

    def test_a_ticket_ends_itself_alone(self, client: Client, stranger: User) -> None:
        one, other = (issued(stranger, TokenKind.TICKET) for _ in range(2))
        assert self.ask(client, "DELETE", f"SoTicket {one}").status_code == 204
        assert get(client, f"SoTicket {one}").status_code == 401
        assert get(client, f"SoTicket {other}").status_code == 200

    def test_a_login_ends_all_its_tickets_and_no_token(
        self, client: Client, stranger: User, tester: User
    ) -> None:
        mine = issued(stranger, TokenKind.TICKET)
        token = issued(stranger, TokenKind.BEARER)
        others = issued(tester, TokenKind.TICKET)
        assert self.ask(client, "DELETE", basic("strangér", PASSWORD)).status_code == 204
        assert get(client, f"SoTicket {mine}").status_code == 401
        assert get(client, f"Bearer {token}").status_code == 200
        assert get(client, f"SoTicket {others}").status_code == 200
