"""Ports and peers for tests of the counter-probes, and what these have found."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Any

from smtpcheck.engine.driver.knock import Question
from smtpcheck.engine.evidence import Probe, Report
from smtpcheck.engine.probes import Probes
from smtpcheck.engine.stages import Security
from tests.peers.scripted import Client

PLAIN_FIRST, TLS_FIRST = Security.STARTTLS, Security.TLS


def dropping_port(stack: ExitStack) -> int:
    """A port that answers no SYN: its queue of one is full (listen(2))."""
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    port = int(listening.getsockname()[1])
    for _ in range(4):
        client = stack.enter_context(socket.socket())
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
    return port


def asking(*ports: tuple[int, Security], **options: Any) -> Probes:
    """Counter-probes with these for the usual ports."""
    return Probes([Question(*each) for each in ports], **options)


def silence(client: Client) -> None:
    client.drain()


def one_probe(report: Report) -> Probe:
    (probe,) = report.evidence.probes
    return probe


def settings_in(report: Report) -> tuple[object, object]:
    """The port and the security that the diagnosis recommends."""
    assert report.diagnosis is not None
    known = report.diagnosis.parameters
    return known.get("found_port"), known.get("found_security")
