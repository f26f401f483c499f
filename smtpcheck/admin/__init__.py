"""The house of the operator: accounts to edit and test, and the results of every test.

Only Django's own admin with a small style sheet; no page has an inline style or script, so that a
content security policy of ``default-src 'self'`` can hold.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.utils.translation import gettext_lazy as _

from smtpcheck.admin.accounts import SmtpAccountAdmin
from smtpcheck.admin.audit import AuditEntryAdmin
from smtpcheck.admin.people import PersonAdmin, TeamAdmin
from smtpcheck.admin.results import SmtpTestResultAdmin
from smtpcheck.admin.tokens import AccessTokenAdmin
from smtpcheck.models import AccessToken, AuditEntry, SmtpAccount, SmtpTestResult

admin.site.site_title = "smtpcheck"
admin.site.site_header = "smtpcheck"
admin.site.index_title = _("SMTP accounts and their tests")
# The admin is the site: a link to "view" it would lead back here.
admin.site.site_url = None

admin.site.register(SmtpAccount, SmtpAccountAdmin)
admin.site.register(SmtpTestResult, SmtpTestResultAdmin)
admin.site.register(AccessToken, AccessTokenAdmin)
admin.site.register(AuditEntry, AuditEntryAdmin)
admin.site.unregister((User, Group))
admin.site.register(User, PersonAdmin)
admin.site.register(Group, TeamAdmin)

__all__ = ["AccessTokenAdmin", "SmtpAccountAdmin", "SmtpTestResultAdmin"]
