"""The caller's language, culture and time zone, from the headers of the original call.

``SO-Language`` counts before ``Accept-Language``; ``SO-Culture`` is how dates are written and means
nothing without a language; ``SO-TimeZone`` is a zone by name. An unknown value is never an error.
Without a language the answer is plain English.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Container, Iterable, Mapping
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import locale
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone as clock
from django.utils import translation

from smtpcheck import wording
from smtpcheck.api.middleware import StepMiddleware, is_api_path
from smtpcheck.conf import default_language, language_codes

# What cancels translation, in the documents or on the wire.
_NONE = frozenset({"", "*", "x", "-"})

# Codes of a language that we have under another name. The speakers of Nynorsk read Bokmål.
_SAME = {"no": "nb", "nn": "nb"}

_QUALITY = re.compile(r"q\s*=\s*([01](?:\.\d{0,3})?)", re.IGNORECASE)

# Whose way of writing dates Django knows. From a list, because it caches every name it is asked.
_CULTURES = frozenset(
    found.name.replace("_", "-").lower() for found in pkgutil.iter_modules(locale.__path__)
)

# A list is longer than this only by mistake, and the rest of it decides nothing.
_MAX_HEADER_LENGTH = 1000

# No place on earth is further from UTC.
_MAX_OFFSET_MINUTES = 14 * 60


class ApiLanguageMiddleware(StepMiddleware):
    """Speaks to each caller of the API as the headers ask.

    Stands behind Django's own LocaleMiddleware, whose choice (by cookie and browser) is for pages.
    """

    def before(self, request: HttpRequest) -> None:
        """Choose before anything is worded."""
        if not is_api_path(request.path_info):
            return
        language = language_of(request.headers)
        translation.activate(language or default_language())
        wording.use_culture(culture_of(request.headers) if language else "")
        if zone := zone_of(request.headers):
            clock.activate(zone)
        else:
            clock.deactivate()

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Name the language of the answer, and forget how its dates were written.

        What is set here is the thread's under WSGI, which may serve a page of the admin next.
        """
        if is_api_path(request.path_info):
            wording.use_culture("")
            clock.deactivate()
            response.headers.setdefault(
                "Content-Language", translation.get_language() or default_language()
            )
        return response


def language_of(headers: Mapping[str, str]) -> str:
    """Return the code of the language to answer in, or "" where none is wanted or known."""
    wanted = headers.get("SO-Language", headers.get("Accept-Language", ""))
    return _first_known(wanted, language_codes())


def culture_of(headers: Mapping[str, str]) -> str:
    """Return the region (``en-gb``) or language whose way of writing dates is wanted, or ""."""
    return _first_known(headers.get("SO-Culture", ""), _CULTURES)


def zone_of(headers: Mapping[str, str]) -> tzinfo | None:
    """Return the caller's time zone: by name, else by the offset that a browser tells."""
    name = headers.get("SO-TimeZone", "").partition(",")[0].strip()
    if name:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None  # as an unknown one is ignored, so that UTC is at least what it says
    return _browser_zone(headers.get("SO-Browser-TZ-Offset", ""))


def _browser_zone(offset: str) -> tzinfo | None:
    """The zone of JavaScript's ``getTimezoneOffset``: minutes from local time to UTC."""
    try:
        minutes = int(offset[:8])
    except ValueError:
        return None
    if abs(minutes) > _MAX_OFFSET_MINUTES:
        return None
    return timezone(timedelta(minutes=-minutes))


def _by_quality(header: str) -> list[str]:
    """The codes of a list, the best first; the documents part them by comma or semicolon."""
    ranked: list[tuple[float, str]] = []
    for item in re.split(r"[,;]", header[:_MAX_HEADER_LENGTH]):
        quality = _QUALITY.fullmatch(item.strip())
        if quality and ranked:
            ranked[-1] = (float(quality[1]), ranked[-1][1])
        elif not quality:
            ranked.append((1.0, item.strip().lower()))
    kept = [entry for entry in ranked if entry[0] > 0]
    return [code for _quality, code in sorted(kept, key=lambda entry: -entry[0])]


def _first_known(header: str, known: Container[str]) -> str:
    """The best code of a list that is known, itself or as the language of its region, or ""."""
    wanted = (code for code in _by_quality(header) if code not in _NONE)
    return next((name for code in wanted for name in _spellings(code) if name in known), "")


def _spellings(code: str) -> Iterable[str]:
    region = code.replace("_", "-")
    base = region.partition("-")[0]
    return (region, _SAME.get(base, base))
