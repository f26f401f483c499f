"""Asks the REST call for the tests, as any caller would: over HTTP with a login."""

from __future__ import annotations

import base64
import json
import shlex
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import quote

from smtpcheck.engine.stages import Security
from smtpcheck.management.demonstration.examples import EXAMPLES, Example
from smtpcheck.management.demonstration.login import Login
from smtpcheck.management.demonstration.ports import HOST, Ports

CALL_PATH = "/api/v1/Agents/CustomerService/TestSmtpServer"
RESULT_PATH = "/api/v1/results/{id}/"

# A test has 18 s by default; who waits longer waits for a server that is stuck.
TIMEOUT_SECONDS = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a test of an example gave; ``diagnosis_id`` is "" where it works."""

    example: Example
    verdict: str
    stage: str = ""
    title: str = ""
    diagnosis_id: str = ""

    @property
    def is_expected(self) -> bool:
        """True if the test said what the example is there to show."""
        wanted = "fails" if self.example.expected else "works"
        return (self.verdict, self.diagnosis_id) == (wanted, self.example.expected)


class RestClient:
    """Calls the server at a base address such as http://127.0.0.1:8000."""

    def __init__(self, base_url: str, login: Login) -> None:
        self._base_url = base_url
        pair = f"{login.username}:{login.password}".encode()
        self._authorization = "Basic " + base64.b64encode(pair).decode()
        # No proxy: the server is this very process.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def test(self, example: Example, ports: Ports) -> Outcome:
        """Test one example through the REST call and read its result from where the answer says."""
        try:
            _answer, headers = self._call(CALL_PATH, request_body(example, ports))
            result_id = headers["SmtpCheck-Result"]  # None in an answer that is not ours
            result, _headers = self._call(RESULT_PATH.format(id=result_id))
        except (OSError, ValueError, KeyError) as failure:
            return Outcome(example=example, verdict="no answer", title=str(failure))
        return _outcome(example, result)

    def _call(self, path: str, body: dict[str, Any] | None = None) -> tuple[Any, Message]:
        request = urllib.request.Request(  # noqa: S310 - our own http address
            self._base_url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": self._authorization,
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
        )
        with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            return json.load(response), response.headers


def test_uri(example: Example, ports: Ports) -> str:
    """The example's URI without its password: the stored one is used."""
    server = f"{quote(example.username, safe='')}@{HOST}:{getattr(ports, example.port)}"
    if example.security is Security.TLS:
        return f"smtps://{server}"
    return f"smtp://{server}?starttls=always"


def request_body(example: Example, ports: Ports) -> dict[str, Any]:
    """What the REST call is sent for an example."""
    return {
        "SmtpUri": test_uri(example, ports),
        "From": example.username,
        "UseStoredPassword": True,
    }


def curl_line(base_url: str, login: Login, ports: Ports) -> str:
    """A command that tests the first example when pasted into a shell, from any folder."""
    return shlex.join(
        [
            "curl",
            "--noproxy",
            "*",
            "--netrc-file",
            str(login.path),
            "-H",
            "Content-Type: application/json",
            "-d",
            json.dumps(request_body(EXAMPLES[0], ports)),
            base_url + CALL_PATH,
        ]
    )


def _outcome(example: Example, result: dict[str, Any]) -> Outcome:
    diagnosis = result.get("diagnosis") or {}
    return Outcome(
        example=example,
        verdict=str(result["verdict"]),
        stage=str(result["stage"]),
        title=str(diagnosis.get("title", "")),
        diagnosis_id=str(diagnosis.get("id", "")),
    )
