"""The honest dialogue, driven by smtplib and by bare sockets as independent clients."""

from __future__ import annotations

import base64
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator

import pytest

from smtpcheck.sandbox import Limits, Tls
from tests.peers.fixtures import PASSWORD, USER, RunningSandbox

PASSWORDS = [
    PASSWORD,
    "pässwörd",
    "two words",
    " blanks around ",
    "\"'`",
    "@:/%",
    "日本語",
    "=",
    "*",
]

MakeSandbox = Callable[..., RunningSandbox]


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def plain_of(user: str, password: str) -> str:
    return base64_of(f"\0{user}\0{password}")


@contextlib.contextmanager
def over_starttls(sandbox: RunningSandbox) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("localhost", sandbox.starttls_port, timeout=10) as client:
        client.starttls(context=sandbox.client_context())
        client.ehlo("client.example")
        yield client


@contextlib.contextmanager
def logged_in(sandbox: RunningSandbox) -> Iterator[smtplib.SMTP]:
    with over_starttls(sandbox) as client:
        code, _ = client.docmd("AUTH", f"PLAIN {plain_of(USER, PASSWORD)}")
        assert code == 235
        yield client


@contextlib.contextmanager
def in_clear(sandbox: RunningSandbox) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", sandbox.plain_port, timeout=10) as client:
        client.ehlo("client.example")
        yield client


def said(client: smtplib.SMTP, line: str) -> str:
    code, text = client.docmd(line)
    return f"{code} {text.decode()}"


# TLS


def test_starttls_leads_to_a_connection_that_a_strict_client_trusts(
    sandbox: RunningSandbox,
) -> None:
    with over_starttls(sandbox) as client:
        assert isinstance(client.sock, ssl.SSLSocket)
        assert not client.has_extn("starttls")
    assert sandbox.visit.server_name == "localhost"
    assert sandbox.visit.tls_version == "TLSv1.3"
    assert sandbox.visit.ended == "quit"


def test_tls_on_connect_works(sandbox: RunningSandbox) -> None:
    context = sandbox.client_context()
    with smtplib.SMTP_SSL("localhost", sandbox.tls_port, context=context, timeout=10) as client:
        assert client.ehlo()[0] == 250
        assert said(client, "STARTTLS") == "503 5.5.1 This connection is encrypted already"


def test_hello_is_forgotten_by_starttls(sandbox: RunningSandbox) -> None:
    with smtplib.SMTP("localhost", sandbox.starttls_port, timeout=10) as client:
        client.starttls(context=sandbox.client_context())
        assert said(client, "MAIL FROM:<a@b.example>").startswith("503 5.5.1")


def test_ehlo_in_the_flight_that_ends_the_handshake_is_answered(sandbox: RunningSandbox) -> None:
    context = sandbox.client_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", sandbox.tls_port), timeout=10) as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        tls.write(b"EHLO x\r\nQUIT\r\n")
        sock.sendall(outgoing.read())
        while raw := sock.recv(65536):
            incoming.write(raw)
    received = b""
    with contextlib.suppress(ssl.SSLZeroReturnError):  # each read gives one record
        while chunk := tls.read(65536):
            received += chunk
    assert received.endswith(b"221 2.0.0 Bye\r\n")


@pytest.mark.parametrize("early", [b"x", b"RSET\r\n", b"\x16\x03\x01"])
def test_bytes_behind_starttls_end_the_connection(sandbox: RunningSandbox, early: bytes) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.starttls_port), timeout=10) as sock:
        sock.sendall(b"EHLO x\r\nSTARTTLS\r\n" + early)
        received = b"".join(iter(lambda: sock.recv(4096), b""))
    assert received.endswith(b"\r\n421 4.7.0 Bytes behind STARTTLS\r\n")
    assert b"220 2.0.0" not in received
    assert sandbox.visit.early_bytes == len(early)


def test_a_client_that_refuses_the_certificate_is_noted(sandbox: RunningSandbox) -> None:
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        smtplib.SMTP_SSL("localhost", sandbox.tls_port, context=ssl.create_default_context()),
    ):
        pass
    # The alert may come after the server's own end of the handshake; then it is a plain goodbye.
    assert sandbox.visit.commands == []


# Login


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("mechanism", ["PLAIN", "PLAIN in two steps", "LOGIN", "LOGIN at once"])
def test_logins_of_all_kinds_pass(
    sandboxes: Callable[[str], RunningSandbox], mechanism: str, password: str
) -> None:
    with in_clear(sandboxes(password)) as client:
        match mechanism:
            case "PLAIN":
                reply = client.docmd(f"AUTH PLAIN {plain_of(USER, password)}")
            case "PLAIN in two steps":
                assert client.docmd("AUTH PLAIN") == (334, b"")
                reply = client.docmd(plain_of(USER, password))
            case "LOGIN":
                assert client.docmd("auth login") == (334, b"VXNlcm5hbWU6")
                assert client.docmd(base64_of(USER)) == (334, b"UGFzc3dvcmQ6")
                reply = client.docmd(base64_of(password))
            case _:
                assert client.docmd(f"AUTH LOGIN {base64_of(USER)}") == (334, b"UGFzc3dvcmQ6")
                reply = client.docmd(base64_of(password))
        assert reply == (235, b"2.7.0 Authentication successful")


@pytest.fixture
def sandboxes(make_sandbox: MakeSandbox) -> Callable[[str], RunningSandbox]:
    return lambda password: make_sandbox(tls=Tls.NONE, logins={USER: password})


@pytest.mark.parametrize(
    ("user", "password"),
    [(USER, PASSWORD + " "), (USER, ""), ("nobody", PASSWORD), ("nobody", ""), (PASSWORD, USER)],
)
def test_a_wrong_login_is_refused(sandbox: RunningSandbox, user: str, password: str) -> None:
    with in_clear(sandbox) as client:
        reply = said(client, f"AUTH PLAIN {plain_of(user, password)}")
        assert reply == "535 5.7.8 Authentication credentials invalid"
        assert said(client, "MAIL FROM:<a@b.example>").startswith("530 5.7.0")
    assert sandbox.visit.refused_logins == 1


def test_smtplib_logs_in_and_sends(sandbox: RunningSandbox) -> None:
    sandbox.sandbox.logins = {}
    with logged_in(sandbox) as client:
        client.sendmail(USER, ["bob@b.example"], "Subject: hi\r\n\r\n.dot\r\n")
    (mail,) = sandbox.mailbox.mails
    assert (mail.sender, mail.recipients, mail.login) == (USER, ("bob@b.example",), USER)
    assert (mail.content, mail.subject) == (b"Subject: hi\r\n\r\n.dot\r\n", "hi")


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        (["AUTH PLAIN", "*"], "501 5.7.0 Authentication cancelled"),
        (["AUTH PLAIN !!"], "501 5.5.2 That is not base64"),
        (["AUTH PLAIN ä"], "501 5.5.2 That is not base64"),
        (["AUTH PLAIN ="], "501 5.5.2 That is not a PLAIN response"),
        ([f"AUTH PLAIN {base64_of('root')}"], "501 5.5.2 That is not a PLAIN response"),
        ([f"AUTH PLAIN {base64_of(f'root{chr(0)}a{chr(0)}b')}"], "501 5.5.2 That is not a PLAIN"),
        (["AUTH CRAM-MD5"], "504 5.5.4 Unrecognized authentication type"),
        (["AUTH LOGIN", base64_of(USER), "*"], "501 5.7.0 Authentication cancelled"),
    ],
)
def test_a_login_that_is_no_login_is_told_so(
    sandbox: RunningSandbox, lines: list[str], reply: str
) -> None:
    with in_clear(sandbox) as client:
        client.command_encoding = "utf-8"
        *_, last = [said(client, line) for line in lines]
        assert last.startswith(reply)
    assert sandbox.visit.refused_logins == 0


def test_no_login_is_taken_in_the_clear_where_tls_can_be_had(sandbox: RunningSandbox) -> None:
    with smtplib.SMTP("localhost", sandbox.starttls_port, timeout=10) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert said(client, "AUTH PLAIN AA==").startswith("538 5.7.11")


def test_login_in_the_clear_can_be_allowed(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(auth_in_clear=True)
    with smtplib.SMTP("localhost", sandbox.starttls_port, timeout=10) as client:
        client.ehlo()
        assert client.has_extn("auth")
        assert client.docmd(f"AUTH PLAIN {plain_of(USER, PASSWORD)}")[0] == 235


def test_a_second_login_is_out_of_order(sandbox: RunningSandbox) -> None:
    with logged_in(sandbox) as client:
        assert said(client, "AUTH LOGIN").startswith("503 5.5.1")


def test_too_many_wrong_logins_end_the_connection(sandbox: RunningSandbox) -> None:
    with in_clear(sandbox) as client:
        wrong = f"AUTH PLAIN {plain_of(USER, 'wrong')}"
        for _ in range(3):
            assert said(client, wrong).startswith("535")
        assert said(client, "NOOP").startswith("421 4.7.0")
    assert sandbox.visit.ended == "closed"


def test_secrets_are_not_remembered(sandbox: RunningSandbox) -> None:
    with in_clear(sandbox) as client:
        client.docmd(f"AUTH PLAIN {plain_of(USER, PASSWORD)}")
        client.docmd(base64_of(PASSWORD))
        client.docmd("RSET")
    with in_clear(sandbox) as client:
        client.docmd("AUTH LOGIN")
        client.docmd(base64_of(USER))
        client.docmd(base64_of(PASSWORD))
    remembered = repr(sandbox.sandbox.visits)
    for secret in (PASSWORD, base64_of(PASSWORD), plain_of(USER, PASSWORD)):
        assert secret not in remembered
    assert sandbox.visit.verbs == ["EHLO", "AUTH", "****", "****", "QUIT"]


# The mail


def test_a_pipelined_group_is_answered_in_order(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, logins={})
    with socket.create_connection(("127.0.0.1", sandbox.plain_port), timeout=10) as sock:
        sock.sendall(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nDATA\r\n")
        sock.sendall(b"..\r\n.\r\nQUIT\r\n")
        replies = b"".join(iter(lambda: sock.recv(4096), b"")).split(b"\r\n")
    assert [reply[:3] for reply in replies if reply[3:4] == b" "] == [
        b"220", b"250", b"250", b"250", b"354", b"250", b"221",
    ]  # fmt: skip
    assert sandbox.mailbox.mails[0].content == b".\r\n"


@pytest.mark.parametrize("step", [1, 3])
def test_any_split_of_the_bytes_gives_the_same_mail(make_sandbox: MakeSandbox, step: int) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, logins={})
    commands = b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n"
    dialogue = commands + b"A: b\r\n\r\n..x\r\n.\r\nQUIT\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.plain_port), timeout=10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(dialogue), step):
            sock.sendall(dialogue[start : start + step])
        assert b"".join(iter(lambda: sock.recv(4096), b"")).endswith(b"221 2.0.0 Bye\r\n")
    assert [mail.content for mail in sandbox.mailbox.mails] == [b"A: b\r\n\r\n.x\r\n"]


def test_an_empty_mail_is_a_mail(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, logins={})
    with in_clear(sandbox) as client:
        client.sendmail("a@b.c", ["d@e.f"], b"")
        client.docmd("MAIL FROM:<a@b.c>")
        client.docmd("RCPT TO:<d@e.f>")
        client.docmd("DATA")
        assert said(client, ".").startswith("250 2.0.0 Ok: queued as ")
    assert sandbox.mailbox.mails[1].content == b""


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("MAIL FROM:<a@b.c> SIZE=2000000", "552 5.3.4"),
        ("MAIL FROM:<a@b.c> SIZE=many", "501 5.5.4"),
        ("MAIL FROM:<a@b.c> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<a@b.c> RET=FULL", "555 5.5.4"),
        ("MAIL FROM: <a@b.c>", "501 5.5.4"),
        ("MAIL FROM:a@b.c", "501 5.5.4"),
        ("MAIL TO:<a@b.c>", "501 5.5.4"),
        ("MAIL FROM:<ann>", "501 5.1.7"),
        ("MAIL FROM:<änn@b.c>", "553 5.6.7"),
        ("MAIL FROM:<änn@b.c> SMTPUTF8", "250 2.1.0"),
        ("MAIL FROM:<a@b.c> SIZE=100 BODY=8BITMIME", "250 2.1.0"),
        ('MAIL FROM:<"a b>"@b.c>', "250 2.1.0"),
        ("MAIL FROM:<>", "250 2.1.0"),
        ("RCPT TO:<a@b.c>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("DATA now", "501 5.5.4"),
        ("STARTTLS now", "501 5.5.4"),
        ("STARTTLS", "502 5.5.1"),
        ("EHLO", "501 5.5.4"),
        ("HELO", "501 5.5.4"),
        ("BDAT 0 LAST", "500 5.5.2"),
        ("NOOP what ever", "250 2.0.0"),
        ("RSET", "250 2.0.0"),
        ("VRFY ann", "252 2.5.2"),
        ("x" * 9000, "500 5.5.6"),
        ("NO\0OP", "500 5.5.2"),
    ],
)
def test_commands_are_answered_by_the_book(
    make_sandbox: MakeSandbox, line: str, reply: str
) -> None:
    with in_clear(make_sandbox(tls=Tls.NONE, logins={})) as client:
        client.command_encoding = "utf-8"
        assert said(client, line)[:9] == reply
        assert said(client, "NOOP")[:3] == "250"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("RCPT TO:<>", "501 5.1.3"),
        ("RCPT TO:<ann>", "501 5.1.3"),
        ("RCPT TO:<änn@b.c>", "553 5.6.7"),
        ("RCPT TO:<a@b.c> NOTIFY=NEVER", "555 5.5.4"),
        ("RCPT TO:<a@[127.0.0.1]>", "250 2.1.5"),
        ("MAIL FROM:<a@b.c>", "503 5.5.1"),
        ("DATA", "554 5.5.1"),
        ("EHLO again", "250 sandb"),
    ],
)
def test_commands_within_a_mail_are_answered_by_the_book(
    make_sandbox: MakeSandbox, line: str, reply: str
) -> None:
    with in_clear(make_sandbox(tls=Tls.NONE, logins={})) as client:
        client.command_encoding = "utf-8"
        assert said(client, "MAIL FROM:<a@b.c>")[:3] == "250"
        assert said(client, line)[:9] == reply


def test_helo_is_enough_for_a_plain_mail(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, logins={})
    with smtplib.SMTP("127.0.0.1", sandbox.plain_port, timeout=10) as client:
        assert client.helo("old.example")[0] == 250
        client.sendmail("a@b.c", ["d@e.f"], b"hi\r\n")
    assert sandbox.mailbox.mails[0].content == b"hi\r\n"


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\rOP\r\n", b"NOOP \xff\r\n"])
def test_a_line_that_is_none_is_refused(make_sandbox: MakeSandbox, line: bytes) -> None:
    with in_clear(make_sandbox(tls=Tls.NONE, logins={})) as client:
        client.send(line)
        assert client.getreply()[1].startswith(b"5.5.2")


@pytest.mark.parametrize(
    "content",
    [b"a\nb\r\n", b"a\rb\r\n", b"a\n.\nMAIL FROM:<x@y.z>\r\n", b"a\n.\r\nb\r\n", b"a\0b\r\n"],
)
def test_content_that_could_smuggle_is_refused(make_sandbox: MakeSandbox, content: bytes) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, logins={})
    with in_clear(sandbox) as client:
        for line in ("MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>", "DATA"):
            client.docmd(line)
        client.send(content + b".\r\n")
        assert client.getreply()[0] == 554
    assert not sandbox.mailbox.mails


def test_a_mail_over_the_limit_is_refused_and_the_connection_goes_on(
    make_sandbox: MakeSandbox,
) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, logins={}, limits=Limits(message_bytes=1000))
    with in_clear(sandbox) as client:
        client.esmtp_features.pop("size")
        with pytest.raises(smtplib.SMTPDataError, match=r"5\.3\.4"):
            client.sendmail("a@b.c", ["d@e.f"], b"x" * 70 + b"\r\n" + b"y\r\n" * 100_000)
        client.sendmail("a@b.c", ["d@e.f"], b"x" * 998 + b"\r\n")
    assert [len(mail.content) for mail in sandbox.mailbox.mails] == [1000]


# Limits


def test_too_many_recipients_are_refused_for_now(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, logins={}, limits=Limits(recipients=2))
    with in_clear(sandbox) as client:
        client.docmd("MAIL FROM:<a@b.c>")
        codes = [client.docmd(f"RCPT TO:<{number}@e.f>")[0] for number in range(3)]
    assert codes == [250, 250, 452]


def test_too_many_errors_end_the_connection(make_sandbox: MakeSandbox) -> None:
    with in_clear(make_sandbox(tls=Tls.NONE, limits=Limits(bad_commands=2))) as client:
        assert [client.docmd("HUH")[0] for _ in range(2)] == [500, 500]
        assert client.getreply()[0] == 421


def test_an_idle_client_is_told_goodbye(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, limits=Limits(idle_seconds=0.1))
    with smtplib.SMTP("127.0.0.1", sandbox.plain_port, timeout=10) as client:
        assert client.getreply() == (421, b"4.4.2 Idle for too long")
