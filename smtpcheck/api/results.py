"""The history as a resource: a list that can be filtered, and each result in full."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from smtpcheck import presentation
from smtpcheck.api.resources import Choice, Moment, Page, PageQuery, Resource, query_of
from smtpcheck.engine.stages import Goal, Owner, Security, Stage, Verdict
from smtpcheck.models import RUNNING, Door, SmtpTestResult
from smtpcheck.models.result import SmtpTestResultQuerySet
from smtpcheck.wording import describe

_VERDICTS = [*(str(verdict) for verdict in Verdict), RUNNING]
_STAGES = [str(stage) for stage in Stage]
_OWNERS = [str(owner) for owner in Owner]

# What a list does not show, and need not read.
_HEAVY = ("ladder", "tls", "capabilities", "evidence", "transcript", "warnings")


class ResultQuery(PageQuery):
    """Which results of the history."""

    account = serializers.UUIDField(required=False, help_text=_("The id of a saved account."))
    verdict = Choice(choices=_VERDICTS, required=False)
    stage = Choice(choices=_STAGES, required=False, help_text=_("Where the test ended."))
    owner = Choice(choices=_OWNERS, required=False, help_text=_("Whose turn it is."))
    diagnosis = serializers.RegexField(
        r"^[a-z0-9.-]+$", required=False, max_length=64, help_text=_("The id of a diagnosis.")
    )
    door = Choice(
        choices=Door.choices, required=False, help_text=_("Where the test was asked for.")
    )
    since = Moment(required=False, help_text=_("Begun at this moment or later."))
    until = Moment(required=False, help_text=_("Begun before this moment."))

    def rows_of(self, rows: SmtpTestResultQuerySet) -> SmtpTestResultQuerySet:
        """Return the rows that fit the validated query."""
        asked = self.validated_data
        plain = {column: asked[name] for name, column in _PLAIN.items() if name in asked}
        shown = {column: asked[name] for name, column in _SHOWN.items() if name in asked}
        return rows.shown_as(timezone.now(), **shown).filter(**plain)


_PLAIN = {
    "account": "account",
    "door": "door",
    "since": "started_at__gte",
    "until": "started_at__lt",
}
_SHOWN = {"verdict": "verdict", "stage": "stage", "owner": "owner", "diagnosis": "diagnosis_id"}


class _AccountOfResult(serializers.Serializer[object]):
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()


class _DiagnosisTitle(serializers.Serializer[object]):
    id = serializers.CharField()
    title = serializers.CharField()


class ResultSummary(serializers.Serializer[SmtpTestResult]):
    """One result as a list shows it; ``url`` leads to all of it."""

    id = serializers.UUIDField()
    url = serializers.SerializerMethodField()
    account = serializers.SerializerMethodField()
    host = serializers.CharField()
    port = serializers.IntegerField()
    security = serializers.ChoiceField(choices=[*map(str, Security), ""])
    username = serializers.CharField()
    sender = serializers.CharField()
    recipient = serializers.CharField()
    goal = serializers.ChoiceField(choices=[*map(str, Goal)])
    door = serializers.ChoiceField(choices=Door.values)
    asked_by = serializers.CharField(source="asked_by_name")
    started_at = serializers.DateTimeField()
    took_ms = serializers.IntegerField(allow_null=True)
    verdict = serializers.ChoiceField(choices=_VERDICTS, source="shown_verdict")
    success = serializers.SerializerMethodField()
    stage = serializers.ChoiceField(choices=[*_STAGES, ""], source="shown_stage")
    owner = serializers.SerializerMethodField()
    diagnosis = serializers.SerializerMethodField()

    def get_url(self, result: SmtpTestResult) -> str:
        """Its address, as a path."""
        return reverse("api:result", args=[result.pk])

    @extend_schema_field(_AccountOfResult(allow_null=True))
    def get_account(self, result: SmtpTestResult) -> dict[str, object] | None:
        """The saved account, or null."""
        return presentation.account_of(result)

    def get_success(self, result: SmtpTestResult) -> bool:
        """Whether a test mail was accepted."""
        return presentation.is_success(result)

    @extend_schema_field(serializers.ChoiceField(choices=_OWNERS, allow_null=True))
    def get_owner(self, result: SmtpTestResult) -> str | None:
        """Whose turn it is, or null."""
        return result.shown_owner or None

    @extend_schema_field(_DiagnosisTitle(allow_null=True))
    def get_diagnosis(self, result: SmtpTestResult) -> dict[str, object] | None:
        """What was found, or null."""
        found = result.shown_diagnosis_id
        if not found:
            return None
        return {"id": found, "title": describe(found, result.diagnosis_parameters).title}


class _Asked(serializers.Serializer[object]):
    host = serializers.CharField()
    port = serializers.IntegerField()
    security = serializers.CharField()
    username = serializers.CharField()
    sender = serializers.CharField()
    recipient = serializers.CharField()
    ehlo_name = serializers.CharField()
    goal = serializers.CharField()


class _Reply(serializers.Serializer[object]):
    code = serializers.IntegerField()
    enhanced = serializers.CharField()
    text = serializers.CharField()


class _Worded(serializers.Serializer[object]):
    id = serializers.CharField()
    title = serializers.CharField()
    cause = serializers.CharField()
    remedy = serializers.ListField(child=serializers.CharField())
    help_url = serializers.CharField()
    parameters = serializers.DictField()
    evidence = serializers.CharField()


class _Found(_Worded):
    confidence = serializers.CharField()
    remedy_settings = serializers.DictField(allow_null=True)


class _Warning(_Worded):
    stage = serializers.CharField()


class FullResult(serializers.Serializer[object]):
    """Everything one result shows, for the description of the API; ``presentation`` writes it."""

    id = serializers.UUIDField()
    account = _AccountOfResult(allow_null=True)
    asked = _Asked()
    door = serializers.ChoiceField(choices=Door.values)
    asked_by = serializers.CharField()
    started_at = serializers.DateTimeField()
    took_ms = serializers.IntegerField(allow_null=True)
    verdict = serializers.ChoiceField(choices=_VERDICTS)
    success = serializers.BooleanField()
    stage = serializers.ChoiceField(choices=[*_STAGES, ""])
    owner = serializers.ChoiceField(choices=_OWNERS, allow_null=True)
    diagnosis = _Found(allow_null=True)
    warnings = _Warning(many=True)
    reply = _Reply(allow_null=True)
    ladder = serializers.ListField(child=serializers.DictField())
    tls = serializers.DictField(allow_null=True)
    capabilities = serializers.ListField(child=serializers.CharField())
    addresses = serializers.ListField(child=serializers.DictField())
    evidence = serializers.DictField()
    transcript = serializers.CharField()


class _ResultPage(serializers.Serializer[object]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ResultSummary(many=True)


class ResultList(Resource):
    """The results that a caller may see."""

    has_pages = True

    @extend_schema(
        operation_id="v1_results_list",
        summary=_("List results, the newest first"),
        parameters=[ResultQuery],
        responses=OpenApiResponse(_ResultPage),
    )
    def get(self, request: Request) -> Response:
        """Answer one page of those that fit the query."""
        asked = ResultQuery(data=query_of(request))
        asked.is_valid(raise_exception=True)
        rows = asked.rows_of(visible_to(request.user)).defer(*_HEAVY)
        return Page("-id").of(rows, request, self, ResultSummary)


class ResultDetail(Resource):
    """One result in full: ladder, evidence, diagnosis and masked transcript."""

    @extend_schema(summary=_("Read a result in full"), responses=FullResult)
    def get(self, request: Request, pk: UUID) -> Response:
        """Answer the result, or 404 when there is none that this caller may see."""
        result = get_object_or_404(visible_to(request.user), pk=pk)
        return Response(presentation.as_plain(result))


def visible_to(user: Any) -> SmtpTestResultQuerySet:
    """Return the results that a caller may see: all of one's teams, or one's own only."""
    visible = SmtpTestResult.objects.visible_to(user)
    if user.has_perm("smtpcheck.view_smtptestresult"):
        return visible
    return visible.filter(asked_by=user.pk)  # whoever asked may read the answer


def pointers(result: SmtpTestResult) -> dict[str, str]:
    """Return the headers that tell a caller where the full result is."""
    address = reverse("api:result", args=[result.pk])
    return {"SmtpCheck-Result": str(result.pk), "Link": f'<{address}>; rel="describedby"'}
