"""The calls: who may call, which formats, and one use case each."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from smtpcheck import services
from smtpcheck.api.idempotence import run_once
from smtpcheck.api.openapi import IDEMPOTENCY_KEY
from smtpcheck.api.parsers import body_of
from smtpcheck.api.permissions import MayTest
from smtpcheck.api.results import pointers
from smtpcheck.api.select import select
from smtpcheck.api.serializers import (
    REQUEST_BODIES,
    SmtpServerRequest,
    SmtpTestAnswer,
    answer,
    description,
)
from smtpcheck.api.turns import RunsTests
from smtpcheck.models import Door, SmtpTestResult


class TestSmtpServer(RunsTests):
    """Tests an SMTP server by sending a mail through it."""

    # A plain sync view: under an ASGI server each call has a thread of its own, and the engine
    # runs on the server's event loop, so a caller that hangs up ends the test.

    permission_classes = (IsAuthenticated, MayTest)
    xml_roots: ClassVar = {"POST": "SmtpTestResult", "GET": "Description"}
    needs_body = True

    @extend_schema(
        operation_id="v1CustomerServiceAgent_DescribeTestSmtpServer",
        tags=["CustomerService_Agent"],
        summary=_("Describe the call"),
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Describe the call; nothing is tested."""
        return Response(description(request.path))

    @extend_schema(
        operation_id="v1CustomerServiceAgent_TestSmtpServer",
        tags=["CustomerService_Agent"],
        summary=_("Test an SMTP server by sending a mail through it"),
        parameters=[
            IDEMPOTENCY_KEY,
            OpenApiParameter(
                "$select", str, description=_("The members wanted, parted by commas.")
            ),
        ],
        request=REQUEST_BODIES,
        responses=SmtpTestAnswer,
    )
    def post(self, request: Request) -> Response:
        """Run the test and answer what it showed; a test that failed is a 200 as well."""
        asked = SmtpServerRequest(data=body_of(request))
        asked.is_valid(raise_exception=True)
        caller = services.Caller(user=request.user, door=Door.REST)

        def run(on_row: services.OnRow | None) -> SmtpTestResult:
            return services.test_target(asked.target_request(), caller=caller, on_row=on_row)

        result = run_once(request, ("TestSmtpServer", *asked.validated_data.values()), run)
        return Response(select(answer(result), request.query_params), headers=pointers(result))
