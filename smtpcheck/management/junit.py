"""Results as JUnit XML, for build servers: one test suite, a test case for each account or target.

The mapping is public: ``fails`` is a failure. ``inconclusive`` is skipped, for a server that says
"later" says nothing of an account and must not break a build; where the machine that tests was
itself in the way (refused by its policy, out of time, a fault of its own) it is an error.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.xmlutils import SimplerXMLGenerator

from smtpcheck.engine.stages import Owner, Security, Stage, Verdict
from smtpcheck.engine.telling.answer import address, reply_text
from smtpcheck.engine.telling.exit_status import INTERNAL, USAGE
from smtpcheck.presentation import inert
from smtpcheck.wording import owner_name, security_name, stage_name

# One result of `presentation.as_plain`.
Plain = Mapping[str, Any]

SUITE = "smtpcheck"


def child_of(result: Plain) -> str:
    """The element that tells how a test ended, or "" for one that works."""
    if result["verdict"] == Verdict.WORKS:
        return ""
    if result["verdict"] == Verdict.FAILS:
        return "failure"
    return "error" if result["owner"] == Owner.TESTER else "skipped"


def document(results: Sequence[Plain]) -> bytes:
    """Return the results as one XML document in UTF-8."""
    stream = io.StringIO()
    xml = SimplerXMLGenerator(stream, "utf-8", short_empty_elements=True)
    xml.startDocument()
    totals = _totals(results)
    _open(xml, "testsuites", totals)
    _open(xml, "testsuite", {"name": SUITE, **totals, "timestamp": _timestamp(results)})
    for result in results:
        _write_case(xml, result)
    xml.endElement("testsuite")
    xml.endElement("testsuites")
    xml.endDocument()
    return stream.getvalue().encode()


def refuse_file(path: Path) -> None:
    """Raise a usage error for a path that no report can be written to, before anything is tested.

    Pipes and devices are refused: the report takes the place of what stands there.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        reason = _("it is no regular file")
    elif not target.parent.is_dir():
        reason = _("its folder does not exist")
    elif not os.access(target.parent, os.W_OK | os.X_OK):
        reason = _("its folder cannot be written to")
    else:
        return
    raise CommandError(_unwritable(path, reason), returncode=USAGE)


def write(path: Path, results: Sequence[Plain]) -> None:
    """Put the document in the place of ``path`` in one step: nobody ever reads half of it.

    Its mode is what the umask says, because the agent of a build server that collects it is often
    another user; there is no secret in it.
    """
    target = path.resolve()
    half = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        half.write_bytes(document(results))
        half.replace(target)
    except OSError as broken:
        with contextlib.suppress(OSError):
            half.unlink()
        reason = broken.strerror or str(broken)
        raise CommandError(_unwritable(path, reason), returncode=INTERNAL) from broken


def _unwritable(path: Path, reason: str) -> str:
    sentence = _("The report %(path)s cannot be written: %(reason)s.")
    return sentence % {"path": inert(str(path)), "reason": reason}


def _totals(results: Sequence[Plain]) -> dict[str, str]:
    children = [child_of(result) for result in results]
    milliseconds = sum(result["took_ms"] or 0 for result in results)
    return {
        "tests": str(len(results)),
        "failures": str(children.count("failure")),
        "errors": str(children.count("error")),
        "skipped": str(children.count("skipped")),
        "time": _seconds(milliseconds),
    }


def _timestamp(results: Sequence[Plain]) -> str:
    """When the first test began, in UTC and without an offset: JUnit knows none."""
    began = [datetime.fromisoformat(result["started_at"]) for result in results]
    return min(began, default=datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _seconds(milliseconds: int | None) -> str:
    return f"{(milliseconds or 0) / 1000:.3f}"


def _write_case(xml: SimplerXMLGenerator, result: Plain) -> None:
    kind = "accounts" if result["account"] else "targets"
    about = {
        "classname": f"{SUITE}.{kind}",
        "name": legal(case_name(result)),
        "time": _seconds(result["took_ms"]),
    }
    _open(xml, "testcase", about)
    if child := child_of(result):
        _write(xml, child, "\n".join(_told(result)), _reason(child, result))
    _write(xml, "system-out", result["transcript"])
    _write(xml, "system-err", "\n".join(_warned(result)))
    xml.endElement("testcase")


def case_name(result: Plain) -> str:
    """What a test case is called in every build: the account, or target, security and user."""
    if result["account"]:
        return str(result["account"]["name"])
    asked = result["asked"]
    security = str(security_name(Security(asked["security"]))) if asked["security"] else ""
    return ", ".join(part for part in (address(asked), security, asked["username"]) if part)


def _reason(child: str, result: Plain) -> dict[str, str]:
    """The attributes of an element; "skipped" has no type in any of the schemas."""
    diagnosis = result["diagnosis"]
    message = legal(f"{stage_name(Stage(result['stage']))}: {diagnosis['title']}")
    if child == "skipped":
        return {"message": message}
    return {"message": message, "type": legal(str(diagnosis["id"]))}


def _told(result: Plain) -> list[str]:
    """The diagnosis in the words of the other outputs, with what the server said."""
    diagnosis = result["diagnosis"]
    steps = [f"{number}. {step}" for number, step in enumerate(diagnosis["remedy"], 1)]
    facts = [
        (_("Server said"), reply_text(result)),
        (_("Whose turn"), str(owner_name(Owner(result["owner"]))) if result["owner"] else ""),
        (_("More"), diagnosis["help_url"]),
        (_("Diagnosis"), diagnosis["id"]),
        (_("Result"), result["id"]),
    ]
    return [diagnosis["cause"], *steps, *(f"{name}: {text}" for name, text in facts if text)]


def _warned(result: Plain) -> list[str]:
    return [f"{warning['title']}: {warning['cause']}" for warning in result["warnings"]]


def _open(xml: SimplerXMLGenerator, name: str, attributes: dict[str, str]) -> None:
    # A plain dict serves, as Django's own serializers show; only the stubs know nothing of it.
    xml.startElement(name, attributes)  # type: ignore[arg-type]


def _write(
    xml: SimplerXMLGenerator, name: str, text: str, attributes: dict[str, str] | None = None
) -> None:
    if text or attributes:
        _open(xml, name, attributes or {})
        xml.characters(legal(text))
        xml.endElement(name)


def legal(text: str) -> str:
    r"""Return the text with all that XML forbids, or a terminal could obey, shown as ``\xNN``.

    What is left are printable characters, and the ends of lines.
    """
    return "\n".join(inert(line) for line in text.split("\n"))
