"""Addresses: the admin, the API, and the way in."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from smtpcheck.admin.login import login

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/login/", login),  # before the admin's own of the same address
    path("admin/", admin.site.urls),
    path("", include("smtpcheck.health")),
    path("", include("smtpcheck.api.urls")),  # whole paths stand there: api/v1/...
]
