"""Results as a table for a spreadsheet: CSV (RFC 4180), sent page by page while it is read.

Whatever a server or a person wrote is shown and never computed: a cell that a spreadsheet could
take for a formula begins with an apostrophe. UTF-8 with a mark at the start, without which Excel
shows other letters.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone, translation

from smtpcheck.models import SmtpTestResult
from smtpcheck.presentation import inert
from smtpcheck.wording import describe

# A page is read in one go and no connection is held while a slow reader takes it.
PAGE_ROWS = 500

# Where a spreadsheet may see the start of a formula; the wide forms are East Asia's. Where people
# write decimal commas, a semicolon parts cells, and quotes do not protect what is behind it.
_FORMULA_START = re.compile(r'(^|;)([ "]*)(?=[=+\-@\t\r\n＝＋－＠])')

_Column = Callable[[SmtpTestResult], object]


def _title(result: SmtpTestResult) -> str:
    """What was found, in the reader's language."""
    diagnosis_id = result.shown_diagnosis_id
    return describe(diagnosis_id, result.diagnosis_parameters).title if diagnosis_id else ""


# The heads stay in English, whatever the reader's language: programs read them too.
COLUMNS: dict[str, _Column] = {
    "id": lambda result: str(result.pk),
    "started_at": lambda result: timezone.localtime(result.started_at).isoformat(),
    "took_ms": lambda result: result.took_ms,
    "account": lambda result: result.account_name,
    "host": lambda result: result.host,
    "port": lambda result: result.port,
    "security": lambda result: result.security,
    "username": lambda result: result.username,
    "sender": lambda result: result.sender,
    "recipient": lambda result: result.recipient,
    "door": lambda result: result.door,
    "asked_by": lambda result: result.asked_by_name,
    "verdict": lambda result: result.shown_verdict,
    "stage": lambda result: result.shown_stage,
    "owner": lambda result: result.shown_owner,
    "diagnosis": lambda result: result.shown_diagnosis_id,
    "title": _title,
    "reply_code": lambda result: result.reply_code,
    "enhanced_code": lambda result: result.enhanced_code,
    "reply": lambda result: result.reply_text,
    "evidence": lambda result: result.evidence_line,
}
_LARGE = ("transcript", "ladder", "capabilities", "tls", "evidence", "warnings")


def export(request: HttpRequest, results: QuerySet[SmtpTestResult]) -> StreamingHttpResponse:
    """Answer results as a file to save, newest first, in the language of the request."""
    lines = csv_pages(results, translation.get_language())
    response = StreamingHttpResponse(
        _from_a_thread(lines) if isinstance(request, ASGIRequest) else lines,
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = 'attachment; filename="smtpcheck-results.csv"'
    return response


def csv_pages(results: QuerySet[SmtpTestResult], language: str | None) -> Iterator[str]:
    """Yield the head, then the rows of a page at a time."""
    yield "\ufeff" + _lines([list(COLUMNS)])
    rest = results.order_by("-pk").defer(*_LARGE)
    while page := list(rest[:PAGE_ROWS]):
        with translation.override(language):
            text = _lines([cell(column(row)) for column in COLUMNS.values()] for row in page)
        yield text
        rest = rest.filter(pk__lt=page[-1].pk)


def cell(value: object) -> object:
    """Return a value as a spreadsheet may have it: a number as it is, a text inert."""
    if value is None or isinstance(value, int):
        return value
    return inert(_FORMULA_START.sub(r"\1\2'", str(value)))


def _lines(rows: Iterable[list[object]] | Iterable[list[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


async def _from_a_thread(lines: Iterator[str]) -> AsyncIterator[str]:
    """Read the database beside the event loop."""

    def following() -> str | None:
        return next(lines, None)

    while (text := await sync_to_async(following)()) is not None:
        yield text
