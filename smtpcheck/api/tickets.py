"""Tickets: what a person who is logged in gets for a program that speaks SoTicket."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smtpcheck import services
from smtpcheck.models import AccessToken, Door, TokenKind


class IssuedTicket(serializers.Serializer[object]):
    """What is answered, for the description of the API."""

    Ticket = serializers.CharField()
    ExpiresAt = serializers.DateTimeField()


class Tickets(APIView):
    """Gives out a ticket to whoever is logged in, and takes it back."""

    permission_classes = (IsAuthenticated,)
    xml_roots: ClassVar = {"POST": "IssuedTicket"}
    reads_body = False

    @extend_schema(
        summary=_("Issue a ticket for the caller"), request=None, responses={201: IssuedTicket}
    )
    def post(self, request: Request) -> Response:
        """Issue a ticket for the caller; its text is in no other answer."""
        if isinstance(request.auth, AccessToken) and request.auth.kind == TokenKind.TICKET:
            # Else a ticket that somebody got hold of could be made to live for ever.
            raise PermissionDenied(_("A ticket cannot ask for another one. Log in for it."))
        owner = _caller(request)
        ticket = services.issue_token(_asking(owner), owner, TokenKind.TICKET)
        answer = {"Ticket": ticket.issued_text, "ExpiresAt": ticket.expires_at}
        return Response(answer, status=HTTPStatus.CREATED)

    @extend_schema(summary=_("Revoke the caller's tickets"), responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke the ticket of this very call, or all tickets of a caller who used another way."""
        if isinstance(request.auth, AccessToken) and request.auth.kind == TokenKind.TICKET:
            tickets = AccessToken.objects.filter(pk=request.auth.pk)
        else:
            tickets = AccessToken.objects.filter(
                owner=_caller(request), kind=TokenKind.TICKET.value
            )
        open_ones = tickets.filter(revoked_at=None).select_related("owner")
        services.revoke_tokens(_asking(_caller(request)), open_ones)
        return Response(status=HTTPStatus.NO_CONTENT)


def _asking(user: User) -> services.Caller:
    return services.Caller(user=user, door=Door.REST)


def _caller(request: Request) -> User:
    user = request.user
    if not isinstance(user, User):  # the permission saw to that; the type stays honest
        raise NotAuthenticated
    return user
