"""Users who call the API, and the header they log in with."""

from __future__ import annotations

import base64

from django.contrib.auth.models import Permission, User

PATH = "/api/v1/Agents/CustomerService/TestSmtpServer"
PASSWORD = "pass:wörd with : and ü"


def basic(username: str, password: str) -> str:
    """The Authorization header of a login."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def allow(user: User, *codenames: str) -> None:
    """Give a user permissions of this application."""
    of_application = Permission.objects.filter(content_type__app_label="smtpcheck")
    for codename in codenames:
        user.user_permissions.add(of_application.get(codename=codename))
