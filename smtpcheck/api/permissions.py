"""Who may call what; the finer rules (whose account, which sender) are the use case's."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from smtpcheck.services import TEST_ACCOUNT, TEST_ANY_TARGET


class HasRight(BasePermission):
    """Asks for the rights that the view names for its methods; one of those of a method will do."""

    message = _(
        "You lack the permission for this. An administrator can give it to you or to one of your "
        "groups."
    )

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say yes to a method that no right is named for: it only describes, or is refused."""
        method = "GET" if request.method == "HEAD" else request.method
        rights = getattr(view, "rights", {}).get(method, ())
        return not rights or any(request.user.has_perm(right) for right in rights)


class MayTest(BasePermission):
    """Lets those test who may test saved accounts or any target."""

    message = _(
        "You may not test SMTP servers. An administrator can give you the permission "
        '"Can test saved accounts" or "Can test an SMTP server that is not saved".'
    )

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """Say yes to whoever only asks what the call does, too."""
        if request.method != "POST":
            return True
        rights = (TEST_ACCOUNT, TEST_ANY_TARGET)
        return any(request.user.has_perm(right) for right in rights)
