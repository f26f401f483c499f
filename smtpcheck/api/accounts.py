"""Saved accounts as a resource: made, read, changed, deleted and tested by their id.

What an account may hold is decided where the admin decides it, in its form and in the model; here
only the types of JSON are checked. Secrets come in and never go out.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.forms.models import model_to_dict, modelform_factory
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from smtpcheck import presentation, services
from smtpcheck.api.idempotence import run_once
from smtpcheck.api.openapi import IDEMPOTENCY_KEY
from smtpcheck.api.parsers import JsonParser, MergePatchParser
from smtpcheck.api.permissions import HasRight
from smtpcheck.api.resources import (
    STRICT_FIELDS,
    Choice,
    Page,
    PageQuery,
    Resource,
    Text,
    TrueOrFalse,
    WholeNumber,
    members_of,
    query_of,
)
from smtpcheck.api.results import FullResult, pointers
from smtpcheck.api.turns import RunsTests
from smtpcheck.engine.stages import Goal
from smtpcheck.forms import AGAIN, SmtpAccountForm
from smtpcheck.models import (
    CLIENT_KEY,
    UNTESTED,
    Door,
    SmtpAccount,
    SmtpAccountState,
    SmtpTestResult,
)
from smtpcheck.models.account import SmtpAccountQuerySet
from smtpcheck.models.choices import STATE_CHOICES
from smtpcheck.models.roles import all_teams, teams_of
from smtpcheck.services import auditing

_FIELDS = tuple(name for name in SmtpAccountForm.Meta.fields if name != "policy_entries")
POLICY = "policy_entries"
_SECRETS = ("password", "client_key", "clear_password")


class _State(serializers.Serializer[object]):
    """What tests have shown of an account."""

    verdict = serializers.ChoiceField(choices=[value for value, _name in STATE_CHOICES])
    since = serializers.DateTimeField(allow_null=True)
    inconclusive_since = serializers.DateTimeField(allow_null=True)
    last_result = serializers.UUIDField(allow_null=True)


class _Team(serializers.PrimaryKeyRelatedField[Group]):
    """A team, out of those that the caller may give an account to."""

    def get_queryset(self) -> Any:
        """Return those teams; another one is not known here."""
        request = self.context.get("request")
        return teams_of(request.user) if request else all_teams()


class Account(serializers.ModelSerializer[SmtpAccount]):
    """An account as a program reads and writes it."""

    serializer_field_mapping: ClassVar = {
        **serializers.ModelSerializer.serializer_field_mapping,
        **STRICT_FIELDS,
    }
    serializer_choice_field = Choice

    url = serializers.SerializerMethodField()
    team = _Team(
        pk_field=WholeNumber(),
        allow_null=True,
        required=False,
        help_text=gettext_lazy("The id of one of your teams; null: everybody who may."),
    )
    password = Text(
        write_only=True,
        required=False,
        trim_whitespace=False,
        help_text=gettext_lazy("Left out: the saved one stays. It is never shown."),
    )
    client_key = Text(
        write_only=True,
        required=False,
        help_text=gettext_lazy("The private key of the client certificate, in PEM. Never shown."),
    )
    clear_password = TrueOrFalse(
        write_only=True, required=False, help_text=gettext_lazy("Delete the saved password.")
    )
    has_password = serializers.SerializerMethodField()
    has_client_key = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    notices = serializers.SerializerMethodField()

    class Meta:
        model = SmtpAccount
        fields = (
            *("id", "url"),
            *_FIELDS,
            POLICY,
            *_SECRETS,
            *("has_password", "has_client_key", "state", "created_at", "updated_at", "notices"),
        )
        # What is unique or fits together is the form's to say.
        validators: ClassVar[list[Any]] = []
        extra_kwargs: ClassVar = {"host": {"trim_whitespace": False}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._form: SmtpAccountForm | None = None

    def get_url(self, account: SmtpAccount) -> str:
        """Its address, as a path."""
        return reverse("api:account", args=[account.pk])

    def get_has_password(self, account: SmtpAccount) -> bool:
        """Whether a password is saved."""
        return account.has_secret()

    def get_has_client_key(self, account: SmtpAccount) -> bool:
        """Whether a private key is saved."""
        return account.has_secret(CLIENT_KEY)

    @extend_schema_field(_State)
    def get_state(self, account: SmtpAccount) -> dict[str, Any]:
        """What tests have shown of it."""
        state = getattr(account, "state", None) or SmtpAccountState(verdict=UNTESTED)
        return dict(_State(_plain_state(state)).data)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_notices(self, _account: SmtpAccount) -> list[str]:
        """After a change: what one would not expect, such as a password that was deleted."""
        return self._form.notices() if self._form is not None else []

    def to_representation(self, instance: SmtpAccount) -> dict[str, Any]:
        """Leave out what the policy allows it for those who may not set that."""
        shown: dict[str, Any] = super().to_representation(instance)
        if not self.context["request"].user.has_perm(services.SET_POLICY):
            shown.pop(POLICY)
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Have the form of the admin judge all of the account as it is going to be."""
        caller, account = _caller(self.context["request"]), self.instance or SmtpAccount()
        if attrs.get(POLICY, account.policy_entries) != account.policy_entries:
            caller.demand(services.SET_POLICY)
        fields = (*_FIELDS, POLICY) if caller.may(services.SET_POLICY) else _FIELDS
        data = model_to_dict(account if self.partial else SmtpAccount(), fields) | attrs
        data["team"] = self._chosen_team(account, attrs)
        kind = modelform_factory(SmtpAccount, form=SmtpAccountForm, fields=fields)
        form = cast("SmtpAccountForm", kind(data=data, instance=account))
        if not form.is_valid():
            raise serializers.ValidationError(_errors_of(form))
        self._form = form
        return attrs

    def _chosen_team(self, account: SmtpAccount, attrs: Mapping[str, Any]) -> int | None:
        """The key of the team that the account will have, chosen as the admin lets one choose."""
        user = self.context["request"].user
        is_new = self.instance is None
        wanted = attrs["team"].pk if attrs.get("team") else None
        if user.is_superuser:
            keeps = "team" not in attrs and self.partial
            return account.team_id if keeps else wanted
        if not is_new:
            if "team" in attrs and wanted != account.team_id:
                raise serializers.ValidationError({"team": _only_for_superusers()})
            return account.team_id
        own = list(teams_of(user).values_list("pk", flat=True)[:2])
        if wanted is None and len(own) > 1:
            raise serializers.ValidationError({"team": _("Name the one of your teams.")})
        return wanted or next(iter(own), None)

    def save(self, **kwargs: Any) -> SmtpAccount:  # noqa: ARG002 - the framework's signature
        """Store the account with its secrets, and write down who did it."""
        if self._form is None:
            raise AssertionError("is_valid() comes first")
        caller = _caller(self.context["request"])
        try:
            with auditing.saving_account(caller, self._form.instance):
                saved = self._form.save()
        except IntegrityError:
            raise serializers.ValidationError({"non_field_errors": _taken()}) from None
        self.instance = _readable().get(pk=saved.pk)
        return self.instance


def _plain_state(state: SmtpAccountState) -> dict[str, Any]:
    is_tested = state.verdict != UNTESTED
    return {
        "verdict": state.verdict,
        "since": state.since if is_tested else None,
        "inconclusive_since": state.inconclusive_since,
        "last_result": state.last_result_id,
    }


def _only_for_superusers() -> str:
    return _("Only a superuser can give an account to another team.")


def _taken() -> str:
    return _("An account with this name or login was saved at the same moment. Read it first.")


def _errors_of(form: SmtpAccountForm) -> dict[str, list[str]]:
    """What the form says, by member, without its advice to type a secret once more."""
    found = {
        "non_field_errors" if field == "__all__" else field: [
            message
            for error in errors.as_data()
            if error.code != AGAIN
            for message in error.messages
        ]
        for field, errors in form.errors.items()
    }
    return {field: messages for field, messages in found.items() if messages}


class _AccountPage(serializers.Serializer[object]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = Account(many=True)


class AccountList(Resource):
    """The accounts that a caller may use."""

    has_pages = True
    permission_classes = (IsAuthenticated, HasRight)
    rights: ClassVar = {
        "GET": ("smtpcheck.view_smtpaccount", "smtpcheck.change_smtpaccount"),
        "POST": ("smtpcheck.add_smtpaccount",),
    }

    @extend_schema(
        operation_id="v1_accounts_list",
        summary=gettext_lazy("List the saved accounts"),
        parameters=[PageQuery],
        responses=OpenApiResponse(_AccountPage),
    )
    def get(self, request: Request) -> Response:
        """Answer one page of them, by name."""
        asked = PageQuery(data=query_of(request))
        asked.is_valid(raise_exception=True)
        return Page("name").of(_usable(request), request, self, Account)

    @extend_schema(
        summary=gettext_lazy("Save a new account"), request=Account, responses={201: Account}
    )
    def post(self, request: Request) -> Response:
        """Make the account; nothing is tested."""
        account = Account(data=members_of(request), context={"request": request})
        account.is_valid(raise_exception=True)
        account.save()
        headers = {"Location": account.data["url"]}
        return Response(account.data, status=HTTPStatus.CREATED, headers=headers)


class AccountDetail(Resource):
    """One account."""

    parser_classes = (JsonParser, MergePatchParser)
    permission_classes = (IsAuthenticated, HasRight)
    rights: ClassVar = {
        "GET": ("smtpcheck.view_smtpaccount", "smtpcheck.change_smtpaccount"),
        "PUT": ("smtpcheck.change_smtpaccount",),
        "PATCH": ("smtpcheck.change_smtpaccount",),
        "DELETE": ("smtpcheck.delete_smtpaccount",),
    }

    @extend_schema(summary=gettext_lazy("Read an account"), responses=Account)
    def get(self, request: Request, pk: UUID) -> Response:
        """Answer the account; its secrets are not in it."""
        account = get_object_or_404(_usable(request), pk=pk)
        return Response(Account(account, context={"request": request}).data)

    @extend_schema(summary=gettext_lazy("Replace an account"), request=Account, responses=Account)
    def put(self, request: Request, pk: UUID) -> Response:
        """Set every member; one that is left out becomes as usual, a secret stays."""
        return _changed(request, pk, partial=False)

    @extend_schema(summary=gettext_lazy("Change an account"), request=Account, responses=Account)
    def patch(self, request: Request, pk: UUID) -> Response:
        """Set the members that are sent."""
        return _changed(request, pk, partial=True)

    @extend_schema(summary=gettext_lazy("Delete an account"), responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Delete the account and its secrets; its results stay."""
        account = get_object_or_404(_usable(request), pk=pk)
        with auditing.deleting_account(_caller(request), account):
            account.delete()
        return Response(status=HTTPStatus.NO_CONTENT)


class TestOfAccount(serializers.Serializer[object]):
    """How to test an account."""

    goal = Choice(
        choices=[str(goal) for goal in Goal],
        required=False,
        help_text=gettext_lazy("How far the test goes; left out: the account's own goal."),
    )


class AccountTest(RunsTests, Resource):
    """The test of a saved account."""

    permission_classes = (IsAuthenticated, HasRight)
    rights: ClassVar = {"POST": (services.TEST_ACCOUNT,)}

    @extend_schema(
        summary=gettext_lazy("Test an account as it is saved"),
        parameters=[IDEMPOTENCY_KEY],
        request=TestOfAccount,
        responses=FullResult,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Run the test and answer all it showed; a test that failed is a 200 as well."""
        account = get_object_or_404(SmtpAccount.objects.usable_by(request.user), pk=pk)
        asked = TestOfAccount(data=members_of(request))
        asked.is_valid(raise_exception=True)
        goal = asked.validated_data.get("goal")

        def run(on_row: services.OnRow | None) -> SmtpTestResult:
            return services.test_account(
                account, caller=_caller(request), goal=Goal(goal) if goal else None, on_row=on_row
            )

        result = run_once(request, ("account", str(pk), goal), run)
        return Response(presentation.as_plain(result), headers=pointers(result))


def _usable(request: Request) -> QuerySet[SmtpAccount]:
    return _readable().usable_by(request.user)


def _readable() -> SmtpAccountQuerySet:
    return SmtpAccount.objects.select_related("state", "team")


def _changed(request: Request, pk: UUID, *, partial: bool) -> Response:
    with transaction.atomic():  # so that two changes at once cannot undo each other
        locked = _usable(request).select_for_update(of=("self",))
        account = Account(
            get_object_or_404(locked, pk=pk),
            data=members_of(request),
            partial=partial,
            context={"request": request},
        )
        account.is_valid(raise_exception=True)
        account.save()
    return Response(account.data)


def _caller(request: Request) -> services.Caller:
    return services.Caller(user=request.user, door=Door.REST)
