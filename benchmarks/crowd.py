"""The clients that are compared under load, each in a process of its own: many tests at once.

`python -m benchmarks.crowd NAME PORT CA-FILE TESTS AT-ONCE` runs one and prints what it took as
JSON. A test is one mail after STARTTLS and AUTH PLAIN; each client shares one TLS context among its
tests and sends the same ready-made mail, except for ours, which writes a new one. A library that is
not installed ends the process with status 3.
"""

from __future__ import annotations

import asyncio
import base64
import json
import resource
import smtplib
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HOST, USER, PASSWORD = "127.0.0.1", "ann@example.org", "a longer secret"
MAIL = (
    b"From: ann@example.org\r\nTo: ann@example.org\r\nSubject: Test message\r\n"
    b"Date: Mon, 02 Feb 2026 03:04:05 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n"
    b"This message was sent to test a mail account.\r\n"
)
MISSING = 3


@dataclass(frozen=True, slots=True)
class Job:
    """What one process has to do."""

    port: int
    ca_file: str
    tests: int
    at_once: int

    def context(self) -> ssl.SSLContext:
        """A client's context that trusts the sink alone."""
        return ssl.create_default_context(cafile=self.ca_file)


Test = Callable[[], Awaitable[None]]


def smtplib_in_threads(job: Job) -> None:
    """The standard library, a thread for each test at once."""
    context = job.context()

    def test(_number: int) -> None:
        with smtplib.SMTP(HOST, job.port, timeout=60) as client:
            client.starttls(context=context)
            client.ehlo()
            client.user, client.password = USER, PASSWORD
            client.auth("PLAIN", client.auth_plain)
            client.sendmail(USER, [USER], MAIL)

    with ThreadPoolExecutor(job.at_once) as pool:
        list(pool.map(test, range(job.tests)))


def ours(job: Job) -> Test:
    """The engine: with ladder, transcript, certificate evidence and diagnosis."""
    from smtpcheck.engine import check
    from smtpcheck.engine.plan import (
        Budget,
        Credentials,
        Envelope,
        MessageText,
        Target,
        make_plan,
    )
    from smtpcheck.engine.policy import Policy, parse_entry
    from smtpcheck.engine.redaction import Secret
    from smtpcheck.engine.stages import Goal, Security, Verdict

    policy = Policy((parse_entry("127.0.0.1/32:*"),))
    ca_bundle = Path(job.ca_file).read_text()

    async def test() -> None:
        plan = make_plan(
            target=Target(
                host=HOST, port=job.port, security=Security.STARTTLS, ca_bundle=ca_bundle
            ),
            credentials=Credentials(username=USER, password=Secret(PASSWORD)),
            envelope=Envelope(sender=USER, recipient=USER),
            goal=Goal.CONTENT,
            budget=Budget(total_seconds=60),
            message=MessageText(
                subject="Test message", body="This message was sent to test a mail account."
            ),
        )
        report = await check(plan, policy=policy)
        if report.verdict is not Verdict.WORKS:
            raise RuntimeError(str(report.diagnosis))

    return test


def aiosmtplib(job: Job) -> Test:
    """The asyncio library."""
    from aiosmtplib import SMTP

    context = job.context()

    async def test() -> None:
        client = SMTP(hostname=HOST, port=job.port, use_tls=False, start_tls=False, timeout=60)
        async with client:
            await client.starttls(tls_context=context)
            await client.auth_plain(USER, PASSWORD)
            await client.sendmail(USER, [USER], MAIL)

    return test


def smtpproto(job: Job) -> Test:
    """The sans-I/O library with its asyncio client."""
    import email.policy

    from smtpproto.auth import PlainAuthenticator
    from smtpproto.client import AsyncSMTPClient

    context = job.context()
    message = email.message_from_bytes(MAIL, policy=email.policy.SMTP)
    authenticator = PlainAuthenticator(USER, PASSWORD)

    async def test() -> None:
        client = AsyncSMTPClient(
            host=HOST, port=job.port, ssl_context=context, authenticator=authenticator
        )
        async with client.connect() as session:
            await session.send_message(message)

    return test


def bare_streams(job: Job) -> Test:
    """The least that asyncio's streams can do: fixed commands, replies read and thrown away."""
    context = job.context()
    login = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
    commands = [
        b"EHLO client\r\n",
        b"AUTH PLAIN " + login + b"\r\n",
        b"MAIL FROM:<ann@example.org>\r\n",
        b"RCPT TO:<ann@example.org>\r\n",
        b"DATA\r\n",
        MAIL + b".\r\n",
        b"QUIT\r\n",
    ]

    async def reply(reader: asyncio.StreamReader) -> None:
        while (await reader.readline())[3:4] == b"-":
            pass

    async def test() -> None:
        reader, writer = await asyncio.open_connection(HOST, job.port)
        await reply(reader)
        for command in (b"EHLO client\r\n", b"STARTTLS\r\n"):
            writer.write(command)
            await reply(reader)
        await writer.start_tls(context, server_hostname=HOST)
        for command in commands:
            writer.write(command)
            await reply(reader)
        writer.close()

    return test


def handshake(_job: Job) -> Test:
    """OpenSSL's part alone: both ends of a handshake in memory, about twice a client's share."""
    from smtpcheck.sandbox import Authority, Kind

    authority = Authority.create()
    server = authority.certificate_of(Kind.GOOD).server_context()
    client = ssl.create_default_context(cadata=authority.ca_pem.decode())

    async def test() -> None:
        one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [
            client.wrap_bio(one, other, server_hostname=HOST),
            server.wrap_bio(other, one, server_side=True),
        ]
        while ends:
            for end in tuple(ends):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                ends.remove(end)

    return test


# By name; those of the second table run on asyncio's own loop and, as "name+uvloop", on uvloop.
THREADED: dict[str, Callable[[Job], None]] = {"smtplib": smtplib_in_threads}
ASYNC: dict[str, Callable[[Job], Test]] = {
    "ours": ours,
    "aiosmtplib": aiosmtplib,
    "smtpproto": smtpproto,
    "bare": bare_streams,
    "handshake": handshake,
}


async def side_by_side(test: Test, tests: int, at_once: int) -> None:
    """Run a test so many times, so many at once."""
    numbers = iter(range(tests))

    async def worker() -> None:
        for _number in numbers:
            await test()

    await asyncio.gather(*(worker() for _ in range(at_once)))


def resident_octets() -> int:
    """The memory of this process right now (Linux), or 0 where it cannot be told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def measured(run: Callable[[], None], tests: int) -> dict[str, float]:
    """CPU and wall time of a run, and how far memory rose above what it was before."""
    idle = resident_octets()
    began, cpu = time.monotonic(), time.process_time()
    run()
    cpu, wall = time.process_time() - cpu, time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "cpu_ms": cpu * 1000 / tests,
        "tests_per_second": tests / wall,
        "idle_kib": idle / 1024,
        "risen_kib": (peak - idle) / 1024,
    }


def run_threaded(client: Callable[[Job], None], job: Job) -> dict[str, float]:
    """Run a client that brings its own threads."""
    client(Job(job.port, job.ca_file, 1, 1))  # what is done once is not counted
    return measured(lambda: client(job), job.tests)


def run_async(client: Callable[[Job], Test], job: Job) -> dict[str, float]:
    """Run a client in one loop."""
    test = client(job)
    with asyncio.Runner() as runner:
        runner.run(side_by_side(test, 1, 1))
        return measured(lambda: runner.run(side_by_side(test, job.tests, job.at_once)), job.tests)


def main(name: str, port: str, ca_file: str, tests: str, at_once: str) -> int:
    """Run one client; its name may end in "+uvloop"."""
    job = Job(int(port), ca_file, int(tests), int(at_once))
    plain, _plus, loop = name.partition("+")
    try:
        if loop:
            import uvloop

            asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        if plain in THREADED:
            result = run_threaded(THREADED[plain], job)
        else:
            result = run_async(ASYNC[plain], job)
    except ImportError as missing:
        print(missing, file=sys.stderr)
        return MISSING
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
