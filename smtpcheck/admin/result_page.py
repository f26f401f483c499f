"""What one result shows, put in the order in which a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext, ngettext

from smtpcheck.admin.words import (
    moment_of,
    owner_word,
    pill,
    security_word,
    server_name,
    stage_word,
)
from smtpcheck.engine.stages import Goal, RungState, Stage, Verdict
from smtpcheck.models import SmtpTestResult
from smtpcheck.presentation import address_rows_of, diagnosis_of, warnings_of
from smtpcheck.wording import goal_name, rung_state_name, stage_name

# A sign beside the word, for the eye that runs along the ladder.
ICONS = {
    RungState.PROVEN: "✓",
    RungState.FAILED: "✗",
    RungState.SKIPPED: "–",
    RungState.NOT_REACHED: "·",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderRung:
    """One stage of the ladder in words; ``is_repeated`` for an EHLO said again inside TLS.

    ``is_grouped``: sent in one flight with others, so that its time began with theirs.
    """

    state: str
    icon: str
    name: str
    state_name: str
    took_ms: int | None
    is_repeated: bool
    is_grouped: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and what was seen, one value or several."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Facts under one heading."""

    title: str
    facts: tuple[Fact, ...]


def page_of(result: SmtpTestResult) -> dict[str, Any]:
    """Everything the page of a result shows, worded in the reader's language."""
    return {
        "result": result,
        "pill": pill(result.shown_verdict),
        "stage_name": stage_word(result.shown_stage) if result.shown_diagnosis_id else "",
        "owner_name": owner_word(result.shown_owner),
        "diagnosis": diagnosis_of(result),
        "proven": _proven(result),
        "server_words": _server_words(result),
        "warnings": warnings_of(result),
        "ladder": ladder_of(result.ladder),
        "addresses": address_rows_of(result),
        "facts": _facts(result),
    }


def ladder_of(rungs: Iterable[Mapping[str, Any]]) -> list[LadderRung]:
    """The ladder of a result in words."""
    seen: set[Stage] = set()
    shown = []
    for rung in rungs:
        stage, state = Stage(rung["stage"]), RungState(rung["state"])
        shown.append(
            LadderRung(
                state=state.value,
                icon=ICONS[state],
                name=stage_name(stage),
                state_name=rung_state_name(state),
                took_ms=rung.get("took_ms"),
                is_repeated=stage in seen,
                is_grouped=bool(rung.get("grouped")),
            )
        )
        seen.add(stage)
    return shown


def _proven(result: SmtpTestResult) -> str:
    if result.shown_verdict != Verdict.WORKS:
        return ""
    return {
        Goal.LOGIN: gettext("The server accepts the login."),
        Goal.RECIPIENT: gettext("The server accepts the login, the sender and the recipient."),
        Goal.CONTENT: gettext("The server accepted the test mail for delivery."),
    }[Goal(result.goal)]


def _server_words(result: SmtpTestResult) -> str:
    return f"{result.reply_code or ''} {result.reply_text}".strip()


# --- Facts ----------------------------------------------------------------------------------------


def _facts(result: SmtpTestResult) -> list[FactGroup]:
    groups = [
        _group(gettext("What was asked"), _asked(result)),
        _group(gettext("Connection"), _connection(result)),
        _group(gettext("Encryption"), _encryption(result.tls or {})),
        *_certificates(result),
        _group(gettext("What the server offers"), _offers(result)),
    ]
    return [group for group in groups if group.facts]


def _group(title: str, pairs: Iterable[tuple[str, object]]) -> FactGroup:
    """Facts that have a value; a list is several values, anything else is one."""
    facts = []
    for name, value in pairs:
        values = value if isinstance(value, (list, tuple)) else [value]
        shown = tuple(str(item) for item in values if item not in (None, ""))
        if shown:
            facts.append(Fact(name, shown))
    return FactGroup(title, tuple(facts))


def _asked(result: SmtpTestResult) -> list[tuple[str, object]]:
    asked_by = f"{result.asked_by_name} ({result.get_door_display()})".strip()
    return [
        (gettext("Account"), result.account_name),
        (gettext("Server"), server_name(result.host, result.port)),
        (gettext("Security"), security_word(result.security)),
        (gettext("User name"), result.username),
        (gettext("Sender"), result.sender),
        (gettext("Test recipient"), result.recipient),
        (gettext("EHLO name"), result.ehlo_name),
        (gettext("Goal"), goal_name(Goal(result.goal))),
        (gettext("Asked by"), asked_by if result.asked_by_name else result.get_door_display()),
        (gettext("Started"), moment_of(result.started_at)),
        (gettext("Finished"), moment_of(result.finished_at)),
    ]


def _connection(result: SmtpTestResult) -> list[tuple[str, object]]:
    evidence = result.evidence
    attempts = [_attempt(attempt) for attempt in evidence.get("attempts") or ()]
    return [
        (gettext("Addresses tried"), attempts),
        (gettext("Through the proxy"), evidence.get("proxy")),
        (gettext("From"), evidence.get("local_address")),
        (gettext("Login mechanism"), evidence.get("mechanism")),
        (gettext("Message-ID"), evidence.get("message_id")),
        (gettext("First bytes"), evidence.get("first_bytes")),
    ]


def _attempt(attempt: Mapping[str, Any]) -> str:
    words = {
        "connected": gettext("connected"),
        "abandoned": gettext("given up, another address was faster"),
        "timeout": gettext("no answer"),
        "refused": gettext("refused"),
        "unreachable": gettext("unreachable"),
        "reset": gettext("connection reset"),
        "proxy-unreachable": gettext("the proxy cannot be reached"),
        "proxy-silent": gettext("no answer from the proxy"),
        "proxy-refused": gettext("refused by the proxy"),
    }
    outcome = str(attempt.get("outcome", ""))
    detail = f" ({attempt['detail']})" if attempt.get("detail") else ""
    where = server_name(str(attempt.get("address", "")), int(attempt.get("port") or 0))
    return f"{where}: {words.get(outcome, outcome)}{detail}, {attempt.get('took_ms', 0)} ms"


def _encryption(tls: Mapping[str, Any]) -> list[tuple[str, object]]:
    trust = {
        "system": gettext("the authorities of the system"),
        "bundle": gettext("the authorities saved with the account"),
        "pin": gettext("the fingerprint saved with the account"),
        "nothing": gettext("nothing: the certificate was not verified"),
    }
    trusted_by = str(tls.get("trusted_by", ""))
    return [
        (gettext("Version"), tls.get("version")),
        (gettext("Cipher"), tls.get("cipher")),
        (gettext("Name asked for"), tls.get("server_name")),
        (gettext("Trusted by"), trust.get(trusted_by, trusted_by)),
    ]


def _certificates(result: SmtpTestResult) -> list[FactGroup]:
    """The chain that the server showed, trusted or not, its own certificate first."""
    own = (result.tls or {}).get("certificate")
    chain = result.evidence.get("chain") or [own or {}]
    return [
        _group(
            gettext("Certificate of the server")
            if position == 1
            else gettext("Certificate %(position)d of %(count)d in the chain")
            % {"position": position, "count": len(chain)},
            _certificate(certificate, result.started_at),
        )
        for position, certificate in enumerate(chain, 1)
    ]


def _certificate(certificate: Mapping[str, Any], tested_at: datetime) -> list[tuple[str, object]]:
    return [
        (gettext("For"), certificate.get("subject")),
        (gettext("Names"), certificate.get("names")),
        (gettext("Issued by"), _issuer(certificate)),
        (gettext("Valid from"), _stored_moment(certificate.get("not_before"))),
        (gettext("Valid until"), _valid_until(certificate, tested_at)),
        (gettext("Key"), certificate.get("key")),
        (gettext("Signature"), certificate.get("signature")),
        (gettext("Serial number"), certificate.get("serial")),
        (gettext("SHA-256 fingerprint"), certificate.get("fingerprint")),
    ]


def _issuer(certificate: Mapping[str, Any]) -> str:
    if certificate.get("self_signed"):
        return gettext("itself (self-signed)")
    return str(certificate.get("issuer", ""))


def _valid_until(certificate: Mapping[str, Any], tested_at: datetime) -> str:
    moment = _stored_moment(certificate.get("not_after"))
    if not moment:
        return ""
    left = datetime.fromisoformat(certificate["not_after"]) - tested_at
    days = abs(left).days
    if left < timedelta(0):
        sentence = ngettext("expired %(days)d day ago", "expired %(days)d days ago", days)
    else:
        sentence = ngettext("%(days)d day left", "%(days)d days left", days)
    return f"{moment} ({sentence % {'days': days}})"


def _offers(result: SmtpTestResult) -> list[tuple[str, object]]:
    return [
        (gettext("Before encryption"), result.evidence.get("capabilities_clear")),
        (gettext("Capabilities"), result.capabilities),
    ]


def _stored_moment(text: object) -> str:
    return moment_of(datetime.fromisoformat(text)) if isinstance(text, str) and text else ""
