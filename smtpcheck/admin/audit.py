"""The pages of the audit: who did what, to be read and nothing else."""

# ruff: noqa: ARG002 - the signatures are Django's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from smtpcheck.admin.words import moment_of, two_lines
from smtpcheck.models import AuditEntry
from smtpcheck.presentation import inert

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[AuditEntry]
else:
    _Admin = admin.ModelAdmin


class AuditEntryAdmin(_Admin):
    """The audit, as far as it concerns a person."""

    list_display = ("when", "who", "what", "to_what", "changed")
    list_display_links = ("when",)
    list_filter = ("action", "object_type", "door", ("at", admin.DateFieldListFilter))
    list_per_page = 50
    search_fields = ("actor_name", "object_name", "object_id")
    fields = ("when", "who", "door", "action", "object_type", "object_name", "object_id", "changed")
    readonly_fields = fields
    ordering = ("-id",)
    actions = None
    show_full_result_count = False

    class Media:
        css: ClassVar = {"all": ("smtpcheck/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """What concerns this person; the rest does not exist here."""
        return AuditEntry.objects.visible_to(request.user).order_by(*self.ordering)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Never."""
        return False

    @admin.display(description=_("When"), ordering="id")
    def when(self, obj: AuditEntry) -> str:
        """To the second, in the time zone of the site."""
        return moment_of(obj.at)

    @admin.display(description=_("Who"), ordering="actor_name")
    def who(self, obj: AuditEntry) -> SafeString:
        """The name that the user had then, and the door."""
        name = inert(obj.actor_name) or gettext("nobody known")
        if not obj.actor_name and obj.door == "command":
            name = gettext("whoever holds the keys")
        return two_lines(name, obj.get_door_display())

    @admin.display(description=_("What"), ordering="action")
    def what(self, obj: AuditEntry) -> str:
        """What was done."""
        return obj.get_action_display()

    @admin.display(description=_("To what"), ordering="object_name")
    def to_what(self, obj: AuditEntry) -> SafeString:
        """The name that it had then, and its kind."""
        return two_lines(inert(obj.object_name), obj.get_object_type_display())

    @admin.display(description=_("Changes"))
    def changed(self, obj: AuditEntry) -> SafeString:
        """A line for each field that changed."""
        lines = ((line_of(field, change),) for field, change in obj.changes.items())
        return format_html_join("", '<span class="change">{}</span>', lines)


def line_of(field: str, change: Any) -> str:
    """One change in a line: the name alone where the values are not kept."""
    if change is None:
        return inert(field)
    if isinstance(change, list) and len(change) == 2:
        old, new = (_shown(value) for value in change)
        return inert(f"{field}: {old} → {new}")
    return inert(f"{field}: {change}")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value in (None, "") else str(value)
