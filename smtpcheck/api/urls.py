"""The addresses of the API, whole and in their canonical spelling.

Callers may write them in any case and with or without a slash at the end: see ``middleware``.
"""

from __future__ import annotations

from django.urls import path

from smtpcheck.api.accounts import AccountDetail, AccountList, AccountTest
from smtpcheck.api.diagnoses import DiagnosisDetail, DiagnosisList
from smtpcheck.api.discovery import ApiRoot, Calls, OpenApi, SwaggerPage
from smtpcheck.api.results import ResultDetail, ResultList
from smtpcheck.api.tickets import Tickets
from smtpcheck.api.views import TestSmtpServer

app_name = "api"

urlpatterns = [
    path("api", ApiRoot.as_view(), name="root"),
    path("api/v1", Calls.as_view(), name="calls"),
    path("api/v1/openapi.json", OpenApi.as_view(), name="openapi"),
    path("api/v1/docs/", SwaggerPage.as_view(), name="swagger"),
    path(
        "api/v1/Agents/CustomerService/TestSmtpServer",
        TestSmtpServer.as_view(),
        name="test-smtp-server",
    ),
    path("api/v1/accounts/", AccountList.as_view(), name="accounts"),
    path("api/v1/accounts/<uuid:pk>/", AccountDetail.as_view(), name="account"),
    path("api/v1/accounts/<uuid:pk>/test/", AccountTest.as_view(), name="account-test"),
    path("api/v1/results/", ResultList.as_view(), name="results"),
    path("api/v1/results/<uuid:pk>/", ResultDetail.as_view(), name="result"),
    path("api/v1/diagnoses/", DiagnosisList.as_view(), name="diagnoses"),
    path("api/v1/diagnoses/<str:diagnosis_id>/", DiagnosisDetail.as_view(), name="diagnosis"),
    path("api/v1/tickets/", Tickets.as_view(), name="tickets"),
]
