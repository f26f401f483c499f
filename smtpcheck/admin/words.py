"""Values of the record as people read them in the lists and pages."""

from __future__ import annotations

from datetime import datetime

from django.template.defaultfilters import date
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext

from smtpcheck.engine.grammar import host_in_both_forms
from smtpcheck.engine.stages import Owner, Security, Stage, Verdict
from smtpcheck.models import RUNNING, UNTESTED, SmtpTestResult
from smtpcheck.wording import owner_name, security_name, stage_name, verdict_name


def verdict_word(verdict: str) -> str:
    """A verdict as it is shown, the two that are none included."""
    if verdict == RUNNING:
        return gettext("Running")
    if verdict == UNTESTED:
        return gettext("Untested")
    return verdict_name(Verdict(verdict))


def pill(verdict: str) -> SafeString:
    """A verdict as a coloured word."""
    return format_html('<span class="pill pill-{}">{}</span>', verdict, verdict_word(verdict))


def two_lines(first: str, second: str) -> SafeString:
    """A cell of a list: what counts, and below it in small print what belongs to it."""
    if not second:
        return format_html("{}", first)
    return format_html('{}<span class="since">{}</span>', first, second)


def subject_of(result: SmtpTestResult) -> str:
    """What a test was about: the account by the name it had then, or the target."""
    target = server_name(result.host, result.port) or gettext("nothing that could be tested")
    if result.account_name:
        return result.account_name
    return f"{result.username} @ {target}" if result.username else target


def stage_word(stage: str) -> str:
    """A stage by its name, or nothing."""
    return stage_name(Stage(stage)) if stage else ""


def owner_word(owner: str) -> str:
    """Whose turn it is, or nothing."""
    return owner_name(Owner(owner)) if owner else ""


def security_word(security: str) -> str:
    """How a connection is protected, or nothing."""
    return security_name(Security(security)) if security else ""


def server_name(host: str, port: int) -> str:
    """Host and port as they are written together."""
    return host_in_both_forms(host, port) if host else ""


def moment_of(moment: datetime | None) -> str:
    """A point in time, in the time zone of the site and the reader's way to write it."""
    return date(timezone.localtime(moment), "DATETIME_FORMAT") if moment else ""


def day_of(moment: datetime) -> str:
    """The day of a point in time."""
    return date(timezone.localtime(moment), "DATE_FORMAT")


def ago(moment: datetime) -> str:
    """How long ago a point in time is, roughly: what counts in a list of many."""
    return gettext("%(time)s ago") % {"time": timesince(moment, depth=1)}
