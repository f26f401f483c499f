"""The three ports of the real Postfix do what their names promise to the standard library."""

from __future__ import annotations

import base64
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.servers.daemon import ServerError, group_members
from tests.servers.ports import free_ports
from tests.servers.postfix import (
    GREYLISTED_RECIPIENT,
    LOGINS,
    NOT_OWNED_SENDER,
    UNKNOWN_RECIPIENT,
    PostfixServer,
    why_unusable,
)

pytestmark = pytest.mark.postfix

TIMEOUT_SECONDS = 10.0
SENDER = "account@mail.test"
Reply = tuple[int, bytes]
Connect = Callable[[PostfixServer], AbstractContextManager[smtplib.SMTP]]
Authenticate = Callable[[smtplib.SMTP, str, str], Reply]


@contextmanager
def plain(server: PostfixServer) -> Iterator[smtplib.SMTP]:
    """A greeted client on the port without TLS."""
    with smtplib.SMTP(server.host, server.ports.plain, timeout=TIMEOUT_SECONDS) as client:
        client.ehlo()
        yield client


@contextmanager
def submission(server: PostfixServer) -> Iterator[smtplib.SMTP]:
    """A greeted client on the submission port, inside STARTTLS."""
    with smtplib.SMTP(server.host, server.ports.submission, timeout=TIMEOUT_SECONDS) as client:
        client.starttls(context=server.client_context())
        client.ehlo()
        yield client


@contextmanager
def smtps(server: PostfixServer) -> Iterator[smtplib.SMTP]:
    """A greeted client on the port with TLS on connect."""
    with smtplib.SMTP_SSL(
        server.host, server.ports.smtps, timeout=TIMEOUT_SECONDS, context=server.client_context()
    ) as client:
        client.ehlo()
        yield client


def auth_plain(client: smtplib.SMTP, user: str, password: str) -> Reply:
    """The reply to AUTH PLAIN; the `login` of smtplib fails on a password outside ASCII."""
    token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    return client.docmd("AUTH", f"PLAIN {token}")


def auth_login(client: smtplib.SMTP, user: str, password: str) -> Reply:
    """The reply to AUTH LOGIN."""
    client.docmd("AUTH", "LOGIN")
    client.docmd(base64.b64encode(user.encode()).decode())
    return client.docmd(base64.b64encode(password.encode()).decode())


def recipient_reply(client: smtplib.SMTP, sender: str, recipient: str) -> Reply:
    """The reply to RCPT, where Postfix also tells what it holds against the sender."""
    client.mail(sender)
    return client.rcpt(recipient)


def send(client: smtplib.SMTP, recipient: str) -> bytes:
    """Send a mail that can be told from every other, and return what marks it."""
    mark = uuid.uuid4().hex
    client.sendmail(SENDER, recipient, f"Subject: {mark}\r\n\r\nhello\r\n")
    return mark.encode()


def test_a_mail_over_the_plain_port_lands_in_the_mailbox(postfix: PostfixServer) -> None:
    with plain(postfix) as client:
        assert not client.has_extn("starttls")
        assert not client.has_extn("auth")
        assert client.has_extn("pipelining")
        mark = send(client, "inbox@mail.test")
    mail = postfix.wait_for_mail("inbox@mail.test", containing=mark, timeout_seconds=5)
    assert b"Return-Path: <account@mail.test>\n" in mail


def test_a_mail_over_starttls_and_login_lands_in_the_mailbox(postfix: PostfixServer) -> None:
    with submission(postfix) as client:
        assert auth_plain(client, SENDER, postfix.logins[SENDER])[0] == 235
        mark = send(client, "inbox@mail.test")
    assert postfix.wait_for_mail("inbox@mail.test", containing=mark, timeout_seconds=5)


def test_a_mail_over_tls_on_connect_and_login_lands_in_the_mailbox(postfix: PostfixServer) -> None:
    with smtps(postfix) as client:
        assert auth_login(client, SENDER, postfix.logins[SENDER])[0] == 235
        mark = send(client, "inbox@mail.test")
    assert postfix.wait_for_mail("inbox@mail.test", containing=mark, timeout_seconds=5)


@pytest.mark.parametrize("authenticate", [auth_plain, auth_login])
@pytest.mark.parametrize("connect", [submission, smtps])
@pytest.mark.parametrize("user", LOGINS)
def test_every_login_passes(
    postfix: PostfixServer, user: str, connect: Connect, authenticate: Authenticate
) -> None:
    with connect(postfix) as client:
        assert authenticate(client, user, postfix.logins[user])[0] == 235


@pytest.mark.parametrize("connect", [submission, smtps])
def test_a_wrong_password_is_a_535(postfix: PostfixServer, connect: Connect) -> None:
    with connect(postfix) as client:
        code, text = auth_plain(client, SENDER, postfix.logins[SENDER] + " ")
    assert code == 535
    assert text.startswith(b"5.7.8 ")


def test_auth_is_offered_inside_tls_only(postfix: PostfixServer) -> None:
    with smtplib.SMTP(postfix.host, postfix.ports.submission, timeout=TIMEOUT_SECONDS) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        client.starttls(context=postfix.client_context())
        client.ehlo()
        assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]


@pytest.mark.parametrize("connect", [submission, smtps])
def test_no_recipient_is_taken_without_a_login(postfix: PostfixServer, connect: Connect) -> None:
    with connect(postfix) as client:
        assert recipient_reply(client, SENDER, "inbox@mail.test")[0] == 554


def test_a_sender_of_someone_else_is_a_553(postfix: PostfixServer) -> None:
    with submission(postfix) as client:
        auth_plain(client, SENDER, postfix.logins[SENDER])
        code, text = recipient_reply(client, NOT_OWNED_SENDER, "inbox@mail.test")
    assert code == 553
    assert b"not owned by user account@mail.test" in text


def test_an_unknown_recipient_is_a_550(postfix: PostfixServer) -> None:
    with plain(postfix) as client:
        code, text = recipient_reply(client, SENDER, UNKNOWN_RECIPIENT)
    assert code == 550
    assert text.startswith(b"5.1.1 ")


def test_a_greylisted_recipient_is_a_450(postfix: PostfixServer) -> None:
    with plain(postfix) as client:
        code, text = recipient_reply(client, SENDER, GREYLISTED_RECIPIENT)
    assert code == 450
    assert b"Greylisted" in text


def test_mail_for_another_domain_is_refused_even_after_a_login(postfix: PostfixServer) -> None:
    with smtps(postfix) as client:
        auth_plain(client, SENDER, postfix.logins[SENDER])
        code, text = recipient_reply(client, SENDER, "someone@example.com")
    assert code == 554
    assert b"Relay access denied" in text


def test_the_certificate_is_good_for_the_name_and_the_addresses(postfix: PostfixServer) -> None:
    address = ("127.0.0.1", postfix.ports.smtps)
    for name in ("localhost", "127.0.0.1", "::1"):
        with (
            socket.create_connection(address, timeout=TIMEOUT_SECONDS) as raw,
            postfix.client_context().wrap_socket(raw, server_hostname=name) as secured,
        ):
            assert secured.version() == "TLSv1.3"


def test_its_authority_is_unknown_to_the_system(postfix: PostfixServer) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL(
            postfix.host,
            postfix.ports.smtps,
            timeout=TIMEOUT_SECONDS,
            context=ssl.create_default_context(),
        )


def test_a_mail_that_never_came_is_a_timeout(postfix: PostfixServer) -> None:
    with pytest.raises(TimeoutError, match=r"no such mail for inbox@mail\.test"):
        postfix.wait_for_mail("inbox@mail.test", containing=b"never sent", timeout_seconds=0.1)


@pytest.mark.usefixtures("usable_postfix")
def test_a_server_with_a_bad_configuration_says_so_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.servers.postfix.INNER_SERVICES", "nonsense\n")
    server = PostfixServer()
    with pytest.raises(ServerError, match=r"master\.cf: line 1: bad field count"):
        server.start()
    assert not server.directory.exists()


@pytest.mark.usefixtures("usable_postfix")
def test_a_server_whose_port_is_taken_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        free = free_ports(2, ["127.0.0.1"])
        monkeypatch.setattr("tests.servers.server.free_ports", lambda *_: [*free, taken])
        with pytest.raises(ServerError, match=rf"ports in use: \[{taken}\]"):
            PostfixServer().start()


@pytest.mark.usefixtures("usable_postfix")
def test_after_stop_no_process_no_port_and_no_file_remains() -> None:
    with PostfixServer() as second:
        groups = second.process_groups()
        assert all(group_members(group) for group in groups)
    assert not any(group_members(group) for group in groups)
    assert not second.directory.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", second.ports.plain), timeout=TIMEOUT_SECONDS)


def test_a_machine_without_postfix_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.servers.postfix.MASTER", "/nowhere/master")
    problem = why_unusable()
    assert problem is not None
    assert "apt-get install postfix dovecot-core" in problem[1]


START_AND_DIE = """
import os, signal
from tests.servers.postfix import PostfixServer
server = PostfixServer()
server.start()
print(server.directory, *server.process_groups(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("usable_postfix")
def test_a_killed_test_run_leaves_no_process() -> None:
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", START_AND_DIE], cwd=root, capture_output=True, text=True, check=False
    )
    directory, *groups = run.stdout.split()
    assert run.returncode == -signal.SIGKILL
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while any(group_members(int(group)) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(group_members(int(group)) for group in groups)
    shutil.rmtree(directory)
