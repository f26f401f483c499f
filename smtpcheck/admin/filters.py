"""The filters beside the lists: words of the vocabulary, so that drawing one costs no query."""

# ruff: noqa: ARG002 - the signatures are Django's

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from smtpcheck.engine.stages import Owner, Security, Stage, Verdict
from smtpcheck.models import SmtpTestResult
from smtpcheck.wording import owner_name, security_name, stage_name, verdict_name


class VocabularyFilter(admin.SimpleListFilter):
    """A filter by one of the closed sets of words; ``parameter_name`` is also the column."""

    vocabulary: ClassVar[type[StrEnum]]
    word: ClassVar[Callable[[Any], str]]

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Every value with its name, in the order of the vocabulary."""
        return [(str(value), type(self).word(value)) for value in self.vocabulary]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that have the chosen value, or all."""
        value = self.value()
        return queryset.filter(**{str(self.parameter_name): value}) if value else queryset


class StageFilter(VocabularyFilter):
    """Where a test ended."""

    title = _("stage")
    parameter_name = "stage"
    vocabulary = Stage
    word = stage_name


class OwnerFilter(VocabularyFilter):
    """Whose turn it is."""

    title = _("whose turn")
    parameter_name = "owner"
    vocabulary = Owner
    word = owner_name


class SecurityFilter(VocabularyFilter):
    """How a connection is protected."""

    title = _("security")
    parameter_name = "security"
    vocabulary = Security
    word = security_name


class StateFilter(admin.SimpleListFilter):
    """What is known of an account."""

    title = _("state")
    parameter_name = "verdict"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """The three states of an account."""
        return [
            ("works", verdict_name(Verdict.WORKS)),
            ("fails", verdict_name(Verdict.FAILS)),
            ("untested", gettext("Untested")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The accounts in the chosen state, or all."""
        value = self.value()
        return queryset.filter(state__verdict=value) if value else queryset


class ShownVerdictFilter(admin.SimpleListFilter):
    """The verdict of a test as the list shows it: an overdue open row is an interrupted one."""

    title = _("verdict")
    parameter_name = "verdict"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """The verdicts, and the tests that are still running."""
        verdicts = [(str(verdict), verdict_name(verdict)) for verdict in Verdict]
        return [*verdicts, ("running", gettext("Running"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[SmtpTestResult]
    ) -> QuerySet[SmtpTestResult]:
        """The results that are shown with the chosen verdict, or all."""
        value, now = self.value(), timezone.now()
        overdue = Q(finished_at__isnull=True, expires_at__lt=now)
        match value:
            case None:
                return queryset
            case "running":
                return queryset.filter(finished_at__isnull=True, expires_at__gte=now)
            case Verdict.INCONCLUSIVE:
                return queryset.filter(Q(verdict=value) | overdue)
            case _other:
                return queryset.filter(verdict=value)
