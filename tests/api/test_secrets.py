from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from django.apps import apps
from django.contrib.auth.models import User

PASSWORD = "Gehe!m/4711:ö"
ENCODED = quote(PASSWORD, safe="")

pytestmark = pytest.mark.django_db(transaction=True)


def forms() -> set[str]:
    """The spellings in which the password could have got somewhere, each one long enough."""
    raw = PASSWORD.encode()
    inside_base64 = {
        base64.b64encode(b"\0" * offset + raw)[4 if offset else 0 : -4].decode()
        for offset in range(3)
    }
    plain = {PASSWORD, ENCODED, quote(PASSWORD), quote_plus(PASSWORD), repr(PASSWORD)[1:-1]}
    return plain | inside_base64 | {raw.hex(), "Gehe!m", "gehe!m"}


URIS = [
    f"smtps://ann:{ENCODED}@",
    f"smtps://ann:{ENCODED}",
    f"smtps://ann:{PASSWORD}@mail.example.org",
    f"smtps://ann:{ENCODED}@mail.example.org:0",
    f"smtps://ann:{ENCODED}@mail.example.org:70000",
    f"smtps://ann:{ENCODED}@mail.example.org:port",
    f"smtps://ann:{ENCODED}@mail .example.org",
    f"smtps://ann:{ENCODED}@mail..example.org",
    f"smtps://ann:{ENCODED}@[::1",
    f"smtps://ann:{ENCODED}%zz@mail.example.org",
    f"smtps://ann:{ENCODED}%ff@mail.example.org",
    f"smtps://ann:{ENCODED}%0d%0a@mail.example.org",
    f"smtps://ann:{ENCODED}\0@mail.example.org",
    f"smtps://ann:{ENCODED}@mail.example.org?starttls=perhaps",
    f"smtps://ann:{ENCODED}@mail.example.org/path",
    f"smtps://ann@bob:{ENCODED}@mail.example.org",
    f"smtps://ann:{ENCODED}@https://mail.example.org",
    f"smtps://ann:{ENCODED}@127.0.0.1:9",
    f"imap://ann:{ENCODED}@mail.example.org",
    f"ann:{ENCODED}@mail.example.org",
    f"//ann:{ENCODED}@mail.example.org",
    ENCODED,
    PASSWORD,
    "x" * 5000 + ENCODED,
]

BODIES = [
    {"SmtpUri": [f"smtps://ann:{ENCODED}@mail.example.org"]},
    {"SmtpUri": {"uri": ENCODED}},
    {"UseStoredPassword": PASSWORD},
    [PASSWORD],
    PASSWORD.encode(),
    b'{"SmtpUri": "smtps://ann:' + ENCODED.encode() + b"@mail.example.org",
    b'{"SmtpUri": "' + ENCODED.encode() + b'\xff"}',
]


@pytest.fixture
def seen(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[Any], str]]:
    """Everything that one call left behind: its answer, the log and every table."""

    def everything(response: Any) -> str:
        logged = [repr(vars(record)) for record in caplog.records]
        told = [repr(response.items()), response.content.decode(), caplog.text]
        return "\n".join([*told, *logged, tables()])

    with caplog.at_level(logging.DEBUG):
        for name in ("django", "asyncio", "smtpcheck"):
            caplog.set_level(logging.DEBUG, logger=name)
        yield everything


def tables() -> str:
    """The values of every row of every table."""
    return "\n".join(
        repr(row)
        for model in apps.get_models(include_auto_created=True)
        for row in model._default_manager.values_list()
    )


@pytest.mark.parametrize("uri", URIS)
def test_the_password_of_a_uri_is_found_nowhere(
    call: Callable[..., Any], tester: User, seen: Callable[[Any], str], uri: str
) -> None:
    response = call(tester, {"SmtpUri": uri, "From": "ann@example.org"})
    assert response.status_code == 200
    assert response.json()["Success"] is False
    text = seen(response)
    assert "config." in text  # the row of the test is among what was searched
    assert [form for form in forms() if form in text] == []


@pytest.mark.parametrize("data", BODIES)
def test_a_body_that_is_refused_is_found_nowhere(
    call: Callable[..., Any], tester: User, seen: Callable[[Any], str], data: Any
) -> None:
    response = call(tester, data)
    assert response.status_code == 400
    text = seen(response)
    assert [form for form in forms() if form in text] == []
