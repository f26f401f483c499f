"""Plays the table of misbehaviours: each ends in time, in a verdict, and tells no secret."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from smtpcheck.engine.catalogue import CATALOGUE
from smtpcheck.engine.evidence import Report
from smtpcheck.engine.plan import Past
from smtpcheck.engine.stages import Security, Verdict
from smtpcheck.sandbox import Authority, Certificate
from tests.engine.misbehaviours import MISBEHAVIOURS, Misbehaviour
from tests.engine.trials import attempt, plan_for
from tests.peers.fixtures import PASSWORD, USER
from tests.peers.honest import until
from tests.peers.scripted import Client, ScriptedPeer

PROMISED = 120
# Half of it is the clock of a stage: enough for a handshake on a busy machine.
CLOCKED_SECONDS = 2.0
LOUD_SECONDS = 10.0
LOGINS = {base64.b64encode(said.encode()).decode() for said in (PASSWORD, f"\0{USER}\0{PASSWORD}")}

pytestmark = pytest.mark.xdist_group("misbehaviours")  # one worker plays them all


@dataclass(frozen=True, slots=True)
class Played:
    report: Report
    clients: list[Client]


@pytest.fixture(scope="module")
def played(authority: Authority, certificate: Certificate) -> Mapping[str, Played]:
    """A report for each row. Those that wait do it side by side; the others work, a few at once."""
    found: dict[str, Played] = {}

    async def play(row: Misbehaviour, seconds: float, gate: asyncio.Semaphore) -> None:
        script = until(
            row.stage,
            row.script,
            tls=certificate.server_context(),
            is_implicit=row.security is Security.TLS,
            capabilities=row.capabilities,
        )
        async with gate:
            server = ScriptedPeer(script).open()
            try:
                plan = plan_for(
                    server.port,
                    trusted=authority,
                    security=row.security,
                    seconds=seconds,
                    past=Past(login_passed=row.leads),
                )
                found[str(row)] = Played(await attempt(plan), server.clients)
            finally:
                await asyncio.to_thread(server.shut)

    async def play_all() -> None:
        few, many = asyncio.Semaphore(2), asyncio.Semaphore(16)
        loud = [row for row in MISBEHAVIOURS if not row.is_clocked]
        clocked = [row for row in MISBEHAVIOURS if row.is_clocked]
        await asyncio.gather(*(play(row, LOUD_SECONDS, few) for row in loud))
        await asyncio.gather(*(play(row, CLOCKED_SECONDS, many) for row in clocked))

    asyncio.run(play_all())
    return found


def test_there_are_as_many_as_promised_and_no_two_are_one() -> None:
    assert len({str(row) for row in MISBEHAVIOURS}) == len(MISBEHAVIOURS) >= PROMISED


@pytest.mark.parametrize("row", MISBEHAVIOURS, ids=str)
def test_it_ends_at_its_stage_in_a_verdict(played: Mapping[str, Played], row: Misbehaviour) -> None:
    report = played[str(row)].report
    fault, found = report.evidence.fault, report.diagnosis
    assert fault is not None
    assert (fault.stage, fault.kind in row.kinds) == (row.ends_at, True), fault
    assert found is not None
    assert found.id in CATALOGUE
    assert found.evidence_line
    assert report.verdict in (Verdict.FAILS, Verdict.INCONCLUSIVE)
    assert len(report.evidence.transcript) <= 16 * 1024


@pytest.mark.parametrize("row", MISBEHAVIOURS, ids=str)
def test_it_gets_no_more_of_us_than_it_may(played: Mapping[str, Played], row: Misbehaviour) -> None:
    clients = played[str(row)].clients
    commands = [command for client in clients for command in client.commands]
    before_tls = [command for each in clients if not each.tls_version for command in each.commands]
    # One that may be refused; where the login has passed and its group broke, one more may go.
    has_passed = row.leads and row.stage != "auth"
    assert len([command for command in commands if is_login(command)]) <= (2 if has_passed else 1)
    assert not [command for command in before_tls if command.upper().startswith("AUTH")]
    assert sum(client.sent_bytes for client in clients) < 32 * 1024 * 1024


def is_login(command: str) -> bool:
    """Whether a line carries the password, alone or behind the user."""
    return command.rpartition(" ")[2] in LOGINS
