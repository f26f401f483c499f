"""The formats of the contract, through the call itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.api.callers import PASSWORD, PATH, basic
from tests.api.engines import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)

URI = "smtps://ann%40example.org:geheim%3A4711@192.0.2.1:465"
FROM = "ann@example.org"
JSON_BODY = f'{{"smtpUri": "{URI}", "from": "{FROM}", "useStoredPassword": false}}'.encode()
PATCH_BODY = (
    f'[{{"op": "add", "path": "/SmtpUri", "value": "{URI}"}},'
    f' {{"op": "add", "path": "from", "value": "{FROM}"}}]'
).encode()
XML_BODY = (
    "<TestSmtpServerRequest><From>ann@example.org</From>"
    f"<SmtpUri>{URI}</SmtpUri><UseStoredPassword>0</UseStoredPassword></TestSmtpServerRequest>"
).encode()
FORM_BODY = urlencode({"SMTPURI": URI, "From": FROM, "useStoredPassword": "False"}).encode()

BODIES = {
    "application/json": JSON_BODY,
    "text/json": JSON_BODY,
    "application/merge-patch+json": JSON_BODY,
    "application/json-patch+json": PATCH_BODY,
    "application/xml": XML_BODY,
    "text/xml": XML_BODY,
    "application/x-www-form-urlencoded": FORM_BODY,
}
Send = Callable[..., Any]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine's place, taken by one that answers at once."""
    engine = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", engine)
    return engine


@pytest.fixture
def send(client: Client, tester: User) -> Send:
    """Posts octets as the tester."""

    def send(body: bytes, content_type: str, path: str = PATH, **headers: str) -> Any:
        headers.setdefault("Authorization", basic("tester", PASSWORD))
        return client.post(path, body, content_type=content_type, headers=headers)

    return send


@pytest.mark.parametrize("content_type", BODIES)
def test_every_documented_body_asks_the_same(
    send: Send, engine: ScriptedEngine, content_type: str
) -> None:
    response = send(BODIES[content_type], content_type)
    assert response.status_code == 200
    [plan] = engine.plans
    assert (plan.target.host, plan.target.port) == ("192.0.2.1", 465)
    assert plan.credentials.username == FROM
    assert plan.sender.address == FROM


@pytest.mark.parametrize("content_type", [*list(BODIES)[:-1], None])
def test_the_answer_has_the_type_that_was_asked_for_else_that_of_the_body(
    send: Send, engine: ScriptedEngine, content_type: str | None
) -> None:
    asked = send(JSON_BODY, "application/json", Accept=content_type or "image/png")
    assert asked["Content-Type"] == f"{content_type or 'application/json'}; charset=utf-8"
    if content_type:
        echoed = send(BODIES[content_type], content_type)
        assert echoed["Content-Type"] == f"{content_type}; charset=utf-8"


def test_a_form_is_answered_in_json(send: Send, engine: ScriptedEngine) -> None:
    response = send(FORM_BODY, "application/x-www-form-urlencoded")
    assert response.json()["Success"] is True


def test_an_xml_answer_holds_the_carrier(send: Send, engine: ScriptedEngine) -> None:
    engine.refuses_login = True
    root = document(send(XML_BODY, "application/xml"))
    assert root.tag == "SmtpTestResult"
    members = ["TableRight", "FieldProperties", "Success", "ErrorMessage"]
    assert [member.tag for member in root] == members
    assert root.findtext("Success") == "false"
    assert root.findtext("TableRight/Mask") == "Select"
    assert "535 5.7.8" in (root.findtext("ErrorMessage") or "")


def test_what_was_not_selected_is_nil_in_xml(send: Send, engine: ScriptedEngine) -> None:
    path = f"{PATH}?$select=success"
    root = document(send(XML_BODY, "text/xml", path))
    nil = "{http://www.w3.org/2001/XMLSchema-instance}nil"
    assert {member.tag: member.get(nil) for member in root} == {
        "TableRight": "true",
        "FieldProperties": "true",
        "Success": None,
        "ErrorMessage": "true",
    }


@pytest.mark.parametrize(
    ("status", "path", "body", "headers"),
    [
        (400, PATH, b"<R", {}),
        (400, PATH, b"<R><SmtpUri><a>1</a></SmtpUri></R>", {}),
        (401, PATH, XML_BODY, {"Authorization": "Basic nonsense"}),
        (404, "/api/v1/Agents/Nobody/Nothing", XML_BODY, {}),
        (400, PATH, XML_BODY, {"Host": "evil.example"}),
    ],
)
def test_an_error_is_xml_for_whoever_speaks_xml(
    send: Send, status: int, path: str, body: bytes, headers: dict[str, str]
) -> None:
    response = send(body, "application/xml", path, **headers)
    assert response.status_code == status
    assert response["Content-Type"] == "application/xml; charset=utf-8"
    root = document(response)
    assert root.tag == "Error"
    assert [member.tag for member in root] == ["Error", "ErrorType", "Message", "ErrorSource"]


def test_an_error_names_the_member_that_is_wrong(send: Send) -> None:
    root = document(send(b"<R><SmtpUri><a>1</a></SmtpUri></R>", "application/xml"))
    assert (root.findtext("Message") or "").startswith("SmtpUri: ")


def test_a_description_of_the_call_is_xml_for_whoever_wants_it(client: Client) -> None:
    client.force_login(User.objects.create_user("reader"))

    root = document(client.get(PATH, headers={"Accept": "text/xml"}))
    assert root.tag == "Description"
    assert root.findtext("Query/_x0024_select")


def document(response: Any) -> ET.Element:
    """The root element of an answer."""
    return ET.fromstring(response.content)  # noqa: S314 - our own answer
