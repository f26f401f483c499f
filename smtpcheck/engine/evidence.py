"""What a test saw: plain, frozen records, built once and never changed.

Named tuples, because such a class takes a quarter of the time to define and its records a third of
the time to make; ``Fault`` alone has a field that each needs anew.
Knows the vocabulary of stages only. Nothing here holds a secret. ``plain()`` turns any record
into JSON values with the field names as keys; those names are public.
"""

# Without the postponed annotations of all other files: a named tuple compiles each of them anew.
import re
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, NamedTuple

from smtpcheck.engine.stages import Goal, Owner, RungState, Security, Stage, Verdict


class Reply(NamedTuple):
    """One SMTP reply (RFC 5321 section 4.2): its code and the text of each of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines joined by blanks."""
        return " ".join(line for line in self.lines if line)

    @property
    def enhanced(self) -> str:
        """The enhanced status code (RFC 3463) of the first line that has one, or ""."""
        for line in self.lines:
            if code := enhanced_code(line, self.code):
                return code
        return ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


def enhanced_code(line: str, reply_code: int) -> str:
    """Return the enhanced status code at the start of a reply line, or "".

    RFC 2034 section 4: its class is the first digit of the reply code. Some servers part it from
    the code by a hyphen of their own ("534-5.7.9"), which the reply reader has removed already.
    """
    candidate = line.split(" ", 1)[0]
    parts = candidate.split(".")
    well_formed = len(parts) == 3 and all(
        part.isascii() and part.isdigit() and len(part) <= 3 for part in parts
    )
    return candidate if well_formed and parts[0] == str(reply_code // 100) else ""


class FaultKind(StrEnum):
    """In what way a stage ended without being proven."""

    # the server's words
    REPLY = "reply"
    NOT_OFFERED = "not-offered"
    MECHANISM_NOT_OFFERED = "mechanism-not-offered"
    # the stream
    TIMEOUT = "timeout"
    CLOSED = "closed"
    RESET = "reset"
    TOO_MUCH = "too-much"
    BAD_REPLY = "bad-reply"
    OUT_OF_STEP = "out-of-step"
    # names and addresses
    NAME_UNKNOWN = "name-unknown"
    NO_ADDRESS = "no-address"
    RESOLVER_FAILED = "resolver-failed"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    SOURCE_ADDRESS = "source-address"
    RESOURCES = "resources"
    PROXY_UNREACHABLE = "proxy-unreachable"
    PROXY_SILENT = "proxy-silent"
    PROXY_REFUSED = "proxy-refused"
    # TLS
    CERTIFICATE = "certificate"
    PIN = "pin"
    NOT_TLS = "not-tls"
    HANDSHAKE = "handshake"
    INJECTION = "injection"
    # a login that cannot go on
    BAD_CHALLENGE = "bad-challenge"
    CHALLENGE_LOOP = "challenge-loop"
    SCRAM_ROUNDS = "scram-rounds"
    SERVER_PROOF = "server-proof"
    # our own side
    REFUSED_HERE = "refused-here"
    DEADLINE = "deadline"
    INTERNAL = "internal"


# What fills the texts of a diagnosis, by name.
Parameters = dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What ended a test before its goal.

    ``detail`` is the machine's own wording (an errno's text, OpenSSL's reason); ``raw`` the bytes
    that came instead of what was expected. ``diagnosis_id`` is set where the cause was known
    before the network was touched, with the ``parameters`` of its text.
    """

    stage: Stage
    kind: FaultKind
    reply: Reply | None = None
    detail: str = ""
    raw: bytes = b""
    verify_code: int | None = None
    diagnosis_id: str = ""
    parameters: dict[str, str | int] = field(default_factory=dict)


class Rung(NamedTuple):
    """One stage of the ladder as this test planned it.

    Times are milliseconds: ``started_ms`` since the test began, ``took_ms`` until the stage was
    proven or failed; both None where it was not reached. ``grouped`` stages were sent together,
    so their clocks start together. ``encrypted`` says whether TLS was up.
    """

    stage: Stage
    state: RungState
    started_ms: int | None = None
    took_ms: int | None = None
    grouped: bool = False
    encrypted: bool = False


class Attempt(NamedTuple):
    """One try to connect to one address; ``outcome`` is "connected", "abandoned" or a FaultKind.

    ``proxy`` names the one that it went through.
    """

    address: str
    port: int
    outcome: str
    took_ms: int
    detail: str = ""
    proxy: str = ""


class Probe(NamedTuple):
    """What one counter-probe saw: a look at a port, without any login, after a test had failed.

    ``security`` is how it was asked: TLS on connect or STARTTLS. ``outcome`` is "answers" when
    the server spoke SMTP that way with a certificate that the account trusts, else the FaultKind
    at ``stage``. ``capabilities`` are the last that were shown, through TLS where ``encrypted``.
    ``remembered``: seen for another test of the same server, minutes ago.
    """

    port: int
    security: Security
    outcome: str
    stage: Stage
    took_ms: int
    address: str = ""
    greeting: Reply | None = None
    encrypted: bool = False
    capabilities: tuple[str, ...] = ()
    detail: str = ""
    remembered: bool = False

    @property
    def answers(self) -> bool:
        """Whether everything that was asked was there."""
        return self.outcome == "answers"


class LookUpOutcome(StrEnum):
    """What came of one question to the name servers."""

    ANSWERED = "answered"
    NO_RECORD = "no-record"  # the name exists without a record of this type
    NO_NAME = "no-name"  # NXDOMAIN
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    FAILED = "failed"  # nothing that could be understood


class LookUp(NamedTuple):
    """One question to the name servers, asked after a failure to explain it.

    ``records`` are in the notation of zone files, the preferred first, every name in them
    canonical ("10 mx.example.org", "0 1 465 smtp.example.org"); ``canonical`` is where aliases
    lead, "" without any. ``secure``: the name server says that it verified the answer (AD).
    ``unchecked``: it was asked not to verify (CD; RFC 4035 section 3.2).
    """

    name: str
    type: str
    outcome: LookUpOutcome
    records: tuple[str, ...] = ()
    canonical: str = ""
    secure: bool = False
    unchecked: bool = False

    def __str__(self) -> str:
        unchecked = " unchecked" if self.unchecked else ""
        return f"{self.type} {self.name}{unchecked}: {', '.join(self.records) or self.outcome}"


class Certificate(NamedTuple):
    """A certificate as a server showed it; ``days_left`` are whole days from then to its end."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    serial: str
    fingerprint: str
    key: str
    signature: str
    self_signed: bool
    days_left: int | None = None


class Defect(NamedTuple):
    """One thing that is wrong with the certificates a server showed.

    ``id`` is the catalogue's, ``line`` what the certificate says, ``parameters`` fill the texts.
    """

    id: str
    parameters: dict[str, str | int]
    line: str


class Tls(NamedTuple):
    """The encrypted layer of a test.

    ``trusted_by`` is "system", "bundle", "pin" or "nothing"; ``server_name`` is None for an
    address literal, which has no server name indication.
    """

    version: str
    cipher: str
    server_name: str | None
    trusted_by: str
    certificate: Certificate | None = None
    days_left: int | None = None


class StageReply(NamedTuple):
    """A reply and the stage it belongs to."""

    stage: Stage
    reply: Reply


class Oddity(NamedTuple):
    """Something a server did that is not by the book but did not end the test.

    ``kind`` is the id of the catalogue's warning.
    """

    kind: str
    stage: Stage
    detail: str = ""


class Evidence(NamedTuple):
    """Everything one test saw, whatever its end.

    ``tls`` is None until a server is trusted; ``chain`` is what it showed, trusted or not, and
    ``defects`` what is wrong with that, worst first. ``asked_for_certificate`` says whether the
    server wanted to see one of ours, ``sent_certificate`` whether there was one to show.
    ``refuses_groups``: the server could not take AUTH and the envelope in one flight.
    ``policy_lines`` are the entries that the policy lacks, if it refused the addresses; they are
    for those who may add them.
    ``has_ipv6_route``: this machine has a default route for IPv6; asked only where an attempt over
    IPv6 did not connect. ``each_address`` is empty unless every address of the name was tested.
    """

    host: str
    port: int
    security: Security
    goal: Goal
    username: str = ""
    sender: str = ""
    recipient: str = ""
    ehlo_name: str = ""
    proxy: str = ""
    attempts: tuple[Attempt, ...] = ()
    address: str = ""
    local_address: str = ""
    capabilities_clear: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    tls: Tls | None = None
    chain: tuple[Certificate, ...] = ()
    defects: tuple[Defect, ...] = ()
    asked_for_certificate: bool = False
    sent_certificate: bool = False
    mechanism: str = ""
    message_id: str = ""
    first_bytes: bytes = b""
    replies: tuple[StageReply, ...] = ()
    ladder: tuple[Rung, ...] = ()
    oddities: tuple[Oddity, ...] = ()
    fault: Fault | None = None
    transcript: str = ""
    probes: tuple[Probe, ...] = ()
    look_ups: tuple[LookUp, ...] = ()
    refuses_groups: bool = False
    has_ipv6_route: bool = False
    each_address: tuple["AtAddress", ...] = ()
    policy_lines: tuple[str, ...] = ()

    def reply_of(self, stage: Stage) -> Reply | None:
        """The last reply of a stage, or None."""
        return next((item.reply for item in reversed(self.replies) if item.stage is stage), None)

    @property
    def has_logged_in(self) -> bool:
        """Whether the server took the login."""
        return any(
            rung.stage is Stage.AUTH and rung.state is RungState.PROVEN for rung in self.ladder
        )

    @property
    def is_login_refused(self) -> bool:
        """Whether the server refused the login itself, for good.

        500 to 504 say that the command was not understood (RFC 5321 section 4.2.2), and so
        nothing of the password; a 4xx may pass.
        """
        fault = self.fault
        return (
            fault is not None
            and fault.stage is Stage.AUTH
            and fault.kind is FaultKind.REPLY
            and fault.reply is not None
            and fault.reply.code >= 505
        )


class AtAddress(NamedTuple):
    """What was seen at one address of a name; ``went_on``: it is the one the verdict is about."""

    address: str
    went_on: bool
    evidence: Evidence


class Finding(NamedTuple):
    """One diagnosis of the catalogue as found in a test.

    ``evidence_line`` is what decided, in the words of the wire; ``parameters`` fill the texts.
    """

    id: str
    stage: Stage | None
    parameters: dict[str, str | int]
    evidence_line: str = ""
    confidence: str = "certain"


class AddressResult(NamedTuple):
    """What came of one address of a name, where every one of them was tested.

    ``went_on``: it is the one that logged in and that the verdict is about; the others were left
    after the last EHLO. ``stage`` is the one that failed, else the last one proven;
    ``diagnosis_id`` is "" where none failed. ``certificate`` is the leaf's fingerprint, "" without
    TLS. ``lacks`` and ``adds`` are the capabilities in which its last EHLO differs from that of the
    address that went on.
    """

    address: str
    went_on: bool
    stage: Stage
    took_ms: int
    diagnosis_id: str = ""
    evidence_line: str = ""
    tls_version: str = ""
    certificate: str = ""
    lacks: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()


class Report(NamedTuple):
    """The answer of one test.

    ``diagnosis`` and ``owner`` are None exactly when the verdict is works; ``stage`` is then the
    goal's own stage, otherwise the one at which the test ended. ``addresses`` is empty unless every
    address of the name was tested.
    """

    verdict: Verdict
    stage: Stage
    owner: Owner | None
    diagnosis: Finding | None
    warnings: tuple[Finding, ...]
    evidence: Evidence
    started_at: datetime
    took_ms: int
    addresses: tuple[AddressResult, ...] = ()


def plain(value: Any) -> Any:
    """Return a record as JSON values: dicts, lists, strings, numbers, booleans and None."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return escape(value)
    return value


def visible(text: str) -> str:
    r"""Show text with its control characters as ``\xNN``, but for the tab; ``\uNNNN`` above U+00FF.

    A terminal would obey them, some databases refuse NUL, and a line break would part one line.
    Those that turn the reading direction unseen are among them (UAX #9): a text shall not read
    differently from what it says.
    """
    return text if text.isprintable() else re.sub(_CONTROLS, _numbered, text)


# Compiled when the first of them is met, which most tests never do.
_CONTROLS = r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"


def _numbered(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def escape(raw: bytes) -> str:
    r"""Show bytes as printable ASCII, everything else as ``\xNN``."""
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in raw
    )
