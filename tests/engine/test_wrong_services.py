"""A service that is not SMTP is named from its first bytes, over a real connection."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smtpcheck.engine.stages import Verdict
from smtpcheck.sandbox import Authority
from tests.engine.trials import diagnosis_of, plan_for, tried
from tests.peers.scripted import Client, ScriptedPeer

FIRST_BYTES = {
    "proto.ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "proto.imap": b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
    "proto.pop3": b"+OK POP3 server ready\r\n",
    "proto.mysql": b"\x4a\x00\x00\x00\x0a8.0.36\x00\x08\x00\x00\x00abcdefgh\x00",
    "proto.telnet": b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27",
    "proto.tls-alert-bytes": b"\x15\x03\x01\x00\x02\x02\x46",
}


@pytest.mark.parametrize("found", FIRST_BYTES)
def test_another_service_is_named(
    found: str, peer: Callable[..., ScriptedPeer], authority: Authority
) -> None:
    def talk(client: Client) -> None:
        client.send(FIRST_BYTES[found])
        client.close()

    report = tried(plan_for(peer(talk).port, trusted=authority))

    assert diagnosis_of(report) == found
    assert report.verdict is Verdict.FAILS
    assert report.diagnosis is not None
    assert report.diagnosis.evidence_line
