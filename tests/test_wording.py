"""A diagnosis reads well in the reader's language, whatever its parameters hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.test import override_settings
from django.utils import translation

from smtpcheck.engine.catalogue import CATALOGUE, PARAMETERS
from smtpcheck.engine.stages import Goal, Owner, RungState, Security, Stage, Verdict
from smtpcheck.wording import (
    MAX_REPLY_CHARACTERS,
    describe,
    error_message,
    goal_name,
    owner_name,
    rung_state_name,
    security_name,
    stage_name,
    verdict_name,
)


class Undescribable:
    def __str__(self) -> str:
        raise ValueError


NESTED: list[Any] = []
for _ in range(2_000):
    NESTED = [NESTED]

HOSTILE: list[object] = [
    None,
    "",
    " \t ",
    "a\r\nMAIL FROM:<x@y>\x00\x1b[31m",
    "{host} {0} {host.__class__} {",
    "}%s%(host)s%",
    "\u202egnirts\u2028\u2029\ud800",
    "x" * 20_000,
    10**6000,
    -1.5,
    True,
    ["a", None, ["b"], "c\n"],
    {"a": "b"},
    b"\xff",
    Undescribable(),
]


def sentences(diagnosis_id: str, parameters: dict[str, object]) -> list[str]:
    wording = describe(diagnosis_id, parameters)
    return [wording.title, wording.cause, *wording.remedy]


Install = Callable[[dict[str, str]], None]


@pytest.fixture
def german(tmp_path: Path) -> Iterator[Install]:
    """Installs a German translation made of the given texts; German is the active language."""

    def install(texts: dict[str, str]) -> None:
        catalog = Catalog(locale="de")
        for source, translated in texts.items():
            catalog.add(source, translated)
        compiled = BytesIO()
        write_mo(compiled, catalog)
        folder = tmp_path / "de" / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "django.mo").write_bytes(compiled.getvalue())
        stack.enter_context(override_settings(USE_I18N=True, LOCALE_PATHS=[str(tmp_path)]))
        stack.enter_context(translation.override("de"))

    with ExitStack() as stack:
        yield install


def test_parameters_fill_the_text() -> None:
    wording = describe("connect.refused", {"host": "mail.example", "port": 2525})
    assert "port 2525 of mail.example" in wording.cause
    assert wording.id == "connect.refused"
    assert wording.title == "The connection was refused"


def test_a_help_page_of_the_provider_comes_along() -> None:
    assert describe("auth.gmail-app-password", {}).help_url.startswith("https://support.google.com")


def test_every_diagnosis_reads_whole_with_no_parameter_at_all() -> None:
    for diagnosis_id in CATALOGUE:
        for text in sentences(diagnosis_id, {}):
            assert "{" not in text
            assert text == " ".join(text.split())


def test_no_two_diagnoses_have_one_title() -> None:
    titles = Counter(describe(diagnosis_id, {}).title for diagnosis_id in CATALOGUE)
    assert titles.most_common(1)[0][1] == 1


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
def test_a_hostile_value_is_harmless_in_every_text(value: object) -> None:
    parameters = dict.fromkeys([*PARAMETERS, "unheard-of"], value)
    for diagnosis_id in CATALOGUE:
        for text in [
            *sentences(diagnosis_id, parameters),
            error_message(diagnosis_id, parameters, ""),
        ]:
            assert text.isprintable()
            assert len(text) < 6000


def test_a_value_nested_too_deep_to_be_shown_is_cut_or_counts_as_unknown() -> None:
    # How deep is too deep depends on the interpreter and on what is on its stack already.
    cause = describe("dns.nxdomain", {"host": NESTED}).cause
    assert re.fullmatch(r"The name (\?|\[+…) does not exist in DNS\.", cause)


def test_braces_in_a_value_mean_nothing() -> None:
    cause = describe("dns.nxdomain", {"host": "{port}", "port": 25}).cause
    assert cause == "The name {port} does not exist in DNS."


def test_several_values_are_listed() -> None:
    cause = describe("tls.cert-hostname", {"host": "a.example", "names": ["b", "c"]}).cause
    assert cause == "The certificate is not for a.example; the names on it are: b, c."


def test_a_value_with_its_own_full_stop_gets_no_second_one() -> None:
    cause = describe("tls.cert-other", {"host": "a.example", "detail": "It is odd."}).cause
    assert cause.endswith(": It is odd.")


def test_an_unknown_value_leaves_a_question_mark() -> None:
    assert describe("dns.nxdomain", {}).cause == "The name ? does not exist in DNS."


def test_a_general_diagnosis_names_its_step_in_the_operators_words() -> None:
    wording = describe("rcpt.rejected", {})
    assert wording.title == "Recipient (RCPT TO): refused for good"
    assert '"Recipient (RCPT TO)"' in wording.cause


def test_a_diagnosis_of_any_stage_names_the_step_it_is_given() -> None:
    cause = describe("tool.deadline", {"seconds": 18, "step": "auth"}).cause
    assert cause.startswith(
        'The time for the test ran out at the step "Login", which had taken 18 seconds'
    )


def test_words_of_the_vocabulary_are_shown_as_operators_know_them() -> None:
    assert (
        '"TLS on connect"' in describe("config.port-security-conflict", {"security": "tls"}).cause
    )
    assert '"user name"' in describe("config.control-character", {"field": "username"}).cause
    assert "here: server name." in describe("config.uri-invalid", {"part": "host"}).cause


def test_a_port_that_answered_becomes_the_first_step() -> None:
    plain = describe("connect.refused", {})
    found = describe("connect.refused", {"found_port": 587, "found_security": "starttls"})
    assert found.remedy[0] == (
        'Set the port to 587 and the security to "STARTTLS": the server answers there.'
    )
    assert found.remedy[1:] == plain.remedy


def test_a_server_that_dns_names_becomes_the_first_step_with_a_caution() -> None:
    named = {"found_host": "xn--bcher-kva.example", "found_port": 465, "found_security": "tls"}
    first, *others = describe("dns.nxdomain", named).remedy
    assert first.startswith(
        "Try the server bücher.example (xn--bcher-kva.example), port 465, security "
        '"TLS on connect": DNS names it'
    )
    assert "belongs to your mail provider" in first
    assert tuple(others) == describe("dns.nxdomain", {}).remedy


def test_an_international_host_stands_there_in_both_forms() -> None:
    cause = describe("dns.nxdomain", {"host": "xn--bcher-kva.example"}).cause
    assert "bücher.example (xn--bcher-kva.example)" in cause


def test_an_error_message_is_cause_remedy_and_reply_on_one_line() -> None:
    message = error_message("dns.nxdomain", {"host": "a.example"}, "")
    wording = describe("dns.nxdomain", {"host": "a.example"})
    assert message == " ".join([wording.cause, *wording.remedy])
    with_reply = error_message("dns.nxdomain", {"host": "a.example"}, "550-No\r\n550 such {user}")
    assert with_reply == message + " Server: 550-No 550 such {user}"


def test_an_endless_reply_is_cut() -> None:
    message = error_message("auth.invalid", {}, "no " * 100_000)
    assert message.endswith("…")
    assert len(message) < MAX_REPLY_CHARACTERS + 1000


@pytest.mark.parametrize("dead", ["auth.long-gone", "", "a\nb", "{host}", "x" * 10_000])
def test_an_id_that_is_gone_still_reads(dead: str) -> None:
    message = error_message(dead, {"host": "a"}, "535 no")
    assert message.startswith("This version knows no text for the diagnosis")
    assert message.endswith("Server: 535 no")
    assert "\n" not in message
    assert describe(dead, {}).id == dead


def test_a_text_comes_in_the_active_language(german: Install) -> None:
    german(
        {
            "The name {host} does not exist in DNS.": "Den Namen {host} gibt es nicht.",
            "Server: {reply}": "Antwort: {reply}",
            "Login": "Anmeldung",
        }
    )
    assert describe("dns.nxdomain", {"host": "x"}).cause == "Den Namen x gibt es nicht."
    assert error_message("dns.nxdomain", {}, "no").endswith("Antwort: no")
    assert describe("auth.timeout", {}).title.startswith("Anmeldung")
    assert stage_name(Stage.AUTH) == "Anmeldung"


def test_a_faulty_translation_does_not_raise(german: Install) -> None:
    german({"The name {host} does not exist in DNS.": "{hoste} {0} {host.x} {host"})
    assert describe("dns.nxdomain", {"host": "x"}).cause == "? ? {host.x} {host"


def test_every_word_of_the_vocabulary_has_a_name_of_its_own() -> None:
    vocabularies: list[tuple[type[StrEnum], Callable[[Any], str]]] = [
        (Stage, stage_name),
        (Verdict, verdict_name),
        (Owner, owner_name),
        (Security, security_name),
        (RungState, rung_state_name),
        (Goal, goal_name),
    ]
    for words, name in vocabularies:
        names = [name(word) for word in words]
        assert all(names)
        assert len(set(names)) == len(names)
