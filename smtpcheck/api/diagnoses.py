"""The catalogue of diagnoses as a resource, in the caller's language."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from smtpcheck.api.resources import Resource
from smtpcheck.engine.stages import Owner, Stage
from smtpcheck.wording import Explanation, diagnosis_ids, explain


class Diagnosis(serializers.Serializer[object]):
    """What a diagnosis means, whatever test it is found in."""

    id = serializers.CharField()
    title = serializers.CharField()
    cause = serializers.CharField()
    remedy = serializers.ListField(child=serializers.CharField())
    verdict = serializers.ChoiceField(choices=["fails", "inconclusive", "refused", "warning"])
    owner = serializers.ChoiceField(choices=[str(owner) for owner in Owner])
    stage = serializers.ChoiceField(choices=[str(stage) for stage in Stage], allow_null=True)
    help_url = serializers.CharField(allow_blank=True)


class DiagnosisList(Resource):
    """The diagnoses that a test can end in."""

    @extend_schema(summary="List every diagnosis", responses=Diagnosis(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """Answer all of them, in the order of the stages."""
        explained = [explain(diagnosis_id) for diagnosis_id in diagnosis_ids()]
        return Response([_plain(each) for each in explained if each is not None])


class DiagnosisDetail(Resource):
    """One diagnosis."""

    @extend_schema(summary="Explain a diagnosis", responses=Diagnosis)
    def get(self, request: Request, diagnosis_id: str) -> Response:  # noqa: ARG002
        """Answer what it means and what to do."""
        explained = explain(diagnosis_id)
        if explained is None:
            raise Http404
        return Response(_plain(explained))


def _plain(explained: Explanation) -> dict[str, object]:
    words = explained.wording
    return {
        "id": words.id,
        "title": words.title,
        "cause": words.cause,
        "remedy": list(words.remedy),
        "verdict": explained.outcome.value,
        "owner": explained.owner.value,
        "stage": explained.stage.value if explained.stage else None,
        "help_url": words.help_url,
    }
