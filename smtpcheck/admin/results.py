"""The pages of the results: a list to search, and one page that tells what a test showed.

Read-only: history is made by tests and ended by pruning.
"""

# ruff: noqa: ARG002 - the signatures are Django's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from smtpcheck.admin.csv_export import export
from smtpcheck.admin.filters import OwnerFilter, ShownVerdictFilter, StageFilter
from smtpcheck.admin.result_page import page_of
from smtpcheck.admin.words import (
    moment_of,
    owner_word,
    pill,
    server_name,
    stage_word,
    subject_of,
    two_lines,
)
from smtpcheck.models import Person, SmtpAccount, SmtpTestResult
from smtpcheck.presentation import inert, policy_hint_of
from smtpcheck.services import SET_POLICY
from smtpcheck.templatetags.smtpcheck_text import seconds
from smtpcheck.wording import describe

# What a list does not show; a transcript alone can have 16 KiB.
HEAVY_COLUMNS = (
    "transcript",
    "ladder",
    "capabilities",
    "tls",
    "evidence",
    "warnings",
    "evidence_line",
    "reply_text",
)


def may_see_results(user: Person) -> bool:
    """Whether a person may look at the history at all."""
    return user is not None and user.has_perm("smtpcheck.view_smtptestresult")


def result_url(result: SmtpTestResult) -> str:
    """The page of one result."""
    return reverse("admin:smtpcheck_smtptestresult_change", args=[result.pk])


def results_url(**lookups: object) -> str:
    """The list of results, narrowed by lookups."""
    url = reverse("admin:smtpcheck_smtptestresult_changelist")
    return f"{url}?{urlencode(lookups)}" if lookups else url


def not_there(request: HttpRequest, list_url: str) -> HttpResponse:
    """Lead back to a list from a row that is gone, or that is not this person's to see."""
    text = gettext("This no longer exists, or you may not see it.")
    messages.warning(request, text)
    return HttpResponseRedirect(list_url)


# The stubs know what an admin is for; Django's own class takes no parameter when it runs.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[SmtpTestResult]
else:
    _Admin = admin.ModelAdmin


class SmtpTestResultAdmin(_Admin):
    """The history, as far as a person may see it."""

    list_display = ("tested", "shown_verdict", "found", "started")
    list_filter = (
        ShownVerdictFilter,
        StageFilter,
        OwnerFilter,
        "door",
        ("started_at", admin.DateFieldListFilter),
    )
    list_per_page = 50
    search_fields = (
        "account_name",
        "host",
        "username",
        "sender",
        "diagnosis_id",
        "asked_by_name",
    )
    ordering = ("-id",)
    actions = ("export_as_csv",)
    show_full_result_count = False

    class Media:
        css: ClassVar = {"all": ("smtpcheck/admin.css",)}

    # --- Who sees what --------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[SmtpTestResult]:
        """The results that this person may see; the others do not exist here."""
        return SmtpTestResult.objects.visible_to(request.user).order_by(*self.ordering)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nobody searches by the addresses that a policy refused: they are for administrators."""
        is_unshown = lookup.startswith("policy_lines")
        return not is_unshown and super().lookup_allowed(lookup, value, request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, without the columns that only the page of one result shows."""
        changelist = super().get_changelist_instance(request)
        changelist.result_list = changelist.result_list.defer(*HEAVY_COLUMNS)
        return changelist

    def has_view_permission(self, request: HttpRequest, obj: SmtpTestResult | None = None) -> bool:
        """Whether this person may look at the history."""
        return may_see_results(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: only a test makes a result."""
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: SmtpTestResult | None = None
    ) -> bool:
        """Never: what a test showed stays as it was."""
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: SmtpTestResult | None = None
    ) -> bool:
        """Never here: pruning does it."""
        return False

    # --- The list -------------------------------------------------------------------------------

    @admin.display(description=_("What"), ordering="account_name")
    def tested(self, obj: SmtpTestResult) -> SafeString:
        """The account by the name it had then and its server, or the target that was not saved."""
        server = server_name(obj.host, obj.port)
        return two_lines(inert(subject_of(obj)), inert(server) if obj.account_name else "")

    @admin.display(description=_("Verdict"), ordering="verdict")
    def shown_verdict(self, obj: SmtpTestResult) -> SafeString:
        """The verdict as a pill; "Running" for a test that has time yet."""
        return pill(obj.shown_verdict)

    @admin.display(description=_("Found"), ordering="diagnosis_id")
    def found(self, obj: SmtpTestResult) -> SafeString | str:
        """The title of the diagnosis, the stage at which the test ended, and whose turn it is."""
        if not obj.shown_diagnosis_id:
            return ""
        title = describe(obj.shown_diagnosis_id, obj.diagnosis_parameters).title
        places = [stage_word(obj.shown_stage), owner_word(obj.shown_owner)]
        return two_lines(inert(title), " · ".join(filter(None, places)))

    @admin.display(description=_("When"), ordering="id")
    def started(self, obj: SmtpTestResult) -> SafeString:
        """When the test began, in the time zone of the site; how long it took; asked how."""
        notes = [seconds(obj.took_ms), obj.get_door_display()]
        return two_lines(moment_of(obj.started_at), " · ".join(filter(None, notes)))

    @admin.action(permissions=["view"], description=_("Export the selected results as CSV"))
    def export_as_csv(
        self, request: HttpRequest, queryset: QuerySet[SmtpTestResult]
    ) -> StreamingHttpResponse:
        """Answer the chosen results, or all that the list found, as a file."""
        return export(request, queryset)

    # --- The page of one result -----------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Tell what one test showed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        result = self.get_object(request, unquote(object_id))
        if result is None:
            return not_there(request, results_url())
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Test result"),
            "subtitle": inert(subject_of(result)),
            "opts": self.opts,
            "original": f"{inert(subject_of(result))}, {moment_of(result.started_at)}",
            "has_view_permission": True,
            "media": self.media,
            **self._account_of(request, result),
            "policy_hint": policy_hint_of(result) if request.user.has_perm(SET_POLICY) else "",
            **page_of(result),
            **(extra_context or {}),
        }
        template = "admin/smtpcheck/smtptestresult/result.html"
        return TemplateResponse(request, template, context)

    def _account_of(self, request: HttpRequest, result: SmtpTestResult) -> dict[str, Any]:
        """What this person may do with the account behind a result."""
        user = request.user
        if result.account_id is None:
            return {}
        usable = SmtpAccount.objects.usable_by(user).filter(pk=result.account_id).first()
        sees = user.has_perm("smtpcheck.view_smtpaccount") or user.has_perm(
            "smtpcheck.change_smtpaccount"
        )
        url = reverse("admin:smtpcheck_smtpaccount_change", args=[result.account_id])
        return {
            "account": usable,
            "account_url": url if usable and sees else "",
            "can_test": bool(usable) and user.has_perm("smtpcheck.test_smtpaccount"),
        }
