"""The translations: complete where a diagnosis is told, true to their placeholders, up to date."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages import Catalog, Message
from django.utils.translation import override

from smtpcheck import wording
from smtpcheck.engine.catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parent.parent
PLACEHOLDERS = re.compile(r"\{\w+\}|%\(\w+\)[a-z]|%[a-z]")


def load(path: Path) -> ModuleType:
    """The script that keeps the translations, which is in no package."""
    specification = importlib.util.spec_from_file_location("update", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


update = load(ROOT / "smtpcheck" / "locale" / "update.py")
LANGUAGES: tuple[str, ...] = update.LANGUAGES


def forms(text: object) -> list[str]:
    """A text, or its plural forms."""
    return [text] if isinstance(text, str) else [str(form) for form in text or ()]  # type: ignore[attr-defined]


def translated(language: str) -> Catalog:
    catalog: Catalog = update.translations(language)
    return catalog


def messages(catalog: Catalog) -> Iterable[Message]:
    return (message for message in catalog if message.id)


def told_texts() -> set[str]:
    """Every sentence that a diagnosis is made of."""
    return {
        text for entry in CATALOGUE.values() for text in (entry.title, entry.cause, *entry.remedy)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_diagnosis_is_translated(language: str) -> None:
    done = {message.id for message in messages(translated(language)) if message.string}
    assert sorted(told_texts() - done) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_text(language: str) -> None:
    differing = [
        (message.id, message.string)
        for message in messages(translated(language))
        if update.is_translated(message.string)
        and placeholders(message.string) != placeholders(message.id)
    ]
    assert differing == []


def placeholders(text: object) -> set[str]:
    return {name for form in forms(text) for name in PLACEHOLDERS.findall(form)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_hold_the_texts_of_today(language: str) -> None:
    today = {message.id for message in messages(update.collected())}
    kept = {message.id for message in messages(translated(language))}
    assert sorted(map(str, today ^ kept)) == [], "run smtpcheck/locale/update.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_file_is_that_of_its_source(language: str) -> None:
    made: bytes = update.as_mo(translated(language))
    assert update.mo_file(language).read_bytes() == made, "run smtpcheck/locale/update.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_django_speaks_it(language: str) -> None:
    english = wording.describe("dns.nxdomain", {"host": "mail.example.org"})
    with override(language):
        spoken = wording.describe("dns.nxdomain", {"host": "mail.example.org"})
    assert spoken.title != english.title
    assert "mail.example.org" in spoken.cause


def test_a_text_of_a_template_is_collected() -> None:
    assert any(message.id == "What to do" for message in messages(update.collected()))
