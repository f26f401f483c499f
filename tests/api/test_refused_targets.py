"""A caller who names a target inside is told the same, whatever is there."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from smtpcheck.engine.policy import Address
from tests.api.callers import allow

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[..., Any]
TARGET = {"SmtpUri": "smtps://ann:pw4711pw@internal.example:PORT", "From": "ann@example.org"}
MOMENTS = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[^\"]+|\"(?:\w*[mM]s|\w*Ms)\": ?\d+"
)


def everything_told(call: Call, caller: User, port: int) -> str:
    """The answer and the full result it points to, without ids, moments and durations."""
    body = TARGET | {"SmtpUri": TARGET["SmtpUri"].replace("PORT", str(port))}
    answer = call(caller, body)
    assert answer.status_code == 200
    path = f"/api/v1/results/{answer['SmtpCheck-Result']}/"
    result = call(caller, path=path, method="GET")
    assert result.status_code == 200
    assert result.json()["diagnosis"]["id"] == "config.destination-forbidden"
    return MOMENTS.sub("", answer.content.decode() + result.content.decode())


@pytest.fixture
def leads_to(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what every name leads to."""

    def lead(*texts: str) -> None:
        async def resolve(_host: str) -> Sequence[Address]:
            return [ipaddress.ip_address(text) for text in texts]

        monkeypatch.setattr("smtpcheck.engine.driver.resolve", resolve)

    return lead


@pytest.fixture
def caller(tester: User) -> User:
    allow(tester, "view_smtptestresult")
    return tester


def test_a_refusal_tells_neither_where_a_name_leads_nor_who_listens(
    call: Call, caller: User, leads_to: Callable[..., None], settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        settings.SMTPCHECK = settings.SMTPCHECK | {"POLICY_PORTS": (port,)}
        leads_to("127.0.0.1")
        answers = {everything_told(call, caller, port)}
    answers.add(everything_told(call, caller, port))
    for texts in (["10.11.12.13"], ["8.8.8.8", "169.254.169.254"], ["::ffff:10.11.12.13"]):
        leads_to(*texts)
        told = everything_told(call, caller, port)
        assert not [text for text in texts if text in told]
        answers.add(told)
    assert len(answers) == 1
