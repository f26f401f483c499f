"""The same call twice at the same moment, on the database of the run: one of them is a test."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor, as_completed

from tests.end_to_end.application import Answer, Application
from tests.end_to_end.conftest import Serve

KEY = {"Idempotency_Key": "one order"}


def asked_twice(application: Application, port: int, silent: socket.socket) -> list[Answer]:
    """Both answers, the sooner one first; the server says nothing until it came, then hangs up."""
    body = {"SmtpUri": f"smtp://127.0.0.1:{port}", "From": "ann@example.org"}
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(application.call, body, **KEY) for _ in range(2)]
        answers = []
        for call in as_completed(calls, timeout=30):
            answers.append(call.result())
            if len(answers) == 1:
                connection, _address = silent.accept()
                connection.close()
        return answers


def test_of_two_calls_at_the_same_moment_one_is_run(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        application = serve(SMTPCHECK_POLICY=f"127.0.0.1/32:{port} cleartext=no")
        refused, result = asked_twice(application, port, silent)
        body = {"SmtpUri": f"smtp://127.0.0.1:{port}", "From": "ann@example.org"}
        again = application.call(body, **KEY)
    assert refused.status == 409
    assert result.status == again.status == 200
    assert result.result_id == again.result_id
    assert result.content == again.content
    rows = application.database.query("SELECT id FROM smtpcheck_smtptestresult")
    assert len(rows) == 1
