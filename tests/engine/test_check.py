"""The face of the engine, end to end: every fault of the sandbox, trust, policy, goals, clocks."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from smtpcheck.engine import Resolver, check
from smtpcheck.engine.driver.resolver import ResolveFailed
from smtpcheck.engine.evidence import FaultKind, Report, Rung
from smtpcheck.engine.plan import fingerprint
from smtpcheck.engine.policy import Address, Policy, parse_entry
from smtpcheck.engine.stages import Goal, RungState, Security, Stage, Verdict
from smtpcheck.sandbox import (
    FAULTS,
    Authority,
    BackgroundSandbox,
    Certificate,
    Kind,
    Listener,
    Sandbox,
    Tls,
)
from tests.engine.trials import (
    IN_THE_CLEAR,
    LOOPBACK,
    RECIPIENT,
    attempt,
    diagnosis_of,
    plan_for,
    tried,
    warnings_in,
)
from tests.peers.fixtures import PASSWORD, USER, RunningSandbox
from tests.peers.honest import honest, until
from tests.peers.scripted import Client, ScriptedPeer

MakeSandbox = Callable[..., RunningSandbox]
MakePeer = Callable[..., ScriptedPeer]


# Every fault

# Name, verdict, diagnosis (- for none), the stage it is told at, and the rung that failed.
OVER_STARTTLS = """
none                       works        -                            content   -
silent                     fails        greet.timeout                greeting  greeting
slow-greeting              fails        greet.timeout                greeting  greeting
slow                       fails        greet.timeout                greeting  greeting
drip                       inconclusive greet.timeout                greeting  greeting
endless-reply              fails        proto.endless-reply          ehlo      ehlo
endless-line               fails        proto.line-too-long          ehlo      ehlo
never-reads                inconclusive ehlo.timeout                 ehlo      ehlo
no-starttls                fails        tls.starttls-not-offered     starttls  starttls
no-auth                    fails        auth.not-offered             auth      auth
no-pipelining              works        -                            content   -
pipelining-broken          inconclusive rcpt.timeout                 rcpt      rcpt
no-ehlo                    fails        tls.starttls-not-offered     starttls  starttls
garbage-greeting           fails        proto.unknown                greeting  greeting
http                       fails        proto.http                   greeting  greeting
busy                       inconclusive greet.421-too-many           greeting  greeting
not-welcome                inconclusive greet.554                    greeting  greeting
tls-not-available          fails        tls.starttls-454             starttls  starttls
starttls-injection         fails        tls.starttls-injection       starttls  tls
plaintext-after-starttls   fails        tls.starttls-plaintext       starttls  tls
expired-certificate        fails        tls.cert-expired             tls       tls
not-yet-valid-certificate  fails        tls.cert-not-yet-valid       tls       tls
wrong-host-certificate     fails        tls.cert-ip-literal          tls       tls
self-signed-certificate    fails        tls.cert-self-signed         tls       tls
unknown-authority          fails        tls.cert-unknown-ca          tls       tls
missing-intermediate       fails        tls.cert-missing-intermediate tls      tls
wrong-password             fails        auth.invalid                 auth      auth
auth-unavailable           inconclusive auth.temporary               auth      auth
sender-refused             fails        mail.not-owned               mail      mail
unknown-recipient          inconclusive rcpt.unknown                 rcpt      rcpt
relay-denied               fails        rcpt.relay-denied            rcpt      rcpt
greylisting                inconclusive rcpt.greylist                rcpt      rcpt
mailbox-full               inconclusive rcpt.mailbox-full            rcpt      rcpt
spam-refused               inconclusive data.spam                    content   content
mixed-codes                fails        ehlo.bad-reply               ehlo      ehlo
bare-lf                    works        -                            content   -
421-to-quit                works        -                            content   -
silent-at-greeting         fails        greet.timeout                greeting  greeting
silent-at-ehlo             inconclusive ehlo.timeout                 ehlo      ehlo
silent-at-starttls         inconclusive starttls.timeout             starttls  starttls
silent-at-tls              inconclusive tls.handshake-timeout        tls       tls
silent-at-challenge        works        -                            content   -
silent-at-auth             inconclusive auth.timeout                 auth      auth
silent-at-mail             inconclusive mail.timeout                 mail      mail
silent-at-rcpt             inconclusive rcpt.timeout                 rcpt      rcpt
silent-at-data             inconclusive data.timeout                 data      data
silent-at-content          inconclusive data.no-final-reply          content   content
silent-at-rset             works        -                            content   -
silent-at-quit             works        -                            content   -
close-at-greeting          fails        connect.closed-before-banner connect   greeting
close-at-ehlo              fails        ehlo.closed                  ehlo      ehlo
close-at-starttls          fails        starttls.closed              starttls  starttls
close-at-tls               fails        tls.starttls-eof             starttls  tls
close-at-challenge         works        -                            content   -
close-at-auth              fails        auth.closed                  auth      auth
close-at-mail              fails        mail.closed                  mail      mail
close-at-rcpt              fails        rcpt.closed                  rcpt      rcpt
close-at-data              fails        data.closed                  data      data
close-at-content           inconclusive data.no-final-reply          content   content
close-at-rset              works        -                            content   -
close-at-quit              works        -                            content   -
reset-at-greeting          fails        connect.reset                connect   greeting
reset-at-ehlo              fails        ehlo.reset                   ehlo      ehlo
reset-at-starttls          fails        starttls.reset               starttls  starttls
reset-at-tls               fails        tls.reset                    tls       tls
reset-at-challenge         works        -                            content   -
reset-at-auth              fails        auth.reset                   auth      auth
reset-at-mail              fails        mail.reset                   mail      mail
reset-at-rcpt              fails        rcpt.reset                   rcpt      rcpt
reset-at-data              fails        data.reset                   data      data
reset-at-content           inconclusive data.no-final-reply          content   content
reset-at-rset              works        -                            content   -
reset-at-quit              works        -                            content   -
"""

# What is another thing when TLS comes on connect: there is no STARTTLS to go wrong.
OVER_TLS = """
slow                       inconclusive tls.handshake-timeout        tls       tls
no-starttls                works        -                            content   -
no-ehlo                    fails        auth.not-offered             auth      auth
tls-not-available          works        -                            content   -
starttls-injection         works        -                            content   -
plaintext-after-starttls   fails        proto.plain-port-spoken-tls  tls       tls
silent-at-starttls         works        -                            content   -
close-at-starttls          works        -                            content   -
close-at-tls               fails        tls.handshake-eof            tls       tls
reset-at-starttls          works        -                            content   -
"""

Row = tuple[str, str, str, str]


def rows_of(table: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for line in table.strip().splitlines():
        name, verdict, diagnosis, stage, rung = line.split()
        found[name] = (verdict, diagnosis, stage, rung)
    return found


EXPECTED = {
    Tls.STARTTLS: rows_of(OVER_STARTTLS),
    Tls.IMPLICIT: rows_of(OVER_STARTTLS) | rows_of(OVER_TLS),
}
SECURITY = {Tls.STARTTLS: Security.STARTTLS, Tls.IMPLICIT: Security.TLS}


def row_of(report: Report) -> Row:
    failed = [rung.stage.value for rung in report.evidence.ladder if rung.state == "failed"]
    return (
        report.verdict.value,
        diagnosis_of(report) or "-",
        report.stage.value,
        failed[0] if failed else "-",
    )


def is_silence(tls: Tls, name: str) -> bool:
    """Whether a fault is seen by the clock alone."""
    diagnosis = EXPECTED[tls][name][1]
    return diagnosis.endswith("timeout") or name == "silent-at-content"


@pytest.fixture(scope="module")
def played(authority: Authority) -> Mapping[tuple[Tls, str], Report]:
    """A report for each fault and way of TLS.

    Silences cost time and no work, so they run side by side; the others get all the time they
    want, a few at once.
    """
    keys = [(tls, name) for tls in SECURITY for name in FAULTS]
    listeners = {(tls, name): Listener(tls=tls, fault=name) for tls, name in keys}
    reports: dict[tuple[Tls, str], Report] = {}

    async def play(tls: Tls, name: str, *, seconds: float, gate: asyncio.Semaphore) -> None:
        plan = plan_for(
            listeners[tls, name].port,
            trusted=authority,
            security=SECURITY[tls],
            seconds=seconds,
            connect_seconds=seconds,
        )
        async with gate:
            reports[tls, name] = await attempt(plan)

    async def play_all() -> None:
        few, many = asyncio.Semaphore(4), asyncio.Semaphore(100)
        loud = [key for key in keys if not is_silence(*key)]
        silent = [key for key in keys if is_silence(*key)]
        await asyncio.gather(*(play(*key, seconds=20.0, gate=few) for key in loud))
        await asyncio.gather(*(play(*key, seconds=4.0, gate=many) for key in silent))

    served = Sandbox(list(listeners.values()), logins={USER: PASSWORD}, authority=authority)
    with BackgroundSandbox(served):
        asyncio.run(play_all())
    return reports


def test_the_table_knows_every_fault() -> None:
    assert set(EXPECTED[Tls.STARTTLS]) == set(FAULTS)


@pytest.mark.xdist_group("faults")  # one worker plays them all
@pytest.mark.parametrize("tls", SECURITY)
@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_diagnosis(
    played: Mapping[tuple[Tls, str], Report], tls: Tls, name: str
) -> None:
    row, expected = row_of(played[tls, name]), EXPECTED[tls][name]

    if name == "reset-at-greeting" and row[-1] == "connect":
        # Where the reset is quicker than our look at the new connection, that is what it ends.
        expected = (*expected[:-1], "connect")
    assert row == expected


@pytest.mark.xdist_group("faults")
def test_each_diagnosis_says_whose_turn_it_is_and_what_decided(
    played: Mapping[tuple[Tls, str], Report],
) -> None:
    for report in played.values():
        finding = report.diagnosis
        assert (finding is None) == (report.owner is None) == (report.verdict is Verdict.WORKS)
        assert finding is None or finding.evidence_line


@pytest.mark.xdist_group("faults")
def test_lines_that_end_with_lf_alone_are_a_warning(
    played: Mapping[tuple[Tls, str], Report],
) -> None:
    assert "proto.bare-lf" in warnings_in(played[Tls.STARTTLS, "bare-lf"])


# What works


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.OPPORTUNISTIC, Security.TLS])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_good_account_works_and_its_mail_is_in_the_mailbox(
    sandbox: RunningSandbox, authority: Authority, security: Security, host: str
) -> None:
    port = sandbox.tls_port if security is Security.TLS else sandbox.starttls_port

    report = tried(plan_for(port, trusted=authority, security=security, host=host))

    seen = report.evidence
    assert (report.verdict, report.stage, diagnosis_of(report)) == ("works", "content", "")
    mail = sandbox.mailbox.mails[-1]
    assert mail.message["Message-ID"] == seen.message_id
    assert (mail.sender, mail.recipients, mail.login) == (USER, (RECIPIENT,), USER)
    final = seen.reply_of(Stage.CONTENT)
    assert final is not None
    assert mail.queue_id in final.text
    assert seen.mechanism == "PLAIN"
    assert seen.tls is not None
    assert (seen.tls.version, seen.tls.trusted_by) == ("TLSv1.3", "bundle")
    assert seen.tls.certificate is not None
    assert "localhost" in seen.tls.certificate.names
    assert sandbox.visit.server_name == ("" if host == "127.0.0.1" else "localhost")
    assert sandbox.visit.verbs[-1] == "QUIT"


def test_an_account_without_login_works_in_the_clear(make_sandbox: MakeSandbox) -> None:
    server = make_sandbox(tls=Tls.NONE, requires_login=False)

    report = tried(plan_for(server.plain_port, security=Security.NONE, user=""))

    assert report.verdict is Verdict.WORKS
    assert report.evidence.tls is None
    assert server.visit.verbs == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


def test_without_a_login_opportunistic_tls_takes_any_certificate(
    make_sandbox: MakeSandbox,
) -> None:
    server = make_sandbox(certificate=Kind.SELF_SIGNED, requires_login=False)
    plan = plan_for(server.starttls_port, security=Security.OPPORTUNISTIC, user="")

    report = tried(plan)

    assert report.verdict is Verdict.WORKS
    assert report.evidence.tls is not None
    assert report.evidence.tls.trusted_by == "nothing"


def test_without_a_login_opportunistic_tls_does_without_starttls(
    make_sandbox: MakeSandbox,
) -> None:
    server = make_sandbox(fault="no-starttls", requires_login=False)
    plan = plan_for(server.starttls_port, security=Security.OPPORTUNISTIC, user="")

    report = tried(plan)

    states = {rung.stage: rung.state for rung in report.evidence.ladder}
    assert report.verdict is Verdict.WORKS
    assert states[Stage.STARTTLS] == states[Stage.TLS] == RungState.SKIPPED


def test_without_pipelining_commands_go_one_by_one(
    make_sandbox: MakeSandbox, authority: Authority
) -> None:
    for fault, grouped in (("none", True), ("no-pipelining", False)):
        server = make_sandbox(fault=fault)
        report = tried(plan_for(server.starttls_port, trusted=authority))
        rungs = {rung.stage: rung for rung in report.evidence.ladder}
        assert [rungs[stage].grouped for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)] == [
            grouped
        ] * 3


@pytest.mark.skipif(not socket.has_ipv6, reason="This machine has no IPv6.")
def test_ipv6_loopback_works(make_sandbox: MakeSandbox, authority: Authority) -> None:
    try:
        server = make_sandbox(host="::1")
    except OSError:
        pytest.skip("IPv6 is off on this machine.")

    report = tried(plan_for(server.starttls_port, trusted=authority, host="[::1]"))

    assert report.verdict is Verdict.WORKS
    assert report.evidence.address == "::1"
    assert report.evidence.ehlo_name == "[IPv6:::1]" or "." in report.evidence.ehlo_name


# Goals


@pytest.mark.parametrize(
    ("goal", "stage", "verbs"),
    [
        (Goal.LOGIN, "auth", ["AUTH", "QUIT"]),
        (Goal.RECIPIENT, "rcpt", ["AUTH", "MAIL", "RCPT", "RSET", "QUIT"]),
        (Goal.CONTENT, "content", ["AUTH", "MAIL", "RCPT", "DATA", "QUIT"]),
    ],
)
def test_a_test_ends_at_its_goal(
    sandbox: RunningSandbox, authority: Authority, goal: Goal, stage: str, verbs: list[str]
) -> None:
    report = tried(plan_for(sandbox.starttls_port, trusted=authority, goal=goal))

    assert (report.verdict, report.stage) == ("works", stage)
    assert sandbox.visit.verbs[3:] == verbs
    assert ("tool.not-proven" in warnings_in(report)) == (goal is not Goal.CONTENT)


# Passwords


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("password", [PASSWORD, "  blanks  ", "\"quotes' and \\", "ok", "ö" * 300])
def test_awkward_passwords_pass(
    make_sandbox: MakeSandbox, authority: Authority, password: str, mechanism: str
) -> None:
    server = make_sandbox(logins={USER: password})

    report = tried(
        plan_for(server.starttls_port, trusted=authority, password=password, mechanism=mechanism)
    )

    assert report.verdict is Verdict.WORKS
    assert report.evidence.mechanism == mechanism


# Trust


def test_a_bundle_replaces_the_systems_authorities(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    other = Authority.create()
    plan = plan_for(
        sandbox.tls_port,
        trusted=other,
        security=Security.TLS,
        extra_ca_file=str(authority.ca_file),
    )

    report = tried(plan)

    assert diagnosis_of(report) == "tls.cert-missing-intermediate"
    assert "tls.cert-unknown-ca" in warnings_in(report)
    assert sandbox.visit.commands == []


def test_an_extra_file_adds_to_the_systems_authorities(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    plan = plan_for(sandbox.tls_port, security=Security.TLS, extra_ca_file=str(authority.ca_file))

    report = tried(plan)

    assert report.verdict is Verdict.WORKS
    assert report.evidence.tls is not None
    assert report.evidence.tls.trusted_by == "system"


def test_the_system_does_not_know_the_sandbox(sandbox: RunningSandbox) -> None:
    assert diagnosis_of(tried(plan_for(sandbox.starttls_port))) == "tls.cert-missing-intermediate"


def test_a_bundle_that_cannot_be_read_is_told_before_any_packet(sandbox: RunningSandbox) -> None:
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"

    report = tried(plan_for(sandbox.starttls_port, trusted=broken))

    assert (diagnosis_of(report), report.stage) == ("config.ca-invalid", "config")
    assert not sandbox.sandbox.visits


@pytest.mark.parametrize("kind", [Kind.GOOD, Kind.EXPIRED, Kind.WRONG_HOST, Kind.SELF_SIGNED])
def test_the_right_pin_is_trusted_whatever_else_is_wrong(
    make_sandbox: MakeSandbox, authority: Authority, kind: Kind
) -> None:
    certificate = authority.certificate_of(kind)
    server = make_sandbox(certificate=certificate)

    report = tried(plan_for(server.starttls_port, pin=fingerprint(certificate.der)))

    assert report.verdict is Verdict.WORKS
    assert report.evidence.tls is not None
    assert report.evidence.tls.trusted_by == "pin"


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_behind_a_wrong_pin_nothing_is_sent(
    peer: MakePeer,
    authority: Authority,
    server_context: ssl.SSLContext,
    security: Security,
    newest: ssl.TLSVersion,
) -> None:
    server_context.maximum_version = newest
    server = peer(honest(tls=server_context, is_implicit=security is Security.TLS))

    report = tried(plan_for(server.port, trusted=authority, security=security, pin="a" * 64))

    server.wait_until_idle()
    assert (diagnosis_of(report), report.verdict) == ("tls.pin-mismatch", "fails")
    assert set(server.verbs) <= {"EHLO", "STARTTLS"}
    assert server.count == 1
    if newest is ssl.TLSVersion.TLSv1_3:  # here the server waits for the end of the handshake
        assert server.clients[0].tls_version == ""


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS, Security.OPPORTUNISTIC])
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.GOOD])
def test_behind_a_bad_certificate_nothing_is_sent(
    peer: MakePeer, authority: Authority, security: Security, kind: Kind
) -> None:
    context = authority.certificate_of(kind).server_context()
    server = peer(honest(tls=context, is_implicit=security is Security.TLS))

    report = tried(plan_for(server.port, trusted=authority, security=security))

    server.wait_until_idle()
    assert report.evidence.fault is not None
    assert report.evidence.fault.kind is FaultKind.CERTIFICATE
    assert report.evidence.tls is None
    assert set(server.verbs) <= {"EHLO", "STARTTLS"}


def test_a_certificate_for_another_name_is_told_by_name(
    make_sandbox: MakeSandbox, authority: Authority
) -> None:
    server = make_sandbox(certificate=Kind.WRONG_HOST)

    report = tried(plan_for(server.starttls_port, trusted=authority, host="localhost"))

    assert diagnosis_of(report) == "tls.cert-hostname"


def test_a_dot_at_the_end_of_the_host_is_no_part_of_the_verified_name(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    report = tried(plan_for(sandbox.starttls_port, trusted=authority, host="localhost."))

    assert report.verdict is Verdict.WORKS
    assert sandbox.visit.server_name == "localhost"


# Versions of TLS


def test_a_server_that_knows_tls_1_2_at_most_works(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    server_context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = peer(honest(tls=server_context))

    report = tried(plan_for(server.port, trusted=authority))

    assert report.verdict is Verdict.WORKS
    assert report.evidence.tls is not None
    assert report.evidence.tls.version == "TLSv1.2"


def only_tls_1_1(certificate: Certificate) -> ssl.SSLContext:
    context = certificate.server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_server_that_knows_tls_1_1_at_most_is_told_so(
    peer: MakePeer, authority: Authority, certificate: Certificate, security: Security
) -> None:
    context = only_tls_1_1(certificate)
    server = peer(honest(tls=context, is_implicit=security is Security.TLS))

    report = tried(plan_for(server.port, trusted=authority, security=security))

    assert (diagnosis_of(report), report.verdict) == ("tls.version", "fails")


# Round trips


def test_ehlo_leaves_with_the_end_of_the_handshake(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    octets: list[int] = []

    def talk(client: Client) -> None:
        client.send("220 hi")
        client.expect("EHLO")
        client.send("250-hi\n250 STARTTLS")
        client.expect("STARTTLS")
        client.send("220 go")
        client.start_tls(server_context)
        octets.append(len(client.raw))
        client.expect("EHLO")
        octets.append(len(client.raw))

    server = peer(talk)

    tried(plan_for(server.port, trusted=authority, seconds=2))

    server.wait_until_idle()
    assert len(octets) == 2
    assert octets[0] == octets[1]  # it came in the same read as Finished


def test_quit_is_not_waited_for(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext
) -> None:
    server = peer(until("quit", Client.drain, tls=server_context))

    report = tried(plan_for(server.port, trusted=authority, seconds=10))

    server.wait_until_idle()
    assert report.verdict is Verdict.WORKS
    assert report.took_ms < 5000
    assert server.verbs[-1] == "QUIT"


# Names


def resolver_of(*answers: str) -> Resolver:
    async def resolve(_host: str) -> Sequence[Address]:
        return [ipaddress.ip_address(answer) for answer in answers]

    return resolve


@pytest.mark.parametrize(
    ("kind", "diagnosis", "verdict"),
    [
        (FaultKind.NAME_UNKNOWN, "dns.nxdomain", "fails"),
        (FaultKind.NO_ADDRESS, "dns.no-address", "fails"),
        (FaultKind.RESOLVER_FAILED, "dns.temporary", "inconclusive"),
    ],
)
def test_a_name_without_an_address_is_told(kind: FaultKind, diagnosis: str, verdict: str) -> None:
    async def resolve(_host: str) -> Sequence[Address]:
        raise ResolveFailed(kind, "in the resolver's words")

    report = tried(plan_for(25, host="mail.example"), resolver=resolve)

    assert (diagnosis_of(report), report.verdict, report.stage) == (diagnosis, verdict, "dns")
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line == "in the resolver's words"


def test_a_resolver_that_never_answers_ends_by_the_clock() -> None:
    async def resolve(_host: str) -> Sequence[Address]:
        await asyncio.Event().wait()
        return []

    report = tried(plan_for(25, host="mail.example", seconds=0.4), resolver=resolve)

    assert (diagnosis_of(report), report.verdict) == ("dns.temporary", "inconclusive")


def test_an_address_literal_is_not_looked_up(sandbox: RunningSandbox, authority: Authority) -> None:
    async def resolve(host: str) -> Sequence[Address]:
        raise AssertionError(host)

    report = tried(plan_for(sandbox.starttls_port, trusted=authority), resolver=resolve)

    assert report.verdict is Verdict.WORKS
    assert report.evidence.ladder[1].state is RungState.SKIPPED


def test_a_refused_address_is_told_beside_the_one_that_works(
    sandbox: RunningSandbox, authority: Authority
) -> None:
    plan = plan_for(sandbox.starttls_port, trusted=authority, host="localhost")

    report = tried(plan, resolver=resolver_of("127.0.0.2", "127.0.0.1"))

    assert report.verdict is Verdict.WORKS
    assert [(item.address, item.outcome) for item in report.evidence.attempts] == [
        ("127.0.0.2", "refused"),
        ("127.0.0.1", "connected"),
    ]
    assert "connect.one-address-down" in warnings_in(report)


def test_a_refused_port_is_told_with_each_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

    report = tried(plan_for(port, host="localhost"), resolver=resolver_of("127.0.0.2", "127.0.0.3"))

    assert (diagnosis_of(report), report.verdict) == ("connect.refused", "fails")
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line == (
        f"127.0.0.2 port {port}: Connection refused; 127.0.0.3 port {port}: Connection refused"
    )


# Policy


def visits(server: ScriptedPeer) -> int:
    """How often a peer was connected to; behind a connection of our own none is on its way."""
    with socket.create_connection((server.host, server.port)):
        server.wait_for(1)
    return server.count - 1


FORBIDDEN = {
    "loopback is refused by default": (Policy(), "config.destination-forbidden"),
    "other networks help nothing": (
        Policy(entries=(parse_entry("10.0.0.0/8:*"),)),
        "config.destination-forbidden",
    ),
    "the port is not among those of the policy": (
        Policy(entries=(parse_entry("127.0.0.0/8"),), ports=frozenset({25})),
        "config.port-forbidden",
    ),
}


@pytest.mark.parametrize(("policy", "diagnosis"), FORBIDDEN.values(), ids=FORBIDDEN)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1"])
def test_what_the_policy_forbids_is_not_dialled(
    peer: MakePeer, policy: Policy, diagnosis: str, host: str
) -> None:
    server = peer(Client.drain)

    report = tried(
        plan_for(server.port, host=host), policy=policy, resolver=resolver_of("127.0.0.1")
    )

    assert diagnosis_of(report) == diagnosis
    assert report.stage is Stage.CONFIG
    assert report.evidence.attempts == ()
    assert visits(server) == 0


def test_a_name_with_one_forbidden_address_is_refused_whole(peer: MakePeer) -> None:
    server = peer(Client.drain)
    plan = plan_for(server.port, host="mail.example")

    report = tried(plan, resolver=resolver_of("127.0.0.1", "10.0.0.1"))

    assert diagnosis_of(report) == "config.destination-forbidden"
    assert visits(server) == 0


def test_without_any_tls_a_login_is_not_even_dialled(peer: MakePeer) -> None:
    server = peer(Client.drain)

    report = tried(plan_for(server.port, security=Security.NONE))

    assert (diagnosis_of(report), report.stage) == ("config.cleartext-secret", "config")
    assert visits(server) == 0


@pytest.mark.parametrize("security", [Security.NONE, Security.OPPORTUNISTIC])
def test_where_the_policy_says_so_a_login_goes_in_the_clear(
    make_sandbox: MakeSandbox, security: Security
) -> None:
    server = make_sandbox(tls=Tls.NONE)

    report = tried(plan_for(server.plain_port, security=security), policy=IN_THE_CLEAR)

    assert report.verdict is Verdict.WORKS
    assert server.visit.login == USER


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.OPPORTUNISTIC])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_when_starttls_is_gone_no_login_goes_in_the_clear(
    peer: MakePeer, security: Security, host: str
) -> None:
    server = peer(honest())

    report = tried(plan_for(server.port, security=security, host=host))

    server.wait_until_idle()
    expected = {
        Security.STARTTLS: "tls.starttls-not-offered",
        Security.OPPORTUNISTIC: "config.cleartext-secret",
    }
    assert diagnosis_of(report) == expected[security]
    assert server.verbs == ["EHLO", "QUIT"]


def test_where_starttls_is_demanded_clear_text_is_not_allowed_by_any_policy(peer: MakePeer) -> None:
    server = peer(honest())

    report = tried(plan_for(server.port), policy=IN_THE_CLEAR)

    server.wait_until_idle()
    assert diagnosis_of(report) == "tls.starttls-not-offered"
    assert server.verbs == ["EHLO", "QUIT"]


# The observer, and being cancelled


@dataclass
class Watching:
    """An observer that remembers what it was told."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def stage_started(self, stage: Stage, at_ms: int) -> None:
        assert at_ms >= 0
        self.told.append(("started", stage.value))

    def stage_ended(self, rung: Rung) -> None:
        self.told.append((rung.state.value, rung.stage.value))


def test_the_observer_is_told_of_each_stage_in_order(
    make_sandbox: MakeSandbox, authority: Authority
) -> None:
    server = make_sandbox(fault="no-pipelining")
    watching = Watching()

    report = tried(plan_for(server.starttls_port, trusted=authority), observer=watching)

    expected = []
    for rung in report.evidence.ladder:
        expected += [("started", rung.stage.value), (rung.state.value, rung.stage.value)]
    assert watching.told == expected
    assert len(expected) == 2 * 13


def test_the_observer_is_told_what_failed_last(
    make_sandbox: MakeSandbox, authority: Authority
) -> None:
    server = make_sandbox(fault="sender-refused")
    watching = Watching()

    tried(plan_for(server.starttls_port, trusted=authority), observer=watching)

    assert watching.told[-4:] == [
        ("started", "mail"),
        ("started", "rcpt"),
        ("started", "data"),
        ("failed", "mail"),
    ]


@pytest.mark.parametrize(
    "stage", ["greeting", "ehlo", "starttls", "auth", "mail", "data", "content"]
)
def test_a_cancelled_test_closes_its_connection_and_says_nothing_more(
    peer: MakePeer, authority: Authority, server_context: ssl.SSLContext, stage: str
) -> None:
    is_there = threading.Event()
    heard: list[int] = []

    def wait_for_the_end(client: Client) -> None:
        heard.append(len(client.commands))
        is_there.set()
        client.drain()
        heard.append(len(client.commands))

    server = peer(until(stage, wait_for_the_end, tls=server_context))
    plan = plan_for(server.port, trusted=authority, seconds=20)

    async def cancel() -> None:
        task = asyncio.create_task(check(plan, policy=LOOPBACK))
        await asyncio.to_thread(is_there.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancel())
    server.wait_until_idle()
    assert server.clients[0].has_left
    # In a group the later commands were there already.
    assert set(server.verbs[heard[0] :]) <= {"RCPT", "DATA"}
    assert len(heard) == 2


def test_many_tests_run_side_by_side(sandbox: RunningSandbox, authority: Authority) -> None:
    plans = [plan_for(sandbox.starttls_port, trusted=authority, seconds=20) for _ in range(20)]

    async def all_at_once() -> list[Report]:
        return await asyncio.gather(*(attempt(plan) for plan in plans))

    reports = asyncio.run(all_at_once())
    assert {report.verdict for report in reports} == {Verdict.WORKS}
    assert len({report.evidence.message_id for report in reports}) == 20
