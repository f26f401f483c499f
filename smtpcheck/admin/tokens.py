"""The pages of the API tokens: issue one, see when it was used, revoke it.

A token's text is on the page that answers its issuing and nowhere else: not in a message, which
would wait in a cookie, and not behind a redirect.
"""

# ruff: noqa: ARG002 - the signatures are Django's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from smtpcheck.models import AccessToken, Door
from smtpcheck.services import Caller, issue_token, revoke_tokens

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[AccessToken]
else:
    _Admin = admin.ModelAdmin


class AccessTokenAdmin(_Admin):
    """Tokens of programs: issued and revoked, never changed and never shown again."""

    list_display = (
        "__str__",
        "kind",
        "owner",
        "is_usable",
        "created_at",
        "expires_at",
        "last_used_at",
    )
    list_filter = ("kind",)
    list_select_related = ("owner",)
    search_fields = ("label", "hint", "owner__username")
    fields = ("owner", "label", "expires_at")
    actions = ("revoke",)

    class Media:
        css: ClassVar = {"all": ("smtpcheck/admin.css",)}

    @admin.display(boolean=True, description=_("usable"))
    def is_usable(self, token: AccessToken) -> bool:
        """Whether it opens anything now."""
        return token.is_usable

    # --- Who may what ---------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessToken]:
        """A person's own tokens; all of them for a superuser."""
        tokens = super().get_queryset(request)
        if request.user.is_superuser:
            return tokens
        return tokens.filter(owner=request.user.pk)

    def get_fields(self, request: HttpRequest, obj: AccessToken | None = None) -> Any:
        """Only a superuser issues tokens in another's name: a token is as good as a login."""
        return self.fields if request.user.is_superuser else self.fields[1:]

    def has_change_permission(self, request: HttpRequest, obj: AccessToken | None = None) -> bool:
        """Nobody: a token is what it was issued as."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AccessToken | None = None) -> bool:
        """Nobody: a revoked token stays, so that what it was used for can be told."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may issue may revoke."""
        return self.has_add_permission(request)

    # --- What is done ---------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: AccessToken, form: Any, change: bool) -> None:
        """Issue it, and keep its text for the one page that shows it."""
        owner: Any = obj.owner if request.user.is_superuser else request.user
        caller = Caller(request.user, Door.ADMIN)
        issued = issue_token(caller, owner, label=obj.label, expires_at=obj.expires_at)
        obj.__dict__ |= issued.__dict__  # the form's own object becomes the one that was made

    def response_add(
        self, request: HttpRequest, obj: AccessToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the token, once."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("The token was issued"),
            "token": obj,
            "text": obj.issued_text,
        }
        return TemplateResponse(request, "admin/smtpcheck/accesstoken/issued.html", context)

    @admin.action(description=_("Revoke the selected tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[AccessToken]) -> None:
        """Close at once what they opened."""
        count = revoke_tokens(Caller(request.user, Door.ADMIN), tokens.filter(revoked_at=None))
        text = ngettext("%(count)d token was revoked.", "%(count)d tokens were revoked.", count)
        messages.success(request, text % {"count": count})
