"""The programs of docs/how-to/call-it.md are run as they stand, at a server of ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Mailbox
from tests.client.official import MODULES
from tests.docs.pages import ROOT, blocks
from tests.end_to_end.application import PATIENCE_SECONDS, Application
from tests.real_servers import require_or_skip

# One worker takes the whole module: another one would start another application.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("official_client_examples")]

PAGE = ROOT / "docs/how-to/call-it.md"
EXAMPLES = {block.example: block.text for block in blocks(PAGE) if block.example}

# What is only an example in the examples.
SERVER = "https://smtpcheck.example.org"
SMTP_URI = "smtps://user%40example.org:p%40ss@mail.example.org:465"

Run = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def run_at(application: Application, tmp_path: Path, token: str) -> Callable[[str, str], Run]:
    """Runs an example at the server, for an SMTP URI and with a token."""

    def at(uri: str, bearer: str = token) -> Run:
        def real(text: str) -> str:
            served = f"http://127.0.0.1:{application.port}"
            return text.replace(SERVER, served).replace(SMTP_URI, uri)

        def run(name: str) -> subprocess.CompletedProcess[str]:
            (tmp_path / "request.json").write_text(real(EXAMPLES["request"]))
            return subprocess.run(
                [*PROGRAMS[name], as_script(name, real(EXAMPLES[name]))],
                cwd=tmp_path,
                env=os.environ | {"TOKEN": bearer, "NODE_PATH": str(MODULES)},
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_SECONDS,
            )

        return run

    return at


PROGRAMS = {
    "curl": ["sh", "-e", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--eval"],
}


def as_script(name: str, text: str) -> str:
    """An example without the prompts that stand before its commands."""
    if name != "curl":
        return text
    return "\n".join(line.removeprefix("$ ") for line in text.splitlines())


@pytest.fixture(params=PROGRAMS)
def name(request: pytest.FixtureRequest) -> str:
    """An example whose program is here."""
    name: str = request.param
    if name == "javascript":
        request.getfixturevalue("official_client")
    elif shutil.which(PROGRAMS[name][0]) is None or (name == "curl" and not shutil.which(name)):
        require_or_skip(f"There is no {name} here.", f"Install the package {name}.")
    return name


def test_an_account_that_works(name: str, run_at: Callable[..., Run], mailbox: Mailbox) -> None:
    done = run_at(mailbox.uri)(name)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)["Success"] if name == "curl" else done.stdout.strip()
    assert told == (True if name == "curl" else "works")


def test_an_account_that_does_not(name: str, run_at: Callable[..., Run], mailbox: Mailbox) -> None:
    done = run_at(mailbox.uri_with("wrong"))(name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "535" in done.stdout


def test_a_call_that_is_refused(name: str, run_at: Callable[..., Run], mailbox: Mailbox) -> None:
    done = run_at(mailbox.uri, "8A:wrong")(name)
    assert done.returncode == (22 if name == "curl" else 1)
    assert "The token is unknown, expired or revoked." in done.stdout + done.stderr


def test_the_other_languages_ask_the_same() -> None:
    others = [block.text for block in blocks(PAGE) if block.kind in {"csharp", "powershell"}]
    assert len(others) == 2
    for text in others:
        assert f"{SERVER}/api/v1/Agents/CustomerService/TestSmtpServer" in text
        assert SMTP_URI in text
        assert "Bearer" in text
