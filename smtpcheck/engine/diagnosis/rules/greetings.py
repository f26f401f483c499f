"""What a server's first words, or their absence, mean."""

from __future__ import annotations

from smtpcheck.engine.catalogue import Outcome
from smtpcheck.engine.diagnosis.matcher import Rule, at, by, first, words
from smtpcheck.engine.diagnosis.rules.turned_away import LISTED, NO_REVERSE_NAME, UNWANTED
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Stage

_REWRITTEN = at(Stage.EHLO, Stage.STARTTLS, Stage.AUTH)
_ASTERISKS = first(rb"220[ -][*02 ]{8}")
_TOO_MANY = words(
    r"\btoo many (\w+ ){0,3}(connections?|sessions?)\b|\bconnection (limit|rate)\b"
    r"|\brate[ -]?limit|\bconcurrent connections?\b"
)

GREETINGS = (
    Rule(
        id="connect.closed-before-banner",
        stages=at(Stage.GREETING),
        kinds=by(FaultKind.CLOSED),
        first_bytes=first(rb"\Z"),
    ),
    Rule(
        id="connect.reset",
        stages=at(Stage.GREETING),
        kinds=by(FaultKind.RESET),
        first_bytes=first(rb"\Z"),
    ),
    # Silence says that nothing answers here; silence after the first bytes only says "not now".
    Rule(
        id="greet.timeout",
        stages=at(Stage.GREETING),
        kinds=by(FaultKind.TIMEOUT),
        first_bytes=first(rb"."),
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(
        id="proto.unknown",
        stages=at(Stage.GREETING),
        kinds=by(FaultKind.BAD_REPLY),
        first_bytes=first(rb"(?![0-9]{3})."),
    ),
    # What a firewall leaves of a banner and of an offer of STARTTLS.
    Rule(
        id="connect.masked-banner",
        stages=_REWRITTEN,
        kinds=by(FaultKind.NOT_OFFERED),
        offers=words(r"^X{6,}[A-Z]?$|^\*{4,}"),
    ),
    Rule(
        id="connect.masked-banner",
        stages=_REWRITTEN,
        kinds=by(FaultKind.NOT_OFFERED, FaultKind.REPLY),
        first_bytes=_ASTERISKS,
    ),
    Rule(
        id="greet.421-ses",
        stages=at(Stage.GREETING, Stage.EHLO),
        codes=("4",),
        text=_TOO_MANY,
        providers=frozenset({"ses"}),
    ),
    # Amazon's own words, under whatever name its server was reached.
    Rule(
        id="greet.421-ses",
        stages=at(Stage.GREETING, Stage.EHLO),
        codes=("421",),
        text=words(r"\btoo many concurrent smtp connections\b"),
    ),
    Rule(
        id="greet.421-too-many",
        stages=at(Stage.GREETING, Stage.EHLO),
        codes=("4", "550", "554"),
        text=_TOO_MANY,
        outcome=Outcome.INCONCLUSIVE,
    ),
    Rule(id="greet.554", stages=at(Stage.GREETING, Stage.EHLO), codes=("4", "5"), text=LISTED),
    Rule(id="greet.554", stages=at(Stage.EHLO), codes=("4", "5"), text=NO_REVERSE_NAME),
    Rule(id="greet.554", stages=at(Stage.GREETING), codes=("4", "5"), text=UNWANTED),
    Rule(id="greet.521", stages=at(Stage.GREETING, Stage.EHLO), codes=("521",)),
    Rule(id="greet.554", stages=at(Stage.GREETING), codes=("554",)),
    # Other things are said with a 421 too: that this machine is to come back later, or never.
    Rule(
        id="greet.421-unavailable",
        stages=at(Stage.GREETING),
        codes=("421",),
        text=words(
            r"\b(not |un)available\b|\boverload|\bbusy\b|\bload\b|\bshut(ting)?[ -]?down\b"
            r"|\b(is|going) down\b|\bmaintenance\b|\bresources?\b|^\W*$"
        ),
    ),
    Rule(
        id="greet.421-unavailable",
        stages=at(Stage.GREETING),
        codes=("4",),
        enhanced=("4.3.0", "4.3.2"),
    ),
)
