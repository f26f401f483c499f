"""What name servers are asked after a failure, what their answers lead to, and what is never asked.

The system's own resolver is played by a function, because it cannot be made to fail on loopback;
the name servers are real ones.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any

import pytest

from smtpcheck.engine.diagnosis.looked_up import look_ups_line
from smtpcheck.engine.driver.lookups import MAX_QUERIES, QUERY_SECONDS, LookUps
from smtpcheck.engine.driver.resolver import ResolveFailed
from smtpcheck.engine.evidence import FaultKind, LookUpOutcome, Report
from smtpcheck.engine.policy import Address
from smtpcheck.engine.stages import Owner, Security, Stage, Verdict
from smtpcheck.sandbox import Authority, Certificate
from tests.engine.trials import diagnosis_of, plan_for, tried, warnings_in
from tests.peers.fixtures import RunningSandbox
from tests.peers.honest import until
from tests.peers.names import NameServer, Zones
from tests.peers.scripted import ScriptedPeer

USER = "ann@example.org"
LOST, EMPTY, DOWN = FaultKind.NAME_UNKNOWN, FaultKind.NO_ADDRESS, FaultKind.RESOLVER_FAILED

Serve = Callable[..., NameServer]
Resolve = Callable[[str], Awaitable[Sequence[Address]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda zones, **options: stack.enter_context(NameServer(zones, **options))


def failing(kind: FaultKind) -> Resolve:
    """The system's resolver when it finds nothing."""

    async def resolve(_host: str) -> Sequence[Address]:
        raise ResolveFailed(kind, "nothing found")

    return resolve


async def on_loopback(_host: str) -> Sequence[Address]:
    return [ip_address("127.0.0.1")]


def looked_up(
    server: NameServer,
    resolver: Resolve,
    host: str = "mx.example.org",
    port: int = 587,
    **settings: Any,
) -> Report:
    plan = plan_for(port, host=host, **{"user": USER, "sender": USER, "seconds": 8.0, **settings})
    return tried(plan, resolver=resolver, look_ups=LookUps([server.address]))


def hint_in(report: Report) -> tuple[object, ...]:
    assert report.diagnosis is not None
    known = report.diagnosis.parameters
    return tuple(known.get(f"found_{name}") for name in ("host", "port", "security"))


def outcome_of(report: Report, type_: str, *, unchecked: bool = False) -> LookUpOutcome:
    (found,) = (
        item.outcome
        for item in report.evidence.look_ups
        if item.type == type_ and item.unchecked is unchecked
    )
    return found


# What the system's resolver cannot tell

HIDDEN_A = {"A": ["192.0.2.9"]}
HIDDEN = {"mx.example.org": HIDDEN_A}
MAIL_DOMAIN = {"example.org": {"MX": ["10 mx.example.org."], "TXT": ['"x"']}}


@pytest.mark.parametrize(
    ("zones", "faults", "system", "expected", "verdict", "owner"),
    [
        ({}, {}, LOST, "dns.nxdomain", Verdict.FAILS, Owner.SETTINGS),
        (
            {"mx.example.org": {"TXT": ['"x"']}},
            {},
            LOST,
            "dns.no-address",
            Verdict.FAILS,
            Owner.SETTINGS,
        ),
        (
            {"mx.example.org": {"TXT": ['"x"']}},
            {},
            EMPTY,
            "dns.no-address",
            Verdict.FAILS,
            Owner.SETTINGS,
        ),
        ({}, {}, EMPTY, "dns.nxdomain", Verdict.FAILS, Owner.SETTINGS),
        (HIDDEN, "bogus", DOWN, "dns.dnssec-bogus", Verdict.FAILS, Owner.PROVIDER),
        (HIDDEN, "bogus", LOST, "dns.dnssec-bogus", Verdict.FAILS, Owner.PROVIDER),
        (HIDDEN, "servfail", DOWN, "dns.temporary", Verdict.INCONCLUSIVE, Owner.NETWORK),
        (HIDDEN, "refused", DOWN, "dns.temporary", Verdict.INCONCLUSIVE, Owner.NETWORK),
        (HIDDEN, "", DOWN, "dns.temporary", Verdict.INCONCLUSIVE, Owner.NETWORK),
    ],
)
def test_why_a_name_leads_nowhere(
    serve: Serve,
    zones: Zones,
    faults: str,
    system: FaultKind,
    expected: str,
    verdict: Verdict,
    owner: Owner,
) -> None:
    server = serve(zones, faults={"mx.example.org": faults} if faults else {})

    report = looked_up(server, failing(system))

    assert diagnosis_of(report) == expected
    assert (report.verdict, report.owner, report.stage) == (verdict, owner, Stage.DNS)
    assert report.diagnosis is not None
    if expected != "dns.temporary":
        assert report.diagnosis.evidence_line == f"nothing found; {look_ups_line(report.evidence)}"


def test_only_what_fails_is_asked_without_verification(serve: Serve) -> None:
    server = serve(HIDDEN, faults={"mx.example.org": "bogus"})

    report = looked_up(server, failing(DOWN))

    assert sorted(server.unchecked) == [("mx.example.org", "A"), ("mx.example.org", "AAAA")]
    assert outcome_of(report, "A", unchecked=True) is LookUpOutcome.ANSWERED
    assert "A mx.example.org unchecked: 192.0.2.9" in look_ups_line(report.evidence)
    assert "look-up of A mx.example.org unchecked: 192.0.2.9" in report.evidence.transcript
    assert not {type_ for _, type_ in server.asked} - {"A", "AAAA"}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("servfail", LookUpOutcome.SERVFAIL),
        ("refused", LookUpOutcome.REFUSED),
        ("silence", LookUpOutcome.TIMEOUT),
        ("garbage", LookUpOutcome.TIMEOUT),
        ("wrong-id", LookUpOutcome.TIMEOUT),
        ("truncated", LookUpOutcome.ANSWERED),
    ],
)
def test_what_a_name_server_does(serve: Serve, fault: str, outcome: LookUpOutcome) -> None:
    server = serve(HIDDEN, faults={"mx.example.org": fault})

    # What is given up when the total ends is given up as it would be after two seconds.
    report = looked_up(server, failing(DOWN), seconds=1.0)

    assert outcome_of(report, "A") is outcome
    assert diagnosis_of(report) == "dns.temporary"
    assert bool(server.over_tcp) is (fault == "truncated")


def test_without_a_name_server_nothing_is_explained(serve: Serve) -> None:
    with NameServer({}) as gone:
        pass

    report = looked_up(gone, failing(LOST), seconds=1.0)

    assert diagnosis_of(report) == "dns.nxdomain"
    assert {item.outcome for item in report.evidence.look_ups} <= {
        LookUpOutcome.TIMEOUT,
        LookUpOutcome.FAILED,
    }


# Hints

SERVICES = {
    **MAIL_DOMAIN,
    "_submissions._tcp.example.org": {
        "SRV": ["10 0 465 b.example.org.", "0 1 465 smtp.Example.ORG."]
    },
    "_submission._tcp.example.org": {"SRV": ["0 1 587 smtp.example.org."]},
}
STARTTLS_ONLY = {
    **MAIL_DOMAIN,
    "_submissions._tcp.example.org": {"SRV": ["0 0 0 ."]},
    "_submission._tcp.example.org": {"SRV": ["0 1 587 smtp.example.org."]},
}


def at_provider(*exchangers: str) -> Zones:
    return {"example.org": {"MX": [f"10 {name}." for name in exchangers], "TXT": ['"x"']}}


@pytest.mark.parametrize(
    ("zones", "hint"),
    [
        (SERVICES, ("smtp.example.org", 465, "tls")),
        (STARTTLS_ONLY, ("smtp.example.org", 587, "starttls")),
        (at_provider("aspmx.l.google.com"), ("smtp.gmail.com", 587, "starttls")),
        (
            at_provider("example-org.mail.protection.outlook.com"),
            ("smtp.office365.com", 587, "starttls"),
        ),
        (at_provider("mx.example.org"), (None, None, None)),
        (at_provider("aspmx.l.google.com.evil.example"), (None, None, None)),
    ],
)
@pytest.mark.parametrize("host", ["example.org", "mial.example.org"])
def test_the_server_that_a_domain_names_is_the_hint(
    serve: Serve, zones: Zones, hint: tuple[object, ...], host: str
) -> None:
    report = looked_up(serve(zones), failing(EMPTY), host)

    assert hint_in(report) == hint
    assert diagnosis_of(report) == ("dns.bare-domain" if host == "example.org" else "dns.nxdomain")


def test_a_mail_domain_where_nobody_listens_is_a_bare_domain(
    serve: Serve, closed_port: int
) -> None:
    server = serve({**SERVICES, "shop.example": {"MX": ["5 mail.shop.example."]}})

    report = looked_up(server, on_loopback, "shop.example", closed_port)

    assert diagnosis_of(report) == "dns.bare-domain"
    assert hint_in(report) == ("smtp.example.org", 465, "tls")
    assert not {type_ for _, type_ in server.asked} - {"MX", "SRV"}


def test_a_server_that_takes_the_mail_itself_is_no_bare_domain(
    serve: Serve, closed_port: int
) -> None:
    server = serve({"mx.example.net": {"MX": ["5 mx.example.net."]}})

    report = looked_up(server, on_loopback, "mx.example.net", closed_port)

    assert diagnosis_of(report) == "connect.refused"


def test_what_has_just_failed_is_no_hint(serve: Serve, closed_port: int) -> None:
    zones = {"_submission._tcp.example.org": {"SRV": [f"0 1 {closed_port} mx.example.org."]}}

    report = looked_up(serve(zones), on_loopback, port=closed_port)

    assert hint_in(report) == (None, None, None)


@pytest.mark.parametrize("name", ["127.0.0.1.", r"a\010b.example.org.", "-x.example.org.", "."])
def test_an_answer_that_is_no_host_name_is_no_hint(serve: Serve, name: str) -> None:
    zones = {**MAIL_DOMAIN, "_submissions._tcp.example.org": {"SRV": [f"0 1 465 {name}"]}}

    report = looked_up(serve(zones), failing(LOST))

    assert hint_in(report) == (None, None, None)


def test_a_domain_that_takes_no_mail_is_no_mail_domain(serve: Serve) -> None:
    server = serve({"example.org": {"MX": ["0 ."]}})

    report = looked_up(server, failing(EMPTY), "example.org", user="", sender="a@b.example")

    assert diagnosis_of(report) == "dns.no-address"


# What is not asked


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "mail", "localhost", "mx.localhost", "a.invalid", "printer.local"]
)
def test_local_names_and_addresses_are_not_asked_for(
    serve: Serve, closed_port: int, host: str
) -> None:
    server = serve({})

    report = looked_up(server, on_loopback, host, closed_port)

    assert report.evidence.fault is not None
    assert (server.asked, report.evidence.look_ups) == ([], ())


def test_a_machine_without_name_servers_asks_none() -> None:
    plan = plan_for(587, host="mx.example.org")

    report = tried(plan, resolver=failing(LOST), look_ups=LookUps())

    assert (diagnosis_of(report), report.evidence.look_ups) == ("dns.nxdomain", ())


def test_without_look_ups_nobody_is_asked() -> None:
    plan = plan_for(587, host="mx.example.org")

    report = tried(plan, resolver=failing(LOST), look_ups=None)

    assert (diagnosis_of(report), report.evidence.look_ups) == ("dns.nxdomain", ())


def test_a_target_that_the_policy_refuses_is_not_looked_up(serve: Serve) -> None:
    async def inside(_host: str) -> Sequence[Address]:
        return [ip_address("10.0.0.1")]

    server = serve(SERVICES)

    report = looked_up(server, inside)

    assert diagnosis_of(report) == "config.destination-forbidden"
    assert server.asked == []


def test_nobody_is_asked_about_a_server_that_is_known(serve: Serve, closed_port: int) -> None:
    server = serve({})

    looked_up(server, on_loopback, "smtp.gmail.com", closed_port)

    assert server.asked == []


# Published fingerprints


def with_fingerprint(
    serve: Serve, sandbox: RunningSandbox, digest: str, *, secure: bool = True, trusted: str = ""
) -> Report:
    name = f"_{sandbox.tls_port}._tcp.mx.example.org"
    server = serve({name: {"TLSA": [f"3 0 1 {digest}"]}}, secure=secure)
    report = looked_up(
        server, on_loopback, port=sandbox.tls_port, security=Security.TLS, trusted=trusted
    )
    assert set(server.asked) == {(name, "TLSA")}
    return report


def test_a_certificate_that_is_not_the_published_one_is_a_warning(
    serve: Serve, sandbox: RunningSandbox
) -> None:
    report = with_fingerprint(serve, sandbox, "00" * 32)

    assert diagnosis_of(report).startswith("tls.cert")
    assert "tls.dane" in warnings_in(report)
    (warning,) = (item for item in report.warnings if item.id == "tls.dane")
    assert warning.evidence_line.endswith("._tcp.mx.example.org: 3 0 1 " + "00" * 32)


def test_the_published_certificate_is_no_warning(
    serve: Serve, sandbox: RunningSandbox, certificate: Certificate
) -> None:
    digest = hashlib.sha256(certificate.der).hexdigest()

    assert "tls.dane" not in warnings_in(with_fingerprint(serve, sandbox, digest))


def test_a_fingerprint_that_nobody_verified_says_nothing(
    serve: Serve, sandbox: RunningSandbox
) -> None:
    assert "tls.dane" not in warnings_in(with_fingerprint(serve, sandbox, "00" * 32, secure=False))


# Answers of the server that DNS explains


@pytest.fixture
def make_named(peer: Callable[..., ScriptedPeer], authority: Authority) -> Callable[..., int]:
    """The port of a server whose certificate names it, and which answers one verb with a text."""

    def make(name: str, verb: str, said: str) -> int:
        context = authority.issue(name).server_context()
        refuse = until(verb, lambda client: client.send(said), tls=context)
        return int(peer(refuse).port)

    return make


def test_a_sender_whose_domain_takes_no_mail(
    serve: Serve, make_named: Callable[..., int], authority: Authority
) -> None:
    port = make_named("mx.example.org", "mail", "550 5.7.1 Sender refused")
    server = serve({"shop.example": {"MX": ["0 ."]}})

    report = looked_up(server, on_loopback, port=port, trusted=authority, sender="ann@shop.example")

    assert diagnosis_of(report) == "dns.null-mx-sender"
    assert report.owner is Owner.SENDER_DOMAIN
    assert server.asked == [("shop.example", "MX")]


def test_where_an_alias_leads_tells_whose_login_it_is(
    serve: Serve, make_named: Callable[..., int], authority: Authority
) -> None:
    port = make_named("mail.example.org", "auth", "535 Authentication credentials invalid")
    server = serve({"mail.example.org": {"CNAME": ["mail.GMX.net."]}, "mail.gmx.net": HIDDEN_A})

    report = looked_up(server, on_loopback, "mail.example.org", port, trusted=authority)

    assert diagnosis_of(report) == "auth.gmx"
    assert server.asked == [("mail.example.org", "A")]


# Names in other scripts


def test_an_international_host_is_asked_for_by_its_a_label(serve: Serve) -> None:
    seen: list[str] = []

    async def resolve(host: str) -> Sequence[Address]:
        seen.append(host)
        raise ResolveFailed(LOST, "nothing found")

    server = serve({})

    report = looked_up(server, resolve, "Mail.BÜCHER。example。", user="", sender="a@b.example")

    assert seen == ["mail.xn--bcher-kva.example"]
    assert ("mail.xn--bcher-kva.example", "A") in server.asked
    assert report.evidence.host == "mail.xn--bcher-kva.example"


# Bounds


def test_the_questions_are_few(serve: Serve) -> None:
    server = serve({}, faults={"mx.example.org": "bogus"})

    looked_up(server, failing(LOST))

    assert len(server.asked) <= MAX_QUERIES
    assert len(set(server.asked)) == 6


def test_silence_costs_no_more_than_one_wait(serve: Serve) -> None:
    names = ["mx.example.org", "example.org"]
    names += [f"_{service}._tcp.example.org" for service in ("submission", "submissions")]
    began = time.monotonic()

    report = looked_up(serve({}, faults=dict.fromkeys(names, "silence")), failing(LOST))

    assert time.monotonic() - began < QUERY_SECONDS + 1.5
    assert {item.outcome for item in report.evidence.look_ups} == {LookUpOutcome.TIMEOUT}


def test_the_total_ends_the_look_ups(serve: Serve) -> None:
    server = serve({}, faults={"mx.example.org": "silence"})
    began = time.monotonic()

    report = looked_up(server, failing(DOWN), seconds=0.5)

    assert time.monotonic() - began < 0.5 + 1
    assert diagnosis_of(report) == "dns.temporary"


def test_dnspython_is_not_loaded_before_it_is_needed() -> None:
    program = "import sys, smtpcheck.engine; print('dns.resolver' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert done.stdout.strip() == b"False"
