"""The pages of the accounts: the list, the form, and the test of what is saved."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from smtpcheck.admin.filters import SecurityFilter, StateFilter
from smtpcheck.admin.results import (
    HEAVY_COLUMNS,
    may_see_results,
    not_there,
    result_url,
    results_url,
)
from smtpcheck.admin.words import (
    ago,
    day_of,
    moment_of,
    pill,
    security_word,
    server_name,
    two_lines,
    verdict_word,
)
from smtpcheck.conf import conf
from smtpcheck.engine.stages import Goal, Verdict
from smtpcheck.forms import SmtpAccountForm
from smtpcheck.models import UNTESTED, Door, SmtpAccount, SmtpAccountState, SmtpTestResult
from smtpcheck.models.roles import teams_of
from smtpcheck.presentation import inert
from smtpcheck.services import (
    SET_POLICY,
    Busy,
    Caller,
    NotPermitted,
    auditing,
    test_account,
    test_accounts,
)
from smtpcheck.wording import describe

# What one page load may start: these run side by side within one budget, so that the answer comes
# before a browser or a proxy gives up. More is work for the command line.
MAX_TESTS_AT_ONCE = 20

# The columns that no list may be narrowed by: secrets, and networks inside.
UNSHOWN = ("password_", "client_key_", "policy_")

# A verdict as the kind of message that a browser shows.
MESSAGE_LEVELS = {
    Verdict.WORKS: messages.SUCCESS,
    Verdict.FAILS: messages.ERROR,
    Verdict.INCONCLUSIVE: messages.WARNING,
}

Fieldsets = list[tuple[Any, Any]]


# The stubs know what an admin is for; Django's own class takes no parameter when it runs.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[SmtpAccount]
else:
    _Admin = admin.ModelAdmin


class SmtpAccountAdmin(_Admin):
    """Accounts: list, form, "Test now" and the test of a selection."""

    form = SmtpAccountForm
    list_display = ("name_and_login", "state_since", "server", "last_test")
    list_filter = (StateFilter, SecurityFilter)
    list_select_related = ("state__last_result",)
    list_per_page = 50
    search_fields = ("name", "host", "username", "sender")
    ordering = ("name",)
    actions = ("test_selected",)
    show_full_result_count = False
    save_on_top = False

    class Media:
        css: ClassVar = {"all": ("smtpcheck/admin.css",)}

    # --- Who sees what --------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[SmtpAccount]:
        """The accounts that this person may use; the others do not exist here."""
        heavy = [f"state__last_result__{column}" for column in HEAVY_COLUMNS]
        mine = SmtpAccount.objects.usable_by(request.user)
        return mine.select_related("state__last_result").defer(*heavy).order_by(*self.ordering)

    def has_test_permission(self, request: HttpRequest, obj: SmtpAccount | None = None) -> bool:
        """Whether this person may test saved accounts, or this one of them."""
        if not request.user.has_perm("smtpcheck.test_smtpaccount"):
            return False
        return obj is None or SmtpAccount.objects.usable_by(request.user).filter(pk=obj.pk).exists()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nobody searches by what the pages do not show: the answer would tell it bit by bit."""
        return not lookup.startswith(UNSHOWN) and super().lookup_allowed(lookup, value, request)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Teams are a filter for those only who see more than their own."""
        teams = [("team", admin.RelatedOnlyFieldListFilter)] if _sees_all(request) else []
        return [*self.list_filter, *teams]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The last test is a link, and shown to those who may follow it."""
        columns = list(self.list_display)
        return columns if may_see_results(request.user) else columns[:-1]

    # --- The form -------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: SmtpAccount | None = None) -> Fieldsets:
        """The form in the order in which a person has its facts at hand."""
        may_change = (
            self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        )
        paste = (None, {"fields": ("name", "uri") if may_change else ("name",)})
        server = (_("Server"), {"fields": ("host", "port", "security")})
        login = (
            _("Login"),
            {"fields": ("username", *self._password_fields(obj, may_change), "auth_mechanism")},
        )
        mail = (
            _("Test mail"),
            {
                "fields": ("sender", "recipient", "goal"),
                "description": _("Who writes to whom in a test, and how far a test goes."),
            },
        )
        key = ("client_key",) if may_change else ()
        policy = ("policy_entries",) if may_change and request.user.has_perm(SET_POLICY) else ()
        special = (
            _("Special cases"),
            {
                "classes": ("collapse",),
                "fields": (
                    *("ehlo_name", "ca_bundle", "pin", "client_certificate", *key, "proxy"),
                    *policy,
                ),
            },
        )
        team = (_("Who may use it"), {"fields": ("team",)})
        last = [team] if _chooses_team(request, obj) else []
        return [paste, server, login, mail, special, *last]

    def get_form(
        self,
        request: HttpRequest,
        obj: SmtpAccount | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[ModelForm[SmtpAccount]]:
        """The form; who has one team gives it to every new account."""
        form = super().get_form(request, obj, change, **kwargs)
        if obj is None and not _sees_all(request) and issubclass(form, SmtpAccountForm):
            form.team_of_new = teams_of(request.user).first()
        return form

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Teams to choose from: a person's own, of which one has to be taken."""
        if db_field.name == "team":
            kwargs["queryset"] = teams_of(request.user)
            if not _sees_all(request):
                kwargs |= {"required": True, "empty_label": None}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        obj: SmtpAccount | None = None,
    ) -> tuple[str, ...]:
        """What is shown and never edited: whether a password is saved."""
        return ("saved_password",) if obj else ()

    @staticmethod
    def _password_fields(obj: SmtpAccount | None, may_change: bool) -> tuple[str, ...]:
        if obj is None:
            return ("password",)
        if not may_change:
            return ("saved_password",)
        has_password = obj.has_secret()
        return ("saved_password", "password", *(("clear_password",) if has_password else ()))

    @admin.display(description=_("Saved password"))
    def saved_password(self, obj: SmtpAccount) -> str:
        """Whether a password is saved; never which."""
        return gettext("A password is saved.") if obj.has_secret() else gettext("None is saved.")

    def save_model(
        self, request: HttpRequest, obj: SmtpAccount, form: ModelForm[SmtpAccount], change: bool
    ) -> None:
        """Save, and say what a person would not expect: a password that is gone or missing."""
        with auditing.saving_account(Caller(request.user, Door.ADMIN), obj):
            super().save_model(request, obj, form, change)
        if isinstance(form, SmtpAccountForm):
            for notice in form.notices():
                self.message_user(request, notice, messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: SmtpAccount) -> None:
        """Delete it, and write down who did."""
        with auditing.deleting_account(Caller(request.user, Door.ADMIN), obj):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SmtpAccount]) -> None:
        """Delete a selection, and write down who did."""
        with auditing.deleting_account(Caller(request.user, Door.ADMIN), *queryset):
            super().delete_queryset(request, queryset)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form, with what is known of the account above it."""
        account = self.get_object(request, unquote(object_id))
        panel = {"panel": self._panel(request, account)} if account else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **panel})

    def _panel(self, request: HttpRequest, account: SmtpAccount) -> dict[str, Any]:
        state = state_of(account)
        last = state.last_result if state else None
        sees_results = may_see_results(request.user)
        return {
            "pill": pill(state.verdict if state else UNTESTED),
            "since": state.since if state and state.verdict != UNTESTED else None,
            "inconclusive_since": state.inconclusive_since if state else None,
            "last_result": last,
            "last_result_url": result_url(last) if last and sees_results else "",
            "results_url": results_url(account__id__exact=account.pk) if sees_results else "",
            "can_test": self.has_test_permission(request, account),
            "sends_mail": account.goal == Goal.CONTENT,
        }

    # --- The list -------------------------------------------------------------------------------

    @admin.display(description=_("Name"), ordering="name")
    def name_and_login(self, obj: SmtpAccount) -> SafeString:
        """What people call the account, and who it logs in as."""
        return two_lines(obj.name, obj.username)

    @admin.display(description=_("State"), ordering="state__verdict")
    def state_since(self, obj: SmtpAccount) -> SafeString:
        """The verdict and since when it holds."""
        state = state_of(obj)
        if state is None or state.verdict == UNTESTED:
            return pill(UNTESTED)
        since = gettext("since %(date)s") % {"date": day_of(state.since)}
        return two_lines(pill(state.verdict), since)

    @admin.display(description=_("Server"), ordering="host")
    def server(self, obj: SmtpAccount) -> SafeString:
        """Where the account lives and how the connection is protected."""
        return two_lines(server_name(obj.host, obj.port), security_word(obj.security))

    @admin.display(description=_("Last test"), ordering="state__last_result")
    def last_test(self, obj: SmtpAccount) -> SafeString | str:
        """How long ago it was tested last, with a link to what was found."""
        state = state_of(obj)
        if state is None or state.last_result is None:
            return ""
        result = state.last_result
        link = format_html(
            '<a href="{}" title="{}">{}</a>',
            result_url(result),
            moment_of(result.started_at),
            ago(result.started_at),
        )
        proves_nothing = result.verdict == Verdict.INCONCLUSIVE
        return two_lines(link, verdict_word(result.verdict) if proves_nothing else "")

    # --- Testing --------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """The admin's addresses and the one that a test is posted to."""
        # A test waits for other machines, and no transaction may wait with it.
        view = transaction.non_atomic_requests(self.admin_site.admin_view(self.test_view))
        return [
            path("<path:object_id>/test/", view, name="smtpcheck_smtpaccount_test"),
            *super().get_urls(),
        ]

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Test an account as it is saved, and lead to what was found."""
        account = self.get_object(request, unquote(object_id))
        if account is None:
            return not_there(request, reverse("admin:smtpcheck_smtpaccount_changelist"))
        if not self.has_test_permission(request, account):
            raise PermissionDenied
        if request.method != "POST":
            # Where a login page leads back to after the session had ended: nothing is tested yet.
            return HttpResponseRedirect(account_url(account))
        try:
            result = test_account(account, caller=Caller(request.user, Door.ADMIN))
        except (Busy, NotPermitted) as refused:
            return self._refused(request, refused, account_url(account))
        self.message_user(request, sentence_of(result), MESSAGE_LEVELS[Verdict(result.verdict)])
        seen = may_see_results(request.user)
        return HttpResponseRedirect(result_url(result) if seen else account_url(account))

    @admin.action(description=_("Test the selected accounts"), permissions=["test"])
    def test_selected(
        self, request: HttpRequest, queryset: QuerySet[SmtpAccount]
    ) -> HttpResponse | None:
        """Test a selection side by side, and lead to the results."""
        accounts = list(queryset[: MAX_TESTS_AT_ONCE + 1])
        if len(accounts) > MAX_TESTS_AT_ONCE:
            self.message_user(request, too_many(), messages.ERROR)
            return None
        try:
            results = test_accounts(
                accounts,
                caller=Caller(request.user, Door.ADMIN),
                budget_seconds=budget_of(accounts),
            )
        except (Busy, NotPermitted) as refused:
            return self._refused(request, refused, request.get_full_path())
        self.message_user(request, summary_of(results), worst_level(results))
        if not may_see_results(request.user):
            return None
        ids = ",".join(str(result.pk) for result in results)
        return HttpResponseRedirect(results_url(id__in=ids))

    def _refused(
        self, request: HttpRequest, refused: Busy | NotPermitted, url: str
    ) -> HttpResponse:
        """Say why nothing was tested."""
        self.message_user(request, str(refused), messages.ERROR)
        return HttpResponseRedirect(url)


def _sees_all(request: HttpRequest) -> bool:
    """Whether this person is above the teams."""
    return bool(getattr(request.user, "is_superuser", False))


def _chooses_team(request: HttpRequest, account: SmtpAccount | None) -> bool:
    """Whether the form asks for the team: of a new account, if this person has several."""
    if _sees_all(request):
        return True
    return account is None and teams_of(request.user).count() > 1


def account_url(account: SmtpAccount) -> str:
    """The page of one account."""
    return reverse("admin:smtpcheck_smtpaccount_change", args=[account.pk])


def state_of(account: SmtpAccount) -> SmtpAccountState | None:
    """What is known of an account; None only for a row that was written behind the models."""
    return getattr(account, "state", None)


def budget_of(accounts: Sequence[SmtpAccount]) -> float:
    """The seconds each test may take so that all together take no longer than one alone.

    Tests of one host, and of one login there, wait for each other.
    """
    limits = conf()
    hosts = Counter(account.host for account in accounts)
    logins = Counter((account.host, account.username) for account in accounts if account.username)
    rounds = max(
        math.ceil(max(hosts.values(), default=1) / max(1, limits.TESTS_PER_HOST)),
        math.ceil(max(logins.values(), default=1) / max(1, limits.TESTS_PER_LOGIN)),
    )
    return limits.ADMIN_BUDGET_SECONDS / rounds


def sentence_of(result: SmtpTestResult) -> str:
    """What a test found, in one line for the top of the next page."""
    name = inert(result.account_name)
    title = ""
    if result.shown_diagnosis_id:
        title = inert(describe(result.shown_diagnosis_id, result.diagnosis_parameters).title)
    sentences = {
        Verdict.WORKS: gettext("“%(name)s” works."),
        Verdict.FAILS: gettext("“%(name)s” fails: %(title)s"),
        Verdict.INCONCLUSIVE: gettext("The test of “%(name)s” proves nothing: %(title)s"),
    }
    return sentences[Verdict(result.shown_verdict)] % {"name": name, "title": title}


def summary_of(results: Sequence[SmtpTestResult]) -> str:
    """How many accounts of a selection ended with which verdict."""
    counts = Counter(result.shown_verdict for result in results)
    parts = [
        f"{verdict_word(verdict)}: {counts[verdict]}" for verdict in Verdict if counts[verdict]
    ]
    tested = ngettext("%(count)d account tested.", "%(count)d accounts tested.", len(results))
    return f"{tested % {'count': len(results)}} {', '.join(parts)}."


def worst_level(results: Sequence[SmtpTestResult]) -> int:
    """The level of the message for several results: that of the worst."""
    verdicts = [Verdict(result.shown_verdict) for result in results]
    return max((MESSAGE_LEVELS[verdict] for verdict in verdicts), default=messages.INFO)


def too_many() -> str:
    """Why a large selection is not tested here, and what to do instead."""
    return gettext(
        "At most %(limit)d accounts can be tested here at once, because the page waits for the "
        "answers. Select fewer, or run “manage.py test_smtp --all” on the server."
    ) % {"limit": MAX_TESTS_AT_ONCE}
