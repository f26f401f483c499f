"""The addresses of the API, whole and in their canonical spelling.

Callers may write them in any case and with or without a slash at the end: see ``middleware``.
"""

from __future__ import annotations

from django.urls import path

from smtpcheck.api.tickets import Tickets
from smtpcheck.api.views import ResultDetail, TestSmtpServer

app_name = "api"

urlpatterns = [
    path(
        "api/v1/Agents/CustomerService/TestSmtpServer",
        TestSmtpServer.as_view(),
        name="test-smtp-server",
    ),
    path("api/v1/tickets/", Tickets.as_view(), name="tickets"),
    path("api/v1/results/<uuid:pk>/", ResultDetail.as_view(), name="result"),
]
