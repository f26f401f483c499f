"""Who may import whom: the rules of docs/explanation/layout.md that need an exact list.

The broad layers and the order of the engine's files are import-linter's, in pyproject.toml.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINE, SANDBOX = "smtpcheck.engine", "smtpcheck.sandbox"

# The engine's plain values: its words, and the records that results are made of. No behaviour.
ENGINE_VALUES = {
    f"engine.{name}"
    for name in (
        *("errors", "evidence", "grammar", "plan", "policy"),
        *("proxy", "redaction", "stages", "uri"),
    )
}
# How a test is told to a person or a program, by every door in the same words.
TELLING = {"engine.telling"}
# A door calls use cases and shows what they return, so it knows the values but never the engine.
DOOR = {"services", "models", "presentation", "wording", "conf"} | ENGINE_VALUES | TELLING

# Room -> what of smtpcheck it may import, besides itself. A new room gets a row.
ROOMS: dict[str, set[str]] = {
    "__init__": set(),
    "apps": {"checks", "models.roles", "wording"},
    "conf": {"engine.core_files", "engine.redaction"},
    "crypto": {"conf", "engine.redaction"},
    "models": {"crypto"} | ENGINE_VALUES,
    "migrations": {"models"},
    "checks": {"conf", "crypto", "models"} | ENGINE_VALUES,
    "wording": TELLING,  # the same in Django's active language
    "services": {"models", "conf", "engine"},
    "presentation": {"models"} | TELLING,  # a result as plain data, for every door
    "forms": DOOR,
    "admin": DOOR | {"forms", "templatetags"},
    "api": DOOR | {"forms"},  # an account is judged by one form, whichever door it comes through
    "health": DOOR,
    "locale": set(),  # the script that keeps the translations
    "tasks": DOOR,
    "templatetags": DOOR,  # the hands of the admin's pages
    "management": DOOR
    | {"crypto", "sandbox"},  # the commands that make a key and serve the sandbox
}

# Module and everything in it -> what it may import from other people.
THIRD_PARTIES = {
    ENGINE: {"cryptography", "dns", "idna"},
    SANDBOX: {"cryptography"},
}

# What may be imported at one place only -> that place.
RESERVED = {
    "django.conf.settings": ("smtpcheck", "smtpcheck.conf"),
    "environ": ("smtpcheck", None),
    "asyncio": (ENGINE, "smtpcheck.engine.driver"),
    "socket": (ENGINE, "smtpcheck.engine.driver"),
    "select": (ENGINE, "smtpcheck.engine.driver"),
    "selectors": (ENGINE, "smtpcheck.engine.driver"),
}

NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}


def module_name(path: Path) -> str:
    """The dotted name under which a file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.glob("smtpcheck/**/*.py"))}


def imports(module: str) -> list[str]:
    """Every name that a module imports, in full."""
    path = MODULES[module]
    return list(imported(path.read_text(), path.relative_to(ROOT).parent.parts))


def imported(source: str, package: tuple[str, ...]) -> Iterator[str]:
    """The names that source text imports: `from a import b` is `a.b`, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*start, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def is_in(name: str, module: str) -> bool:
    """True if a dotted name is the module or something in it."""
    return name == module or name.startswith(f"{module}.")


def inside(module: str) -> list[str]:
    """The modules of the tree that are the given one or in it."""
    return [name for name in MODULES if is_in(name, module)]


def room_of(module: str) -> str:
    """The first name below smtpcheck, which a row of ROOMS is about."""
    return [*module.split("."), "__init__"][1]


def strangers(module: str, allowed: set[str]) -> list[str]:
    """What a module imports of smtpcheck although it may not."""
    own = [name for name in imports(module) if is_in(name, "smtpcheck")]
    rooms = [f"smtpcheck.{room}" for room in allowed]
    return [name for name in own if not any(is_in(name, room) for room in rooms)]


ROOMS_BY_TABLE = [name for name in MODULES if room_of(name) not in {"engine", "sandbox"}]


@pytest.mark.parametrize("module", ROOMS_BY_TABLE)
def test_a_module_imports_only_what_its_row_allows(module: str) -> None:
    room = room_of(module)
    assert room in ROOMS, f"{room} is new: give it a row in ROOMS and in the layout page"
    assert strangers(module, ROOMS[room] | {room}) == []


@pytest.mark.parametrize("module", inside(ENGINE))
def test_the_engine_imports_nothing_else_of_the_application(module: str) -> None:
    assert strangers(module, {"engine"}) == []


@pytest.mark.parametrize("module", inside(SANDBOX))
def test_the_sandbox_imports_nothing_else_of_the_application(module: str) -> None:
    assert strangers(module, {"sandbox"}) == []


@pytest.mark.parametrize("module", inside(ENGINE))
def test_no_engine_file_imports_the_face_that_gathers_them(module: str) -> None:
    if module in {ENGINE, f"{ENGINE}.__main__"}:
        return
    of_engine = [name for name in imports(module) if is_in(name, ENGINE)]
    files = [name for name in MODULES if name != ENGINE]
    assert [name for name in of_engine if not any(is_in(name, file) for file in files)] == []


@pytest.mark.parametrize(("package", "allowed"), THIRD_PARTIES.items())
def test_a_plain_package_needs_little_beside_the_standard_library(
    package: str, allowed: set[str]
) -> None:
    known = sys.stdlib_module_names | allowed | {"smtpcheck"}
    found = {
        (module, name)
        for module in inside(package)
        for name in imports(module)
        if name.partition(".")[0] not in known
    }
    assert found == set()


@pytest.mark.parametrize("reserved", RESERVED)
def test_a_reserved_import_stands_at_its_one_place(reserved: str) -> None:
    scope, place = RESERVED[reserved]
    users = {
        module
        for module in inside(scope)
        if room_of(module) != "migrations"  # written by Django
        and any(is_in(name, reserved) for name in imports(module))
    }
    assert {module for module in users if not (place and is_in(module, place))} == set()


def test_no_module_is_named_for_nothing() -> None:
    assert [name for name in MODULES if name.rpartition(".")[2] in NAMELESS] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import a.b", ["a.b"]),
        ("from a import b, c as d", ["a.b", "a.c"]),
        ("from . import urls", ["smtpcheck.api.urls"]),
        ("from ..conf import conf", ["smtpcheck.conf.conf"]),
        ("def late():\n    import asyncio", ["asyncio"]),
    ],
)
def test_an_import_is_found_however_it_is_written(source: str, names: list[str]) -> None:
    assert list(imported(source, ("smtpcheck", "api"))) == names
