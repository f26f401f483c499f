"""The caller's language, culture and time zone, from the headers of the original call.

``SO-Language`` counts before ``Accept-Language``; ``SO-Culture`` is how dates are written and means
nothing without a language; ``SO-TimeZone`` is a zone by name. An unknown value is never an error.
Without a language the answer is plain English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
        """Name the language of the answer."""
        if is_api_path(request.path_info):
            response.headers.setdefault(
                "Content-Language", translation.get_language() or default_language()
            )
        return response


def language_of(headers: Mapping[str, str]) -> str:
    """Return the code of the language to answer in, or "" where none is wanted or known."""
    wanted = headers.get("SO-Language", headers.get("Accept-Language", ""))
    return next(filter(None, map(_known, _by_quality(wanted))), "")


def culture_of(headers: Mapping[str, str]) -> str:
    """Return the language whose way of writing dates is wanted, or ""."""
    return next(filter(None, map(_known, _by_quality(headers.get("SO-Culture", "")))), "")


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


def _known(code: str) -> str:
    """Our own code for a language or one of its regions, or ""."""
    if code in _NONE:
        return ""
    return next((name for name in _spellings(code) if name in language_codes()), "")


def _spellings(code: str) -> Iterable[str]:
    base = code.replace("_", "-").partition("-")[0]
    return (code, _SAME.get(base, base))
