"""Each fault as a client meets it, and every row of the table at least once."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Callable

import pytest

from smtpcheck.sandbox import (
    FAULTS,
    Fault,
    Limits,
    Stage,
    Then,
    Tls,
    Turn,
    UnknownFaultError,
    find_fault,
)
from tests.peers.fixtures import RunningSandbox

MakeSandbox = Callable[..., RunningSandbox]

DIALOGUE = b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n"
CONTENT = b"hi\r\n.\r\nQUIT\r\n"

STARTTLS_SIDE = {Stage.STARTTLS, Stage.TLS, Stage.CHALLENGE, Stage.AUTH, Stage.RSET}


def answers(sandbox: RunningSandbox, sent: bytes = DIALOGUE + CONTENT) -> bytes:
    """What a client that says everything at once gets until the server closes."""
    with socket.create_connection(("127.0.0.1", sandbox.plain_port), timeout=10) as sock:
        sock.sendall(sent)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def play(make_sandbox: MakeSandbox, fault: Fault | str) -> RunningSandbox:
    return make_sandbox(tls=Tls.NONE, fault=fault, logins={})


# The table


def test_every_row_has_a_name_of_its_own_and_a_line_of_description() -> None:
    assert all(name == fault.name and fault.about for name, fault in FAULTS.items())
    assert all("\n" not in fault.about for fault in FAULTS.values())


@pytest.mark.parametrize("spec", ["", "no-such-fault", "nowhere=250 ok", "greeting"])
def test_a_fault_that_is_none_is_refused(spec: str) -> None:
    with pytest.raises(UnknownFaultError):
        find_fault(spec)


def test_a_reply_of_choice_may_have_several_lines() -> None:
    fault = find_fault("ehlo=250-one\\n250 two")

    assert fault.turns[Stage.EHLO].says == b"250-one\r\n250 two\r\n"


# Replies of choice


@pytest.mark.parametrize(
    ("stage", "before"),
    [
        ("greeting", 0),
        ("ehlo", 1),
        ("mail", 2),
        ("rcpt", 3),
        ("data", 4),
        ("content", 5),
        ("quit", 6),
    ],
)
def test_a_reply_of_choice_stands_at_its_stage(
    make_sandbox: MakeSandbox, stage: str, before: int
) -> None:
    received = answers(play(make_sandbox, f"{stage}=599 of choice"))
    finals = [line for line in received.split(b"\r\n") if line[3:4] == b" "]
    assert finals.index(b"599 of choice") == before


def test_a_refusal_after_the_content_keeps_no_mail(make_sandbox: MakeSandbox) -> None:
    sandbox = play(make_sandbox, "spam-refused")
    assert b"554 5.7.1 Message refused as spam" in answers(sandbox)
    assert not sandbox.mailbox.mails


def test_a_refused_recipient_leaves_no_valid_one(make_sandbox: MakeSandbox) -> None:
    received = answers(play(make_sandbox, "unknown-recipient"), DIALOGUE + b"QUIT\r\n")
    assert b"550 5.1.1 No such user here\r\n554 5.5.1 No valid recipients\r\n" in received


def test_421_at_any_stage_is_the_last_word(make_sandbox: MakeSandbox) -> None:
    assert answers(play(make_sandbox, "rcpt=421 4.3.2 Going down")).endswith(b"Going down\r\n")


def test_only_quit_is_served_after_an_unwelcome_greeting(make_sandbox: MakeSandbox) -> None:
    received = answers(play(make_sandbox, "not-welcome"), b"EHLO x\r\nQUIT\r\n")
    assert [line[:3] for line in received.splitlines()] == [b"554", b"503", b"221"]


def test_a_challenge_of_choice_ends_the_login(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, fault="challenge=454 4.7.0 Not now")
    received = answers(sandbox, b"EHLO x\r\nAUTH LOGIN\r\nc2VjcmV0LXdvcmQ=\r\nQUIT\r\n")
    assert b"\r\n454 4.7.0 Not now\r\n500 " in received
    assert sandbox.visit.commands[2] == "****"


def test_every_login_can_be_refused_and_every_login_let_in(make_sandbox: MakeSandbox) -> None:
    login = b"EHLO x\r\nAUTH PLAIN AGFubgBwdw==\r\nQUIT\r\n"
    refusing = make_sandbox(tls=Tls.NONE, fault="wrong-password", logins={"ann": "pw"})
    careless = make_sandbox(tls=Tls.NONE, fault="auth=235 2.7.0 Come in", logins={"ann": "x"})
    assert b"\r\n535 5.7.8" in answers(refusing, login)
    assert b"\r\n235 2.7.0 Come in\r\n" in answers(careless, login)
    assert careless.visit.login == "ann"


# Offers


@pytest.mark.parametrize(
    ("fault", "missing"), [("no-pipelining", b"PIPELINING"), ("no-auth", b"AUTH")]
)
def test_what_is_not_offered_is_not_in_the_reply_to_ehlo(
    make_sandbox: MakeSandbox, fault: str, missing: bytes
) -> None:
    ehlo = b"EHLO x\r\nQUIT\r\n"
    assert missing in answers(make_sandbox(tls=Tls.NONE), ehlo)
    assert missing not in answers(make_sandbox(tls=Tls.NONE, fault=fault), ehlo)


def test_auth_that_is_not_offered_is_not_served(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, fault="no-auth")
    assert b"502 5.5.1 AUTH is not offered" in answers(sandbox, b"EHLO x\r\nAUTH LOGIN\r\nQUIT\r\n")


def test_starttls_that_is_not_offered_is_not_served(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(fault="no-starttls")
    with smtplib.SMTP("localhost", sandbox.starttls_port, timeout=10) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.docmd("STARTTLS")[0] == 502


def test_broken_pipelining_forgets_all_but_the_first(make_sandbox: MakeSandbox) -> None:
    sandbox = play(make_sandbox, "pipelining-broken")
    with smtplib.SMTP("127.0.0.1", sandbox.plain_port, timeout=10) as client:
        client.ehlo()
        client.send("MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n")
        assert client.getreply()[0] == 250
        assert client.docmd("RCPT TO:<d@e.f>")[0] == 250
    assert sandbox.visit.verbs == ["EHLO", "MAIL", "RCPT", "QUIT"]


def test_helo_helps_where_ehlo_is_unknown(make_sandbox: MakeSandbox) -> None:
    sandbox = play(make_sandbox, "no-ehlo")
    with smtplib.SMTP("127.0.0.1", sandbox.plain_port, timeout=10) as client:
        client.ehlo_or_helo_if_needed()
        assert client.helo_resp


# Certificates and STARTTLS


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("expired-certificate", "certificate has expired"),
        ("not-yet-valid-certificate", "not yet valid"),
        ("wrong-host-certificate", "Hostname mismatch"),
        ("self-signed-certificate", "self-signed"),
        ("unknown-authority", "unable to get local issuer"),
        ("missing-intermediate", "unable to get local issuer"),
    ],
)
def test_a_bad_certificate_is_refused_by_a_careful_client(
    make_sandbox: MakeSandbox, fault: str, complaint: str
) -> None:
    sandbox = make_sandbox(fault=fault)
    with smtplib.SMTP("localhost", sandbox.starttls_port, timeout=10) as client:
        with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
            client.starttls(context=sandbox.client_context())
        client.close()


def starttls_answer(sandbox: RunningSandbox, *, then_send: bytes = b"") -> bytes:
    with socket.create_connection(("127.0.0.1", sandbox.starttls_port), timeout=10) as sock:
        sock.recv(1000)
        sock.sendall(b"EHLO x\r\n")
        sock.recv(1000)
        sock.sendall(b"STARTTLS\r\n")
        received = sock.recv(1000)
        if then_send:
            sock.sendall(then_send)
            received += sock.recv(1000)
        return received


def test_injected_bytes_come_in_one_packet_with_the_220(make_sandbox: MakeSandbox) -> None:
    received = starttls_answer(make_sandbox(fault="starttls-injection"))
    assert received == b"220 2.0.0 Ready to start TLS\r\n250 2.0.0 injected\r\n"


def test_plaintext_takes_the_place_of_the_handshake(make_sandbox: MakeSandbox) -> None:
    received = starttls_answer(make_sandbox(fault="plaintext-after-starttls"), then_send=b"\x16")
    assert received.endswith(b"454 4.3.0 TLS is broken\r\n")


def test_tls_that_is_not_available_leaves_the_connection_in_the_clear(
    make_sandbox: MakeSandbox,
) -> None:
    sandbox = make_sandbox(fault="tls-not-available")
    assert starttls_answer(sandbox, then_send=b"NOOP\r\n").endswith(b"250 2.0.0 Ok\r\n")


# Silence, slowness, floods


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in STARTTLS_SIDE])
@pytest.mark.parametrize("verb", ["close", "reset"])
def test_the_connection_ends_at_the_stage(
    make_sandbox: MakeSandbox, verb: str, stage: Stage
) -> None:
    sandbox = play(make_sandbox, f"{verb}-at-{stage}")
    try:
        received = answers(sandbox)
    except ConnectionError:
        assert verb == "reset"
    else:
        assert verb == "close"
        assert b"\r\n221 " not in received  # a queue id may hold those digits too
    assert sandbox.visit.ended == {"close": "closed", "reset": "reset"}[verb]


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in STARTTLS_SIDE])
def test_silence_begins_at_the_stage(make_sandbox: MakeSandbox, stage: Stage) -> None:
    sandbox = play(make_sandbox, f"silent-at-{stage}")
    with socket.create_connection(("127.0.0.1", sandbox.plain_port), timeout=0.1) as sock:
        sock.sendall(DIALOGUE + CONTENT)
        with pytest.raises(TimeoutError):
            b"".join(iter(lambda: sock.recv(65536), b""))


def test_silence_outlasts_the_idle_limit(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(tls=Tls.NONE, fault="silent", limits=Limits(idle_seconds=0.02))
    with (
        socket.create_connection(("127.0.0.1", sandbox.plain_port), timeout=0.2) as sock,
        pytest.raises(TimeoutError),
    ):
        sock.recv(1)


@pytest.mark.parametrize("verb", ["silent", "close", "reset"])
def test_the_handshake_never_comes(make_sandbox: MakeSandbox, verb: str) -> None:
    sandbox = make_sandbox(tls=Tls.IMPLICIT, fault=f"{verb}-at-tls")
    with (
        pytest.raises(OSError, match=r"timed out|reset|EOF|closed"),
        smtplib.SMTP_SSL(
            "localhost", sandbox.tls_port, context=sandbox.client_context(), timeout=0.2
        ),
    ):
        pass


def test_a_silent_server_never_greets(make_sandbox: MakeSandbox) -> None:
    sandbox = play(make_sandbox, "silent")
    with (
        socket.create_connection(("127.0.0.1", sandbox.plain_port), timeout=0.1) as sock,
        pytest.raises(TimeoutError),
    ):
        sock.recv(1)


@pytest.mark.parametrize("fault", ["endless-reply", "endless-line"])
def test_an_endless_reply_goes_on_and_on(make_sandbox: MakeSandbox, fault: str) -> None:
    sandbox = play(make_sandbox, fault)
    received = 0
    with socket.create_connection(("127.0.0.1", sandbox.plain_port), timeout=10) as sock:
        sock.sendall(b"EHLO x\r\n")
        while received < 500_000:
            received += len(sock.recv(65536))
    assert received


def test_one_that_never_reads_lets_the_client_fill_the_pipe(make_sandbox: MakeSandbox) -> None:
    sandbox = play(make_sandbox, "never-reads")
    with socket.create_connection(("127.0.0.1", sandbox.plain_port), timeout=0.2) as sock:
        assert sock.recv(100).startswith(b"220")
        with pytest.raises(TimeoutError):
            sock.sendall(b"x" * 50_000_000)


def test_dripping_sends_byte_by_byte(make_sandbox: MakeSandbox) -> None:
    drip = Fault(name="drip", about="", turns={Stage.GREETING: Turn(pace_seconds=0.005)})
    sandbox = play(make_sandbox, drip)
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", sandbox.plain_port), timeout=10) as sock:
        chunks = [sock.recv(100)]
        while not chunks[-1].endswith(b"\n"):
            chunks.append(sock.recv(100))
    assert len(chunks) > 5
    assert time.monotonic() - begin > 0.1


def test_the_listed_drip_takes_a_second_for_each_byte() -> None:
    assert FAULTS["drip"].at(Stage.RCPT).pace_seconds == 1


def test_a_slow_greeting_comes_in_the_end(make_sandbox: MakeSandbox) -> None:
    slow = Fault(name="slow", about="", turns={Stage.GREETING: Turn(delay_seconds=0.1)})
    begin = time.monotonic()
    assert answers(play(make_sandbox, slow), b"QUIT\r\n").startswith(b"220")
    assert time.monotonic() - begin >= 0.1


# Grammar


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("garbage-greeting", b"\x00\xff\xfb\x01 \x80garbage\r\n"),
        ("http", b"HTTP/1.1 400 Bad Request\r\n"),
        ("bare-lf", b"220 sandbox ESMTP\n2"),
        ("busy", b"421 4.7.0 Too many connections"),
    ],
)
def test_greetings_that_are_none(make_sandbox: MakeSandbox, fault: str, expected: bytes) -> None:
    assert answers(play(make_sandbox, fault), b"QUIT\r\n").startswith(expected)


def test_codes_can_change_within_a_reply(make_sandbox: MakeSandbox) -> None:
    received = answers(play(make_sandbox, "mixed-codes"), b"EHLO x\r\nQUIT\r\n")
    assert b"250-sandbox\r\n354 mixed\r\n" in received


def test_421_to_quit_is_said_after_the_mail_was_taken(make_sandbox: MakeSandbox) -> None:
    sandbox = play(make_sandbox, "421-to-quit")
    assert answers(sandbox).endswith(b"421 4.3.2 Going down\r\n")
    assert len(sandbox.mailbox.mails) == 1


def test_all_ways_to_end_a_turn_are_played() -> None:
    played = {turn.then for fault in FAULTS.values() for turn in fault.turns.values()}
    assert played == set(Then)
