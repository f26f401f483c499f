"""What the REST call costs, and how many it serves at once.

    python benchmarks/rest.py [--calls 500] [--workers 2]

uvicorn serves the project; with BENCHMARK_DATABASE_URL on that PostgreSQL server (a database of its
own is made and dropped), else on SQLite in a file. The limits of calls and tests are lifted.
"""

from __future__ import annotations

if not __package__:  # started as a file
    import as_module  # type: ignore[import-not-found]

    as_module.run(__file__)

import argparse
import asyncio
import base64
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.tables import machine, markdown
from smtpcheck.sandbox import BackgroundSandbox, Listener, Sandbox, Tls
from smtpcheck.sandbox.faults import Fault, Stage, Turn

ROOT = Path(__file__).resolve().parent.parent
CALL = "/api/v1/Agents/CustomerService/TestSmtpServer"
USER, PASSWORD = "benchmark", "a long enough password"
THINK_SECONDS = 0.18  # before each reply: a test over STARTTLS then takes about two seconds
SLEEP_SECONDS = 2.0
NAME = "smtpcheck_benchmark"

MAKE_CALLER = """
import json, sys
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from smtpcheck.models import AccessToken
user = User.objects.create_superuser("benchmark", password="a long enough password")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(json.dumps({"token": AccessToken.objects.issue(user).issued_text,
                  "session": session.session_key, "cookie": settings.SESSION_COOKIE_NAME}))
"""


@dataclass(slots=True)
class Answers:
    """What a crowd of calls was answered, in seconds since they began."""

    statuses: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many were not answered as they should."""
        return sum(status != 200 for status in self.statuses)


class Served:
    """The project in processes of its own, with a caller who may do everything."""

    def __init__(self, database_url: str, workers: int, environment: Mapping[str, str]) -> None:
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "benchmarks.rest_settings",
            "DATABASE_URL": database_url,
            "SECRET_KEY": "of the benchmark",
            "LOG_LEVEL": "ERROR",
            "SMTPCHECK_CALLS_PER_MINUTE": "10000000",
            "SMTPCHECK_TESTS_PER_HOST": "100000",
            "SMTPCHECK_TESTS_PER_LOGIN": "100000",
            "SMTPCHECK_TESTS_PER_PROCESS": "100000",
            "SMTPCHECK_FREE_TARGET_SHARE": "1",
            **environment,
        }
        self._environment["SMTPCHECK_ENCRYPTION_KEYS"] = self._manage("generate_encryption_key")
        self._manage("migrate", "--verbosity", "0")
        self.caller = json.loads(self._manage("shell", "--verbosity", "0", "-c", MAKE_CALLER))
        self.workers = workers
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Served:
        command = [sys.executable, "-m", "uvicorn", "project.asgi:application", "--no-access-log"]
        command += ["--port", str(self.port), "--workers", str(self.workers)]
        command += ["--log-level", "error"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                asyncio.run(
                    _call(self.port, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                )
                return self
            time.sleep(0.1)
        raise TimeoutError("uvicorn did not start")

    def __exit__(self, *_exception: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def cpu_seconds(self) -> float:
        """What the workers have computed so far."""
        assert self._process is not None
        return sum(_cpu_of(pid) for pid in _family(self._process.pid))

    def call_all(self, count: int, at_once: int, head: str, path: str, body: bytes) -> Answers:
        """Call so many times and return what was answered."""
        request = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n{head}\r\n"
        ).encode() + body
        return asyncio.run(_crowd(self.port, request, count, at_once))

    def _manage(self, *arguments: str) -> str:
        environment = {**self._environment, "BENCHMARK_ENGINE_SECONDS": "-1"}
        command = [sys.executable, "manage.py", *arguments]
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise SystemExit(f"{' '.join(arguments)}: {ended.stderr}")
        return ended.stdout.strip()


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--calls", type=int, default=500, help="calls at once")
    parser.add_argument("--workers", type=int, default=2, help="processes that serve")
    options = parser.parse_args()
    with database() as url:
        print(f"- database: {urlsplit(url).scheme}")
        crowds = _crowds(url, options.calls, options.workers)
        overheads = _overheads(url, options.workers)
    print("\n" + markdown(["all at once", "failed", "median s", "last s"], crowds))
    print("\n" + markdown(["one call, CPU ms", "ours", "a bare view", "ratio"], overheads))
    print(
        f"\n{machine()}. {options.calls} calls at the same moment, {options.workers} workers; "
        f"the engine sleeps {SLEEP_SECONDS:g} s, or tests the sandbox over STARTTLS with "
        f"{THINK_SECONDS * 1000:.0f} ms before each reply. The bare view authenticates in the same "
        "way, inserts one row and updates it."
    )


def _crowds(url: str, calls: int, workers: int) -> list[list[str]]:
    rows = []
    body = _body(587, user="u")
    with Served(fresh(url), workers, {"BENCHMARK_ENGINE_SECONDS": str(SLEEP_SECONDS)}) as served:
        for name, head in _callers(served).items():
            answers = served.call_all(calls, calls, head, CALL, body)
            rows.append(_row(f"sleeping engine, {name}", answers))
    with tempfile.TemporaryDirectory() as folder, _thinking_sandbox(Path(folder)) as sandbox:
        port = sandbox.listeners[0].port
        environment = {
            "SMTPCHECK_POLICY": f"127.0.0.0/8:{port} cleartext=no",
            "SMTPCHECK_EXTRA_CA_FILE": str(Path(folder) / "ca.pem"),
        }
        with Served(fresh(url), workers, environment) as served:
            head = _callers(served)["Bearer"]
            answers = served.call_all(calls, calls, head, CALL, _body(port))
            rows.append(_row("the sandbox, Bearer", answers))
    return rows


def _overheads(url: str, workers: int) -> list[list[str]]:
    rows = []
    with Served(fresh(url), workers, {"BENCHMARK_ENGINE_SECONDS": "0"}) as served:
        callers = _callers(served)
        del callers["Basic, cold"]  # nothing but the hash of the password would show
        for name, head in callers.items():
            ours, bare = (
                statistics.median(_cpu_per_call(served, head, path, body) for _run in range(3))
                for path, body in ((CALL, _body(587, user="u")), ("/bare", b"{}"))
            )
            rows.append([name, f"{ours:.1f}", f"{bare:.1f}", f"{ours / bare:.2f}"])
    return rows


def _cpu_per_call(served: Served, head: str, path: str, body: bytes, calls: int = 200) -> float:
    served.call_all(20, 10, head, path, body)
    before = served.cpu_seconds()
    answers = served.call_all(calls, 20, head, path, body)
    if answers.failed:
        raise SystemExit(f"{answers.failed} calls of {path} failed: {set(answers.statuses)}")
    return (served.cpu_seconds() - before) / calls * 1000


def _callers(served: Served) -> dict[str, str]:
    """Header lines by the way to say who calls; the cold one comes first, or it would be warm."""
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    xsrf = "b" * 32
    cookies = f"{served.caller['cookie']}={served.caller['session']}; XSRF-TOKEN={xsrf}"
    return {
        "Basic, cold": f"Authorization: Basic {basic}\r\n",
        "Basic, warm": f"Authorization: Basic {basic}\r\n",
        "Bearer": f"Authorization: Bearer {served.caller['token']}\r\n",
        "session": f"Cookie: {cookies}\r\nX-XSRF-TOKEN: {xsrf}\r\n",
    }


def _row(name: str, answers: Answers) -> list[str]:
    median = statistics.median(answers.times)
    return [name, str(answers.failed), f"{median:.2f}", f"{max(answers.times):.2f}"]


def _body(port: int, user: str = USER) -> bytes:
    uri = f"smtp://{user}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}?starttls=always"
    return json.dumps({"SmtpUri": uri, "From": "benchmark@example.org"}).encode()


@contextlib.contextmanager
def _thinking_sandbox(folder: Path) -> Iterator[Sandbox]:
    thinks = Fault(
        name="thinks",
        about="takes a moment for every reply",
        turns={stage: Turn(delay_seconds=THINK_SECONDS) for stage in Stage},
    )
    sandbox = Sandbox([Listener(tls=Tls.STARTTLS, fault=thinks)], logins={USER: PASSWORD})
    (folder / "ca.pem").write_bytes(sandbox.authority.ca_pem)
    with BackgroundSandbox(sandbox):
        yield sandbox


async def _crowd(port: int, request: bytes, count: int, at_once: int) -> Answers:
    answers, turn = Answers(), asyncio.Semaphore(at_once)
    began = time.perf_counter()

    async def one() -> None:
        async with turn:
            status = await _call(port, request)
        answers.statuses.append(status)
        answers.times.append(time.perf_counter() - began)

    await asyncio.gather(*(one() for _number in range(count)))
    return answers


async def _call(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        line = await reader.readline()
        if b"close" in request:
            await reader.read()
        return int(line.split()[1]) if line else 0
    finally:
        writer.close()


@contextlib.contextmanager
def database() -> Iterator[str]:
    """A place for databases: a server's address, or a folder."""
    if url := os.environ.get("BENCHMARK_DATABASE_URL"):
        try:
            yield url
        finally:
            _drop(url)
        return
    print("- without PostgreSQL: BENCHMARK_DATABASE_URL=postgres://user@127.0.0.1:5432/postgres")
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/benchmark.sqlite3"


def fresh(url: str) -> str:
    """The address of an empty database there."""
    if url.startswith("sqlite"):
        for path in Path(urlsplit(url).path).parent.glob("benchmark*"):
            path.unlink()
        return url
    _drop(url)
    with _server(url) as connection:
        connection.execute(f'CREATE DATABASE "{NAME}"'.encode())
    return urlsplit(url)._replace(path=f"/{NAME}").geturl()


def _drop(url: str) -> None:
    with _server(url) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{NAME}" WITH (FORCE)'.encode())


def _server(url: str) -> Any:
    import psycopg  # installed where PostgreSQL is used

    plain = urlsplit(url)._replace(scheme="postgresql").geturl()
    return psycopg.connect(plain, autocommit=True)


def _free_port() -> int:
    import socket  # for this one line

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _family(pid: int) -> list[int]:
    """A process and its children, on Linux."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in _family(int(child)))]


def _cpu_of(pid: int) -> float:
    with contextlib.suppress(OSError):
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


if __name__ == "__main__":
    main()
