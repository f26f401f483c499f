"""Tickets: what a person who is logged in gets for a program that speaks SoTicket."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smtpcheck.models import AccessToken, TokenKind


class Tickets(APIView):
    """Gives out a ticket to whoever is logged in, and takes it back."""

    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        """Issue a ticket for the caller; its text is in no other answer."""
        if isinstance(request.auth, AccessToken) and request.auth.kind == TokenKind.TICKET:
            # Else a ticket that somebody got hold of could be made to live for ever.
            raise PermissionDenied(_("A ticket cannot ask for another one. Log in for it."))
        ticket = AccessToken.objects.issue(_caller(request), TokenKind.TICKET)
        answer = {"Ticket": ticket.issued_text, "ExpiresAt": ticket.expires_at}
        return Response(answer, status=HTTPStatus.CREATED)

    def delete(self, request: Request) -> Response:
        """Revoke the ticket of this very call, or all tickets of a caller who used another way."""
        if isinstance(request.auth, AccessToken) and request.auth.kind == TokenKind.TICKET:
            request.auth.revoke()
        else:
            tickets = AccessToken.objects.filter(
                owner=_caller(request), kind=TokenKind.TICKET.value
            )
            for ticket in tickets.filter(revoked_at=None):
                ticket.revoke()
        return Response(status=HTTPStatus.NO_CONTENT)


def _caller(request: Request) -> User:
    user = request.user
    if not isinstance(user, User):  # the permission saw to that; the type stays honest
        raise NotAuthenticated
    return user
