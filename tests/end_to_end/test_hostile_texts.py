"""A server that tries to harm whoever shows its words: evidence at every door, and inert."""

from __future__ import annotations

import csv
import html
import io
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from smtpcheck.sandbox import Authority
from tests.end_to_end.application import ACCOUNTS, RESULTS, Account, Application
from tests.end_to_end.conftest import Serve
from tests.peers.hostile import FORMULA, hostile, live
from tests.peers.scripted import ScriptedPeer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end_hostile_texts")]

SENDER = "ann@example.org"
FAILS_AT_AUTH = 18

# Parts of it as every door shows them: escaped where they are harmful, else to the letter.
SHOWN = (
    r"\x1b[2J",
    "<script>document.title='pwned'</script>",
    "%s %n %(password)s {0.__class__} {} ${jndi} {{ 7|add:7 }}",
    "]]> &xxe;",
)


@pytest.fixture(scope="module")
def application(serve: Serve, authority: Authority) -> Application:
    """An application that may dial any port here and tells in its log all that it can tell."""
    return serve(
        SMTPCHECK_POLICY="127.0.0.1/32:* cleartext=no",
        SMTPCHECK_EXTRA_CA_FILE=str(authority.ca_file),
        SMTPCHECK_REFUSED_LOGINS_PER_WINDOW="1000",
        LOG_LEVEL="DEBUG",
    )


@pytest.fixture
def account(peer: Callable[..., ScriptedPeer], server_context: ssl.SSLContext) -> Account:
    server = peer(hostile(server_context))
    return Account(
        f"Hostile {server.port}",
        server.host,
        server.port,
        "tls",
        username="ann",
        password="a long passphrase",
        sender=SENDER,
    )


@pytest.fixture(autouse=True)
def _log_stays_clean(application: Application) -> Iterator[None]:
    yield
    assert live(application.log()) == set()


def is_shown(text: str) -> None:
    assert live(text) == set()
    assert [part for part in SHOWN if part not in text] == []


def texts(value: object) -> Iterator[str]:
    """Every text in decoded values, names included."""
    match value:
        case dict():
            for name, inner in value.items():
                yield name
                yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)
        case str():
            yield value


def test_in_the_json_of_rest(application: Application, account: Account) -> None:
    answer = application.call({"SmtpUri": account.uri, "From": SENDER})
    assert answer.json["Success"] is False, answer.text
    assert live(answer.content) == set()
    result = application.get(f"/api/v1/results/{answer.result_id}/")
    assert live(result.content) == set()
    is_shown("\n".join(texts(result.json)))
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_in_the_xml_of_rest(application: Application, account: Account) -> None:
    sent = {"SmtpUri": account.uri, "From": SENDER}
    answer = application.call(sent, Accept="application/xml")
    assert answer.headers["content-type"].startswith("application/xml")
    assert live(answer.content) == set()
    assert b"<script" not in answer.content
    told = "\n".join(ET.fromstring(answer.content).itertext())  # noqa: S314 - our own
    assert FORMULA in told, told


def test_on_every_page_of_the_admin_and_in_the_file_for_spreadsheets(
    application: Application, account: Account
) -> None:
    browser = application.browser()
    account_id = browser.save_account(account)
    result_id = browser.test_account(account_id).result_id
    page = browser.get(f"{RESULTS}{result_id}/change/").text
    is_shown(html.unescape(page))
    lists = [f"{ACCOUNTS}{account_id}/change/", ACCOUNTS, RESULTS]
    for source in (page, *(browser.get(path).text for path in lists)):
        assert live(source) == set()
        assert "<script>document" not in source
        assert "<img src=x" not in source
    exported = browser.post(RESULTS, action="export_as_csv", _selected_action=result_id)
    assert exported.status == 200
    assert live(exported.text.removeprefix("\ufeff")) == set()
    (row,) = csv.DictReader(io.StringIO(exported.text.removeprefix("\ufeff"), newline=""))
    assert row["reply"].startswith(f"'{FORMULA}")
    is_shown(row["reply"])
    assert not [value for value in row.values() if value.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("how", [(), ("-v", "3"), ("--json",), ("--nagios",)], ids=" ".join)
def test_on_the_terminal(application: Application, account: Account, how: tuple[str, ...]) -> None:
    done = application.command(
        account.uri_without_password, "--from", SENDER, "--password-env", "PW", *how,
        PW=account.password,
    )  # fmt: skip
    assert live(done.stdout + done.stderr) == set()
    assert "Traceback" not in done.stderr
    if "--json" in how:
        is_shown("\n".join(texts(json.loads(done.stdout))))
    elif "--nagios" in how:
        assert done.stdout.count("|") <= 1  # what is behind it would be read as measurements
    else:
        assert done.returncode == FAILS_AT_AUTH, done.stdout
        is_shown(done.stdout)


def test_in_a_report_for_continuous_integration(
    application: Application, account: Account, tmp_path: Path
) -> None:
    file = tmp_path / "junit.xml"
    done = application.command(
        account.uri_without_password, "--from", SENDER, "--password-env", "PW",
        "--junit", str(file),
        PW=account.password,
    )  # fmt: skip
    assert live(done.stdout + done.stderr) == set()
    assert live(file.read_bytes()) == set()
    report = ET.fromstring(file.read_bytes())  # noqa: S314 - our own
    told = " ".join([*report.itertext(), *(v for e in report.iter() for v in e.attrib.values())])
    assert r"\x1b[2J" in told
