"""The servers that run unpacked leave nothing behind, and say what they lack."""

from __future__ import annotations

import smtplib
import socket
import ssl
from pathlib import Path

import pytest

from tests.servers.daemon import ServerError, group_members
from tests.servers.exim import EXIM, EximServer
from tests.servers.jail import DIRECTORY_VARIABLE, JailedServer, root_of, why_unusable
from tests.servers.opensmtpd import OpenSmtpdServer
from tests.servers.opensmtpd import why_unusable as why_no_opensmtpd

TIMEOUT_SECONDS = 10.0


@pytest.mark.parametrize(
    ("usable", "kind"),
    [
        pytest.param("usable_exim", EximServer, marks=pytest.mark.exim),
        pytest.param("usable_opensmtpd", OpenSmtpdServer, marks=pytest.mark.opensmtpd),
    ],
)
def test_after_stop_no_process_no_port_and_no_file_remains(
    usable: str, kind: type[JailedServer], request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(usable)
    with kind() as server:
        groups = server.process_groups()
        assert all(group_members(group) for group in groups)
        with smtplib.SMTP(server.host, server.ports.plain, timeout=TIMEOUT_SECONDS) as client:
            client.sendmail("a@mail.test", "inbox@mail.test", "Subject: hello\r\n\r\nhello\r\n")
        assert server.wait_for_mail("inbox@mail.test", containing=b"hello", timeout_seconds=5)
    assert not any(group_members(group) for group in groups)
    assert not server.directory.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.ports.plain), timeout=TIMEOUT_SECONDS)


@pytest.mark.exim
@pytest.mark.usefixtures("usable_exim")
def test_a_bad_configuration_is_told_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.servers.exim.CONFIGURATION", "nonsense\n")
    server = EximServer()
    with pytest.raises(ServerError, match="nonsense"):
        server.start()
    assert not server.directory.exists()


@pytest.mark.exim
def test_nothing_in_a_jail_gives_rights_to_who_starts_it(exim: EximServer) -> None:
    programs = [path for path in exim.directory.rglob("*") if path.is_file()]
    assert programs
    assert not [path for path in programs if path.stat().st_mode & 0o6000]


@pytest.mark.opensmtpd
def test_the_tls_of_this_opensmtpd_serves_no_client_at_all(opensmtpd: OpenSmtpdServer) -> None:
    with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
        smtplib.SMTP_SSL(
            opensmtpd.host,
            opensmtpd.ports.smtps,
            timeout=TIMEOUT_SECONDS,
            context=opensmtpd.client_context(),
        )


def test_a_missing_package_is_told_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    problem = why_unusable(EXIM._replace(program="usr/sbin/nowhere"))
    assert problem is not None
    assert problem[0] == "exim4-daemon-light is missing."
    assert ".ci/run" in problem[1]


def test_an_unpacked_program_goes_before_an_installed_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    assert root_of("bin/sh") == Path("/")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").touch()
    assert root_of("bin/sh") == tmp_path


@pytest.mark.opensmtpd
@pytest.mark.usefixtures("usable_opensmtpd")
def test_an_opensmtpd_that_the_tests_do_not_know_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "tests.servers.opensmtpd.printed_by", lambda *_: "version: OpenSMTPD 7.6.0\n"
    )
    problem = why_no_opensmtpd()
    assert problem is not None
    assert "7.6.0" in problem[0]
