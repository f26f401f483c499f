"""What a client of the original relies on and no other test here shows.

docs/reference/compatibility.md lists all of it, each with the test that shows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.api.callers import PASSWORD, PATH
from tests.api.engines import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[..., Any]

URI = "smtps://ann%40example.org:geheim@192.0.2.1:465"
PATCH = "application/json-patch+json"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine's place, taken by one that answers at once."""
    engine = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", engine)
    return engine


class TestRequest:
    def test_a_patch_names_members_in_any_case_and_without_a_slash(
        self, call: Call, tester: User, engine: ScriptedEngine
    ) -> None:
        operations = [
            {"op": "add", "path": "smtpuri", "value": URI},
            {"op": "replace", "path": "/FROM", "value": "ann@example.org"},
        ]
        assert call(tester, operations, content_type=PATCH).json()["Success"] is True
        assert engine.plans[0].sender.address == "ann@example.org"

    @pytest.mark.parametrize(
        "content_type", ["application/json", "text/json", "application/merge-patch+json"]
    )
    def test_a_list_is_refused_under_any_type_but_that_of_a_patch(
        self, call: Call, tester: User, content_type: str
    ) -> None:
        operations = [{"op": "add", "path": "SmtpUri", "value": URI}]
        response = call(tester, operations, content_type=content_type)
        assert response.status_code == 400
        assert "SmtpUri" in json.loads(response.content)["Message"]

    @pytest.mark.parametrize("charset", ["klingon", "utf8", "UTF-8", "iso-8859-1", ""])
    def test_an_unknown_charset_is_read_as_utf_8(
        self, call: Call, tester: User, engine: ScriptedEngine, charset: str
    ) -> None:
        body = json.dumps({"SmtpUri": URI, "From": "Änn <ann@example.org>"}, ensure_ascii=False)
        content_type = f"application/json; charset={charset}"
        assert call(tester, body.encode(), content_type=content_type).status_code == 200
        assert engine.plans[0].sender.address == "ann@example.org"

    def test_the_headers_of_the_client_are_taken(
        self, call: Call, tester: User, engine: ScriptedEngine
    ) -> None:
        headers = {
            "Accept": "application/json",
            "User-Agent": "SO-TS-WebApi/1.0",
            "SO-Browser-TZ-Offset": "-120",
            "SO-Timezone": "W. Europe Standard Time,includeTZOffset",
            "SO-AppToken": "an application",
            "Accept-Encoding": "gzip, compress, deflate, br",
            "Accept-Language": "",
            "SO-Language": "",
            "SO-Culture": "",
        }
        response = call(tester, {"smtpUri": URI}, headers=headers)
        assert response.json()["Success"] is True


class TestPaths:
    @pytest.mark.parametrize("path", ["/api/v1" + PATH, PATH + "/More", PATH + "2"])
    def test_any_other_path_is_a_404(self, call: Call, tester: User, path: str) -> None:
        assert call(tester, {"SmtpUri": URI}, path=path).status_code == 404

    def test_options_tells_the_methods_and_runs_nothing(
        self, call: Call, tester: User, engine: ScriptedEngine
    ) -> None:
        response = call(tester, {"SmtpUri": URI}, method="OPTIONS")
        assert response.status_code == 200
        assert {"GET", "POST"} <= set(response["Allow"].split(", "))
        assert engine.plans == []

    def test_head_runs_nothing(self, call: Call, tester: User, engine: ScriptedEngine) -> None:
        response = call(tester, {"SmtpUri": URI}, method="HEAD")
        assert response.status_code == 200
        assert response.content == b""
        assert engine.plans == []


class TestSession:
    @pytest.fixture
    def browser(self, tester: User) -> Client:
        """A browser in which the tester has logged in by the form."""
        tester.is_staff = True
        tester.save()
        browser = Client(enforce_csrf_checks=True)
        browser.get("/admin/login/")
        answer = browser.post(
            "/admin/login/",
            {
                "username": tester.username,
                "password": PASSWORD,
                "csrfmiddlewaretoken": browser.cookies["XSRF-TOKEN"].value,
            },
        )
        assert answer.status_code == 302
        return browser

    def post(self, browser: Client, value: str) -> Any:
        body = json.dumps({"SmtpUri": URI})
        return browser.post(
            PATH, body, content_type="application/json", headers={"X-XSRF-TOKEN": value}
        )

    def test_the_xsrf_cookie_can_be_read_by_scripts_and_the_session_cannot(
        self, browser: Client
    ) -> None:
        value, session = browser.cookies["XSRF-TOKEN"], browser.cookies["smtpcheck_session"]
        assert (value["httponly"], value["samesite"], value["path"]) == ("", "Lax", "/")
        assert (session["httponly"], session["samesite"]) == (True, "Lax")

    def test_the_value_of_the_cookie_opens_until_the_logout(
        self, browser: Client, engine: ScriptedEngine
    ) -> None:
        value = browser.cookies["XSRF-TOKEN"].value
        session = browser.cookies["smtpcheck_session"].value
        assert self.post(browser, value).json()["Success"] is True
        browser.post("/admin/logout/", headers={"X-XSRF-TOKEN": value})
        browser.cookies["smtpcheck_session"] = session
        browser.cookies["XSRF-TOKEN"] = value
        assert self.post(browser, value).status_code == 401
        assert len(engine.plans) == 1


class TestAnswer:
    @pytest.mark.parametrize("charset", ["utf-16", "iso-8859-1", "*;q=0", "klingon"])
    @pytest.mark.parametrize("accept", ["application/json", "text/xml"])
    def test_it_is_always_in_utf_8(
        self, call: Call, tester: User, engine: ScriptedEngine, charset: str, accept: str
    ) -> None:
        headers = {"Accept": accept, "Accept-Charset": charset}
        response = call(tester, {"SmtpUri": URI}, headers=headers)
        assert response["Content-Type"] == f"{accept}; charset=utf-8"
        assert "Success" in response.content.decode("utf-8")

    def test_names_are_in_pascal_case_whatever_the_request_was_in(
        self, call: Call, tester: User, engine: ScriptedEngine
    ) -> None:
        answer = call(tester, {"smtpUri": URI, "from": "ann@example.org"}).json()
        assert list(answer) == ["Success", "ErrorMessage", "TableRight", "FieldProperties"]

    @pytest.mark.parametrize("query", ["", "?$select=TableRight/Mask,FieldProperties"])
    def test_every_mask_is_a_text_and_no_number(
        self, call: Call, tester: User, engine: ScriptedEngine, query: str
    ) -> None:
        answer = call(tester, {"SmtpUri": URI}, path=PATH + query).json()
        rights = [answer["TableRight"]]
        rights += [field["FieldRight"] for field in answer["FieldProperties"].values()]
        assert [right["Mask"] for right in rights] == ["Select", "Read", "Read"]

    @pytest.mark.parametrize("select", ["Success", "Nothing,Of,This", "TableRight/Mask"])
    def test_a_selection_never_hides_an_error(self, call: Call, tester: User, select: str) -> None:
        response = call(tester, b"{", path=f"{PATH}?$select={select}")
        assert response.status_code == 400
        assert list(response.json()) == ["Error", "ErrorType", "Message", "ErrorSource"]
        assert all(value is not None for value in response.json().values())
