"""The project as it is run: served by uvicorn, called over HTTP, and its command, each a process.

Nothing of it is imported here, so that a test meets what a caller, a browser and a shell meet.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from tests.end_to_end.databases import ADMINISTRATOR, PASSWORD, ROOT, Database
from tests.servers.ports import free_ports

CALL: Final = "/api/v1/Agents/CustomerService/TestSmtpServer"
RESULTS: Final = "/admin/smtpcheck/smtptestresult/"
ACCOUNTS: Final = "/admin/smtpcheck/smtpaccount/"

# A busy machine may take long over what is done in a second on an idle one.
PATIENCE_SECONDS = 60.0
STOP_SECONDS = 10.0

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP; the names of the headers are in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    @property
    def json(self) -> Any:
        """The body as values."""
        return json.loads(self.content)

    @property
    def result_id(self) -> str:
        """The id of the result that the answer points to, by its header or by redirecting."""
        found = _ID.search(self.headers.get("smtpcheck-result") or self.headers.get("location", ""))
        assert found, f"{self.status} points to no result: {self.headers}"
        return found[0]

    def raw(self) -> bytes:
        """Everything in it, for a search."""
        return repr(self.headers).encode() + self.content


@dataclass(frozen=True, slots=True)
class Account:
    """An SMTP account as a person has it on a sheet of paper."""

    name: str
    host: str
    port: int
    security: str
    username: str = ""
    password: str = field(default="", repr=False)
    sender: str = "account@mail.test"
    recipient: str = ""

    @property
    def uri(self) -> str:
        """Its SMTP URI with the password, URL-encoded."""
        return self._uri(f":{quote(self.password, safe='')}" if self.username else "")

    @property
    def uri_without_password(self) -> str:
        """Its SMTP URI without the password."""
        return self._uri("")

    def _uri(self, password: str) -> str:
        scheme = "smtps" if self.security == "tls" else "smtp"
        starttls = {"starttls": "?starttls=always", "none": "?starttls=never"}
        login = f"{quote(self.username, safe='')}{password}@" if self.username else ""
        return f"{scheme}://{login}{self.host}:{self.port}{starttls.get(self.security, '')}"


class Application:
    """Serves the project on a database, with settings of its own; ``with`` starts and stops it.

    Settings are environment variables: ``SMTPCHECK_POLICY="127.0.0.1/32:*"``.
    """

    def __init__(self, database: Database, directory: Path, **settings: str) -> None:
        self.database = database
        self.port = free_ports(1, ["127.0.0.1"])[0]
        self.environment = os.environ | {
            "DATABASE_URL": database.url,
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "LOG_LEVEL": "INFO",
            "NO_COLOR": "1",
            **settings,
        }
        self._log_file = directory / "uvicorn.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # --- The server's process -----------------------------------------------------------------

    def start(self) -> None:
        """Start, and return when it answers; raises AssertionError with the log."""
        command = [sys.executable, "-m", "uvicorn", "project.asgi:application"]
        command += ["--port", str(self.port), "--log-level", self.environment["LOG_LEVEL"].lower()]
        command += ["--timeout-graceful-shutdown", "1"]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"The server did not start:\n{self.log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, politely first, and wait for its end."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End it as `kill -9` does: it cannot do anything more."""
        assert self._process, "the server does not run"
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def log(self) -> str:
        """All that uvicorn and the application wrote so far."""
        return self._log_file.read_text(errors="replace")

    def peak_memory_bytes(self) -> int:
        """The most resident memory that the process ever had (Linux)."""
        assert self._process, "the server does not run"
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        peak = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        assert peak, status
        return int(peak[1]) * 1024

    def cpu_seconds(self) -> float:
        """The processor time that the process has used so far (Linux)."""
        assert self._process, "the server does not run"
        # Behind the name, which may hold anything, utime and stime are the 12th and 13th: proc(5).
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak_memory(self) -> int:
        """Let the peak begin anew from what is resident now, and return that (Linux)."""
        assert self._process, "the server does not run"
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")  # see proc(5)
        return self.peak_memory_bytes()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    # --- Its doors ----------------------------------------------------------------------------

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One HTTP request; `Content_Type="..."` is a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body, named)
            response = connection.getresponse()
            told: dict[str, str] = {}
            for name, value in response.getheaders():
                key = name.lower()
                told[key] = f"{told[key]}\n{value}" if key in told else value
            return Answer(response.status, told, response.read())

    def call(self, body: object, **headers: str) -> Answer:
        """The REST call with a body of values, or of bytes as they are."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers |= {"Content_Type": "application/json", "Authorization": _basic()}
        return self.request("POST", CALL, sent, **headers)

    def get(self, path: str, **headers: str) -> Answer:
        """What the API has at a path."""
        return self.request("GET", path, None, Authorization=_basic(), **headers)

    def begin_call(self, body: object) -> http.client.HTTPConnection:
        """The REST call without waiting for its answer; closing the connection hangs up."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"Content-Type": "application/json", "Authorization": _basic()}
        connection.request("POST", CALL, json.dumps(body).encode(), headers)
        return connection

    def result(self, result_id: str) -> Any:
        """One result in full, as the API tells it."""
        answer = self.get(f"/api/v1/results/{result_id}/")
        assert answer.status == 200, answer.text
        return answer.json

    def begin_command(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `manage.py test_smtp` with arguments and further environment variables."""
        return subprocess.Popen(
            [sys.executable, "manage.py", "test_smtp", *arguments],
            cwd=ROOT,
            env=self.environment | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def command(
        self, *arguments: str, typed: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `manage.py test_smtp` to its end, with something on its standard input."""
        with self.begin_command(*arguments, **variables) as process:
            try:
                output, errors = process.communicate(typed, timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def browser(self) -> Browser:
        """A browser in which the administrator has logged in by the form."""
        browser = Browser(self)
        browser.get("/admin/login/")
        answer = browser.post("/admin/login/", username=ADMINISTRATOR, password=PASSWORD)
        assert answer.status == 302, answer.text
        return browser


class Browser:
    """Keeps cookies and sends forms with their CSRF token, as a browser does."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._cookies: dict[str, str] = {}

    @property
    def cookies(self) -> dict[str, str]:
        """Its cookies, also those that no script may see."""
        return dict(self._cookies)

    def get(self, path: str) -> Answer:
        """A page."""
        return self._request("GET", path)

    def post(self, path: str, **fields: str) -> Answer:
        """The answer to a form."""
        return self.post_without_token(
            path, csrfmiddlewaretoken=self._cookies["XSRF-TOKEN"], **fields
        )

    def post_without_token(self, path: str, **fields: str) -> Answer:
        """The answer to a form that a page of another site has sent, with the cookies of this."""
        return self._request("POST", path, urlencode(fields).encode())

    def save_account(self, account: Account, **fields: str) -> str:
        """Fill in the form of a new account and save it; returns its id."""
        shown = {
            "name": account.name,
            "host": account.host,
            "port": str(account.port),
            "security": account.security,
            "username": account.username,
            "password": account.password,
            "sender": account.sender,
            "recipient": account.recipient,
            "goal": "content",
            "_continue": "yes",
        }
        answer = self.post(f"{ACCOUNTS}add/", **shown | fields)
        assert answer.status == 302, answer.text
        return answer.result_id

    def test_account(self, account_id: str) -> Answer:
        """Press "Test now"."""
        return self.post(f"{ACCOUNTS}{account_id}/test/")

    def _request(self, method: str, path: str, body: bytes | None = None) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": cookies} if cookies else {}
        if body is not None:
            headers["Content_Type"] = "application/x-www-form-urlencoded"
        answer = self._application.request(method, path, body, **headers)
        for line in answer.headers.get("set-cookie", "").splitlines():
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value
        return answer


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{ADMINISTRATOR}:{PASSWORD}".encode()).decode()
