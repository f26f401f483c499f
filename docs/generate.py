"""Writes those parts of docs/reference that the code knows itself: run it after changing them.

A page says where such a part stands: between `<!-- generated: NAME -->` and
`<!-- end of generated: NAME -->`. Everything else on a page is written by hand and left alone.

    .venv/bin/python docs/generate.py
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, Field, fields
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpcheck.engine.catalogue import Entry

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


def main() -> None:
    """Write every page again and say which ones changed."""
    prepare()
    for path in sorted(REFERENCE.glob("*.md")):
        old = path.read_text()
        new = completed(old)
        if new != old:
            path.write_text(new)
        state = "unchanged" if new == old else "written"
        sys.stdout.write(f"{path.relative_to(ROOT)}: {state}\n")


def prepare() -> None:
    """Make the application importable; no key, database or setting is needed."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    import django  # not before the path and the settings are known

    django.setup()


def completed(page: str) -> str:
    """Return a page with its generated parts made afresh; KeyError for a part nobody knows."""
    return _PART.sub(_remade, page)


_PART = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n)"
    r".*?(?P<end><!-- end of generated: (?P=name) -->)",
    re.DOTALL,
)


def _remade(match: re.Match[str]) -> str:
    lines = "\n".join(PARTS[match["name"]]()).strip()
    return f"{match['begin']}\n{lines}\n\n{match['end']}"


# --- Settings -------------------------------------------------------------------------------------

# By the annotation of a field, how its value is written in the environment.
_TYPES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "yes or no",
    "tuple[str, ...]": "entries, separated by `;` or line breaks",
    "tuple[int, ...]": "numbers, separated by `,`",
}
# By the end of a name.
_UNITS = {"_SECONDS": "seconds", "_DAYS": "days", "_PER_MINUTE": "calls a minute"}


def settings_lines() -> Iterator[str]:
    """Every setting of conf.py with type, unit and default; the reason stands below its group."""
    from smtpcheck.conf import Conf  # importable once `prepare` has run

    by_name = {item.name: item for item in fields(Conf)}
    for index, (names, reason) in enumerate(_reasons()):
        if index:
            yield ""
        for name in names:
            yield f"- {_setting(by_name[name])}"
        yield ""
        yield f"  {reason}"


def _setting(item: Field[object]) -> str:
    unit = next((f" of {unit}" for end, unit in _UNITS.items() if item.name.endswith(end)), "")
    parts = [f"`SMTPCHECK_{item.name}`: {_TYPES[str(item.type)]}{unit}", _default(item)]
    if not item.repr:  # what must not be shown is a secret
        parts.append(f"secret, may also stand in the file that `SMTPCHECK_{item.name}_FILE` names")
    if not _is_read(item.name):
        parts.append("**kept for later, this version does not use it**")
    return "; ".join(parts)


def _default(item: Field[object]) -> str:
    if item.default is MISSING:
        raise ValueError(f"{item.name} has no plain default")
    value = item.default
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f"default `{value:g}`" if isinstance(value, float) else f"default {_shown(str(value))}"


def _shown(value: str) -> str:
    return f"`{value}`" if value else "empty"


def _is_read(name: str) -> bool:
    """Whether any module but those that declare and check the settings asks for one."""
    declaring = {ROOT / "smtpcheck" / "conf.py", ROOT / "smtpcheck" / "checks.py"}
    modules = (path for path in ROOT.glob("smtpcheck/**/*.py") if path not in declaring)
    return any(re.search(rf"\b{name}\b", path.read_text()) for path in modules)


def _reasons() -> Iterator[tuple[list[str], str]]:
    """The settings in groups, each with the comment that stands above it in conf.py."""
    source = (ROOT / "smtpcheck" / "conf.py").read_text()
    rows = source.splitlines()
    group: list[str] = []
    reason = ""
    for name, line in _declared(source):
        comment = _comment_above(rows, line)
        if comment and group:
            yield group, reason
            group = []
        reason = comment or reason
        group.append(name)
    yield group, reason


def _declared(source: str) -> Iterator[tuple[str, int]]:
    """The fields of the class Conf with the index of their lines."""
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    body = next(node.body for node in classes if node.name == "Conf")
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.lineno - 1


def _comment_above(rows: Sequence[str], line: int) -> str:
    first = line
    while rows[first - 1].strip().startswith("#"):
        first -= 1
    words = " ".join(row.strip().removeprefix("#").strip() for row in rows[first:line])
    return plain(words.replace('""', "Empty"))


# --- Diagnoses ------------------------------------------------------------------------------------

_DIAGNOSIS_COLUMNS = ("id", "verdict", "owner", "title", "cause", "what to do")


def diagnoses_lines() -> Iterator[str]:
    """The catalogue, a table for each stage."""
    from smtpcheck.engine.catalogue import CATALOGUE  # importable once `prepare` has run
    from smtpcheck.engine.stages import Stage
    from smtpcheck.wording import stage_name

    for stage in (*Stage, None):
        entries = [entry for entry in CATALOGUE.values() if entry.stage is stage]
        title = f"{stage_name(stage)}: `{stage}`" if stage else "Any stage, or none"
        if entries:
            yield from (f"## {title}", "")
            yield from table(_DIAGNOSIS_COLUMNS, map(_diagnosis, entries))
            yield ""
    yield f"{len(CATALOGUE)} diagnoses."


def _diagnosis(entry: Entry) -> list[str]:
    link = f" ([help]({entry.help_url}))" if entry.help_url else ""
    steps = entry.remedy
    numbered = [f"{number}. {step}" for number, step in enumerate(steps, 1)] if steps[1:] else steps
    return [
        f"`{entry.id}`",
        _verdict(entry.outcome, entry.owner) + (f", needs {entry.needs}" if entry.needs else ""),
        entry.owner,
        plain(entry.title),
        plain(entry.cause),
        "<br>".join(map(plain, numbered)) + link,
    ]


def _verdict(outcome: str, owner: str) -> str:
    """The verdict; a refused test says something of the account only if its settings are wrong."""
    if outcome != "refused":
        return outcome
    return ("inconclusive" if owner == "tester" else "fails") + ", nothing sent"


# --- The command ----------------------------------------------------------------------------------


def options_lines() -> Iterator[str]:
    """The options of test_smtp by group, in the words of its --help."""
    from smtpcheck.management.commands.test_smtp import Command

    parser = Command().create_parser("manage.py", "test_smtp")
    for group in parser._action_groups[2:]:  # noqa: SLF001 - argparse has no other way to list them
        title = str(group.title)
        yield from (f"### {title[0].upper()}{title[1:]}", "")
        rows = [[_option(action), str(action.help or "")] for action in group._group_actions]  # noqa: SLF001
        yield from table(("option", "what it does"), [[a, b.replace("%%", "%")] for a, b in rows])
        yield ""


def _option(action: argparse.Action) -> str:
    name = action.option_strings[-1] if action.option_strings else ""
    takes_value = action.nargs != 0
    value = action.metavar or "|".join(map(str, action.choices or ())) if takes_value else ""
    return f"`{' '.join(part for part in (name, str(value)) if part)}`"


def exit_status_lines() -> Iterable[str]:
    """Every exit status with its meaning."""
    from smtpcheck.engine.telling import exit_status

    rows = [[str(number), meaning] for number, meaning in exit_status.table()]
    return table(("status", "means"), rows)


# --- Limits ---------------------------------------------------------------------------------------

# What comes in, the constant that bounds it, its unit, and what happens past it.
_ENDS = "the test ends, `proto.line-too-long`"
_LIMITS = (
    ("body of a call", "api.parsers.MAX_BODY_BYTES", "bytes", "413"),
    ("values in a JSON body", "api.jsonreader.MAX_VALUES", "", "400"),
    ("depth of a JSON or XML body", "api.jsonreader.MAX_DEPTH", "levels", "400"),
    ("elements of an XML body", "api.xmlreader.MAX_ELEMENTS", "", "400; entities and DTDs too"),
    ("fields of a form body", "api.parsers.MAX_FORM_FIELDS", "", "400"),
    ("SMTP URI", "engine.uri.MAX_URI_LENGTH", "characters", "`config.uri-invalid`"),
    ("host name", "engine.grammar.MAX_HOST_LENGTH", "characters", "`config.label-invalid`"),
    (
        "mail address",
        "engine.grammar.MAX_ADDRESS_OCTETS",
        "octets",
        "`config.sender-invalid`, `config.recipient-invalid`",
    ),
    (
        "user name and password",
        "engine.plan.MAX_LOGIN_OCTETS",
        "octets",
        "`auth.line-too-long`",
    ),
    ("CA bundle", "engine.plan.MAX_CA_BUNDLE_LENGTH", "characters", "`config.ca-invalid`"),
    (
        "client certificate, and its key",
        "engine.plan.MAX_CLIENT_CERTIFICATE_LENGTH",
        "characters",
        "`config.client-cert-invalid`",
    ),
    ("addresses of a name", "engine.driver.dial.MAX_ADDRESSES", "dialled", "the rest is left out"),
    ("look-ups that wait", "engine.driver.resolver.MAX_LOOK_UPS", "threads", "`tool.budget`"),
    ("questions to name servers", "engine.driver.lookups.MAX_QUERIES", "a test", "not asked"),
    ("records of an answer", "engine.driver.lookups.MAX_RECORDS", "kept", "left out"),
    ("head of a proxy's answer", "engine.proxy.MAX_HEAD_OCTETS", "octets", "the proxy is refused"),
    ("line of a server", "engine.replies.MAX_LINE_OCTETS", "octets", _ENDS),
    ("lines of a reply", "engine.replies.MAX_REPLY_LINES", "", _ENDS),
    ("reply", "engine.replies.MAX_REPLY_OCTETS", "octets", _ENDS),
    ("text of a session", "engine.replies.MAX_SESSION_OCTETS", "octets", _ENDS),
    ("raw octets of a session", "engine.driver.wire.MAX_RAW_OCTETS", "octets", _ENDS),
    ("handshake", "engine.tls.MAX_HANDSHAKE_OCTETS", "octets", "the test ends"),
    ("certificate chain", "engine.certificates.MAX_CHAIN_OCTETS", "octets", "not explained"),
    (
        "certificates of a chain",
        "engine.chain.MAX_CERTIFICATES",
        "looked at",
        "the rest is not explained",
    ),
    ("challenges of a login", "engine.session.login.MAX_CHALLENGES", "", "`auth.challenge-loop`"),
    ("rounds of SCRAM", "engine.sasl.scram.MAX_ROUNDS", "", "`auth.scram-rounds`"),
    ("transcript", "engine.transcript.MAX_TRANSCRIPT_LENGTH", "characters", "cut off"),
)


def limits_lines() -> Iterable[str]:
    """What comes in from callers, servers and name servers, with its bound."""
    rows = [
        [what, f"{_constant(name):,} {unit}".strip(), past, f"`{name.rpartition('.')[0]}`"]
        for what, name, unit, past in _LIMITS
    ]
    return table(("what comes in", "at most", "past it", "in `smtpcheck.`"), rows)


def _constant(name: str) -> int:
    module, _, constant = name.rpartition(".")
    return int(getattr(importlib.import_module(f"smtpcheck.{module}"), constant))


# --- Licences -------------------------------------------------------------------------------------

_PINNED = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==", re.MULTILINE)


def licences_lines() -> Iterable[str]:
    """What runs with us, with the licence that each package names in its own metadata."""
    page = (REFERENCE / "licences.md").read_text()
    run = set(_PINNED.findall((ROOT / "requirements/run.txt").read_text()))
    postgres = set(_PINNED.findall((ROOT / "requirements/postgres.txt").read_text()))
    rows = [
        [f"`{name}`", _licence(name, page), "always" if name in run else "extra `postgres`"]
        for name in sorted(run | postgres)
    ]
    return table(("package", "licence", "needed"), rows)


def _licence(name: str, page: str) -> str:
    """A licence in the words of the package; as the page has it for one of another system."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        kept = re.search(rf"^\| `{re.escape(name)}` \| ([^|]+) \|", page, re.MULTILINE)
        return kept[1] if kept else "?"
    classifiers = told.get_all("Classifier") or []
    named = [text.rpartition(" :: ")[2] for text in classifiers if text.startswith("License ::")]
    expressions = told.get_all("License-Expression") or []
    return next(filter(None, [*expressions, *named, *(told.get_all("License") or [])]), "?")


# --- Markdown -------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Return the lines of a Markdown table."""
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)


def plain(text: str) -> str:
    """Return a text in which Markdown finds no tag: `Name <name@example.org>` is shown as it is."""
    return text.replace("<", "&lt;")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


PARTS: dict[str, Callable[[], Iterable[str]]] = {
    "settings": settings_lines,
    "diagnoses": diagnoses_lines,
    "options": options_lines,
    "exit-status": exit_status_lines,
    "limits": limits_lines,
    "licences": licences_lines,
}


if __name__ == "__main__":
    main()
