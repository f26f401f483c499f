"""Users and groups, as Django's own pages have them; what becomes of rights is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from smtpcheck.models import Door
from smtpcheck.services import Caller, auditing

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    _Audited = ModelAdmin[Any]
    _UserAdmin = UserAdmin[User]
else:
    _Audited, _UserAdmin = object, UserAdmin


class Audited(_Audited):
    """Writes down what a person does to a user or a group."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Keep the rights as they were: groups and permissions are saved after this."""
        saved = type(obj)._default_manager.filter(pk=obj.pk).first()  # noqa: SLF001
        form.rights_before = auditing.rights_of(saved) if saved else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Tell what has become of the rights."""
        super().save_related(request, form, formsets, change)
        auditing.tell_rights(_caller(request), form.instance, form.rights_before)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Tell it, and delete."""
        with transaction.atomic():
            auditing.holder_deleted(_caller(request), obj)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Tell each, and delete them."""
        with transaction.atomic():
            for holder in queryset:
                auditing.holder_deleted(_caller(request), holder)
            super().delete_queryset(request, queryset)


class PersonAdmin(Audited, _UserAdmin):
    """Users."""


class TeamAdmin(Audited, GroupAdmin):
    """Groups: the ready ones, and teams."""


def _caller(request: HttpRequest) -> Caller:
    return Caller(request.user, Door.ADMIN)
