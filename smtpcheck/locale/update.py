"""Keeps the translations in step with the texts: run it after changing a text or a translation.

    .venv/bin/python smtpcheck/locale/update.py

Every text that is marked in the code or a template goes into each language's ``django.po``; what is
new there waits for a translation, what is gone is dropped. Then the ``.mo`` files are made, which
are kept beside them because a machine that runs this has no tools for it. Needs Babel, of the test
requirements; GNU gettext is not needed.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from babel.messages import Catalog
from babel.messages.extract import extract, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

LOCALE = Path(__file__).resolve().parent
ROOT = LOCALE.parent.parent

LANGUAGES = ("nb", "sv", "da", "de", "nl", "fr")

# The names under which the code marks a text, with the arguments that are texts.
KEYWORDS: dict[str, tuple[Any, ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
}

# A text longer than a line is broken at this width in a .po file.
WIDTH = 100


def main() -> None:
    """Bring every language up to date and say what is left to translate."""
    texts = collected()
    for language in LANGUAGES:
        catalog = updated(language, texts)
        po_file(language).parent.mkdir(parents=True, exist_ok=True)
        po_file(language).write_bytes(as_po(catalog))
        mo_file(language).write_bytes(as_mo(catalog))
        left = sum(1 for message in catalog if message.id and not is_translated(message.string))
        sys.stdout.write(f"{language}: {len(catalog)} texts, {left} to translate\n")


def po_file(language: str) -> Path:
    """The file that translators edit."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def mo_file(language: str) -> Path:
    """The file that Django reads."""
    return po_file(language).with_suffix(".mo")


def collected() -> Catalog:
    """Return every text that is marked in the code and the templates."""
    catalog = Catalog(project="smtpcheck", charset="utf-8")
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        with path.open("rb") as file:
            found = list(extract(method_for(path), file, KEYWORDS, comment_tags=("Translators:",)))
        for _line, message, comments, context in found:
            # Without line numbers: each edit of the code would change all files.
            catalog.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalog


def sources() -> Iterator[Path]:
    """The files that hold texts for people."""
    for folder in ("smtpcheck", "project"):
        yield from sorted((ROOT / folder).rglob("*.py"))
        yield from sorted((ROOT / folder).rglob("*.html"))


def method_for(path: Path) -> Any:
    """How the texts of a file are found."""
    return extract_template if path.suffix == ".html" else "python"


def extract_template(
    fileobj: IO[bytes], keywords: Any, comment_tags: Any, options: Any
) -> Iterable[Any]:
    """Find the texts of a Django template, which Django itself can turn into Python calls."""
    from django.utils.translation.template import templatize  # no settings needed

    code = templatize(fileobj.read().decode("utf-8"))
    return extract_python(io.BytesIO(code.encode("utf-8")), keywords, comment_tags, options)


def updated(language: str, texts: Catalog) -> Catalog:
    """Return a language's translations of today's texts, and no others."""
    catalog = translations(language)
    # Never by likeness: half a translation of another text reads like a right one.
    catalog.update(texts, no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    catalog.fuzzy = False
    catalog.project, catalog.version = "smtpcheck", ""
    catalog.header_comment = f"# smtpcheck in the language {language}."
    return catalog


def translations(language: str) -> Catalog:
    """Return what is translated so far."""
    path = po_file(language)
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def is_translated(string: str | Iterable[str] | None) -> bool:
    """Whether a text, or each of its plural forms, has a translation."""
    if string is None or isinstance(string, str):
        return bool(string)
    return all(string)


def as_po(catalog: Catalog) -> bytes:
    """Return the file for translators; it holds no date, so that equal contents are equal files."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=WIDTH, sort_output=True, omit_header=False)
    lines = buffer.getvalue().decode("utf-8").splitlines(keepends=True)
    kept = (line for line in lines if not line.startswith(_UNWANTED))
    return "".join(kept).encode("utf-8")


_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)

# Header lines that change by themselves or name people.
_UNWANTED = (
    '"POT-Creation-Date:',
    '"PO-Revision-Date:',
    '"Last-Translator:',
    '"Language-Team:',
    '"Report-Msgid-Bugs-To:',
    '"Generated-By:',
)


def as_mo(catalog: Catalog) -> bytes:
    """Return the file for Django, made from what ``as_po`` writes, so that the two agree."""
    parsed = read_po(io.BytesIO(as_po(catalog)), locale=catalog.locale)
    parsed.creation_date = _NO_DATE  # else it would be that of this moment
    buffer = io.BytesIO()
    write_mo(buffer, parsed)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
