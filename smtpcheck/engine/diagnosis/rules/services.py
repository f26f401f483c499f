"""Services that are no mail server, told by the first bytes they send."""

from __future__ import annotations

from smtpcheck.engine.diagnosis.matcher import Rule, at, first
from smtpcheck.engine.stages import Stage

_ANY_KIND = None

# Services that are no mail server, by the first bytes they send; whatever else went wrong.
_SPOKEN_TO = at(Stage.GREETING, Stage.TLS)
SERVICES = (
    Rule(
        id="proto.http",
        stages=_SPOKEN_TO,
        kinds=_ANY_KIND,
        first_bytes=first(rb"HTTP/|<!DOCTYPE|<html"),
    ),
    Rule(id="proto.ssh", stages=_SPOKEN_TO, kinds=_ANY_KIND, first_bytes=first(rb"SSH-")),
    Rule(
        id="proto.imap",
        stages=_SPOKEN_TO,
        kinds=_ANY_KIND,
        first_bytes=first(rb"\* (OK|PREAUTH|BYE)"),
    ),
    Rule(id="proto.pop3", stages=_SPOKEN_TO, kinds=_ANY_KIND, first_bytes=first(rb"\+OK|-ERR")),
    Rule(
        id="proto.mysql",
        stages=_SPOKEN_TO,
        kinds=_ANY_KIND,
        # three octets of length, sequence number 0, then protocol version 10 or an error packet
        first_bytes=first(rb"..\x00\x00(\x0a[0-9]|\xff)"),
    ),
    Rule(
        id="proto.telnet",
        stages=_SPOKEN_TO,
        kinds=_ANY_KIND,
        first_bytes=first(rb"\xff[\xfb-\xfe]"),
    ),
    Rule(
        id="proto.tls-alert-bytes",
        stages=at(Stage.GREETING),
        kinds=_ANY_KIND,
        first_bytes=first(rb"\x15\x03"),
    ),
)
