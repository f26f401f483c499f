from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from smtpcheck.engine.stages import Security
from smtpcheck.engine.uri import parse_uri
from smtpcheck.management.demonstration.asking import (
    CALL_PATH,
    Outcome,
    RestClient,
    curl_line,
    request_body,
)
from smtpcheck.management.demonstration.examples import EXAMPLES
from smtpcheck.management.demonstration.login import Login
from smtpcheck.management.demonstration.ports import Ports

PORTS = Ports()
LOGIN = Login("secret-word", Path("/somewhere/var dir/netrc"))
REFUSED = EXAMPLES[4]


class RestServer(HTTPServer):
    """Answers the call and the result's address; ``asked`` holds what came."""

    def __init__(self, *, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.asked: list[tuple[str, str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: RestServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(json.loads(body), {"Success": False, "ErrorMessage": "..."})

    def do_GET(self) -> None:
        diagnosis = {"id": "connect.refused", "title": "Nothing listens there"}
        self._answer(None, {"verdict": "fails", "stage": "connect", "diagnosis": diagnosis})

    def _answer(self, asked: Any, answer: Any) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"], asked))
        self.send_response(self.server.status)
        self.send_header("SmtpCheck-Result", "4711")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
        """Keep the output of the tests clean."""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[RestServer]:
    with RestServer(status=getattr(request, "param", 200)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def client_of(server: RestServer) -> RestClient:
    return RestClient(f"http://127.0.0.1:{server.server_port}", LOGIN)


def test_the_result_is_read_from_where_the_answer_says(server: RestServer) -> None:
    outcome = client_of(server).test(REFUSED, PORTS)
    assert [path for path, _login, _body in server.asked] == [CALL_PATH, "/api/v1/results/4711/"]
    assert outcome == Outcome(
        example=REFUSED,
        verdict="fails",
        stage="connect",
        title="Nothing listens there",
        diagnosis_id="connect.refused",
    )
    assert outcome.is_expected


def test_the_call_is_made_with_the_login_and_without_the_password(server: RestServer) -> None:
    client_of(server).test(REFUSED, PORTS)
    _path, login, body = server.asked[0]
    assert login.startswith("Basic ")
    assert body["UseStoredPassword"] is True
    assert parse_uri(body["SmtpUri"]).password is None


@pytest.mark.parametrize("server", [500], indirect=True)
def test_an_error_is_told_in_the_table_and_not_raised(server: RestServer) -> None:
    outcome = client_of(server).test(REFUSED, PORTS)
    assert (outcome.verdict, outcome.is_expected) == ("no answer", False)
    assert "500" in outcome.title


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_uri_leads_to_the_example(example: Any) -> None:
    uri = parse_uri(request_body(example, PORTS)["SmtpUri"])
    assert (uri.host, uri.port) == ("127.0.0.1", getattr(PORTS, example.port))
    assert (uri.username, uri.security) == (example.username, example.security)


def test_the_line_to_paste_names_the_file_and_not_the_password() -> None:
    line = curl_line("http://127.0.0.1:8000", LOGIN, PORTS)
    words = shlex.split(line)
    assert words[words.index("--netrc-file") + 1] == str(LOGIN.path)
    assert words[-1] == f"http://127.0.0.1:8000{CALL_PATH}"
    body = json.loads(words[words.index("-d") + 1])
    assert parse_uri(body["SmtpUri"]).security is Security.STARTTLS
    assert LOGIN.password not in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("verdict", "diagnosis_id", "is_expected"),
    [
        ("fails", "connect.refused", True),
        ("fails", "connect.timeout", False),
        ("inconclusive", "connect.refused", False),
        ("works", "", False),
    ],
)
def test_an_outcome_knows_what_its_example_is_there_to_show(
    verdict: str, diagnosis_id: str, is_expected: bool
) -> None:
    outcome = Outcome(example=REFUSED, verdict=verdict, diagnosis_id=diagnosis_id)
    assert outcome.is_expected is is_expected
