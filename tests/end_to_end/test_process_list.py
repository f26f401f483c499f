"""What other users of the machine see of a running test: never its password."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.application import PATIENCE_SECONDS, Application
from tests.end_to_end.conftest import Serve
from tests.end_to_end.databases import ROOT
from tests.end_to_end.traces import PASSWORD, traces
from tests.peers.scripted import Client, ScriptedPeer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="The process list is read from /proc."),
]


@pytest.fixture(scope="module")
def application(serve: Serve) -> Application:
    # A test that is killed holds its place for a while.
    return serve(SMTPCHECK_POLICY="127.0.0.1/32:* cleartext=no", SMTPCHECK_TESTS_PER_HOST="100")


def shown_by_ps(pid: int) -> bytes:
    """What anybody may read of a process and of all that it has started."""
    process = Path(f"/proc/{pid}")
    found = [(process / "cmdline").read_bytes(), (process / "comm").read_bytes()]
    for task in (process / "task").iterdir():
        children = (task / "children").read_text().split()
        found += [shown_by_ps(int(child)) for child in children]
    return b"\0".join(found)


@pytest.mark.parametrize(
    "how", [["--ask-password"], ["--password-stdin"], ["--password-env", "OF_TEST"]], ids=" ".join
)
def test_the_password_is_not_in_the_process_list(
    application: Application,
    peer: Callable[..., ScriptedPeer],
    how: list[str],
) -> None:
    server = peer(Client.drain)  # says nothing, so that there is time to look
    user = how[0].strip("-")  # one of its own, for the same reason
    typist, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "test_smtp", f"smtps://{user}@{server.host}:{server.port}",
         "--from", "ann@example.org", *how],
        cwd=ROOT, env=application.environment | {"OF_TEST": PASSWORD},
        stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,  # no other terminal than this one to ask on
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, typist)
        stack.callback(os.close, terminal)
        stack.enter_context(process)
        stack.callback(process.kill)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not server.count and process.poll() is None and time.monotonic() < deadline:
            os.write(typist, f"{PASSWORD}\n".encode())  # what comes before the question is dropped
            time.sleep(0.2)
        if not server.count or process.poll() is not None:
            process.kill()
            assert process.stdout
            raise AssertionError(process.stdout.read().decode())
        seen = shown_by_ps(process.pid)
    assert b"test_smtp" in seen
    assert traces(seen) == []
