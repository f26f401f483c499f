"""The official client of the original call, unchanged: the npm package, driven by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.end_to_end.application import PATIENCE_SECONDS

HERE: Final = Path(__file__).parent
PACKAGE: Final = "@superoffice/webapi"
MODULES: Final = HERE / "node_modules"

HOW_TO_GET: Final = "Install Node.js 18 or newer with npm, then: npm ci --prefix tests/client"


def why_unusable() -> tuple[str, str] | None:
    """What is missing and how to get it, or None if the client can be driven."""
    if shutil.which("node") is None:
        return "There is no Node.js here (no program node).", HOW_TO_GET
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"][PACKAGE]
    installed = MODULES / PACKAGE / "package.json"
    if not installed.exists():
        return f"The npm package {PACKAGE} is not installed.", HOW_TO_GET
    if (found := json.loads(installed.read_text())["version"]) != wanted:
        return f"The npm package {PACKAGE} is {found}, not {wanted}.", HOW_TO_GET
    return None


@dataclass(frozen=True, slots=True)
class Page:
    """The web page that the client is loaded into, as far as it looks at one."""

    cookies: dict[str, str]
    hidden_cookies: dict[str, str]
    input: str = ""  # the value of its field with the id XSRF_TOKEN


@dataclass(frozen=True, slots=True)
class Call:
    """How the client is set up, and what it is asked: see drive.js."""

    arguments: list[object]
    # Methods of its WebApi class with their arguments.
    log_in: list[list[str]] = field(default_factory=list)
    options: dict[str, object] = field(default_factory=dict)  # a WebApiOptions
    request_options: dict[str, object] = field(default_factory=dict)  # a WebApiRequestOptions
    times: int = 1  # that it is called, all at once
    page: Page | None = None
    may_be_aborted: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the client made of an answer; ``result`` is a carrier in its own spelling."""

    status: str  # a name of its WebApiStatus
    result: Any = None
    refused: Any = None  # status and body of the answer that made it reject its promise


@dataclass(frozen=True, slots=True)
class Told:
    """All outcomes of a call, and what the client knows of rights."""

    outcomes: list[Outcome]
    rights: dict[str, Any]

    @property
    def outcome(self) -> Outcome:
        """The one outcome."""
        (only,) = self.outcomes
        return only


class Begun:
    """A call under way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def abort(self) -> None:
        """Have the client abort it."""
        assert self._process.stdin
        print("abort", file=self._process.stdin, flush=True)

    def told(self) -> Told:
        """Wait for what came of it."""
        try:
            output, errors = self._process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        assert self._process.returncode == 0, errors
        answer = json.loads(output)
        return Told([Outcome(**each) for each in answer["outcomes"]], answer["rights"])


@contextmanager
def begin(base_url: str, call: Call) -> Iterator[Begun]:
    """Make a call at a server."""
    asked = {
        "options": {"baseUrl": base_url, **call.options},
        "logIn": call.log_in,
        "arguments": call.arguments,
        "requestOptions": call.request_options,
        "times": call.times,
        "abort": call.may_be_aborted,
        "page": call.page
        and {
            "cookies": call.page.cookies,
            "hiddenCookies": call.page.hidden_cookies,
            "input": call.page.input,
        },
    }
    with subprocess.Popen(
        ["node", str(HERE / "drive.js")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin
        print(json.dumps(asked), file=process.stdin, flush=True)
        try:
            yield Begun(process)
        finally:
            process.kill()
