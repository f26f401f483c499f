"""The look-ups that explain a failure: few, side by side, within the test's time.

Knows evidence, the clock and dnspython, which is loaded when the first of them is made. The
system's resolver has decided by then where to connect, and nothing here changes that: an answer is
a text for a person, never an address to dial. Literal addresses and names that only this machine or
its network can know are not asked for, nor is anything for a test that was refused.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from smtpcheck.engine.driver.clock import Clock
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind, LookUp, LookUpOutcome
from smtpcheck.engine.grammar import canonical_host, is_ip_literal
from smtpcheck.engine.stages import Stage

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.resolver import Answer

# Two addresses, both again without verification, two times MX, two times SRV.
MAX_QUERIES = 8
# A name server that takes longer does not explain anything: it is the explanation.
QUERY_SECONDS = 2.0
# The next name server is asked after this.
TRY_SECONDS = 1.0
# An honest domain has fewer.
MAX_RECORDS = 8

# Where the machine names its name servers; Windows keeps them elsewhere, as dnspython knows.
RESOLV_CONF = "/etc/resolv.conf"

# Never in the public DNS (RFC 6761, RFC 6762, RFC 7686).
_LOCAL_ONLY = frozenset({"localhost", "invalid", "local", "onion"})

_NO_NAME = frozenset({FaultKind.NAME_UNKNOWN, FaultKind.NO_ADDRESS})
_NOBODY_THERE = frozenset(
    {FaultKind.TIMEOUT, FaultKind.REFUSED, FaultKind.UNREACHABLE, FaultKind.RESET}
)
_DISTRUST = frozenset({FaultKind.CERTIFICATE, FaultKind.PIN})


class Query(NamedTuple):
    """A name and the type of record wanted."""

    name: str
    type: str


class LookUps:
    """Asks name servers, ``(address, port)`` each; none given means the system's own."""

    def __init__(self, name_servers: Sequence[tuple[str, int]] = ()) -> None:
        self._name_servers = tuple(name_servers)

    async def after(self, evidence: Evidence, clock: Clock) -> tuple[LookUp, ...]:
        """Return what the name servers say that explains a failure, in the order of the questions.

        Raises for nothing that a name server does; empty where nothing is worth asking.
        """
        queries = queries_after(evidence)
        if not queries or clock.soon(QUERY_SECONDS) <= clock.soon(0):
            return ()
        # Reads some hundred files, for which no loop should wait.
        await asyncio.to_thread(importlib.import_module, "dns.asyncresolver")
        if (resolver := self._resolver()) is None:
            return ()
        found = await _ask_all(resolver, queries, clock)
        hidden = [
            Query(item.name, item.type)
            for item in found
            if item.outcome is LookUpOutcome.SERVFAIL and item.type in ("A", "AAAA")
        ]
        if not hidden:
            return found
        return (*found, *await _ask_all(_unchecking(resolver), hidden, clock, unchecked=True))

    def _resolver(self) -> Resolver | None:
        """A resolver of the machine's name servers, or of those given; None without any."""
        import dns.asyncresolver
        import dns.flags
        import dns.nameserver
        import dns.resolver

        try:
            resolver = dns.asyncresolver.Resolver(
                filename=RESOLV_CONF, configure=not self._name_servers
            )
        except (dns.resolver.NoResolverConfiguration, OSError):
            return None
        if self._name_servers:
            resolver.nameservers = [
                dns.nameserver.Do53Nameserver(address, port) for address, port in self._name_servers
            ]
        resolver.timeout = TRY_SECONDS
        resolver.use_edns(0, 0, 1232)
        # AD in a question asks for AD in the answer (RFC 6840 section 5.7).
        resolver.flags = dns.flags.RD | dns.flags.AD
        return resolver


def _unchecking(resolver: Resolver) -> Resolver:
    import dns.flags

    resolver.flags = dns.flags.RD | dns.flags.CD
    return resolver


def queries_after(evidence: Evidence) -> list[Query]:
    """Return what to ask after a test that ended so; at most six questions."""
    fault, host = evidence.fault, evidence.host
    if fault is None or not _is_public_name(host):
        return []
    if fault.stage is Stage.TLS and fault.kind in _DISTRUST:
        return [Query(f"_{evidence.port}._tcp.{host}", "TLSA")]
    # Knows every provider, and is wanted after a failure only.
    from smtpcheck.engine.providers import provider_of

    addresses = [Query(host, "A"), Query(host, "AAAA")]
    if fault.stage is Stage.DNS and fault.kind is FaultKind.RESOLVER_FAILED:
        return addresses
    if fault.stage is Stage.DNS and fault.kind in _NO_NAME:
        return [*addresses, *_hints(evidence)]
    if fault.stage is Stage.MAIL and _is_refusal(fault):
        sender = _domain_of(evidence.sender)
        return [Query(sender, "MX")] if sender else []
    if provider_of(host) is not None:
        return []
    if fault.stage is Stage.AUTH and fault.kind is FaultKind.REPLY:
        return addresses[:1]  # where an alias leads tells whose words these are
    return _hints(evidence) if _is_wrong_place(fault, evidence) else []


def _is_refusal(fault: Fault) -> bool:
    return fault.reply is not None and fault.reply.code >= 500


def _is_wrong_place(fault: Fault, evidence: Evidence) -> bool:
    """Whether another server may be meant: nobody is here, or nobody can log in."""
    if any(probe.answers for probe in evidence.probes):
        return False
    if fault.stage is Stage.AUTH:
        is_closed = fault.kind is FaultKind.NOT_OFFERED and fault.detail == "AUTH"
        return is_closed and bool(evidence.username)
    return fault.stage is Stage.CONNECT and fault.kind in _NOBODY_THERE


def _hints(evidence: Evidence) -> list[Query]:
    """Who takes mail for the host and the account's domain, and where that domain sends by.

    RFC 6186 section 3.1 and RFC 8314 section 5.1 name the SRV records.
    """
    domain = own_domain(evidence) or evidence.host
    return [
        *(Query(name, "MX") for name in dict.fromkeys((evidence.host, domain))),
        Query(f"_submissions._tcp.{domain}", "SRV"),
        Query(f"_submission._tcp.{domain}", "SRV"),
    ]


def own_domain(evidence: Evidence) -> str:
    """Return the domain of the account's login, else of its sender, or "" without any in DNS."""
    return _domain_of(evidence.username) or _domain_of(evidence.sender)


def _domain_of(address: str) -> str:
    if "@" not in address:
        return ""
    try:
        domain = canonical_host(address.rpartition("@")[2])
    except Refused:
        return ""
    return domain if _is_public_name(domain) else ""


def _is_public_name(host: str) -> bool:
    """Whether a name means the same to every name server; one without a dot is a local one."""
    head, dot, last = host.rpartition(".")
    return bool(head and dot) and last not in _LOCAL_ONLY and not is_ip_literal(host)


async def _ask_all(
    resolver: Resolver, queries: Sequence[Query], clock: Clock, *, unchecked: bool = False
) -> tuple[LookUp, ...]:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_ask(resolver, query, clock, unchecked=unchecked))
            for query in queries
        ]
    return tuple(task.result() for task in tasks)


async def _ask(resolver: Resolver, query: Query, clock: Clock, *, unchecked: bool) -> LookUp:
    import dns.flags

    answer = await _resolve(resolver, query, clock)
    if isinstance(answer, LookUpOutcome):
        return LookUp(name=query.name, type=query.type, outcome=answer, unchecked=unchecked)
    records = _records(query.type, answer)
    return LookUp(
        name=query.name,
        type=query.type,
        outcome=LookUpOutcome.ANSWERED if records else LookUpOutcome.NO_RECORD,
        records=records,
        canonical=_alias_of(query.name, answer),
        secure=bool(answer.response.flags & dns.flags.AD),
        unchecked=unchecked,
    )


async def _resolve(resolver: Resolver, query: Query, clock: Clock) -> Answer | LookUpOutcome:
    """What a name server answers, with or without records, or in what way it did not."""
    import dns.exception
    import dns.resolver

    try:
        async with asyncio.timeout_at(clock.soon(QUERY_SECONDS)):
            return await resolver.resolve(
                f"{query.name}.",
                query.type,
                search=False,
                raise_on_no_answer=False,
                lifetime=QUERY_SECONDS,
            )
    except dns.resolver.NXDOMAIN:
        return LookUpOutcome.NO_NAME
    except (TimeoutError, dns.exception.Timeout):
        return LookUpOutcome.TIMEOUT
    except dns.resolver.NoNameservers as error:
        return _outcome_of(error.kwargs.get("errors", ()))
    except Exception:  # noqa: BLE001 - whatever a name server sends, it breaks no test
        return LookUpOutcome.FAILED


def _outcome_of(errors: Sequence[Sequence[Any]]) -> LookUpOutcome:
    """What the name servers said, of which the last one counts."""
    for error in reversed(errors):
        if known := _OUTCOMES.get(str(error[3])):
            return known
    return LookUpOutcome.FAILED


_OUTCOMES = {"SERVFAIL": LookUpOutcome.SERVFAIL, "REFUSED": LookUpOutcome.REFUSED}


def _records(type_: str, answer: Answer) -> tuple[str, ...]:
    """The records that make sense, the preferred first; a name that is none makes none."""
    write = _WRITERS[type_]
    written: list[tuple[tuple[int, ...], str]] = []
    for record in answer.rrset or ():
        try:
            written.append(write(record))
        except Refused:
            continue
    return tuple(text for _, text in sorted(written)[:MAX_RECORDS])


def _address(record: Any) -> tuple[tuple[int, ...], str]:
    return (), str(record.address)


def _exchanger(record: Any) -> tuple[tuple[int, ...], str]:
    rank = int(record.preference)
    if str(record.exchange) == ".":
        return (rank,), f"{rank} ."  # RFC 7505: this domain takes no mail
    return (rank,), f"{rank} {_host(record.exchange)}"


def _service(record: Any) -> tuple[tuple[int, ...], str]:
    """A target of "." says that there is no such service (RFC 2782), which no host name is."""
    rank, weight, port = int(record.priority), int(record.weight), int(record.port)
    if not port:
        raise Refused("config.port-range")
    return (rank, -weight), f"{rank} {weight} {port} {_host(record.target)}"


def _fingerprint(record: Any) -> tuple[tuple[int, ...], str]:
    numbers = int(record.usage), int(record.selector), int(record.mtype)
    return numbers, f"{numbers[0]} {numbers[1]} {numbers[2]} {bytes(record.cert).hex()}"


_WRITERS = {
    "A": _address,
    "AAAA": _address,
    "MX": _exchanger,
    "SRV": _service,
    "TLSA": _fingerprint,
}


def _host(name: Any) -> str:
    """The canonical spelling of a name that was answered; raises Refused for what is no host."""
    host = canonical_host(str(name))
    if is_ip_literal(host):
        raise Refused("config.label-invalid")
    return host


def _alias_of(name: str, answer: Answer) -> str:
    try:
        canonical = _host(answer.canonical_name)
    except Refused:
        return ""
    return "" if canonical == name else canonical
