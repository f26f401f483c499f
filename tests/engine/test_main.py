from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from smtpcheck.engine.__main__ import main
from smtpcheck.engine.policy import USUAL_PORTS
from smtpcheck.engine.telling.language import ENGLISH, speak
from smtpcheck.management.commands.test_smtp import Command
from smtpcheck.sandbox import BackgroundSandbox, Listener, Sandbox, Tls

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "ann@example.org", "tell no one: ö/100%"
LOGIN = "ann%40example.org@"

FAULTS = [
    "none",
    "http",
    "expired-certificate",
    "wrong-password",
    "auth-unavailable",
    "sender-refused",
    "relay-denied",
]

# What tells two runs of the same test apart: who keeps it, when it was, and its random token.
MOMENTS = re.compile(
    r"\d+(\.\d+)? m?s\b|^ *\d+\.\d{3} |[0-9a-f]{16}|(?<=queued as )\w+", re.MULTILINE
)


@dataclass
class Run:
    """How a run ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    listeners = [Listener(tls=Tls.IMPLICIT, fault=fault) for fault in FAULTS]
    sandbox = Sandbox([*listeners, Listener(tls=Tls.STARTTLS)], logins={USER: PASSWORD})
    with BackgroundSandbox(sandbox):
        yield sandbox


@pytest.fixture
def options(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What lets the sandbox be tested, and the password."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(sandbox.authority.ca_pem)
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    return ["--ca", str(ca_file), "--password-env", "MAIL_PASSWORD"]


def allowed(sandbox: Sandbox) -> str:
    return "127.0.0.1/32:" + ",".join(str(each.port) for each in sandbox.listeners)


def run_plain(*arguments: str) -> Run:
    """Run the command without Django, in the language it has there."""
    from smtpcheck.engine.telling import language

    django = language._spoken
    out, err = io.StringIO(), io.StringIO()
    speak(ENGLISH)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = main(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        speak(django)
    return Run(status, out.getvalue(), err.getvalue())


def run_django(*arguments: str) -> Run:
    out, err = io.StringIO(), io.StringIO()
    status = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            Command(stdout=out, stderr=err).run_from_argv(["manage.py", "test_smtp", *arguments])
    except SystemExit as end:
        status = int(end.code or 0)
    return Run(status, out.getvalue(), err.getvalue())


@pytest.fixture
def both(sandbox: Sandbox, options: list[str], settings: Settings, transactional_db: None) -> Any:
    """Runs the same call through both doors."""
    settings.SMTPCHECK = {**settings.SMTPCHECK, "POLICY": allowed(sandbox)}

    def run(uri: str, *more: str) -> tuple[Run, Run]:
        arguments = [uri, *options, *more]
        plain = run_plain(*arguments, "--allow", allowed(sandbox))
        return plain, run_django(*arguments)

    return run


def comparable(document: Any) -> Any:
    """A document without what differs between two runs of one test."""
    if isinstance(document, dict):
        differing = {"id", "started_at", "took_ms", "started_ms", "at_ms", "message_id"}
        own = {"local_address", "days_left"}
        kept = document if "remedy" in document else {k: document[k] for k in document if k != "id"}
        return {k: comparable(v) for k, v in kept.items() if k not in (differing - {"id"}) | own}
    if isinstance(document, list):
        return [comparable(item) for item in document]
    return MOMENTS.sub("*", document) if isinstance(document, str) else document


def comparable_text(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("Result ")]
    return re.sub(r" +", " ", MOMENTS.sub("*", "\n".join(lines)))


@pytest.mark.parametrize("number", range(len(FAULTS) + 1))
def test_both_commands_say_the_same_of_the_same_test(
    both: Any, sandbox: Sandbox, number: int
) -> None:
    listener = sandbox.listeners[number]
    scheme = "smtp" if listener.tls is Tls.STARTTLS else "smtps"
    uri = f"{scheme}://{LOGIN}127.0.0.1:{listener.port}"
    plain, django = both(uri, "--json")
    assert comparable(plain.json) == comparable(django.json)
    assert plain.json["id"] is None
    plain_text, django_text = both(uri)
    assert comparable_text(plain_text.out) == comparable_text(django_text.out)
    statuses = {run.status for run in (plain, django, plain_text, django_text)}
    assert len(statuses) == 1


@pytest.mark.parametrize(
    ("uri", "more"),
    [
        ("http://127.0.0.1", ["--from", USER]),
        ("smtps://127.0.0.1:0", ["--from", USER]),
        ("smtps://%zz@127.0.0.1", []),
        ("smtps://127.0.0.1:465", []),
        ("smtps://127.0.0.1:465", ["--from", "a b"]),
        ("smtps://127.0.0.1:465", ["--from", USER, "--to", "nobody"]),
        ("smtps://127.0.0.1:465", ["--from", USER]),
        ("smtps://10.0.0.1:465", ["--goal", "login"]),
    ],
)
def test_both_commands_refuse_the_same_calls(both: Any, uri: str, more: list[str]) -> None:
    plain, django = both(uri, "--json", *more)
    assert comparable(plain.json) == comparable(django.json)
    assert plain.status == django.status == 10


def test_only_public_addresses_are_tested_unless_more_are_allowed(sandbox: Sandbox) -> None:
    uri = f"smtp://127.0.0.1:{sandbox.listeners[0].port}"
    refused = run_plain(uri, "--from", USER, "--json")
    assert refused.json["diagnosis"]["id"] == "config.port-forbidden"
    refused = run_plain("smtp://127.0.0.1:25", "--from", USER, "--json")
    assert refused.json["diagnosis"]["id"] == "config.destination-forbidden"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["smtp://h", "--allow", "here"],
        ["smtp://h", "--timeout", "0"],
        ["smtp://h", "--ca", "/nowhere/ca.pem"],
        ["smtp://h", "--password-env", "UNSET_PASSWORD"],
        ["smtp://h", "--password-stdin", "--ask-password"],
    ],
)
def test_a_wrong_call_is_a_usage_error(arguments: list[str]) -> None:
    ended = run_plain(*arguments)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err


def test_a_password_in_the_uri_warns_and_is_never_shown(sandbox: Sandbox) -> None:
    port = sandbox.listeners[FAULTS.index("wrong-password")].port
    ended = run_plain(f"smtps://ann:geheim123@127.0.0.1:{port}", "--from", USER, "--json")
    assert "Warning: a password" in ended.err
    assert "geheim123" not in ended.out + ended.err


def test_a_fault_of_our_own_is_told_without_its_text(
    sandbox: Sandbox, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_args: object, **_options: object) -> None:
        raise RuntimeError(PASSWORD)

    monkeypatch.setattr("smtpcheck.engine.__main__.check", broken)
    port = sandbox.listeners[0].port
    ended = run_plain(f"smtps://{LOGIN}127.0.0.1:{port}", *options, "--json")
    assert ended.status == 1
    assert ended.json["diagnosis"]["id"] == "tool.internal-error"
    assert PASSWORD not in ended.out + ended.err
    assert "RuntimeError" in ended.err


def test_the_usual_ports_are_those_of_the_settings() -> None:
    from smtpcheck.conf import Conf

    assert frozenset(Conf().POLICY_PORTS) == USUAL_PORTS


# What a process loads

# Costs more than a test itself does, and is wanted only where it has something to explain.
LATE = {"cryptography", "dns", "idna", "django", "json", "email", "http", "smtplib"}

# What the standard library brings only for some tests: secrets, a mask for a name of another
# script, the width of a terminal, a temporary file.
SELDOM = {"secrets", "random", "hmac", "stringprep", "shutil", "bz2", "lzma", "tempfile", "pathlib"}

# Our own rooms for what fails, is rarely asked for, or is not the way that was taken.
WAYSIDE = {
    "smtpcheck.engine." + name
    for name in (
        *("diagnosis.failure", "diagnosis.general", "diagnosis.matcher", "diagnosis.parameters"),
        *("diagnosis.addresses", "diagnosis.probed", "diagnosis.looked_up", "diagnosis.rules"),
        *("catalogue.auth", "catalogue.certificates", "catalogue.tls", "telling.addresses"),
        *("providers", "proxy", "driver.tunnel", "sasl.scram", "sasl.preparation"),
    )
}


def loaded(code: str, *arguments: str) -> set[str]:
    """The modules that a fresh process has loaded in the end, the outermost names of packages."""
    told = "\nimport sys\nprint('LOADED', *sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code + told, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    return set(ended.stdout.splitlines()[-1].split()[1:])


def test_the_engine_loads_nothing_that_it_may_never_need() -> None:
    assert loaded("import smtpcheck.engine") & LATE == set()


def test_the_package_itself_loads_nothing() -> None:
    assert {name for name in loaded("import smtpcheck") if name.startswith("smtpcheck")} == {
        "smtpcheck"
    }


def test_a_test_that_works_loads_no_more_than_it_needs(
    sandbox: Sandbox, options: list[str]
) -> None:
    port = sandbox.listeners[-1].port
    arguments = [f"smtp://{LOGIN}127.0.0.1:{port}", *options, "--allow", allowed(sandbox)]
    code = "from smtpcheck.engine.__main__ import main\nassert main() == 0"
    unwanted = LATE | WAYSIDE | (SELDOM - loaded("import argparse, asyncio, ssl"))
    assert loaded(code, *arguments) & unwanted == set()
