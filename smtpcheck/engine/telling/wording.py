"""Puts a diagnosis and the vocabulary of tests into words, in the language of the reader.

Results are stored as ids and parameters, so this is called when somebody reads, not when a test
runs. Nothing here raises for what is stored: a result stays readable even if its id is gone from
the catalogue, a translation is faulty, or a parameter holds what a hostile server said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from smtpcheck.engine.catalogue import CATALOGUE, PARAMETERS, Entry, Needs, Outcome
from smtpcheck.engine.grammar import host_in_both_forms
from smtpcheck.engine.plan import MessageText
from smtpcheck.engine.stages import Goal, Owner, RungState, Security, Stage, Verdict
from smtpcheck.engine.telling.language import gettext, gettext_noop, moment

# Names, issuers and reasons come from servers; this is enough for any honest one in a sentence.
MAX_VALUE_CHARACTERS = 300
# The reply is the server's answer in full where it is an honest one; the result keeps the rest.
MAX_REPLY_CHARACTERS = 2000

_PLACEHOLDER = re.compile(r"\{(\w+)\}(\.?)")


class Wording(NamedTuple):
    """A diagnosis as a person reads it; ``help_url`` is empty or the provider's own page."""

    id: str
    title: str
    cause: str
    remedy: tuple[str, ...]
    help_url: str = ""


def describe(diagnosis_id: str, parameters: Mapping[str, object]) -> Wording:
    """Word a diagnosis in the active language; never raises.

    Where ``parameters`` know a port and a security that answered (``found_port`` and
    ``found_security``), using them becomes the first step of the remedy; with a ``found_host``
    they are what DNS names, which nobody has tried.
    """
    entry = CATALOGUE.get(diagnosis_id)
    if entry is None:
        return _unknown(diagnosis_id)
    values = _values(entry, parameters)
    steps = (*_found_step(parameters), *entry.remedy)
    return Wording(
        id=entry.id,
        title=_fill(entry.title, values),
        cause=_fill(entry.cause, values),
        remedy=tuple(_fill(step, values) for step in steps),
        help_url=entry.help_url,
    )


class Explanation(NamedTuple):
    """What a diagnosis means whatever test it is found in, in the reader's language.

    ``stage`` is None where any stage can show it, ``needs`` None where this version can find it.
    In the texts a value of a test is its name in angle brackets: "port <port>".
    """

    wording: Wording
    stage: Stage | None
    outcome: Outcome
    owner: Owner
    needs: Needs | None = None


def explain(diagnosis_id: str) -> Explanation | None:
    """Explain a diagnosis without a test; None if the catalogue does not have it."""
    entry = CATALOGUE.get(diagnosis_id)
    if entry is None:
        return None
    values = {name: f"<{_parameter_name(name)}>" for name in PARAMETERS}
    if entry.stage:
        values["step"] = stage_name(entry.stage)
    return Explanation(
        wording=Wording(
            id=entry.id,
            title=_fill(entry.title, values),
            cause=_fill(entry.cause, values),
            remedy=tuple(_fill(step, values) for step in entry.remedy),
            help_url=entry.help_url,
        ),
        stage=entry.stage,
        outcome=entry.outcome,
        owner=entry.owner,
        needs=entry.needs,
    )


def diagnosis_ids() -> tuple[str, ...]:
    """Every id that ``explain`` knows, in the order of the stages within the catalogue."""
    return tuple(CATALOGUE)


def _parameter_name(name: str) -> str:
    return gettext(_FIELDS[name]) if name in _FIELDS else name.replace("_", " ")


def error_message(diagnosis_id: str, parameters: Mapping[str, object], reply_text: str) -> str:
    """Word a diagnosis on one line: the cause, what to do, and the server's own words if any."""
    wording = describe(diagnosis_id, parameters)
    sentences = [wording.cause, *wording.remedy]
    if reply := _one_line(reply_text, MAX_REPLY_CHARACTERS):
        sentences.append(_fill(gettext_noop("Server: {reply}"), {"reply": reply}))
    return " ".join(sentences)


def words_of_test_mail() -> MessageText:
    """The words of the test mail, in the active language."""
    return MessageText(
        subject=gettext("Test message from smtpcheck"),
        body=gettext(
            "This message was sent to test a mail account.\n"
            "It arrived, so the account can send mail. Nobody needs to answer it; it can be "
            "deleted."
        ),
    )


def _unknown(diagnosis_id: str) -> Wording:
    values = {"detail": _one_line(diagnosis_id, MAX_VALUE_CHARACTERS) or PARAMETERS["detail"]}
    cause = gettext_noop('This version knows no text for the diagnosis "{detail}" of this result.')
    return Wording(
        id=diagnosis_id,
        title=gettext("Unknown diagnosis"),
        cause=_fill(cause, values),
        remedy=(
            gettext("Read the server's own words and the transcript."),
            gettext("Test again to get a current diagnosis."),
        ),
    )


def _found_step(parameters: Mapping[str, object]) -> tuple[str, ...]:
    if not (parameters.get("found_port") and parameters.get("found_security")):
        return ()
    if parameters.get("found_host"):
        return (
            gettext_noop(
                "Try the server {found_host}, port {found_port}, security "
                '"{found_security}": DNS names it for the mail of this domain. Make sure that it '
                "belongs to your mail provider before you give it a password."
            ),
        )
    return (
        gettext_noop(
            'Set the port to {found_port} and the security to "{found_security}": '
            "the server answers there."
        ),
    )


def _values(entry: Entry, parameters: Mapping[str, object]) -> dict[str, str]:
    """The text of every parameter, harmless and on one line."""
    values = {name: _text(name, parameters.get(name)) or PARAMETERS[name] for name in PARAMETERS}
    if not parameters.get("step"):
        values["step"] = stage_name(entry.stage) if entry.stage else gettext("unknown")
    return values


def _text(name: str, value: object) -> str:
    items: Iterable[object] = value if isinstance(value, (list, tuple)) else (value,)
    words = [_word(name, item) for item in items]
    return _one_line(", ".join(word for word in words if word), MAX_VALUE_CHARACTERS)


def _word(name: str, value: object) -> str:
    """One value as text, in the operators' words where it belongs to the vocabulary."""
    try:
        text = "" if value is None else str(value)
    except (ValueError, TypeError, RuntimeError):
        # A number of more digits than Python writes, or a value nested too deep to be shown.
        return ""
    if name in _MOMENTS:
        return _moment(text)
    if name in _HOSTS:
        return host_in_both_forms(text)
    vocabulary = _VOCABULARY.get(name, {})
    return gettext(vocabulary[text]) if text in vocabulary else text


def _moment(text: str) -> str:
    """A moment as its reader writes it, in the current time zone."""
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return text


def _one_line(text: str, limit: int) -> str:
    """Bring a foreign text onto one line: no control, format or unassigned character is left."""
    shown = "".join(_shown(character) for character in text[: 4 * limit])
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"


def _fill(template: str, values: Mapping[str, str]) -> str:
    """Translate a template and fill it in.

    Not ``str.format``: a faulty translation must not raise, and braces in a value mean nothing.
    """

    def put(match: re.Match[str]) -> str:
        value = values.get(match[1], "?")
        # A value that brings its own full stop does not get a second one.
        return value if value.endswith((".", "!", "…")) else value + match[2]

    return _PLACEHOLDER.sub(put, gettext(template))


def stage_name(stage: Stage) -> str:
    """A stage in operators' words, as a ladder shows it."""
    return gettext(_STAGES[stage])


def verdict_name(verdict: Verdict) -> str:
    """A verdict in one word."""
    return gettext(_VERDICTS[verdict])


def owner_name(owner: Owner) -> str:
    """Whose turn it is, in operators' words."""
    return gettext(_OWNERS[owner])


def outcome_name(outcome: Outcome, owner: Owner) -> str:
    """What a diagnosis says of an account; one that the tester refused says nothing of it."""
    refused_by = "tester" if owner is Owner.TESTER else "settings"
    key = f"refused-by-{refused_by}" if outcome is Outcome.REFUSED else outcome.value
    return gettext(_OUTCOMES[key])


def needs_name(needs: Needs) -> str:
    """What is missing before a diagnosis can be found."""
    return gettext(_NEEDS[needs])


def security_name(security: Security) -> str:
    """A security setting as mail programs call it."""
    return gettext(_SECURITIES[security])


def rung_state_name(state: RungState) -> str:
    """How far a test got with a stage, in a word or two."""
    return gettext(_RUNG_STATES[state])


def goal_name(goal: Goal) -> str:
    """What a test is to prove, in operators' words."""
    return gettext(_GOALS[goal])


_STAGES: dict[Stage, str] = {
    Stage.CONFIG: gettext_noop("Settings"),
    Stage.DNS: gettext_noop("Name lookup"),
    Stage.OAUTH: gettext_noop("Access token"),
    Stage.CONNECT: gettext_noop("Connection"),
    Stage.GREETING: gettext_noop("Greeting"),
    Stage.EHLO: gettext_noop("Introduction (EHLO)"),
    Stage.STARTTLS: gettext_noop("Switch to encryption (STARTTLS)"),
    Stage.TLS: gettext_noop("Encryption (TLS)"),
    Stage.AUTH: gettext_noop("Login"),
    Stage.MAIL: gettext_noop("Sender (MAIL FROM)"),
    Stage.RCPT: gettext_noop("Recipient (RCPT TO)"),
    Stage.DATA: gettext_noop("Start of the message (DATA)"),
    Stage.CONTENT: gettext_noop("Message"),
    Stage.DELIVERY: gettext_noop("Delivery"),
}

_VERDICTS: dict[Verdict, str] = {
    Verdict.WORKS: gettext_noop("Works"),
    Verdict.FAILS: gettext_noop("Fails"),
    Verdict.INCONCLUSIVE: gettext_noop("Inconclusive"),
}

_OWNERS: dict[Owner, str] = {
    Owner.SETTINGS: gettext_noop("Settings of the account"),
    Owner.NETWORK: gettext_noop("Network"),
    Owner.PROVIDER: gettext_noop("Mail provider"),
    Owner.RECIPIENT: gettext_noop("Test recipient"),
    Owner.SENDER_DOMAIN: gettext_noop("Domain of the sender"),
    Owner.TESTER: gettext_noop("Testing machine"),
}

_SECURITIES: dict[Security, str] = {
    Security.TLS: gettext_noop("TLS on connect"),
    Security.STARTTLS: gettext_noop("STARTTLS"),
    Security.OPPORTUNISTIC: gettext_noop("STARTTLS if offered"),
    Security.NONE: gettext_noop("No encryption"),
}

_RUNG_STATES: dict[RungState, str] = {
    RungState.PROVEN: gettext_noop("Proven"),
    RungState.FAILED: gettext_noop("Failed"),
    RungState.SKIPPED: gettext_noop("Skipped"),
    RungState.NOT_REACHED: gettext_noop("Not reached"),
}

_GOALS: dict[Goal, str] = {
    Goal.LOGIN: gettext_noop("Login only"),
    Goal.RECIPIENT: gettext_noop("Login, sender and recipient"),
    Goal.CONTENT: gettext_noop("A test mail is sent"),
}

# What a diagnosis says of an account, and what is missing before it can be found.
_OUTCOMES: dict[str, str] = {
    "fails": gettext_noop("Fails"),
    "inconclusive": gettext_noop("Inconclusive"),
    "warning": gettext_noop("Warning, beside any verdict"),
    "refused-by-settings": gettext_noop("Fails, and nothing is sent"),
    "refused-by-tester": gettext_noop("Inconclusive, and nothing is sent"),
}

_NEEDS: dict[Needs, str] = {
    Needs.OAUTH: gettext_noop("access tokens (OAuth)"),
    Needs.DELIVERY: gettext_noop("a look into the mailbox that gets the test mail"),
    Needs.DELIVERABILITY: gettext_noop("an examination of the sender's domain"),
    Needs.VANTAGE_POINTS: gettext_noop("tests from several networks"),
}

# What the engine calls the fields of an account and the parts of an SMTP URI.
_FIELDS: dict[str, str] = {
    "SmtpUri": gettext_noop("SMTP URI"),
    "host": gettext_noop("server name"),
    "port": gettext_noop("port"),
    "user": gettext_noop("user name"),
    "user name": gettext_noop("user name"),
    "username": gettext_noop("user name"),
    "password": gettext_noop("password"),
    "user name and password": gettext_noop("user name and password"),
    "sender": gettext_noop("sender"),
    "recipient": gettext_noop("test recipient"),
    "ehlo_name": gettext_noop("EHLO name"),
    "EHLO name": gettext_noop("EHLO name"),
    "path": gettext_noop("what follows after the port"),
    "parameter": gettext_noop("a parameter after the question mark"),
    "starttls": gettext_noop("the value of the parameter starttls"),
    "length": gettext_noop("its length"),
}

# Parameters that are moments, stored by ISO 8601 with their offset.
_MOMENTS = frozenset({"not_before", "not_after"})
_HOSTS = frozenset({"host", "found_host"})

_VOCABULARY: dict[str, Mapping[str, str]] = {
    "step": {str(stage): name for stage, name in _STAGES.items()},
    "security": {str(security): name for security, name in _SECURITIES.items()},
    "found_security": {str(security): name for security, name in _SECURITIES.items()},
    "goal": {str(goal): name for goal, name in _GOALS.items()},
    "field": _FIELDS,
    "part": _FIELDS,
}
