"""The calls: who may call, which formats, and one use case each."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smtpcheck import presentation, services
from smtpcheck.api.parsers import body_of
from smtpcheck.api.permissions import MayTest
from smtpcheck.api.select import select
from smtpcheck.api.serializers import SmtpServerRequest, answer, description
from smtpcheck.models import Door, SmtpTestResult


class TestSmtpServer(APIView):
    """Tests an SMTP server by sending a mail through it."""

    # A plain sync view: under an ASGI server each call has a thread of its own, and the engine
    # runs on the server's event loop, so a caller that hangs up ends the test.

    permission_classes = (IsAuthenticated, MayTest)
    xml_roots: ClassVar = {"POST": "SmtpTestResult", "GET": "Description"}

    def get(self, request: Request) -> Response:
        """Describe the call; nothing is tested."""
        return Response(description(request.path))

    def post(self, request: Request) -> Response:
        """Run the test and answer what it showed; a test that failed is a 200 as well."""
        asked = SmtpServerRequest(data=body_of(request))
        asked.is_valid(raise_exception=True)
        caller = services.Caller(user=request.user, door=Door.REST)
        result = services.test_target(asked.target_request(), caller=caller)
        return Response(select(answer(result), request.query_params), headers=_pointers(result))


class ResultDetail(APIView):
    """Shows one result in full: ladder, evidence, diagnosis and masked transcript."""

    permission_classes = (IsAuthenticated,)

    def get(self, request: Request, pk: UUID) -> Response:
        """Answer the result, or 404 when there is none that this caller may see."""
        visible = SmtpTestResult.objects.visible_to(request.user)
        if not request.user.has_perm("smtpcheck.view_smtptestresult"):
            visible = visible.filter(asked_by=request.user.pk)  # whoever asked may read the answer
        result = get_object_or_404(visible, pk=pk)
        return Response(presentation.as_plain(result))


def _pointers(result: SmtpTestResult) -> dict[str, str]:
    """The headers that tell a caller where the full result is."""
    address = reverse("api:result", args=[result.pk])
    return {"SmtpCheck-Result": str(result.pk), "Link": f'<{address}>; rel="describedby"'}
