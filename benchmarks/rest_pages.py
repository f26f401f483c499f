"""What `benchmarks.rest` calls: the project's pages, and one bare view to compare them with.

Loaded by the workers of the benchmark only: where BENCHMARK_ENGINE_SECONDS says so, an engine that
only sleeps stands where ours does, so that what is measured is all but the SMTP session.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from project.urls import urlpatterns as of_the_project
from smtpcheck import engine
from smtpcheck.engine.evidence import Evidence, Report
from smtpcheck.engine.plan import LoginPlan
from smtpcheck.engine.stages import Goal, Security, Stage, Verdict
from smtpcheck.models import Door, SmtpTestResult


class Bare(APIView):
    """The least that could keep a result: one row inserted, then updated."""

    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        """Insert and update."""
        row = SmtpTestResult.objects.create(
            goal=Goal.CONTENT.value,
            door=Door.REST,
            host="127.0.0.1",
            port=1,
            security=Security.STARTTLS.value,
            asked_by_id=request.user.pk,
            expires_at=timezone.now(),
        )
        changed = {"verdict": Verdict.WORKS.value, "finished_at": timezone.now()}
        SmtpTestResult.objects.filter(pk=row.pk).update(**changed)
        return Response({"Success": True})


async def sleeping(plan: LoginPlan, **_options: Any) -> Report:
    """Stand where the engine stands."""
    await asyncio.sleep(SECONDS)
    evidence = Evidence(
        host=plan.target.host,
        port=plan.target.port,
        security=plan.target.security,
        goal=plan.goal,
        username=plan.credentials.username,
        sender=plan.sender.address,
        recipient=plan.recipient.address,
    )
    return Report(
        verdict=Verdict.WORKS,
        stage=Stage.CONTENT,
        owner=None,
        diagnosis=None,
        warnings=(),
        evidence=evidence,
        started_at=datetime.now(UTC),
        took_ms=round(SECONDS * 1000),
    )


SECONDS = float(os.environ.get("BENCHMARK_ENGINE_SECONDS", "-1"))
if SECONDS >= 0:
    engine.check = sleeping  # type: ignore[assignment]

urlpatterns = [path("bare", Bare.as_view()), *of_the_project]
