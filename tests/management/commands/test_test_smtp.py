from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from pytest_django import Settings

from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.telling import exit_status
from smtpcheck.management import nagios
from smtpcheck.management.commands.test_smtp import Command
from smtpcheck.models import Door, SmtpAccount, SmtpTestResult
from smtpcheck.sandbox import Authority, BackgroundSandbox, Listener, Sandbox, Stage, Tls, reply_at
from tests.peers.honest import honest
from tests.peers.proxies import forwarding
from tests.peers.scripted import ScriptedPeer

ROOT = Path(__file__).parents[3]
USER, PASSWORD = "ann@example.org", "tell no one: ö/100%"
URI_LOGIN = "ann%40example.org:tell%20no%20one%3A%20%C3%B6%2F100%25@"

# A fault of the sandbox's listener -> what the command's exit status has to be.
STATUSES = {
    "none": 0,
    "http": 14,
    "expired-certificate": 17,
    "wrong-password": 18,
    "auth-unavailable": 3,
    "sender-refused": 19,
    "relay-denied": 20,
    "content-refused": 22,
    "spam-refused": 3,
}
REFUSED = reply_at(Stage.CONTENT, "554 5.6.0 No such media here", name="content-refused")
HOSTILE = reply_at(Stage.AUTH, "535 5.7.8 \x1b[2J\x1b]0;owned\x07 \u202egnp.exe", name="hostile")

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Run:
    """How a run of the command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str) -> Run:
    """Run the command as manage.py does, in this process."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            Command(stdout=out, stderr=err).run_from_argv(["manage.py", "test_smtp", *arguments])
    except SystemExit as end:
        status = int(end.code or 0)
    return Run(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    scripted = {each.name: each for each in (REFUSED, HOSTILE)}
    faults = [scripted.get(name, name) for name in (*STATUSES, HOSTILE.name)]
    sandbox = Sandbox(
        [Listener(tls=Tls.IMPLICIT, fault=fault) for fault in faults], logins={USER: PASSWORD}
    )
    with BackgroundSandbox(sandbox):
        yield sandbox


@pytest.fixture
def ports(sandbox: Sandbox, settings: Settings, tmp_path: Path) -> dict[str, int]:
    """The ports of the sandbox by the fault that each plays; the settings let them be tested."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(sandbox.authority.ca_pem)
    by_fault = {listener.fault.name: listener.port for listener in sandbox.listeners}  # type: ignore[union-attr]
    by_fault["refused"] = free_port()
    allowed = f"127.0.0.1/32:{','.join(map(str, by_fault.values()))}"
    settings.SMTPCHECK = {
        **settings.SMTPCHECK,
        "POLICY": allowed,
        "EXTRA_CA_FILE": str(ca_file),
    }
    return by_fault


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def uri(port: int, login: str = URI_LOGIN) -> str:
    return f"smtps://{login}127.0.0.1:{port}"


def saved(name: str, port: int, **values: Any) -> SmtpAccount:
    account = SmtpAccount(
        name=name,
        host="127.0.0.1",
        port=port,
        security="tls",
        username=USER,
        sender=USER,
        **values,
    )
    account.set_secret("password", Secret(PASSWORD))
    account.save()
    return account


def forms_of(password: str) -> list[str]:
    return [password, base64.b64encode(password.encode()).decode(), "tell no one"]


# What is tested, and how it ends


@pytest.mark.parametrize(("fault", "status"), STATUSES.items())
def test_the_exit_status_names_the_stage(ports: dict[str, int], fault: str, status: int) -> None:
    assert run(uri(ports[fault])).status == status


def test_a_refused_port_is_a_failure_to_connect(ports: dict[str, int]) -> None:
    assert run(uri(ports["refused"])).status == 13


@pytest.mark.parametrize(
    "bad",
    ["http://127.0.0.1", "smtps://127.0.0.1:0", "smtps://a b", "smtps://%zz@127.0.0.1", "x"],
)
def test_a_uri_that_cannot_be_tested_is_a_config_failure_and_kept(bad: str) -> None:
    ended = run(bad, "--from", USER)
    assert ended.status == 10
    result = SmtpTestResult.objects.get()
    assert (result.verdict, result.stage) == ("fails", "config")
    assert str(result.pk) in ended.out


def test_one_row_is_left_with_the_door_and_nobody_as_asker(ports: dict[str, int]) -> None:
    run(uri(ports["none"]))
    result = SmtpTestResult.objects.get()
    assert (result.door, result.asked_by, result.verdict) == (Door.COMMAND, None, "works")


def test_a_goal_before_the_mail_sends_none(ports: dict[str, int], sandbox: Sandbox) -> None:
    before = len(sandbox.mailbox.mails)
    assert run(uri(ports["none"]), "--goal", "recipient").status == 0
    assert len(sandbox.mailbox.mails) == before
    assert run(uri(ports["none"]), "--to", "bob@example.org").status == 0
    assert [mail.recipients for mail in sandbox.mailbox.mails[before:]] == [("bob@example.org",)]


def test_a_saved_account_is_tested_with_what_is_saved(ports: dict[str, int]) -> None:
    account = saved("News", ports["none"])
    ended = run("--account", "News")
    assert ended.status == 0
    assert SmtpTestResult.objects.get().account == account
    assert ended.out.startswith("News  127.0.0.1:")


def test_an_own_authority_replaces_the_others(
    ports: dict[str, int], settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    settings.SMTPCHECK = {**settings.SMTPCHECK, "EXTRA_CA_FILE": ""}
    assert run(uri(ports["none"])).status == 17
    ca_file = tmp_path / "own.pem"
    ca_file.write_bytes(sandbox.authority.ca_pem)
    assert run(uri(ports["none"]), "--ca", str(ca_file)).status == 0


def test_a_uri_is_tested_through_the_proxy_that_is_named(
    ports: dict[str, int], settings: Settings
) -> None:
    with forwarding("http") as proxy:
        settings.SMTPCHECK = {**settings.SMTPCHECK, "PROXIES": proxy.entry()}
        ended = run(uri(ports["none"]), "--proxy", "office", "--json")
    assert (ended.status, ended.json["addresses"][0]["proxy"]) == (0, "office")
    assert proxy.asked == [("127.0.0.1", ports["none"])]
    ended = run(uri(ports["none"]), "--proxy", "elsewhere", "--json")
    assert (ended.status, ended.json["diagnosis"]["id"]) == (3, "config.proxy-unknown")


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_client_certificate_is_shown_to_a_server_that_demands_it(
    settings: Settings, tmp_path: Path, peer: Callable[..., ScriptedPeer], *, is_shown: bool
) -> None:
    authority = Authority.create("Example root")
    context = authority.issue("127.0.0.1").server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.ca_pem.decode())
    server = peer(honest(tls=context, is_implicit=True))
    ca_file, both = tmp_path / "ca.pem", tmp_path / "client.pem"
    ca_file.write_bytes(authority.ca_pem)
    ours = authority.issue("client.example", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    both.write_bytes(ours.key_pem + ours.pem)
    allowed = {"POLICY": f"127.0.0.1/32:{server.port}", "EXTRA_CA_FILE": str(ca_file)}
    settings.SMTPCHECK = settings.SMTPCHECK | allowed

    ended = run(uri(server.port), *(["--client-certificate", str(both)] if is_shown else []))

    row = SmtpTestResult.objects.get()
    assert row.evidence["asked_for_certificate"]
    assert (ended.status == 0) == row.evidence["sent_certificate"] == is_shown
    body = ours.key_pem.decode().splitlines()[1]
    assert body not in ended.out + ended.err + repr(vars(row))


def test_all_accounts_end_with_the_earliest_failure(ports: dict[str, int]) -> None:
    saved("A works", ports["none"])
    saved("B later", ports["auth-unavailable"])
    saved("C wrong", ports["wrong-password"])
    saved("D refused", ports["refused"])
    ended = run("--all")
    assert ended.status == 13
    assert all(name in ended.out for name in ("A works", "B later", "C wrong", "D refused"))
    assert "4 accounts tested: 1 works, 2 fails, 1 inconclusive." in ended.out


def test_all_without_an_account_is_a_usage_error() -> None:
    assert run("--all").status == 2


# The password


def test_the_password_comes_from_the_environment(
    ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    ended = run(uri(ports["none"], "ann%40example.org@"), "--password-env", "MAIL_PASSWORD")
    assert (ended.status, ended.err) == (0, "")


def test_the_password_comes_from_the_input(
    ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))
    assert run(uri(ports["none"], "ann%40example.org@"), "--password-stdin").status == 0


def test_the_stored_password_is_found_by_the_destination(ports: dict[str, int]) -> None:
    saved("News", ports["none"])
    assert run(uri(ports["none"], "ann%40example.org@"), "--use-stored-password").status == 0
    assert run(uri(ports["refused"], "ann%40example.org@"), "--use-stored-password").status == 10


def test_a_password_in_the_uri_works_and_warns(ports: dict[str, int]) -> None:
    ended = run(uri(ports["none"]))
    assert ended.status == 0
    assert "--ask-password" in ended.err


@pytest.mark.parametrize("fault", ["none", "wrong-password", "hostile"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_password_is_written_nowhere(
    ports: dict[str, int], fault: str, options: tuple[str, ...]
) -> None:
    ended = run(uri(ports[fault]), *options)
    rows = str(list(SmtpTestResult.objects.values()))
    assert not [form for form in forms_of(PASSWORD) if form in ended.out + ended.err + rows]


def test_two_sources_contradict_each_other() -> None:
    assert run("smtps://ann@127.0.0.1", "--password-stdin", "--ask-password").status == 2


# What is written


def test_json_is_one_document_and_nothing_else(ports: dict[str, int]) -> None:
    ended = run(uri(ports["wrong-password"]), "--json")
    result = SmtpTestResult.objects.get()
    assert ended.json["id"] == str(result.pk)
    assert ended.json["diagnosis"]["id"] == result.diagnosis_id
    assert (ended.json["verdict"], ended.json["stage"]) == ("fails", "auth")
    assert "process" in ended.err  # the warning is not lost, and does not spoil the document


def test_json_of_all_is_a_list(ports: dict[str, int]) -> None:
    saved("A", ports["none"])
    saved("B", ports["refused"])
    ended = run("--all", "--json")
    assert sorted(result["verdict"] for result in ended.json) == ["fails", "works"]


def test_the_ladder_is_written_stage_by_stage(ports: dict[str, int]) -> None:
    lines = run(uri(ports["none"])).out.splitlines()
    proven = [line for line in lines if line.startswith("  ✓ ")]
    result = SmtpTestResult.objects.get()
    assert len(proven) == len([rung for rung in result.ladder if rung["state"] == "proven"])
    assert all(re.search(r"\d (ms|s)$", line) for line in proven)


def test_a_failure_is_told_with_its_remedy_and_the_servers_words(ports: dict[str, int]) -> None:
    told = run(uri(ports["wrong-password"])).out
    assert "  1. " in told
    assert "535" in told
    assert str(SmtpTestResult.objects.get().pk) in told


@pytest.mark.parametrize("options", [(), ("--json",), ("--force-color",)])
def test_a_hostile_server_cannot_steer_the_terminal(
    ports: dict[str, int], options: tuple[str, ...]
) -> None:
    written = run(uri(ports["hostile"]), *options).out
    without_our_colours = re.sub(r"\x1b\[\d+m", "", written)
    assert all(char.isprintable() or char == "\n" for char in without_our_colours)


def test_help_lists_every_exit_status() -> None:
    shown = run("--help").out
    for number, meaning in (*exit_status.table(), *nagios.table()):
        assert re.search(rf"^ +{number}  {re.escape(meaning)}$", shown, re.MULTILINE)
    assert "ann%40example.org@mail.example.org" in shown


# Other programs


def cases_of(report: Path) -> list[ET.Element]:
    """The test cases of a JUnit report."""
    return list(ET.parse(report).iter("testcase"))  # noqa: S314 - our own document


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [("none", 0, "OK"), ("wrong-password", 2, "CRITICAL"), ("auth-unavailable", 3, "UNKNOWN")],
)
def test_a_monitoring_system_gets_one_line_and_its_status(
    ports: dict[str, int], fault: str, status: int, word: str
) -> None:
    ended = run(uri(ports[fault]), "--nagios")
    assert ended.status == status
    assert re.fullmatch(rf"SMTP {word} - [^|\n]+\|total=[^|\n]+ greeting=[^|\n]+\n", ended.out)


def test_a_goal_below_the_whole_test_is_no_warning_to_a_monitoring_system(
    ports: dict[str, int],
) -> None:
    assert run(uri(ports["none"]), "--nagios", "--goal", "login").status == 0
    assert SmtpTestResult.objects.get().warnings


def test_a_monitoring_system_gets_all_accounts_in_one_line(ports: dict[str, int]) -> None:
    saved("A works", ports["none"])
    saved("B wrong", ports["wrong-password"])
    ended = run("--all", "--nagios")
    assert ended.status == 2
    assert ended.out.startswith("SMTP CRITICAL - 2 accounts tested; B wrong: ")
    assert ended.out.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--all",),
        ("--account", "none"),
        (),
        ("smtps://127.0.0.1", "--budget", "soon"),
        ("smtps://127.0.0.1", "--json"),
        ("smtps://127.0.0.1", "--junit", "/no/such/folder/smtp.xml"),
        ("--explain", "auth.invalid"),
    ],
)
def test_a_wrong_call_is_unknown_to_a_monitoring_system(arguments: tuple[str, ...]) -> None:
    ended = run(*arguments, "--nagios")
    assert ended.status == 3
    assert re.fullmatch(r"SMTP UNKNOWN - [^|\n]+\n", ended.out)


def test_a_build_server_gets_a_report_beside_the_answer(
    ports: dict[str, int], tmp_path: Path
) -> None:
    saved("A works", ports["none"])
    saved("B wrong", ports["hostile"])
    saved("C later", ports["auth-unavailable"])
    ended = run("--all", "--json", "--junit", str(tmp_path / "smtp.xml"))
    assert ended.status == 18
    assert len(ended.json) == 3
    cases = cases_of(tmp_path / "smtp.xml")
    assert [[case.get("name"), case[0].tag] for case in cases] == [
        ["A works", "system-out"],
        ["B wrong", "failure"],
        ["C later", "skipped"],
    ]
    report = (tmp_path / "smtp.xml").read_text()
    assert not [form for form in forms_of(PASSWORD) if form in report]


@pytest.mark.parametrize("options", [(), ("--nagios",)])
def test_one_target_makes_a_report_of_one_case(
    ports: dict[str, int], tmp_path: Path, options: tuple[str, ...]
) -> None:
    run(uri(ports["wrong-password"]), "--junit", str(tmp_path / "smtp.xml"), *options)
    (case,) = cases_of(tmp_path / "smtp.xml")
    assert case.get("name") == f"127.0.0.1:{ports['wrong-password']}, TLS on connect, {USER}"
    assert "AUTH PLAIN ***" in (case.findtext("system-out") or "")


# What a diagnosis means


def test_a_diagnosis_is_explained_without_a_key(settings: Settings) -> None:
    settings.SMTPCHECK = {**settings.SMTPCHECK, "ENCRYPTION_KEYS": ""}
    ended = run("--explain", "auth.invalid")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("auth.invalid  ")
    assert "What to do\n  1. " in ended.out


def test_without_an_id_all_are_listed() -> None:
    ended = run("--explain")
    assert ended.status == 0
    assert {line.split()[0] for line in ended.out.splitlines() if line.startswith("  ")} == set(
        CATALOGUE
    )


def test_an_explanation_can_be_read_by_programs() -> None:
    assert run("--explain", "auth.invalid", "--json").json["stage"] == "auth"
    assert len(run("--explain", "--json").json) == len(CATALOGUE)


def test_an_unknown_diagnosis_is_answered_with_near_ids() -> None:
    ended = run("--explain", "auth.invald")
    assert (ended.status, ended.out) == (exit_status.USAGE, "")
    assert "Did you mean auth.invalid" in ended.err
    assert "--explain" in run("--explain", "zzz").err


@pytest.mark.django_db(databases=[])
def test_an_explanation_asks_no_database() -> None:
    assert run("--explain", "auth.invalid").status == 0


# Calls that are wrong


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("smtps://127.0.0.1", "--all"),
        ("--account", "News", "--all"),
        ("--account", "News", "--from", USER),
        ("--all", "--password-env", "HOME"),
        ("smtps://127.0.0.1", "--goal", "everything"),
        ("smtps://127.0.0.1", "--budget", "0"),
        ("smtps://127.0.0.1", "--budget", "nan"),
        ("smtps://127.0.0.1", "--ca", "/no/such/file"),
        ("smtps://127.0.0.1", "--client-certificate", "/no/such/file"),
        ("smtps://127.0.0.1", "--client-key", "/no/such/file"),
        ("--account", "News", "--client-certificate", "/no/such/file"),
        ("smtps://127.0.0.1", "--junit", "/no/such/folder/smtp.xml"),
        ("smtps://127.0.0.1", "--explain", "auth.invalid"),
        ("--explain", "auth.invalid", "--goal", "login"),
    ],
)
def test_a_wrong_call_tests_nothing(arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)
    assert ended.status == exit_status.USAGE
    assert ended.out == ""
    assert not SmtpTestResult.objects.exists()


def test_an_unknown_account_is_answered_with_near_names() -> None:
    saved("Newsletter", 465)
    saved("Shop", 587)
    ended = run("--account", "newsleter")
    assert ended.status == exit_status.USAGE
    assert "“Newsletter”" in ended.err
    assert "Shop" not in ended.err


def test_without_keys_the_command_says_what_to_run(settings: Settings) -> None:
    settings.SMTPCHECK = {**settings.SMTPCHECK, "ENCRYPTION_KEYS": ""}
    ended = run("smtps://127.0.0.1")
    assert ended.status == exit_status.USAGE
    assert "generate_encryption_key" in ended.err


# As a process


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}


def manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


def test_an_unprepared_database_is_an_internal_error_with_a_sentence(
    environment: dict[str, str],
) -> None:
    ended = subprocess.run(
        manage("test_smtp", "--all"),
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == exit_status.INTERNAL
    assert "manage.py migrate" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_closes_the_row(environment: dict[str, str]) -> None:
    subprocess.run(
        manage("migrate", "--verbosity", "0"), cwd=ROOT, env=environment, timeout=120, check=True
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        allowed = {**environment, "SMTPCHECK_POLICY": f"127.0.0.1/32:{port}"}
        child = subprocess.Popen(
            manage("test_smtp", f"smtp://127.0.0.1:{port}", "--from", USER),
            cwd=ROOT, env=allowed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            silent.settimeout(30)
            taken, _address = silent.accept()
            with taken:
                child.send_signal(signal.SIGINT)
                _out, err = child.communicate(timeout=30)
        finally:
            child.kill()
    assert (child.returncode, err) == (130, "Interrupted.\n")
    listed = subprocess.run(
        manage("shell", "-c", LIST_RESULTS),
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "tool.interrupted True" in listed.stdout


LIST_RESULTS = """
from smtpcheck.models import SmtpTestResult
for result in SmtpTestResult.objects.all():
    print(result.diagnosis_id, result.finished_at is not None)
"""
