"""Bad input and talkative servers: a diagnosis each, no packet too many, the password nowhere."""

from __future__ import annotations

import base64
import json
import re
import select
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from smtpcheck.sandbox import Authority
from tests.end_to_end.application import (
    ACCOUNTS,
    PATIENCE_SECONDS,
    RESULTS,
    Account,
    Answer,
    Application,
    Browser,
)
from tests.end_to_end.conftest import Serve
from tests.end_to_end.traces import MARK, PASSWORD, spellings, traces
from tests.peers.scripted import Client, ScriptedPeer

# One worker takes the whole module: another one would start another application.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end_secrets")]

PW = quote(PASSWORD, safe="")
SENDER = "ann@example.org"
FAILS_AT_CONFIG, FAILS_AT_AUTH = 10, 18


@pytest.fixture(scope="module")
def application(serve: Serve, authority: Authority) -> Application:
    """An application that may dial any port here and tells in its log all that it can tell."""
    return serve(
        SMTPCHECK_POLICY="127.0.0.1/32:* cleartext=no",
        SMTPCHECK_EXTRA_CA_FILE=str(authority.ca_file),
        SMTPCHECK_REFUSED_LOGINS_PER_WINDOW="1000",
        LOG_LEVEL="DEBUG",
    )


@pytest.fixture(scope="module")
def admin(application: Application) -> Browser:
    return application.browser()


@pytest.fixture
def never_called() -> Iterator[int]:
    """The port of a server that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
        ready, _, _ = select.select([listener], [], [], 0)
        assert not ready, "somebody connected"


# "PORT" stands for the port of the server that must not be called.
BAD_URIS = {
    "another scheme": (f"imap://ann:{PW}@127.0.0.1:PORT", "config.scheme"),
    "no scheme": (f"ann:{PW}@127.0.0.1:PORT", "config.scheme"),
    "port 0": (f"smtps://ann:{PW}@127.0.0.1:0", "config.port-range"),
    "port 70000": (f"smtps://ann:{PW}@127.0.0.1:70000", "config.port-range"),
    "port that is no number": (f"smtps://ann:{PW}@127.0.0.1:PORTx", "config.uri-invalid"),
    "blank in the host": (f"smtps://ann:{PW}@127.0.0.1 :PORT", "config."),
    "scheme inside the host": (f"smtps://ann:{PW}@https://127.0.0.1:PORT", "config."),
    "percent without digits": (f"smtps://ann:{PW}%zz@127.0.0.1:PORT", "config.uri-invalid"),
    "percent that is no UTF-8": (f"smtps://ann:{PW}%ff@127.0.0.1:PORT", "config.uri-invalid"),
    "line break in the password": (
        f"smtps://ann:{PW}%0d%0aRSET@127.0.0.1:PORT",
        "config.control-character",
    ),
    "NUL in the password": (f"smtps://ann:{PW}%00@127.0.0.1:PORT", "config.control-character"),
    "line break in the user": (f"smtps://a%0ann:{PW}@127.0.0.1:PORT", "config.control-character"),
    "line break in the URI": (f"smtps://ann:{PW}@127.0.0.1:PORT\r\n", "config.control-character"),
    "password not encoded": (f"smtps://ann:{PASSWORD}@127.0.0.1:PORT", "config.uri-invalid"),
    "password where the host is": (f"smtps://ann@{PW}:PORT", "config."),
}
NOT_IN_A_SHELL = {
    "NUL in the URI": (f"smtps://ann:{PW}@127.0.0.1:PORT\0", "config.control-character"),
    "an empty URI": ("", "config."),
    "the password alone": (PASSWORD, "config."),
}
BAD_SENDERS = {
    "no address": ("ann", "config.sender-invalid"),
    "two addresses": ("ann@example.org, bob@example.org", "config.sender-invalid"),
    "line break": ("ann@example.org>\r\nRCPT TO:<bob@example.org", "config."),
    "NUL": ("ann@exam\0ple.org", "config."),
}
NO_OBJECTS = {
    "list": [f"smtps://ann:{PW}@127.0.0.1:PORT"],
    "text": f"smtps://ann:{PW}@127.0.0.1:PORT",
    "number": 4711,
    "null": None,
    "URI that is an object": {"SmtpUri": {"uri": f"smtps://ann:{PW}@127.0.0.1:PORT"}},
    "not JSON": f'{{"SmtpUri": "smtps://ann:{PW}@127.0.0.1:PORT'.encode(),
    "not UTF-8": f'{{"SmtpUri": "smtps://ann:{PW}'.encode() + b'@\xff"}',
}


FORMS = {
    "password": {"password": PASSWORD},
    "password and port 70000": {"password": PASSWORD, "port": "70000"},
    "NUL in the password": {"password": f"{PASSWORD}\0"},
    "URI": {"uri": f"smtps://ann:{PW}@127.0.0.1:PORT"},
    "URI with a path": {"uri": f"smtps://ann:{PW}@127.0.0.1:PORT/path"},
    "URI of another scheme": {"uri": f"imap://ann:{PW}@127.0.0.1:PORT"},
    "URI in the host": {"host": f"smtps://ann:{PW}@127.0.0.1:PORT"},
}

Case = tuple[str, str]


def cases(table: dict[str, Case]) -> pytest.MarkDecorator:
    """Run a test with every row of a table, under the row's name."""
    rows = [pytest.param(*row, id=name) for name, row in table.items()]
    return pytest.mark.parametrize(("value", "diagnosis"), rows)


def with_port(text: str, port: int) -> str:
    return text.replace("PORT", str(port))


def is_refused(application: Application, answer: Answer, diagnosis: str) -> None:
    """The call was answered as a failed test that was never begun."""
    assert answer.status == 200, answer.text
    assert answer.json["Success"] is False
    assert answer.json["ErrorMessage"]
    result = application.result(answer.result_id)
    assert result["stage"] == "config"
    assert result["diagnosis"]["id"].startswith(diagnosis)
    assert result["transcript"] == ""


def everything(application: Application, admin: Browser, result_id: str) -> dict[str, bytes]:
    """All that is kept or shown of a result, by where that is."""
    pages = {
        "page of the result": admin.get(f"{RESULTS}{result_id}/change/"),
        "page of results": admin.get(RESULTS),
        "page of accounts": admin.get(ACCOUNTS),
    }
    assert {page.status for page in pages.values()} == {200}
    assert tracebacks(application.log()) == []
    return {name: page.raw() for name, page in pages.items()} | {
        "result by REST": json.dumps(application.result(result_id)).encode(),
        "log": application.log().encode(),
        "tables": application.database.contents(),
    }


def found_in(
    application: Application, admin: Browser, result_id: str, *told: bytes
) -> dict[str, list[str]]:
    """The spellings of the password by where they are, in what was told and in everything else."""
    places = everything(application, admin, result_id) | {"told": b"\n".join(told)}
    found = {name: traces(place) for name, place in places.items()}
    return {name: spellings for name, spellings in found.items() if spellings}


def tracebacks(log: str) -> list[str]:
    """The records of a log that show a traceback."""
    records = re.split(r"^(?=[A-Z]+: |\d{4}-\d\d-\d\d )", log, flags=re.MULTILINE)
    return [record for record in records if "Traceback" in record]


def test_the_search_finds_every_spelling() -> None:
    for name, spelling in spellings().items():
        assert name in traces(b"before" + spelling.upper() + b"after")
    for offset in range(3):
        login = "x" * offset + f"\0ann\0{PASSWORD}"
        assert any("base64" in name for name in traces(base64.b64encode(login.encode())))


def test_the_search_sees_tables_and_pages(application: Application, admin: Browser) -> None:
    # A sender is no secret: it must be seen wherever the password of other tests must not.
    answer = application.call({"SmtpUri": "smtps://127.0.0.1:0", "From": "control4711@example.org"})
    places = everything(application, admin, answer.result_id)
    assert [name for name, place in places.items() if traces(place, mark="control4711")] == [
        "page of the result",
        "result by REST",
        "tables",
    ]


# --- Bad input ------------------------------------------------------------------------------------


@cases(BAD_URIS | NOT_IN_A_SHELL)
def test_a_bad_uri_in_a_rest_call(
    application: Application, admin: Browser, never_called: int, value: str, diagnosis: str
) -> None:
    answer = application.call({"SmtpUri": with_port(value, never_called), "From": SENDER})
    is_refused(application, answer, diagnosis)
    assert found_in(application, admin, answer.result_id, answer.raw()) == {}


@cases(BAD_SENDERS)
def test_a_bad_sender_in_a_rest_call(
    application: Application, admin: Browser, never_called: int, value: str, diagnosis: str
) -> None:
    uri = f"smtps://ann:{PW}@127.0.0.1:{never_called}"
    answer = application.call({"SmtpUri": uri, "From": value})
    is_refused(application, answer, diagnosis)
    assert found_in(application, admin, answer.result_id, answer.raw()) == {}


@pytest.mark.parametrize("body", NO_OBJECTS.values(), ids=NO_OBJECTS.keys())
def test_a_body_that_is_no_object(
    application: Application, never_called: int, body: object
) -> None:
    before = application.database.results()
    answer = application.call(body)
    assert answer.status == 400
    assert answer.json["Error"] is True
    assert application.database.results() == before
    assert tracebacks(application.log()) == []
    assert traces(answer.raw(), application.log(), application.database.contents()) == []


@cases(BAD_URIS)
def test_a_bad_uri_for_the_command(
    application: Application, admin: Browser, never_called: int, value: str, diagnosis: str
) -> None:
    uri = with_port(value, never_called)
    done = application.command(uri, "--from", SENDER)
    assert done.returncode == FAILS_AT_CONFIG, done.stdout + done.stderr
    assert diagnosis in done.stdout
    assert "Traceback" not in done.stderr
    row = application.database.results()[-1]
    told = (done.stdout.encode(), done.stderr.encode())
    assert found_in(application, admin, row["id"], *told) == {}


@pytest.mark.parametrize("typed", FORMS.values(), ids=FORMS.keys())
def test_a_form_that_is_shown_again(
    application: Application, admin: Browser, never_called: int, typed: dict[str, str]
) -> None:
    fields = {"name": "Wrong", "host": "127.0.0.1", "security": "tls", "sender": "no address"}
    fields |= {name: with_port(value, never_called) for name, value in typed.items()}
    page = admin.post(f"{ACCOUNTS}add/", **fields)
    assert page.status == 200
    assert "errornote" in page.text
    assert tracebacks(application.log()) == []
    assert traces(page.raw(), application.log(), application.database.contents()) == []


# --- Tests that do run ----------------------------------------------------------------------------


def splitting(plain: str) -> str:
    """The password broken over two lines, so that neither holds it whole."""
    middle = plain.index(MARK) + len(MARK) // 2
    return f"{plain[:middle]}\n535-{plain[middle:]}"


ECHOES: dict[str, Callable[[str], str]] = {
    "clear": lambda plain: plain.replace("\0", " "),
    "the command": lambda plain: base64.b64encode(plain.encode()).decode(),
    "base64 of the password": lambda plain: base64.b64encode(PASSWORD.encode()).decode(),
    "hex": lambda plain: plain.encode().hex(),
    "URL": quote,
    "capitals": lambda plain: plain.upper(),
    "two lines": splitting,
}


@dataclass(frozen=True)
class Echo:
    """A script: refuses the login at AUTH, or the recipient at RCPT, and tells the password."""

    spell: Callable[[str], str]
    context: ssl.SSLContext
    refuses: str = "AUTH"

    def __call__(self, client: Client) -> None:
        client.start_tls(self.context)
        client.send("220 here")
        client.expect("EHLO")
        client.send("250-here\n250 AUTH PLAIN")
        said = client.expect("AUTH PLAIN ").split()[2]
        told = self.spell(base64.b64decode(said).decode())
        if self.refuses == "AUTH":
            client.send(f"535-{told}\n535 5.7.8 refused")
            return
        client.send(f"235-{told}\n235 taken".replace("535-", "235-"))
        client.expect("MAIL")
        client.send(f"250-{told}\n250 taken".replace("535-", "250-"))
        client.expect("RCPT")
        client.send(f"550-{told}\n550 5.7.1 refused".replace("535-", "550-"))


@pytest.mark.parametrize("spell", ECHOES.values(), ids=ECHOES.keys())
@pytest.mark.parametrize("refuses", ["AUTH", "RCPT"])
def test_a_server_that_repeats_the_password_to_a_rest_call(
    application: Application,
    admin: Browser,
    peer: Callable[..., ScriptedPeer],
    server_context: ssl.SSLContext,
    spell: Callable[[str], str],
    refuses: str,
) -> None:
    server = peer(Echo(spell, server_context, refuses))
    answer = application.call({"SmtpUri": account_at(server).uri, "From": SENDER})
    result = application.result(answer.result_id)
    assert (result["verdict"], result["stage"]) == ("fails", refuses.lower()), result["transcript"]
    places = everything(application, admin, answer.result_id) | {"answer": answer.raw()}
    for part in (MARK, MARK[: len(MARK) // 2], MARK[len(MARK) // 2 :]):
        assert {name for name, place in places.items() if traces(place, mark=part)} == set()


def test_a_server_that_repeats_the_stored_password_to_the_admin(
    application: Application,
    admin: Browser,
    peer: Callable[..., ScriptedPeer],
    server_context: ssl.SSLContext,
) -> None:
    server = peer(Echo(all_at_once, server_context))
    account_id = admin.save_account(account_at(server))
    answer = admin.test_account(account_id)
    page = admin.get(f"{ACCOUNTS}{account_id}/change/")
    history = admin.get(f"{ACCOUNTS}{account_id}/history/")
    assert application.result(answer.result_id)["diagnosis"]["id"] == "auth.invalid"
    told = (answer.raw(), page.raw(), history.raw())
    assert found_in(application, admin, answer.result_id, *told) == {}


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_a_server_that_repeats_the_password_to_the_command(
    application: Application,
    admin: Browser,
    peer: Callable[..., ScriptedPeer],
    server_context: ssl.SSLContext,
    how: tuple[str, ...],
) -> None:
    server = peer(Echo(all_at_once, server_context))
    uri = account_at(server).uri_without_password
    done = application.command(
        uri, "--from", SENDER, "--password-env", "OF_TEST", *how, OF_TEST=PASSWORD
    )
    assert done.returncode == FAILS_AT_AUTH, done.stdout + done.stderr
    row = application.database.results()[-1]
    told = (done.stdout.encode(), done.stderr.encode())
    assert found_in(application, admin, row["id"], *told) == {}


# --- Processes ------------------------------------------------------------------------------------


def of_process(pid: int, file: str) -> str:
    """What the system tells of a process, as `ps` reads it (Linux)."""
    return Path(f"/proc/{pid}/{file}").read_text(errors="replace").replace("\0", " ")


@pytest.mark.parametrize("way", ["stdin", "env"])
def test_a_running_command_shows_no_password_and_would_leave_no_core_file(
    application: Application, peer: Callable[..., ScriptedPeer], way: str
) -> None:
    server = peer(Client.drain)
    uri = account_at(server).uri_without_password
    source = ("--password-stdin",) if way == "stdin" else ("--password-env", "OF_TEST")
    process = application.begin_command(
        uri, "--from", SENDER, *source, "--budget", "20", OF_TEST=PASSWORD if way == "env" else ""
    )
    try:
        assert process.stdin is not None
        process.stdin.write(f"{PASSWORD}\n" if way == "stdin" else "")
        process.stdin.close()
        server.wait_for(1, seconds=PATIENCE_SECONDS)
        shown = of_process(process.pid, "cmdline") + of_process(process.pid, "comm")
        limits = of_process(process.pid, "limits")
    finally:
        process.send_signal(signal.SIGINT)  # so that it closes its row, and with it the login
        process.wait(PATIENCE_SECONDS)
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
    assert "test_smtp" in shown
    assert traces(shown) == []
    assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)


def all_at_once(plain: str) -> str:
    return "\n535-".join(spell(plain) for spell in ECHOES.values())


def account_at(server: ScriptedPeer) -> Account:
    name = f"At {server.port}"
    return Account(
        name, server.host, server.port, "tls", username="ann", password=PASSWORD, sender=SENDER
    )
