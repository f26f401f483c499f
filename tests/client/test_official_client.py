"""The official client against this server: it is given another address, and nothing else."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.client.conftest import APP_TOKEN, Mailbox
from tests.client.official import Call, Outcome, Page, Told, begin
from tests.end_to_end.application import PATIENCE_SECONDS, Application
from tests.end_to_end.databases import ADMINISTRATOR, PASSWORD
from tests.peers.fixtures import USER

# One worker takes the whole module: another one would start another application.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("official_client"),
    pytest.mark.usefixtures("official_client"),
]

BY_PASSWORD = [["authenticateWithPassword", ADMINISTRATOR, PASSWORD]]
NOT_A_SERVER = "imap://mail.example.org"

ASKED_AT_ONCE = 50


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A mail server that lets clients in and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        yield listener


def base_url(application: Application) -> str:
    return f"http://127.0.0.1:{application.port}/api"


def told(application: Application, call: Call) -> Told:
    with begin(base_url(application), call) as begun:
        return begun.told()


def outcome(application: Application, *arguments: object, **how: object) -> Outcome:
    """What comes of one call, logged in by password unless told otherwise."""
    return told(application, Call(list(arguments), **{"log_in": BY_PASSWORD, **how})).outcome  # type: ignore[arg-type]


def message(application: Application, **how: object) -> str:
    """The error message of a test that fails for a reason that is told in every language."""
    text: str = outcome(application, NOT_A_SERVER, USER, False, **how).result["errorMessage"]
    return text


class TestOverloads:
    def test_three_arguments(self, application: Application, mailbox: Mailbox) -> None:
        found = outcome(application, mailbox.uri, USER, False)
        assert found.status == "Completed"
        assert found.result["success"] is True, found.result
        assert found.result["errorMessage"] == ""

    def test_a_request_object(self, application: Application, mailbox: Mailbox) -> None:
        request = {"smtpUri": mailbox.uri, "from": USER, "useStoredPassword": False}
        found = outcome(application, request)
        assert found.status == "Completed"
        assert found.result["success"] is True, found.result
        assert len(mailbox.sandbox.mailbox.mails) == 1

    def test_a_request_object_with_the_uri_alone(
        self, application: Application, mailbox: Mailbox
    ) -> None:
        assert outcome(application, {"smtpUri": mailbox.uri}).result["success"] is True

    def test_a_test_that_fails_is_a_result(
        self, application: Application, mailbox: Mailbox
    ) -> None:
        found = outcome(application, mailbox.uri_with("wrong"), USER, False)
        assert found.status == "Completed"
        assert found.result["success"] is False
        assert "535" in found.result["errorMessage"]

    def test_null_for_the_uri_is_a_test_that_fails(self, application: Application) -> None:
        found = outcome(application, None, None, None)
        assert found.result["success"] is False
        assert found.result["errorMessage"]

    def test_an_empty_request_object_is_refused_by_member(self, application: Application) -> None:
        # The client takes it for the URI and sends {"smtpUri": {}}.
        found = outcome(application, {}, None, None)
        assert found.status == "Failed"
        assert found.refused["status"] == 400
        assert "SmtpUri: " in found.refused["body"]["Message"]


def test_rights_are_names_that_the_client_knows(application: Application) -> None:
    call = Call([NOT_A_SERVER, USER, False], BY_PASSWORD)
    answer = told(application, call)
    result, rights = answer.outcome.result, answer.rights
    assert result["tableRight"] == {"mask": rights["ETableRight"]["Select"], "reason": ""}
    read = {"mask": rights["EFieldRight"]["Read"], "reason": ""}
    assert result["fieldProperties"] == {
        "Success": {"fieldRight": read, "fieldType": "System.Boolean", "fieldLength": 0},
        "ErrorMessage": {"fieldRight": read, "fieldType": "System.String", "fieldLength": 0},
    }


class TestAuthentication:
    def is_let_in(self, application: Application, log_in: list[list[str]]) -> bool:
        found = outcome(application, NOT_A_SERVER, USER, False, log_in=log_in)
        if found.refused:
            assert found.status == "Failed"
            assert found.refused["status"] == 401
            assert found.refused["body"]["Error"] is True
            return False
        return found.status == "Completed"

    def ticket(self, application: Application, token: str) -> str:
        bearer = f"Bearer {token}"
        answer = application.request("POST", "/api/v1/tickets/", b"", Authorization=bearer)
        ticket: str = answer.json["Ticket"]
        return ticket

    def test_password(self, application: Application) -> None:
        assert self.is_let_in(application, BY_PASSWORD)

    def test_bearer_token(self, application: Application, token: str) -> None:
        assert self.is_let_in(application, [["authenticateWithToken", token]])

    def test_ticket_next_to_an_application_token(
        self, application: Application, token: str
    ) -> None:
        ticket = ["authenticateWithTicket", self.ticket(application, token)]
        assert self.is_let_in(application, [ticket, ["applicationToken", APP_TOKEN]])
        assert not self.is_let_in(application, [ticket])

    @pytest.mark.parametrize(
        "log_in",
        [
            [],
            [["authenticateWithPassword", ADMINISTRATOR, "wrong"]],
            [["authenticateWithToken", "8A:Cust12345.wrong=="]],
            [["authenticateWithTicket", "7T:wrong=="], ["applicationToken", APP_TOKEN]],
        ],
        ids=lambda log_in: log_in[0][0] if log_in else "none",
    )
    def test_none_or_a_wrong_one_rejects_the_promise_with_401(
        self, application: Application, log_in: list[list[str]]
    ) -> None:
        assert not self.is_let_in(application, log_in)


class TestSession:
    def call(self, application: Application, page: Page) -> Outcome:
        # Of axios, which the client sends by, the way of a browser.
        options = {"axiosConfig": {"adapter": "fetch"}}
        return outcome(
            application, NOT_A_SERVER, USER, False, log_in=[], page=page, options=options
        )

    def test_the_cookie_of_the_session_with_the_cookie_of_the_xsrf_value(
        self, application: Application
    ) -> None:
        cookies = application.browser().cookies
        visible = {"XSRF-TOKEN": cookies["XSRF-TOKEN"]}
        hidden = {"smtpcheck_session": cookies["smtpcheck_session"]}
        assert self.call(application, Page(visible, hidden)).status == "Completed"

    def test_the_xsrf_value_of_a_hidden_field(self, application: Application) -> None:
        browser = application.browser()
        form = browser.get("/admin/smtpcheck/smtpaccount/add/").text
        (value, *_same) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        hidden = {"smtpcheck_session": browser.cookies["smtpcheck_session"]}
        page = Page({"theme": "light"}, hidden, input=value)
        assert self.call(application, page).status == "Completed"

    def test_the_session_alone_is_a_401_that_names_the_header(
        self, application: Application
    ) -> None:
        hidden = {"smtpcheck_session": application.browser().cookies["smtpcheck_session"]}
        found = self.call(application, Page({"theme": "light"}, hidden))
        assert found.refused["status"] == 401
        assert "X-XSRF-TOKEN" in found.refused["body"]["Message"]


@pytest.fixture(scope="module")
def english(application: Application) -> str:
    """The message of such a test in English."""
    return message(application, options={"languageCode": "en"})


@pytest.fixture(scope="module")
def norwegian(application: Application, english: str) -> str:
    """The same in Norwegian."""
    spoken = message(application, options={"languageCode": "nb-no"})
    assert spoken != english
    return spoken


class TestLanguages:
    def test_without_one_it_is_english(self, application: Application, english: str) -> None:
        assert message(application) == english

    def test_of_one_call(self, application: Application, norwegian: str) -> None:
        assert message(application, request_options={"languageCode": "nb"}) == norwegian

    def test_of_one_call_before_that_of_the_client(
        self, application: Application, english: str
    ) -> None:
        how = {"options": {"languageCode": "nb"}, "request_options": {"languageCode": "en"}}
        assert message(application, **how) == english

    @pytest.mark.parametrize("code", ["", "-", "*", "xx", "nb;q=0"])
    def test_none_or_an_unknown_one_is_english(
        self, application: Application, english: str, code: str
    ) -> None:
        assert message(application, request_options={"languageCode": code}) == english

    def test_do_not_parse_is_english(self, application: Application, english: str) -> None:
        assert message(application, options={"resourceParsing": 1}) == english

    def test_culture_and_time_zone_change_nothing(
        self, application: Application, norwegian: str
    ) -> None:
        options = {"cultureCode": "de", "timezone": "Europe/Oslo", "timezoneInclude": True}
        how = {"request_options": {"languageCode": "nb", **options}}
        assert message(application, **how) == norwegian


def test_select_by_the_options_of_its_request(application: Application) -> None:
    params = {"$select": "Success, TableRight/Mask"}
    options = {"axiosConfig": {"params": params}}
    result = outcome(application, NOT_A_SERVER, USER, False, options=options).result
    assert result["success"] is False
    assert result["errorMessage"] is None
    assert result["fieldProperties"] is None
    assert result["tableRight"]["mask"] == 1


def test_an_aborted_call_ends_the_test_and_its_row(
    application: Application, silent_server: socket.socket
) -> None:
    uri = f"smtps://127.0.0.1:{silent_server.getsockname()[1]}"
    call = Call([uri, USER, False], BY_PASSWORD, may_be_aborted=True)
    with begin(base_url(application), call) as begun:
        visitor, _address = silent_server.accept()
        with visitor:
            begun.abort()
            assert begun.told().outcome.status == "Cancelled"
            visitor.settimeout(PATIENCE_SECONDS)
            while visitor.recv(1024):  # until the mail server is let go of
                pass
    assert interrupted(application)


def interrupted(application: Application) -> bool:
    """Wait for the last row to be closed as interrupted."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        row = max(application.database.results(), key=lambda row: str(row["started_at"]))
        if row["finished_at"]:
            return (row["verdict"], row["diagnosis_id"]) == ("inconclusive", "tool.interrupted")
        time.sleep(0.05)
    return False


def test_50_calls_at_once(application: Application, mailbox: Mailbox) -> None:
    call = Call([mailbox.uri, USER, False], BY_PASSWORD, times=ASKED_AT_ONCE)
    found = told(application, call).outcomes
    assert [(each.status, each.result["success"]) for each in found] == [
        ("Completed", True)
    ] * ASKED_AT_ONCE
    assert len(mailbox.sandbox.mailbox.mails) == ASKED_AT_ONCE
