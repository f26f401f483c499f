"""Any bytes, split anywhere, at any stage: the test ends in time, in a verdict, and tells nothing.

The server is a real socket that is honest until its turn at a stage. What was once found to go
wrong stays as an example of its own.
"""

from __future__ import annotations

import asyncio
import base64
import ssl

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.evidence import FaultKind, Report
from smtpcheck.engine.plan import Past
from smtpcheck.engine.stages import Security, Verdict
from smtpcheck.sandbox import Authority, Certificate
from tests.engine.trials import attempt, plan_for
from tests.peers.fixtures import PASSWORD, USER
from tests.peers.honest import CAPABILITIES, until
from tests.peers.scripted import Client, Script, ScriptedPeer

# Short, because every example that ends in silence costs it; a verdict does not depend on it.
SECONDS = 0.3
EXAMPLES = settings().max_examples * 6 // 10  # each takes a connection

ONE_BY_ONE = tuple(word for word in CAPABILITIES if word != "PIPELINING")

LOGIN = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())

# What servers say is made of these, so bytes that hold some come further than others.
WORDS = [
    *(b"220 ", b"220-", b"250 ", b"250-", b"235 ", b"334 ", b"354 ", b"421 ", b"535 ", b"550 "),
    *(b"\r\n", b"\n", b"\r", b"\x00", b" ", b"-", b"999 ", b"25", b"250 ok\r\n", b"220 go\r\n"),
    *(b"250 AUTH PLAIN LOGIN\r\n", b"250-STARTTLS\r\n", b"235 2.7.0 ok\r\n", b"354 go\r\n"),
    *(b"334 VXNlcm5hbWU6\r\n", b"334 \r\n", b"334 %%%\r\n", b"5.7.8 ", b"535-5.7.8 ", b"4.7.0 "),
    *(b"HTTP/1.1 400 ", b"SSH-2.0-", b"* OK ", b"+OK ", b"\xff\xfb\x01", b"\x4a\x00\x00\x00\x0a8"),
    *(b"\x16\x03\x03\x00\x05", b"\x16\x03\x03", b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03"),
    *("ä".encode(), b"\xe4\xff", b"x" * 600, b"x" * 9000, b"250-x\r\n" * 200),
    PASSWORD.encode(),
    base64.b64encode(PASSWORD.encode()),
    LOGIN,
]
CHUNKS = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(min_size=1, max_size=40)), max_size=8)
ENDINGS = st.sampled_from(["close", "close", "reset", "half-close", "silence"])
WAYS = st.sampled_from(["one by one", "in a group", "behind the login"])
Chunks = list[bytes]

bounded = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def context(certificate: Certificate) -> ssl.SSLContext:
    return certificate.server_context()


def saying(chunks: Chunks, ending: str, *, raw: bool = False) -> Script:
    """Sends each chunk by itself, and ends."""

    def script(client: Client) -> None:
        for chunk in chunks:
            if raw:
                client.send_raw(chunk)
            else:
                client.send(chunk)
            client.sleep(0.001)  # so that they mostly arrive as they were split
        leave(client, ending)

    return script


def leave(client: Client, ending: str) -> None:
    match ending:
        case "close":
            client.close()
        case "reset":
            client.reset()
        case "half-close":
            client.half_close()
            client.drain()
        case _:
            client.drain()


def answering(replies: Chunks, ending: str) -> Script:
    """Greets with the first chunk and gives the next one to each line, whatever it is."""

    def script(client: Client) -> None:
        for reply in replies:
            client.send(reply)
            client.read_line()
        leave(client, ending)

    return script


def hold(
    script: Script,
    authority: Authority,
    security: Security = Security.STARTTLS,
    *,
    past: Past = Past(),  # noqa: B008 - frozen
) -> Report:
    """Test an account against a script; ``attempt`` looks at clock, ladder and secret too."""

    async def alone() -> Report:
        server = ScriptedPeer(script).open()
        try:
            plan = plan_for(
                server.port, trusted=authority, security=security, seconds=SECONDS, past=past
            )
            return await attempt(plan)
        finally:
            await asyncio.to_thread(server.shut)

    report = asyncio.run(alone())
    assert report.evidence.fault is None or report.evidence.fault.kind is not FaultKind.INTERNAL
    assert (report.diagnosis is None) == (report.verdict is Verdict.WORKS)
    found = [*report.warnings, *([report.diagnosis] if report.diagnosis else [])]
    assert {finding.id for finding in found} <= set(CATALOGUE)
    return report


@bounded
@given(st.sampled_from(["greeting", "ehlo", "starttls"]), CHUNKS, ENDINGS)
@example("greeting", [b"2", b"20 hi\r", b"\n250-"], "silence")
@example("ehlo", [b"250-x\r\n" * 200], "half-close")
@example("starttls", [b"220 go\r\n", b"\x16\x03\x03"], "close")
# The 64 first bytes that are shown cut the login in two, and half of it was not found.
@example("greeting", [b"220 220 \xc3\xa4", bytes(10), LOGIN], "close")
@example("greeting", [b"220-" + b"x" * 45, LOGIN + b"\r\n"], "silence")
def test_any_bytes_in_the_clear_end_in_a_verdict(
    authority: Authority, stage: str, chunks: Chunks, ending: str
) -> None:
    script = until(stage, saying(chunks, ending), capabilities=("STARTTLS",))

    report = hold(script, authority)

    assert report.verdict is not Verdict.WORKS


@bounded
@given(st.sampled_from([Security.STARTTLS, Security.TLS]), CHUNKS, ENDINGS)
@example(Security.TLS, [b"\x16\x03\x03\x00\x05", b"garba"], "silence")
@example(Security.TLS, [b"x" * 45 + LOGIN], "close")
@example(Security.STARTTLS, [b"\x15\x03\x03\x00\x02\x02\x28"], "reset")
def test_any_bytes_for_a_handshake_end_in_a_verdict(
    authority: Authority,
    context: ssl.SSLContext,
    security: Security,
    chunks: Chunks,
    ending: str,
) -> None:
    def garble(client: Client) -> None:
        client.read_client_hello()
        saying(chunks, ending, raw=True)(client)

    script = until("tls", garble, tls=context, is_implicit=security is Security.TLS)

    report = hold(script, authority, security)

    assert report.verdict is not Verdict.WORKS
    assert report.evidence.mechanism == ""


@bounded
@given(st.sampled_from(["ehlo", "auth"]), st.booleans(), st.booleans(), CHUNKS, ENDINGS)
@example("ehlo", True, False, [b"250 AUTH PLAIN LOGIN\r\n"], "silence")
@example("auth", False, False, [b"535-5.7.8 ", PASSWORD.encode()], "close")
@example("auth", False, False, [b"334 %%%\r\n", b"334 \r\n"], "silence")
@example("auth", False, True, [b"535 no\r\n250 ok\r\n", b"250 ok\r\n354 go\r\n"], "half-close")
@example("auth", False, True, [b"501 no\r\n", b"503 no\r\n" * 3, b"250 ok\r\n"], "silence")
def test_any_bytes_around_the_login_end_in_a_verdict(
    authority: Authority,
    context: ssl.SSLContext,
    stage: str,
    past_tls: bool,
    leads: bool,
    chunks: Chunks,
    ending: str,
) -> None:
    script = until(stage, saying(chunks, ending, raw=past_tls), tls=context)

    hold(script, authority, past=Past(login_passed=leads))


@bounded
@given(st.sampled_from(["mail", "rcpt", "data", "content", "quit"]), WAYS, CHUNKS, ENDINGS)
@example("content", "one by one", [b"250", b" ok\r\n"], "close")
@example("data", "in a group", [b"354 go\r\n", b"421 "], "reset")
@example("mail", "behind the login", [b"503 no\r\n" * 2, b"354 go\r\n"], "half-close")
@example("rcpt", "behind the login", [b"503 no\r\n503 no\r\n", b"250 ok\r\n" * 3], "close")
def test_any_bytes_around_the_mail_end_in_a_verdict(
    authority: Authority,
    context: ssl.SSLContext,
    stage: str,
    way: str,
    chunks: Chunks,
    ending: str,
) -> None:
    capabilities = ONE_BY_ONE if way == "one by one" else CAPABILITIES
    script = until(stage, saying(chunks, ending), tls=context, capabilities=capabilities)

    hold(script, authority, past=Past(login_passed=way == "behind the login"))


@bounded
@given(CHUNKS, ENDINGS)
@example([b"220 hi\r\n", b"250 STARTTLS\r\n", b"220 go\r\n250 AUTH PLAIN\r\n"], "silence")
@example([b"220 hi\r\n", b"250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n", b"454 no\r\n"], "close")
def test_any_answers_to_each_line_end_in_a_verdict(
    authority: Authority, replies: Chunks, ending: str
) -> None:
    report = hold(answering(replies, ending), authority)

    assert report.verdict is not Verdict.WORKS
    assert report.evidence.mechanism == ""  # without TLS no login was begun
