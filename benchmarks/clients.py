"""The programs that are compared: each sends one test mail with AUTH PLAIN, and ends.

A client is a function of a ``Job`` that returns when it is done, or raises. ``CLIENTS`` is the
table of them; to add one, write the function and its row.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib
import importlib.metadata
import importlib.util
import ipaddress
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage

from benchmarks.servers import NAME, PASSWORD, RECIPIENT, SENDER, USER
from smtpcheck.engine import check
from smtpcheck.engine.plan import (
    Budget,
    Credentials,
    Envelope,
    MessageText,
    Past,
    Target,
    make_plan,
)
from smtpcheck.engine.policy import Address, Policy, parse_entry
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Goal, Security, Verdict

POLICY = Policy(
    entries=tuple(
        parse_entry(f"{network}:* cleartext=yes") for network in ("10.83.0.0/30", "127.0.0.0/8")
    )
)
SECONDS = 20.0
TEXT = "Subject: A test\r\n\r\nThis is a test.\r\n"


@dataclass(frozen=True, slots=True)
class Job:
    """Where to send a mail to, and how; ``ca_pem`` is what vouches for the server."""

    host: str
    port: int
    security: Security
    ca_pem: str


@dataclass(frozen=True, slots=True)
class Client:
    """A row of the comparison; ``install`` says what to do where it is missing, "" if it is not."""

    name: str
    run: Callable[[Job], None]
    install: str = ""
    securities: tuple[Security, ...] = (Security.NONE, Security.STARTTLS, Security.TLS)


def ours(*, in_group: bool) -> Callable[[Job], None]:
    """The engine as the doors call it; in a group where the login is known to pass."""

    def run(job: Job) -> None:
        async def resolve(_: str) -> Sequence[Address]:
            return [ipaddress.ip_address(job.host)]

        plan = make_plan(
            target=Target(
                host=NAME,
                port=job.port,
                security=job.security,
                ca_bundle="" if job.security is Security.NONE else job.ca_pem,
            ),
            credentials=Credentials(username=USER, password=Secret(PASSWORD), mechanism="PLAIN"),
            envelope=Envelope(sender=SENDER, recipient=RECIPIENT, ehlo_name="client.mail.test"),
            goal=Goal.CONTENT,
            budget=Budget(total_seconds=SECONDS),
            message=MessageText(subject="A test", body="This is a test."),
            past=Past(login_passed=in_group),
        )
        report = asyncio.run(check(plan, policy=POLICY, resolver=resolve, probes=None))
        if report.verdict is not Verdict.WORKS:
            raise RuntimeError(report.evidence.transcript)

    return run


class _Bare:
    """The floor: a socket, the commands, and nothing that looks at what comes back but its code."""

    def __init__(self, job: Job) -> None:
        self._context = _trusting_any()
        self._sock = socket.create_connection((job.host, job.port), timeout=SECONDS)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if job.security is Security.TLS:
            self._encrypt()

    def _encrypt(self) -> None:
        self._sock = self._context.wrap_socket(self._sock, server_hostname=NAME)

    def read(self, *codes: str) -> None:
        """Read as many replies, of which each must be the one expected."""
        text = ""
        waiting = list(codes)
        while waiting:
            if hasattr(socket, "TCP_QUICKACK"):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            text += self._sock.recv(65536).decode()
            while "\r\n" in text:
                line, _, text = text.partition("\r\n")
                if line[3:4] != "-" and line[:3] != waiting.pop(0):
                    raise RuntimeError(line)

    def say(self, octets: str, *codes: str) -> None:
        """Send in one flight, and read the replies."""
        self._sock.sendall(octets.encode())
        self.read(*codes)

    def upgrade(self) -> None:
        self.say("STARTTLS\r\n", "220")
        self._encrypt()

    def close(self) -> None:
        self._sock.sendall(b"QUIT\r\n")
        self._sock.close()


def bare(*, in_group: bool) -> Callable[[Job], None]:
    """The same flights as ours, written by hand."""
    blob = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    envelope = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n"

    def run(job: Job) -> None:
        client = _Bare(job)
        client.read("220")
        client.say("EHLO client.mail.test\r\n", "250")
        if job.security is Security.STARTTLS:
            client.upgrade()
            client.say("EHLO client.mail.test\r\n", "250")
        if in_group:
            client.say(f"AUTH PLAIN {blob}\r\n{envelope}", "235", "250", "250", "354")
        else:
            client.say(f"AUTH PLAIN {blob}\r\n", "235")
            client.say(envelope, "250", "250", "354")
        client.say(f"{TEXT}.\r\n", "250")
        client.close()

    return run


def run_smtplib(job: Job) -> None:
    """The standard library's client."""
    client = (
        smtplib.SMTP_SSL(job.host, job.port, timeout=SECONDS, context=_trusting_any())
        if job.security is Security.TLS
        else smtplib.SMTP(job.host, job.port, timeout=SECONDS)
    )
    with client:
        if job.security is Security.STARTTLS:
            client.starttls(context=_trusting_any())
        client.ehlo_or_helo_if_needed()
        client.user, client.password = USER, PASSWORD  # as login() does, which may choose CRAM-MD5
        client.auth("PLAIN", client.auth_plain)
        client.sendmail(SENDER, [RECIPIENT], TEXT)


def run_aiosmtplib(job: Job) -> None:
    """The asyncio client that programs move to from smtplib."""
    aiosmtplib = importlib.import_module("aiosmtplib")

    async def run() -> None:
        client = aiosmtplib.SMTP(
            hostname=job.host,
            port=job.port,
            use_tls=job.security is Security.TLS,
            start_tls=job.security is Security.STARTTLS,
            tls_context=_trusting_any() if job.security is not Security.NONE else None,
            timeout=SECONDS,
        )
        async with client:
            await client.ehlo()  # as its login() does, which may choose CRAM-MD5
            await client.auth_plain(USER, PASSWORD)
            await client.sendmail(SENDER, [RECIPIENT], TEXT)

    asyncio.run(run())


def run_smtpproto(job: Job) -> None:
    """Smtpproto, which always takes the STARTTLS that it is offered."""
    auth = importlib.import_module("smtpproto.auth")
    smtpproto = importlib.import_module("smtpproto.client")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "A test"
    message.set_content("This is a test.")

    async def run() -> None:
        client = smtpproto.AsyncSMTPClient(
            job.host,
            job.port,
            ssl_context=_trusting_any(),
            authenticator=auth.PlainAuthenticator(USER, PASSWORD),
            timeout=SECONDS,
        )
        await client.send_message(message)

    asyncio.run(run())


def run_swaks(job: Job) -> None:
    """Swaks, a program of its own."""
    tls = {Security.NONE: [], Security.STARTTLS: ["--tls"], Security.TLS: ["--tls-on-connect"]}
    _run(
        *("swaks", "--server", job.host, "--port", str(job.port), "--from", SENDER),
        *("--to", RECIPIENT, "--auth", "PLAIN", "--auth-user", USER, "--auth-password", PASSWORD),
        *("--helo", "client.mail.test", "--timeout", str(int(SECONDS)), "--hide-all"),
        *tls[job.security],
    )


NODEMAILER = """
const [host, port, security, user, pass, from, to] = process.argv.slice(1);
const transport = require('nodemailer').createTransport({
  host, port: Number(port), secure: security === 'tls', ignoreTLS: security === 'none',
  requireTLS: security === 'starttls', tls: {rejectUnauthorized: false},
  authMethod: 'PLAIN', auth: {user, pass},
});
transport.sendMail({from, to, subject: 'A test', text: 'This is a test.'})
  .catch(error => { console.error(error); process.exit(1); });
"""


def run_nodemailer(job: Job) -> None:
    """Nodemailer in a program of its own."""
    arguments = [job.host, str(job.port), job.security.value, USER, PASSWORD, SENDER, RECIPIENT]
    _run("node", "-e", NODEMAILER, *arguments)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)


def _trusting_any() -> ssl.SSLContext:
    """Whether a certificate is looked at changes nothing about the flights."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _python(module: str) -> str:
    if importlib.util.find_spec(module):
        return ""
    return f"{sys.executable} -m pip install --require-hashes -r requirements/bench.txt"


def _nodemailer() -> str:
    if shutil.which("node"):
        looked_for = ["node", "-e", "require.resolve('nodemailer')"]
        if subprocess.run(looked_for, capture_output=True, check=False).returncode == 0:
            return ""
    return "Node.js, and `npm install nodemailer` in a folder that NODE_PATH leads to"


ALONE, GROUPED, BARE_ALONE, BARE_GROUPED = (
    "smtpcheck, AUTH alone",
    "smtpcheck, AUTH in the group",
    "bare client, AUTH alone",
    "bare client, AUTH in the group",
)

CLIENTS = (
    Client(ALONE, ours(in_group=False)),
    Client(GROUPED, ours(in_group=True)),
    Client(BARE_ALONE, bare(in_group=False)),
    Client(BARE_GROUPED, bare(in_group=True)),
    Client("smtplib", run_smtplib),
    Client("swaks", run_swaks, "" if shutil.which("swaks") else "apt-get install swaks"),
    Client("Nodemailer", run_nodemailer, _nodemailer()),
    Client("aiosmtplib", run_aiosmtplib, _python("aiosmtplib")),
    Client("smtpproto", run_smtpproto, _python("smtpproto"), (Security.STARTTLS,)),
)


def versions() -> str:
    """The versions of the clients that are here."""
    found = []
    for name in ("aiosmtplib", "smtpproto"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    for command in (
        ["swaks", "--version"],
        ["node", "-p", "'Nodemailer ' + require('nodemailer/package.json').version"],
    ):
        with contextlib.suppress(OSError):
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            found += [run.stdout.splitlines()[0]] if run.returncode == 0 else []
    return ", ".join(found)
