"""Answers to EHLO."""

from __future__ import annotations

from smtpcheck.engine.catalogue import Outcome
from smtpcheck.engine.diagnosis.matcher import Rule, at, first, words
from smtpcheck.engine.stages import Stage

HELLOS = (
    Rule(
        id="proto.ftp",
        stages=at(Stage.EHLO),
        codes=("500", "502", "503", "530"),
        first_bytes=first(rb"(?i)220[ -][^\r\n]*(?<!\bs)ftp"),
    ),
    # What FTP servers answer to a command they know before USER, and to one they do not.
    Rule(
        id="proto.ftp",
        stages=at(Stage.EHLO),
        codes=("500", "502", "503", "530"),
        text=words(r"\bUSER and PASS\b|\blog ?in with USER\b"),
    ),
    Rule(
        id="proto.lmtp",
        stages=at(Stage.EHLO),
        codes=("500", "502"),
        first_bytes=first(rb"220[ -][^\r\n]*\bLMTP"),
    ),
    Rule(id="proto.lmtp", stages=at(Stage.EHLO), codes=("5",), text=words(r"\bLHLO\b")),
    Rule(
        id="ehlo.google-relay-name",
        stages=at(Stage.EHLO, Stage.MAIL),
        codes=("421",),
        text=words(r"\btry again later, closing connection\b"),
        providers=frozenset({"google-relay"}),
    ),
    Rule(id="ehlo.not-fqdn", stages=at(Stage.EHLO), codes=("504",)),
    Rule(
        id="ehlo.not-fqdn",
        stages=at(Stage.EHLO),
        text=words(r"\bfully[- ]qualified\b|\bfqdn\b"),
        outcome=Outcome.INCONCLUSIVE,
    ),
    # A name with a port, and not the colons of a time or of an IPv6 literal.
    Rule(
        id="ehlo.port-in-name",
        stages=at(Stage.EHLO),
        codes=("501",),
        text=words(r"[a-z0-9-]\.[a-z0-9-]+:[0-9]"),
    ),
    Rule(id="ehlo.rejected", stages=at(Stage.EHLO), codes=("5",)),
    Rule(
        id="ehlo.rejected",
        stages=at(Stage.EHLO),
        codes=("4",),
        text=words(r"\b(helo|ehlo)\b.{0,20}\brejected\b"),
    ),
)
