"""One result with its words, as values that JSON can write: what every door shows a program.

The names of the members are public. Words are in the reader's language; ids, stages and states are
the same in every language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smtpcheck.engine.stages import Goal, Verdict
from smtpcheck.engine.telling.wording import describe

# What was asked, by the names of a result's columns.
ASKED = ("host", "port", "security", "username", "sender", "recipient", "ehlo_name", "goal")


def as_document(
    columns: Mapping[str, Any],
    *,
    result_id: str | None = None,
    account: Mapping[str, object] | None = None,
    door: str = "command",
    asked_by: str = "",
) -> dict[str, object]:
    """Return everything one result shows.

    ``columns`` are what was asked, ``started_at`` and what `columns.columns_of` gives; members that
    a test without a report lacks read as empty. ``result_id`` None is a result that nobody keeps.
    """
    evidence = columns.get("evidence") or {}
    return {
        "id": result_id,
        "account": account,
        "asked": {name: columns.get(name, "") for name in ASKED},
        "door": door,
        "asked_by": asked_by,
        "started_at": columns["started_at"].isoformat(),
        "took_ms": columns["took_ms"],
        "verdict": columns["verdict"],
        "success": is_success(columns["verdict"], columns["goal"]),
        "stage": columns["stage"],
        "owner": columns["owner"] or None,
        "diagnosis": diagnosis(columns),
        "warnings": warnings(columns.get("warnings") or ()),
        "reply": _reply(columns),
        "ladder": columns.get("ladder") or [],
        "tls": columns.get("tls"),
        "capabilities": columns.get("capabilities") or [],
        "addresses": evidence.get("attempts", []),
        "evidence": {name: item for name, item in evidence.items() if name != "attempts"},
        "transcript": columns.get("transcript", ""),
    }


def is_success(verdict: str, goal: str) -> bool:
    """Say whether a test mail was accepted: the one thing that REST calls success."""
    return verdict == Verdict.WORKS.value and goal == Goal.CONTENT.value


def diagnosis(columns: Mapping[str, Any]) -> dict[str, object] | None:
    """Return the diagnosis with its words, or None where there is none."""
    if not columns.get("diagnosis_id"):
        return None
    parameters = columns.get("diagnosis_parameters") or {}
    return {
        **_worded(columns["diagnosis_id"], parameters),
        "confidence": columns["confidence"],
        "evidence": columns.get("evidence_line", ""),
        "remedy_settings": _remedy_settings(parameters),
    }


def warnings(found: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Return the warnings with their words, as they were found."""
    return [
        {
            **_worded(warning["id"], warning["parameters"]),
            "stage": warning["stage"],
            "evidence": warning["evidence_line"],
        }
        for warning in found
    ]


def _worded(diagnosis_id: str, parameters: Mapping[str, Any]) -> dict[str, object]:
    words = describe(diagnosis_id, parameters)
    return {
        "id": diagnosis_id,
        "title": words.title,
        "cause": words.cause,
        "remedy": list(words.remedy),
        "help_url": words.help_url,
        "parameters": dict(parameters),
    }


def _remedy_settings(parameters: Mapping[str, Any]) -> dict[str, object] | None:
    """The settings that answered where those of the test did not, ready to be applied.

    With a host they are what DNS names, and nobody has tried them.
    """
    port, security = parameters.get("found_port"), parameters.get("found_security")
    if not (port and security):
        return None
    host = {"host": parameters["found_host"]} if parameters.get("found_host") else {}
    return {**host, "port": port, "security": security}


def _reply(columns: Mapping[str, Any]) -> dict[str, object] | None:
    """The reply that decided, or None where no server spoke."""
    if columns.get("reply_code") is None:
        return None
    return {
        "code": columns["reply_code"],
        "enhanced": columns["enhanced_code"],
        "text": columns["reply_text"],
    }


def json_lines(document: object) -> list[str]:
    """A document as lines of ASCII: what a server said cannot steer a terminal by way of JSON."""
    import json  # most runs print no JSON

    return json.dumps(document, indent=2, ensure_ascii=True).splitlines()
